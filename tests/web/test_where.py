"""Where a request would go: what is asked on somebody's behalf, and an explanation in words."""

from __future__ import annotations

import html
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.errors import Unacceptable, UnknownResource
from gateway.settings.instants import write_instant
from gateway.usage.figures import HOUR, SECOND
from tests.gateway.management.crowd import add
from tests.web.foreseen import model_of
from tests.web.markup import assert_well_formed
from tests.web.test_hostile import CORPUS, assert_harmless
from tests.web.visiting import PASSWORD, House, Person, house_in
from web.least import BODIES
from web.pages.where import told_of


def soon() -> str:
    """Nearly an hour from now, when the answer is made and not when the tests are collected."""
    return write_instant(time.time_ns() // 1000 + HOUR - 10 * SECOND)


def explanation(**more: Any) -> dict[str, Any]:
    """As the API tells one."""
    step = {"provider": "mock", "model": "gpt-4o", "credential": "a", "reason": "", "until": None}
    step |= {"chosen_by": "", "ordered_by": "fallback"}
    cost = {
        "price": {"source": "override mock/*"},
        "input_tokens": 16,
        "most_tokens": 1040,
        "input_nano_usd": 40_000,
        "most_nano_usd": 10_000_000,
    }
    asked = {
        "provider": "mock",
        "model": "gpt-4o",
        "strategy": "round_robin",
        "format": "anthropic",
        "translated": True,
    }
    lost = {"dropped": ["logit_bias"], "emulated": ["response_format"], "quirks": ["joined_text"], "fetched_urls": 2}
    target = {
        **asked,
        **lost,
        "path": "/v1/messages",
        "refused": None,
        "lags": "context 8192 < 20000",
        "cost": cost,
    }
    limit = {
        "subject": "key app",
        "target": None,
        "limit": "budget_nano_usd",
        "most": 10**10,
        "used": 10**10,
        "left": 0,
    }
    return {
        "at": soon(),
        "endpoint": "/v1/chat/completions",
        "model": "smart",
        "key": None,
        "refused": None,
        "waits_seconds": 0.0,
        "choice": {"name": "smart", "strategy": "fallback", "members": ["mock/gpt-4o", "mock/mini"]},
        "session": {"source": "header", "holders": {"mock": "a"}},
        "steps": [
            {**step, "state": "first", "reason": "session", "chosen_by": "session"},
            {**step, "state": "next", "credential": None, "model": "mini"},
            {**step, "state": "passed_over", "credential": "b", "reason": "rate_limit", "until": soon()},
        ],
        "reserve": {"tokens": 1040, "nano_usd": 10_000_000, "input_tokens": 16},
        "limits": [{**limit, "resets_at": soon()}],
        "targets": [target],
        **more,
    }


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_in(tmp_path) as made:
        made.around.foresight.known = [model_of("mock/gpt-4o")]
        made.around.foresight.answer = explanation()
        yield made


@pytest.fixture
async def owner(house: House) -> Person:
    await add(house.office, "olga", "owner", password=PASSWORD)
    return await house.signed_in("olga@example.com")


async def test_an_address_that_names_a_model_asks_for_it(house: House, owner: Person) -> None:
    assert "What would become of it" not in (await owner.get("/models/where")).text
    assert house.around.foresight.asked == []
    answer = await owner.get("/models/where?model=smart&key=app")
    assert_well_formed(answer.text)
    asked = house.around.foresight.asked[0]
    assert (asked.endpoint, asked.model, asked.key) == ("/v1/chat/completions", "smart", "app")
    assert msgspec.json.decode(asked.body) == {"model": "smart", **BODIES["/v1/chat/completions"]}


async def test_what_is_told_without_a_body_has_an_address(house: House, owner: Person) -> None:
    await owner.get("/models/where")
    answer = await owner.submit("/models/where/ask", endpoint="/v1/messages", model="smart", key="", body=" ")
    assert (answer.status, answer.to) == (303, "/models/where?endpoint=%2Fv1%2Fmessages&model=smart")
    assert "What would become of it" in (await owner.follow()).text


async def test_who_is_asked_and_who_is_passed_over_is_told_in_order(owner: Person) -> None:
    text = html.unescape((await owner.get("/models/where?model=smart")).text)
    shown = ("It would go to mock/gpt-4o with the credential a.", "smart, fallback: mock/gpt-4o, mock/mini",
             "known by header; held by mock/a", "1,040 tokens and $0.010", "asked first", "it holds the conversation",
             "then", "mock/mini", "passed over", "its rate limit is used up", "in 59 min", "anthropic /v1/messages",
             "translated", "$0.000040", "override mock/*", "logit_bias", "response_format", "joined_text",
             "2 URLs, which were not fetched", "it has room for 8,192 tokens", "key app", "budget", "$10.00",
             "the combo goes in the order of its targets; it holds the conversation", "the next target",
             'href="/providers/mock/credentials/a"', 'href="/models/combos#')  # fmt: skip
    for each in shown:
        assert each in text, each
    assert text.index("asked first") < text.index('">mock/mini</a>') < text.index("its rate limit is used up")


async def test_a_body_of_ones_own_is_asked_with_the_model_that_was_chosen(house: House, owner: Person) -> None:
    await owner.get("/models/where")
    body = '{"model": "other", "messages": [], "tools": []}'
    answer = await owner.submit("/models/where/ask", endpoint="/v1/messages", model="smart", key="", body=body)
    assert answer.status == 200
    assert_well_formed(answer.text)
    assert msgspec.json.decode(house.around.foresight.asked[0].body) == {"model": "smart", "messages": [], "tools": []}
    assert body in html.unescape(answer.text)
    await owner.submit("/models/where/ask", endpoint="/v1/messages", model="", key="", body=body)
    assert msgspec.json.decode(house.around.foresight.asked[1].body)["model"] == "other"
    there = "/v1beta/models/{model}:generateContent"
    await owner.submit("/models/where/ask", endpoint=there, model="smart", key="", body="")
    asked = house.around.foresight.asked[2]
    assert (asked.endpoint, asked.model) == (there, "smart")
    assert "model" not in msgspec.json.decode(asked.body)


@pytest.mark.parametrize(
    ("fields", "about"),
    [
        ({"model": "smart", "body": "{"}, "This is no JSON"),
        ({"model": "", "body": ""}, "Say which model"),
        ({"model": "", "body": "[]"}, "Say which model"),
        ({"model": "x" * 301, "body": ""}, "at most 300 characters"),
        ({"model": "smart", "body": "1" * 60_001}, "at most 60,000 characters"),
    ],
)
async def test_what_is_wrong_is_said_beside_the_field(owner: Person, fields: dict[str, str], about: str) -> None:
    await owner.get("/models/where")
    answer = await owner.submit("/models/where/ask", endpoint="/v1/chat/completions", key="", **fields)
    assert answer.status == 422
    assert_well_formed(answer.text)
    assert about in html.unescape(answer.text).partition('class="wrong"')[2].partition("</p>")[0]
    assert "aria-invalid" in answer.text


@pytest.mark.parametrize(
    "error",
    [
        UnknownResource("There is no key `x`.", param="key"),
        Unacceptable("There is no endpoint /v9.", param="#/endpoint"),
    ],
)
async def test_what_cannot_be_asked_is_said(house: House, owner: Person, error: Any) -> None:
    house.around.foresight.error = error
    answer = await owner.get("/models/where?model=smart&key=x")
    assert answer.status == 200
    assert_well_formed(answer.text)
    assert error.message in html.unescape(answer.text)
    answer = await owner.submit("/models/where/ask", endpoint="/v1/messages", model="smart", key="", body="")
    assert answer.status == error.status
    assert error.message in html.unescape(answer.text)


def test_a_refusal_and_a_wait_are_told() -> None:
    refused = {"status": 429, "code": "rate_limited", "message": "Too many.", "param": None, "retry_after_seconds": 7.2}
    told = told_of(explanation(refused=refused, steps=[], session=None, reserve=None, choice=None))
    assert told.outcome == "It would be refused: 429 rate_limited. Too many. Another try makes sense in 7 s."
    assert (told.meaning, told.session, told.reserve, told.choice) == ("bad", "", "", "")
    assert told_of(explanation(waits_seconds=1.5)).outcome == "It would wait 1.5 s for somebody who rests."


def test_a_target_nobody_is_asked_at_or_that_refuses_says_so() -> None:
    target = explanation()["targets"][0]
    refused = {"status": 400, "code": "x", "message": "No images.", "param": None, "retry_after_seconds": None}
    cost = {**target["cost"], "price": None, "input_nano_usd": None, "most_nano_usd": None}
    told = told_of(explanation(targets=[{**target, "path": None, "refused": refused, "cost": cost}]))
    assert told.targets[0].asked_at == "nobody is asked"
    assert told.targets[0].price == ""
    assert ("Cannot be asked", "No images.") in told.targets[0].remarks


def test_everybody_who_is_asked_has_a_reason() -> None:
    step = {"provider": "a", "model": "m", "reason": "", "until": None, "chosen_by": "", "ordered_by": ""}
    steps = [
        {**step, "credential": "a0", "state": "first", "chosen_by": "round_robin"},
        {**step, "credential": "a1", "state": "next", "reason": "server", "until": soon(), "chosen_by": "resting"},
        {**step, "credential": "b0", "provider": "b", "state": "next", "chosen_by": "weighted 1/3"},
        {**step, "credential": "b1", "provider": "b", "state": "beyond"},
    ]
    assert [each.reason for each in told_of(explanation(steps=steps)).asked] == [
        "its turn: one after another",
        "next in line; it rests: the provider fails; it rests, and nobody else is left",
        "the next target; its turn, by weight (1 of 3)",
        "there may be 3 attempts at most",
    ]
    (alone,) = told_of(explanation(steps=[{**step, "credential": None, "state": "first"}])).asked
    assert alone.reason == "no other can be chosen"


def test_what_nobody_knows_the_price_of_sets_no_money_aside() -> None:
    target = explanation()["targets"][0]
    unknown = {**target, "cost": {**target["cost"], "price": None, "most_nano_usd": None}}
    reserve = {"tokens": 1040, "nano_usd": 0, "input_tokens": 16}
    alone = told_of(explanation(targets=[unknown], reserve=reserve)).reserve
    assert alone.startswith("1,040 tokens and no money, since nobody knows what it costs, until it is over")
    both = told_of(explanation(targets=[target, unknown])).reserve
    assert both.startswith("1,040 tokens and $0.010, without the targets that have no price, until")


async def test_only_keys_that_one_may_see_are_offered(house: House, owner: Person) -> None:
    await add(house.office, "mia", "member", password=PASSWORD)
    member = await house.signed_in("mia@example.com")
    assert "none: everything is allowed" in (await owner.get("/models/where")).text
    assert "none: everything is allowed" not in (await member.get("/models/where")).text


async def test_what_strangers_write_is_text(house: House, owner: Person) -> None:
    for evil in CORPUS:
        said = explanation(model=evil)
        said["steps"][2] |= {"provider": evil, "model": evil, "credential": evil, "reason": evil}
        said["limits"][0] |= {"subject": evil, "target": evil}
        said["targets"][0] |= {"model": evil, "dropped": [evil], "path": evil, "lags": evil}
        house.around.foresight.answer = said
        house.around.foresight.known = [model_of(f"mock/{evil}")]
        await owner.get("/models/where")
        for fields in ({"model": evil, "body": ""}, {"model": "x", "body": evil}):
            answer = await owner.submit("/models/where/ask", endpoint="/v1/messages", key="", **fields)
            if answer.status == 303:
                answer = await owner.follow()
            assert_harmless(answer.text)

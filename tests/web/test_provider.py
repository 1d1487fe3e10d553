"""One provider: its credentials and what rests of it, at a real mock; asking it, and having rests end."""

from __future__ import annotations

import csv
import html
import io
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest

from gateway.catalog.served import ServedList
from gateway.management import audit, configuration
from gateway.records import AttemptRecord, Price, Provider, Rates, Tokens
from gateway.routing.rate_headers import Window
from tests.gateway.management.offices import OPERATOR
from tests.providers import MockProcess, mock
from tests.web.markup import assert_well_formed
from tests.web.saved import Links, csv_rows
from tests.web.store import Store, store_in
from tests.web.supplied import AUTH, FIRST, GPT, LIMITED, SECRET, SPARE, Supplied, supplied
from tests.web.visiting import Answer, Person
from web.page import SAID

__all__ = ["mock"]

MINUTE = 60_000_000
HOUR = 60 * MINUTE


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with store_in(tmp_path) as made:
        yield made


@pytest.fixture
async def here(tmp_path: Path, store: Store, mock: MockProcess) -> AsyncIterator[Supplied]:
    async with supplied(tmp_path, mock.url, store) as made:
        yield made


@pytest.fixture
async def owner(here: Supplied) -> Person:
    return await here.signed_in()


def ago(microseconds: int) -> int:
    return time.time_ns() // 1000 - microseconds


def failed(credential: str, reason: str, status: int = 429, **more: object) -> AttemptRecord:
    said = {"verdict": "next_credential", "rest_us": 60_000_000, "reason": reason, **more}
    return AttemptRecord("filed", "gpt-4o-mini", credential, status, f"upstream_status_{status}", 900, **said)  # type: ignore[arg-type]


def answered(credential: str) -> AttemptRecord:
    return AttemptRecord("filed", "gpt-4o-mini", credential, 200, None, 40_000)


def fill(store: Store) -> list[str]:
    """One that went well at once, one by way of two credentials."""
    fields = {"provider": "filed", "model": "gpt-4o-mini", "cost_nano_usd": 2_000_000_000, "first_byte_us": 31_000}
    return store.add(
        {**fields, "started_at_us": ago(5 * MINUTE), "credential": "first", "attempts": (answered("first"),)},
        {
            **fields,
            "started_at_us": ago(2 * HOUR),
            "credential": "spare",
            "attempts": (failed("first", "rate_limit", rest_by="retry-after"), answered("spare")),
        },
    )


async def page(owner: Person, path: str = "/providers/filed") -> str:
    answer = await owner.get(path)
    assert answer.status == 200
    return html.unescape(answer.text)


async def send(person: Person, path: str, **fields: str) -> Answer:
    """A form of the list of providers, as if it stood there: whoever is signed in has a token on every page."""
    csrf = next(fields["csrf"] for _, fields in (await person.get("/providers")).forms)
    return await person.post(path, {"csrf": csrf, **fields})


async def test_it_is_well_formed_empty_and_full_and_by_its_block(here: Supplied, owner: Person, store: Store) -> None:
    assert_well_formed((await owner.get("/providers/filed")).text)
    fill(store)
    here.rest(FIRST, AUTH)
    here.rest(SPARE, LIMITED, GPT.model)
    for _ in range(9):
        here.board.failed_target(GPT, here.house.office.now_us)
    whole = await owner.get("/providers/filed")
    assert_well_formed(whole.text)
    for heading in ("Resting", "Credentials", "Failed attempts by kind", "How failures were handled", "Models"):
        assert heading in whole.text
    block = await owner.get("/providers/filed?block=state")
    assert "<html" not in block.text
    assert_well_formed(block.text)
    assert "Failed attempts" not in block.text
    assert (await owner.get("/providers/filed?block=models")).status == 404


async def test_a_block_asks_the_store_for_no_more_than_it_shows(owner: Person, store: Store) -> None:
    store.asked.clear()
    await owner.get("/providers/filed?block=state")
    assert {name for name in store.asked if name.startswith("providers/")} == {
        "providers/standing",
        "providers/speed",
        "providers/rested",
    }


async def test_what_there_is_not_is_said(owner: Person) -> None:
    for path in ("/providers/nobody", "/providers/filed/credentials/nobody", "/providers/nobody/credentials"):
        answer = await owner.get(path)
        assert answer.status == 404
        assert "nobody" in answer.text


async def test_figures_are_those_of_each_credential(owner: Person, store: Store) -> None:
    first, second = fill(store)
    text = await page(owner)
    assert "$4.00" in text
    assert "31 ms" in text
    assert "1 of 2 attempts failed" in text, "with the first credential"
    assert f'href="/requests/{second}"' in text, "the last failure leads to its request"
    assert first not in text
    assert "rate limit" in text
    assert "another credential was next" in text


@pytest.mark.parametrize("part", ["", "&block=state"])
async def test_its_models_are_to_be_had_as_a_file(owner: Person, store: Store, part: str) -> None:
    fill(store)
    answer = await owner.get(f"/providers/filed?format=csv{part}")
    assert "filed-models.csv" in answer.headers["content-disposition"]
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["model"], row["requests"], row["attempts"], row["failed_attempts"]) == ("gpt-4o-mini", "2", "3", "1")
    assert (row["cost_usd"], row["cost_nano_usd"]) == ("4.0", "4000000000")


async def test_what_rests_and_what_failed_are_files_too(here: Supplied, owner: Person, store: Store) -> None:
    fill(store)
    here.rest(FIRST, LIMITED, GPT.model)
    links = {link.said("table"): link for link in Links(await page(owner)).found if link.said("format") == "csv"}
    assert links.keys() == {"models", "credentials", "rests", "failures", "failures-over-time"}
    found = {name: csv_rows((await owner.get(link.url)).text.encode()) for name, link in links.items()}
    assert {name: len(rows) for name, rows in found.items()} == {name: link.place.rows for name, link in links.items()}
    (rest,) = found["rests"]
    assert (rest["credential"], rest["model"], rest["why"]) == ("first", GPT.model, "its rate limit is used up")
    assert (rest["not_used"], rest["came_from"].startswith("429 from the provider")) == ("true", True)
    assert rest["began_at"] < rest["until"]
    (kind,) = found["failures"]
    assert (kind["kind"], kind["attempts"], kind["share"], kind["rested_us"]) == ("rate limit", "1", "1.0", "60000000")
    first, spare = found["credentials"]
    assert (first["name"], first["attempts_24h"], first["failed_attempts_24h"]) == ("first", "2", "1")
    assert (first["success_24h"], spare["success_1h"], spare["attempts_24h"]) == ("0.5", "", "1")


async def test_a_rest_says_why_until_when_and_what_it_came_from(here: Supplied, owner: Person, store: Store) -> None:
    _, cause = fill(store)
    here.rest(FIRST, LIMITED, GPT.model)
    text = await page(owner)
    assert "its rate limit is used up" in text
    assert "429 from the provider, which named 1 min in retry-after" in text
    assert f'<a class="small" href="/requests/{cause}">' in text
    assert "in 59." in text or "in 1 min" in text
    assert "not used" in text


async def test_limits_and_tokens_are_as_the_provider_told(here: Supplied, owner: Person) -> None:
    now_us = here.house.office.now_us
    assert "Token ends" not in await page(owner)
    here.board.begin(FIRST, GPT)
    here.board.note_headroom(FIRST, 0.04, 300.0, now_us)
    here.board.note_token(SPARE, now_us + HOUR)
    text = await page(owner)
    assert "Rate limits: 4.0 % left" in text
    assert 'class="meter bad"' in text
    assert "Token ends" in text
    assert "No header of its answers told of any" in text, "of the other one"
    alone = await page(owner, "/providers/filed/credentials/spare")
    assert "it is renewed before" in alone


async def test_each_limit_has_a_bar_of_its_own_the_tightest_first(here: Supplied, owner: Person) -> None:
    now_us = here.house.office.now_us
    told = (
        Window("plan-7d", 0.4, None, None, 7200.0, 604_800.0),
        Window("plan-5h", 0.1, None, None, 3600.0, 18_000.0),
        Window("tokens", 0.0, 0.0, 200.0, 0.0),
    )
    here.board.note_windows(FIRST, told, now_us - HOUR // 2)
    text = html.unescape(await page(owner))
    assert "Plan, 5 hours: 10 % left" in text
    assert "Plan, 7 days" not in text
    assert '<a class="small" href="/providers/filed/credentials/first#quotas">and 2 more</a>' in text
    alone = html.unescape(await page(owner, "/providers/filed/credentials/first?block=state"))
    assert re.findall(r'<span class="small">([^<]+)</span><svg class="meter (\w+)"', alone) == [
        ("Plan, 5 hours", "warning"),
        ("Plan, 7 days", "good"),
        ("Tokens", "good"),
    ]
    assert re.findall(r"(\w+) <time[^>]+>([^<]+)</time>", alone[alone.index('id="quotas"') :])[:3] == [
        ("resets", "in 30 min"),
        ("resets", "in 1 h 30 min"),
        ("reset", "30 min ago"),
    ]
    assert "no header of its answers told of any" in await page(owner, "/providers/filed/credentials/spare")
    lines = await page(owner, "/providers")
    assert "first: Plan, 5 hours: 10 % left" in lines
    (credential, _) = csv_rows((await owner.get("/providers/filed?format=csv&table=credentials")).text.encode())
    assert (credential["limits_left"], credential["tightest_limit"]) == ("0.1", "plan-5h")


# Asking it


async def test_its_list_of_models_is_shown_and_ends_no_rest(here: Supplied, owner: Person) -> None:
    here.rest(FIRST, AUTH)
    await owner.get("/providers/filed")
    answer = await owner.submit("/providers/filed/probe", credential="first")
    assert answer.status == 200
    text = html.unescape(answer.text)
    assert "It answered" in text
    assert "gpt-4o-mini" in text
    assert "does not end a rest" in text
    assert len(here.board.rests(here.house.office.now_us)) == 1
    assert_well_formed(answer.text)
    assert 'hx-get="/providers/filed?block=state"' in answer.text, "what is fetched anew is the page, not the form"


async def test_an_answer_of_a_model_ends_the_rest(here: Supplied, owner: Person) -> None:
    here.rest(FIRST, LIMITED, GPT.model)
    await owner.get("/providers/filed")
    answer = await send(owner, "/providers/filed/probe", credential="first", model=GPT.model)
    assert "It answered" in answer.text
    assert "1 ended" in answer.text
    assert here.board.rests(here.house.office.now_us) == ()
    assert "Resting" not in answer.text


async def test_what_went_wrong_is_in_the_provider_s_words(here: Supplied, owner: Person) -> None:
    await owner.get("/providers/filed")
    answer = await send(owner, "/providers/filed/probe", credential="first", model="gpt-4o-mini;status=401")
    text = html.unescape(answer.text)
    assert "It did not answer as it should" in text
    assert "401" in text
    assert FIRST.secret not in text
    assert 'value="gpt-4o-mini;status=401"' in text, "it may be asked once more"


async def test_a_mistake_in_asking_is_said_beside_the_field(here: Supplied, owner: Person) -> None:
    office = here.house.office
    values = {"id": "vertex", "variables": {"project": "acme-1"}}
    await configuration.create_object(office, OPERATOR, "provider", values)
    await here.follow()
    await owner.get("/providers/vertex")
    answer = await owner.submit("/providers/vertex/probe")
    assert answer.status == 422
    assert "has no list of models: name a model" in html.unescape(answer.text)
    assert 'id="providers-{id}-probe-model-wrong"' in html.unescape(answer.text)
    assert_well_formed(answer.text)
    await owner.get("/providers/filed")
    gone = await send(owner, "/providers/filed/probe", credential="gone")
    assert (gone.status, "no credential <code>filed/gone</code>" in gone.text) == (404, True)


async def test_models_to_ask_are_offered(here: Supplied, owner: Person, store: Store) -> None:
    fill(store)
    here.house.around.lists["filed"] = ServedList("", 0, {"listed-one": None})
    text = await page(owner)
    assert '<option value="gpt-4o-mini">' in text
    assert '<option value="listed-one">' in text


# Rests


async def test_rests_end_one_by_one_and_all_at_once(here: Supplied, owner: Person) -> None:
    here.rest(FIRST, AUTH)
    here.rest(SPARE, LIMITED, GPT.model)
    await owner.get("/providers/filed")
    sent = await send(owner, "/providers/filed/end", credential="first", model="")
    assert (sent.status, sent.to) == (303, "/providers/filed?said=rests-ended")
    assert SAID["rests-ended"] in html.unescape((await owner.follow()).text)
    assert [rest.credential for rest in here.board.rests(here.house.office.now_us)] == ["spare"]
    await send(owner, "/providers/filed/end")
    assert here.board.rests(here.house.office.now_us) == ()
    assert (await send(owner, "/providers/filed/end")).to == "/providers/filed?said=nothing-rests"
    assert (await actions(here))[0] == "rest.clear"


async def test_the_next_request_may_try_what_rests(here: Supplied, owner: Person) -> None:
    here.rest(FIRST, AUTH)
    await owner.get("/providers/filed")
    sent = await send(owner, "/providers/filed/try", credential="first")
    assert sent.to == "/providers/filed?said=let-try"
    (rest,) = here.board.rests(here.house.office.now_us)
    assert rest.standing.probe_due
    assert "next request tries" in (await owner.follow()).text
    assert (await actions(here))[0] == "rest.probe"
    assert (await send(owner, "/providers/filed/try", credential="gone")).status == 404


@pytest.mark.parametrize("word", ["probe", "try", "end"])
async def test_whoever_may_only_look_ends_nothing(here: Supplied, word: str) -> None:
    here.rest(FIRST, AUTH)
    viewer = await here.signed_in("viewer")
    await viewer.get("/account")
    answer = await send(viewer, f"/providers/filed/{word}", credential="first")
    assert answer.status == 403
    assert "configuration:write" in answer.text
    assert len(here.board.rests(here.house.office.now_us)) == 1


async def test_going_back_to_a_form_is_going_to_its_page(owner: Person) -> None:
    assert (await owner.get("/providers/filed/probe")).to == "/providers/filed"
    assert (await owner.get("/providers/filed/credentials/first/pause")).to == "/providers/filed/credentials/first"


# Conversations that are handed around

PRICE = Price(Rates(input=2_000_000, output=8_000_000, cache_read=200_000))


async def test_a_rotation_that_loses_the_prompt_cache_is_warned_of(here: Supplied, owner: Person, store: Store) -> None:
    around = here.house.around
    around.prices = {("filed", "gpt"): PRICE, ("kept", "gpt"): PRICE}
    kept = Provider("kept", "openai_chat", "http://127.0.0.1:9", ("*",), "round_robin", ())
    around.providers = (*around.providers, kept)
    assert "lose their prompt cache" not in await page(owner), "nobody asked"
    store.add(*(rotating("filed", 0) for _ in range(100)))
    text = await page(owner)
    assert "lose their prompt cache" in text
    assert "handed around among 2 credentials" in text
    assert "≈" not in text.partition("lose their prompt cache")[2].partition("</p>")[0], "there is nothing to compare"
    store.add(*(rotating("kept", 500) for _ in range(100)))
    text = await page(owner)
    # Half of 100 thousand tokens, for 1.80 USD a million.
    assert "≈ $0.090" in text
    assert "of gpt 50 % of the input was in the cache at kept, and 0 % here" in text


def rotating(provider: str, cached: int) -> Mapping[str, object]:

    tokens = Tokens(input=1000, output=10, cache_read=cached)
    attempt = AttemptRecord(provider, "gpt", "first", 200, None, 1000)
    fields = {"provider": provider, "model": "gpt", "tokens": tokens, "attempts": (attempt,)}
    return {"started_at_us": ago(5 * MINUTE), **fields}


async def test_the_secret_of_a_credential_is_nowhere_on_a_page(here: Supplied, owner: Person) -> None:
    values = {"provider": "filed", "name": "own", "api_key": SECRET, "headers": {"x-team": SECRET}}
    await configuration.create_object(here.house.office, OPERATOR, "credential", values)
    await here.follow()
    for path in ("/providers", "/providers/filed", "/providers/filed/credentials/own"):
        assert SECRET not in (await owner.get(path)).text
        assert FIRST.secret not in (await owner.get(path)).text


async def actions(here: Supplied) -> list[str]:
    found = await audit.list_entries(here.house.office, OPERATOR, audit.AuditFilter(), after_id=None, limit=5)
    return [entry.action for entry in found]

"""Aliases, combos and prices on pages: listed, made, changed, deleted; what the file says is read only."""

from __future__ import annotations

import html
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from gateway.pools.board import Rest
from gateway.pools.fields import Kind
from gateway.records import Credential, Provider
from gateway.routing.standing import Standing
from gateway.settings.model import Settings
from gateway.settings.objects import AliasSettings, CredentialSettings, ProviderSettings
from gateway.usage.figures import HOUR
from tests.gateway.management.crowd import add
from tests.web.foreseen import model_of, price_of
from tests.web.markup import assert_well_formed
from tests.web.stand_ins import NobodyRests
from tests.web.store import Store, store_in
from tests.web.test_hostile import CORPUS, assert_harmless
from tests.web.visiting import PASSWORD, House, Person, house_in
from web.pages.combos import Standings, aim_of

NOW = time.time_ns() // 1000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with store_in(tmp_path) as made:
        yield made


@pytest.fixture
async def house(tmp_path: Path, store: Store) -> AsyncIterator[House]:
    async with house_in(tmp_path, store=store) as made:
        said = made.office.declared
        settings: Settings = structs.replace(
            said.settings,
            providers=(
                ProviderSettings(
                    id="mock",
                    format="openai_chat",
                    base_url="http://127.0.0.1:9/v1",
                    credentials=(CredentialSettings(name="a", api_key="k"),),
                ),
            ),
            aliases=(AliasSettings("fast", "mock/gpt-4o"),),
        )
        made.office.declared = replace(said, settings=settings, origins={"aliases.fast": "sluicegate.toml:12"})
        yield made


@pytest.fixture
async def owner(house: House) -> Person:
    await add(house.office, "olga", "owner", password=PASSWORD)
    return await house.signed_in("olga@example.com")


async def test_an_alias_is_made_changed_and_deleted(owner: Person, store: Store) -> None:
    used = {"via": "cheap", "requested_model": "cheap", "usage_source": "estimated"}
    store.add({"started_at_us": NOW - HOUR, "cost_nano_usd": 2_000_000_000, **used})
    await owner.get("/models/aliases")
    assert (await owner.submit("/models/aliases/create", name="cheap", target="mock/mini")).status == 303
    text = html.unescape((await owner.follow()).text)
    for shown in ("It is created", 'class="picked"', "mock/mini", "≈ $2.00", "asked=cheap", "the dashboard or the API"):
        assert shown in text, shown
    await owner.get("/models/aliases?edit=cheap")
    assert owner.last is not None
    assert owner.last.form("/models/aliases/change")["target"] == "mock/mini"
    assert (await owner.submit("/models/aliases/change", target="mock/gpt-4o")).status == 303
    assert "It is saved" in (await owner.follow()).text
    await owner.get("/models/aliases?edit=cheap")
    answer = await owner.submit("/models/aliases/delete", typed="chea")
    assert answer.status == 422
    assert "Type cheap to delete it." in answer.text
    assert_well_formed(answer.text)
    await owner.get("/models/aliases?edit=cheap")
    assert (await owner.submit("/models/aliases/delete", typed="cheap")).status == 303
    assert "cheap</td>" not in (await owner.follow()).text


async def test_what_the_file_says_is_read_only(owner: Person) -> None:
    text = (await owner.get("/models/aliases?edit=fast")).text
    assert "read only" in text
    assert "/models/aliases/change" not in text
    form = {**owner.last.form("/logout"), "name": "fast", "target": "mock/x"} if owner.last else {}
    answer = await owner.post("/models/aliases/change", form)
    assert answer.status in (409, 422)
    assert "fast" in answer.text


@pytest.mark.parametrize(
    ("path", "fields", "about"),
    [
        ("aliases", {"name": "", "target": "mock/x"}, "Say name."),
        ("aliases", {"name": "x", "target": "nobody-knows"}, "nobody-knows"),
        ("aliases", {"name": "x\u0007", "target": "mock/x"}, "cannot be typed"),
        ("aliases", {"name": "x", "target": "y" * 5000}, "at most 4000 characters"),
        ("aliases", {"name": "x\ny", "target": "mock/x"}, "This is one line."),
        ("combos", {"name": "c", "targets": "", "strategy": "fallback"}, "Say targets."),
        ("combos", {"name": "c", "targets": "mock/x", "strategy": "luck"}, "choose one of the list"),
        ("combos", {"name": "c", "targets": "mock/x", "strategy": "fallback", "attempts": "many"}, "no whole number"),
        ("combos", {"name": "c", "targets": "mock/x", "strategy": "fallback", "next_on": "rain"}, "expected one of"),
        ("combos", {"name": "c", "targets": "c", "strategy": "fallback"}, "c"),
        ("prices", {"model": "mock/x", "input": "cheap", "output": "1"}, "<code>cheap</code> is no number"),
        ("prices", {"model": "mock/x", "input": "-1", "output": "1"}, "a number from 0 on"),
        ("prices", {"model": "mock/x", "input": "nan", "output": "1"}, "a number from 0 on"),
        ("prices", {"model": "mock/x", "input": "1", "output": "1", "tiers": "200000 input"}, "is no tier"),
        ("prices", {"model": "mock/x", "input": "1", "output": "1", "tiers": "200000 wine=2"}, "wine"),
    ],
)
async def test_what_is_wrong_is_said_beside_the_field(
    owner: Person, path: str, fields: dict[str, str], about: str
) -> None:
    await owner.get(f"/models/{path}")
    answer = await owner.submit(f"/models/{path}/create", **fields)
    assert answer.status == 422
    assert_well_formed(answer.text)
    text = html.unescape(answer.text)
    assert "aria-invalid" in text
    assert about in text.partition('class="wrong"')[2].partition("</p>")[0]
    typed = next(value for name, value in fields.items() if value)
    assert typed.replace("\n", "")[:20] in text.replace("\n", "")


async def test_two_of_one_name_are_refused(owner: Person) -> None:
    for status in (303, 409):
        await owner.get("/models/aliases")
        answer = await owner.submit("/models/aliases/create", name="twice", target="mock/mini")
        assert answer.status == status
    assert "There is an alias <code>twice</code> already." in html.unescape(answer.text)
    assert_well_formed(answer.text)


async def test_what_somebody_else_has_changed_is_not_overwritten(owner: Person) -> None:
    await owner.get("/models/aliases")
    await owner.submit("/models/aliases/create", name="x", target="mock/a")
    seen = (await owner.get("/models/aliases?edit=x")).form("/models/aliases/change")
    assert (await owner.submit("/models/aliases/change", target="mock/b")).status == 303
    answer = await owner.post("/models/aliases/change", {**seen, "target": "mock/c"})
    assert answer.status in (409, 412)
    assert "version" in answer.text


async def test_what_others_need_is_not_deleted(owner: Person) -> None:
    await owner.get("/models/combos")
    await owner.submit("/models/combos/create", name="smart", targets="mock/a\nmock/b", strategy="round_robin")
    await owner.get("/models/aliases")
    await owner.submit("/models/aliases/create", name="best", target="smart")
    await owner.get("/models/combos?edit=smart")
    answer = await owner.submit("/models/combos/delete", typed="smart")
    assert answer.status == 422
    assert "best" in html.unescape(answer.text).partition('class="wrong"')[2].partition("</p>")[0]


async def test_a_combo_shows_its_targets_in_order(house: House, owner: Person, store: Store) -> None:
    house.around.providers = (PROVIDER,)
    used = {"via": "smart", "requested_model": "smart", "usage_source": "estimated"}
    store.add({"started_at_us": NOW - HOUR, "cost_nano_usd": 3_000_000_000, **used})
    await owner.get("/models/combos")
    fields = {"targets": "mock/b\r\nmock/a\r\nfast", "strategy": "weighted", "weights": "3, 1, 1", "attempts": "2"}
    assert (await owner.submit("/models/combos/create", name="smart", **fields)).status == 303
    text = html.unescape((await owner.follow()).text)
    assert_well_formed(text)
    places = [text.index(f'<span class="quiet">{place}</span>') for place in (1, 2, 3)]
    assert places == sorted(places)
    for shown in ("weight 3", "at most 2 attempts", "well", "by its own list", "weighted", "≈ $3.00"):
        assert shown in text, shown
    form = (await owner.get("/models/combos?edit=smart")).text
    assert "mock/b\nmock/a\nfast</textarea>" in form
    await owner.submit("/models/combos/change", targets="mock/a", strategy="fallback", weights="", attempts="")
    assert "at most" not in (await owner.follow()).text.partition("<table>")[2].partition("</table>")[0]


KEYS = (Credential("mock", "a", "k"), Credential("mock", "b", "k"))
PROVIDER = Provider("mock", "openai_chat", "http://127.0.0.1:9/v1", ("*",), "round_robin", KEYS)


def rest(credential: str, model: str, kind: Kind) -> Rest:
    return Rest(kind, "mock", credential, model, Standing(NOW + HOUR, hard=True, reason="rate_limit"))


async def test_a_combo_says_who_rests(house: House, owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    house.around.providers = (PROVIDER,)
    pools = NobodyRests()
    house.around.pools = pools
    monkeypatch.setattr(pools, "standing", lambda credential, model, now_us: Standing(NOW + HOUR, True, "rate_limit"))
    await owner.get("/models/combos")
    await owner.submit("/models/combos/create", name="smart", targets="mock/x", strategy="fallback")
    for resting, shown in (
        ((), "well"),
        ((rest("a", "", Kind.CREDENTIAL),), "1 of 2 credentials rest"),
        ((rest("a", "", Kind.CREDENTIAL), rest("b", "x", Kind.MODEL)), "rests: rate_limit"),
        ((rest("", "x", Kind.TARGET),), "rests: rate_limit"),
    ):
        pools.resting = resting
        assert shown in (await owner.get("/models/combos")).text, shown


def test_a_target_that_nobody_serves_says_so() -> None:
    standings = Standings({"mock": PROVIDER}, (), frozenset({"fast"}))
    assert [aim_of(name, None, standings).state.word for name in ("fast", "gone/x", "lost", "mock/x")] == [
        "by its own list",
        "nobody serves it",
        "nobody serves it",
        "well",
    ]


async def test_a_price_says_what_it_holds_for_and_what_it_replaces(house: House, owner: Person) -> None:
    house.around.foresight.known = [model_of("mock/a"), model_of("mock/b"), model_of("mock/c", price=None)]
    house.around.foresight.list_prices = {"mock/a": price_of("models.dev openai/a of 2026-11-20", input=7.0)}
    answer = await owner.get("/models/prices?model=mock/c")
    assert answer.form("/models/prices/create")["model"] == "mock/c"
    assert '<details id="new-form" open>' in answer.text
    fields = {"model": "mock/*", "input": "0.15", "output": "$1,000.50", "cache_read": "0.01", "request": "0.002"}
    tiers = "200000 input=0.3 output=1.2 cache_read=0.02"
    assert (await owner.submit("/models/prices/create", **fields, tiers=tiers)).status == 303
    text = html.unescape((await owner.follow()).text)
    assert_well_formed(text)
    for shown in ("$0.15", "$1,000.50", "$0.010", "$0.002 a request", "above 200,000 tokens", "3 models", "$7.00",
                  "models.dev openai/a of"):  # fmt: skip
        assert shown in text, shown
    form = await owner.get("/models/prices?edit=mock/*")
    assert form.form("/models/prices/change")["output"] == "1000.5"
    assert tiers in form.text
    assert (await owner.submit("/models/prices/change", input="0.2", tiers="")).status == 303
    assert "above 200,000" not in (await owner.follow()).text


async def test_names_of_strangers_are_text(owner: Person) -> None:
    for number, evil in enumerate(CORPUS):
        for path, fields in (
            ("aliases", {"name": evil, "target": evil}),
            ("combos", {"name": evil, "targets": evil, "strategy": evil}),
            ("prices", {"model": evil, "input": evil, "output": "1"}),
            ("aliases", {"name": evil, "target": "mock/" + str(number)}),
            ("prices", {"model": "mock/" + evil, "input": "1", "output": "1"}),
        ):
            await owner.get(f"/models/{path}")
            assert_harmless((await owner.submit(f"/models/{path}/create", **fields)).text)
            assert_harmless((await owner.get(f"/models/{path}")).text)
            await owner.get(f"/models/{path}?edit={html.escape(evil)}")
            assert owner.last is not None
            assert_harmless(owner.last.text)

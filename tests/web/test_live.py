"""The page of what happens: told as HTML, by a stream that ends when somebody leaves or may not look any more."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from msgspec.structs import replace

from gateway.errors import StateUnavailable
from gateway.live import stream
from gateway.live.events import End, Event, Finished, Gap, RunningNow, Why
from gateway.live.feed import Facts, Feed
from gateway.live.wanted import Sight, Wanted
from gateway.management import standing
from gateway.records import Tokens
from tests.gateway.live.samples import FIRST, frame
from tests.gateway.management.crowd import add
from tests.gateway.usage.records import usage_record
from tests.web.followed import (
    GREETING,
    INGEST,
    NOW,
    RUNNING,
    SYSTEM,
    Watching,
    messages,
    running,
    swapped,
    texts,
    written,
)
from tests.web.markup import assert_well_formed
from tests.web.store import Store, store_in
from tests.web.test_hostile import CORPUS, assert_harmless
from tests.web.visiting import PASSWORD, House, Person, house_in
from web import happening
from web.page import Page, render_block
from web.pages import live

ALL, REQUESTS = Sight(), Wanted(kinds=frozenset({"finished"}))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with store_in(tmp_path) as made:
        yield made


@pytest.fixture
async def house(tmp_path: Path, store: Store) -> AsyncIterator[House]:
    async with house_in(tmp_path, store=store) as made:
        yield made


@pytest.fixture
async def owner(house: House) -> Person:
    await add(house.office, "olga", "owner", password=PASSWORD)
    return await house.signed_in("olga@example.com")


async def test_it_is_well_formed_and_begins_with_what_has_ended(owner: Person, store: Store) -> None:
    assert_well_formed((await owner.get("/live")).text)
    store.add({"started_at_us": NOW - 60_000_000, "model": "mini"})
    text = (await owner.get("/live")).text
    assert_well_formed(text)
    assert "mock/mini" in text
    assert 'hx-sse:connect="/live/events"' in text


async def test_every_block_comes_alone(owner: Person) -> None:
    for block in live.PAGE.blocks:
        answer = await owner.get(f"/live?block={block}")
        assert answer.status == 200
        assert_well_formed(answer.text)


async def test_whoever_is_not_signed_in_hears_nothing(house: House) -> None:
    answer = await house.person().get("/live/events")
    assert answer.status == 401
    assert answer.text == ""


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("reported", 'title="1,200"'),
        ("counted", 'title="1,200, counted by the gateway"'),
        ("estimated", 'title="1,200, an estimate"'),
    ],
)
def test_who_counted_the_tokens_of_what_has_ended_is_told(source: str, title: str) -> None:
    record = usage_record(usage_source=source, tokens=Tokens(input=1200, output=7))
    assert title in swapped(Watching().told(Finished((record,))), "ended")


def test_how_the_gateway_is_doing_is_told_in_few_figures() -> None:
    watching = Watching()
    inner = swapped(watching.told(SYSTEM), "machine")
    for shown in ("12 %", "150 MB", "400 ms", ">3<", ">2<"):
        assert shown in inner, shown
    places = re.findall(r"data-told>([^<]*)<", inner)
    text = watching.told(replace(SYSTEM, in_flight=4))
    assert swapped(text, "machine") == ""
    assert texts(text)["machine"] == ["4", *places[1:]], "a text for each place"


def test_whoever_hears_the_page_is_told_a_summary_every_ten_seconds() -> None:
    watching = Watching()
    failed = usage_record(status=502, error="upstream_error")
    left = usage_record(status=200, error="client_disconnected")
    first = watching.told(RunningNow(1_200, 7, (RUNNING,)), Finished((usage_record(), failed)))
    assert "spoken" not in texts(first), "lines alone, for now"
    assert "spoken" not in texts(watching.told(Finished((left,)), seconds=1))
    assert texts(watching.told(SYSTEM, seconds=10))["spoken"] == (
        "3 ended in the last 10 seconds, 1 failed, 1 client left. 1,200 under way, 7 streaming, the newest 50 shown"
    )
    assert "spoken" not in texts(watching.told(SYSTEM, seconds=10)), "nothing has ended since"
    watching.told(Finished((usage_record(),)))
    assert texts(watching.told(SYSTEM, seconds=10))["spoken"].startswith("1 ended in the last 10 seconds. ")


def test_what_had_ended_before_somebody_came_is_no_news_to_hear() -> None:
    watching = Watching()
    watching.told(Finished((usage_record(),), is_news=False))
    assert "spoken" not in texts(watching.told(SYSTEM, seconds=10))


def test_what_is_not_shown_is_said() -> None:
    watching = Watching()
    assert texts(watching.told(Gap(1)))["missed"] == "1 more is not shown."
    assert texts(watching.told(Gap(1234)))["missed"] == "1,235 more are not shown."
    assert texts(watching.told(Gap(None)))["missed"] == "Some more may not be shown."
    assert texts(watching.told(Gap(1)))["missed"] == "Some more may not be shown."


@pytest.mark.parametrize("why", get_args(Why))
def test_why_it_is_over_is_said_with_all_that_was_to_be_told(why: Why) -> None:
    watching = Watching()
    watching.told(Finished((usage_record(),)))
    text = watching.told(Finished((usage_record(model="late"),)), End(why))
    assert texts(text)["note"] == live.WHY[why]
    assert "mock/late" in swapped(text, "ended")


def test_a_greeting_takes_back_what_was_said_of_an_end_and_of_a_gap() -> None:
    assert texts(written(GREETING)) == {"note": "", "missed": ""}
    assert texts(written(GREETING, Gap(2))) == {"note": "", "missed": "2 more are not shown."}


def test_where_the_list_begins_anew_nothing_is_missing() -> None:
    rows = happening.ended([Finished((usage_record(model="kept"),))], 0)[0]
    watching = Watching(anew=rows)
    text = watching.told(GREETING, Gap(None))
    assert "mock/kept" in swapped(text, "ended")
    assert 'hx-target="#ended" hx-swap="innerMorph"' in text
    assert texts(text)["missed"] == ""
    assert texts(watching.told(Gap(2)))["missed"] == "2 more are not shown.", "from then on"


def test_whoever_sees_the_same_is_told_what_was_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []

    def draw(page: Page, block: str, *rest: Any) -> str:
        drawn.append(block)
        return render_block(page, block, *rest)

    monkeypatch.setattr(live, "render_block", draw)
    first = Event("boot", 1, RunningNow(1, 1, (running(1),)))
    second = Event("boot", 2, RunningNow(2, 2, (running(2), running(1))))
    ended = Event("boot", 3, Finished((usage_record(),)))
    crowd = [Watching() for _ in range(5)]
    heard = [[each.told(first), each.told(second, ended, seconds=1)] for each in crowd]
    assert all(each == heard[0] for each in heard)
    assert sorted(drawn) == ["rows", "running", "running"]


@pytest.mark.parametrize("evil", CORPUS)
def test_what_strangers_say_is_text(evil: str) -> None:
    changed = dict.fromkeys(("key", "requested_model", "provider", "model", "credential"), evil)
    text = written(RunningNow(1, 1, (replace(RUNNING, **changed),)), Finished((usage_record(**changed, error=evil),)))
    for target in ("underway", "ended"):
        assert_harmless(swapped(text, target))


@pytest.fixture
async def feed(house: House, tmp_path: Path) -> AsyncIterator[Feed]:
    made = Feed(lambda: Facts(INGEST, 0.0, {}), most=5)
    await made.start(tmp_path / "live.sock")
    house.around.feed = made
    yield made
    made.close()


@pytest.mark.usefixtures("feed")
async def test_a_stream_ends_when_it_is_to(owner: Person) -> None:
    answer = await owner.get("/live/events?seconds=0")
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["x-accel-buffering"] == "no"
    assert answer.text.startswith("retry: ")
    assert "content-encoding" not in answer.headers


async def test_what_ended_before_somebody_came_is_told_them(feed: Feed, owner: Person) -> None:
    feed.subscribe(ALL, REQUESTS, who="another")
    feed.told(FIRST, frame(over=(usage_record(started_at_us=NOW, model="just-now"),)))
    assert "mock/just-now" in swapped((await owner.get("/live/events?seconds=0")).text, "ended")


async def test_whoever_was_away_for_too_long_begins_anew_with_what_is_kept(
    feed: Feed, owner: Person, store: Store
) -> None:
    store.add({"started_at_us": NOW - 60_000_000, "model": "kept"})
    text = (await owner.get("/live/events?seconds=0", **{"last-event-id": "before-7"})).text
    assert "mock/kept" in swapped(text, "ended")
    assert texts(text)["missed"] == ""
    last_id = messages(text)[-1]["id"]
    feed.subscribe(ALL, REQUESTS, who="another")
    again = (await owner.get("/live/events?seconds=0", **{"last-event-id": last_id})).text
    assert swapped(again, "ended") == "", "they were not away"


async def test_a_database_that_does_not_answer_signs_nobody_out(
    feed: Feed, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise StateUnavailable("The database is away.")

    monkeypatch.setattr(stream, "REVIEW_SECONDS", 0.01)
    monkeypatch.setattr(standing, "still", away)
    text = (await owner.get("/live/events")).text
    assert texts(text)["note"] == "The database does not answer. It goes on as soon as it does."


FILTERED = "model=fast&provider=mock&key=team&outcome=refused"


async def test_what_is_asked_for_stands_in_the_address_and_goes_for_list_and_stream(
    feed: Feed, owner: Person, store: Store
) -> None:
    wanted = {"provider": "mock", "key": "team", "key_id": "team", "requested_model": "fast", "status": 400}
    others: tuple[dict[str, Any], ...] = (
        {"provider": "lab"},
        {"key": "x", "key_id": "x"},
        {"requested_model": "slow"},
        {"status": 200},
    )
    store.add(
        *(
            {**wanted, "started_at_us": NOW - 60_000_000, "model": f"stored-{at}", **each}
            for at, each in enumerate(others)
        ),
        {**wanted, "started_at_us": NOW - 60_000_000, "model": "stored"},
    )
    text = (await owner.get(f"/live?{FILTERED}")).text
    assert_well_formed(text)
    assert f'hx-sse:connect="/live/events?{FILTERED.replace("&", "&amp;")}"' in text
    assert "mock/stored" in text
    assert "stored-" not in text
    assert 'href="/live?model=fast&amp;key=team&amp;outcome=refused"' in text, "without the provider"
    feed.subscribe(ALL, REQUESTS, who="another")
    made = [
        usage_record(**{**wanted, "started_at_us": NOW, "model": f"told-{at}", **each})
        for at, each in enumerate(others)
    ]
    feed.told(FIRST, frame(over=(*made, usage_record(**wanted, started_at_us=NOW, model="told"))))
    told = swapped((await owner.get(f"/live/events?seconds=0&{FILTERED}")).text, "ended")
    assert "mock/told" in told
    assert "told-" not in told


async def test_what_of_an_address_means_nothing_is_left_out(owner: Person) -> None:
    text = (await owner.get("/live?outcome=splendid&model=%20&user=me")).text
    assert 'hx-sse:connect="/live/events"' in text
    assert "chips" not in text


async def test_the_list_begins_with_what_ended_last_whenever_it_began(owner: Person, store: Store) -> None:
    minute = 60_000_000
    store.add(
        {"started_at_us": NOW - 70 * minute, "total_us": 69 * minute, "model": "long"},
        {"started_at_us": NOW - 90 * minute, "total_us": 20 * minute, "model": "long-ago"},
        *({"started_at_us": NOW - 5 * minute, "total_us": 1_000, "model": "short"} for _ in range(live.RECENT)),
    )
    text = (await owner.get("/live")).text
    assert text.index("mock/long") < text.index("mock/short"), "it ended a minute ago"
    assert "long-ago" not in text


async def test_where_nothing_has_ended_yet_it_says_so(owner: Person) -> None:
    assert ">Nothing has ended yet.<" in (await owner.get("/live")).text
    assert ">Nothing like that has ended yet.<" in (await owner.get("/live?model=mini")).text


async def test_without_a_script_it_says_what_it_shows(owner: Person, store: Store) -> None:
    store.add({"started_at_us": NOW - 60_000_000, "model": "mini"})
    text = re.sub(r"\s+", " ", (await owner.get("/live?model=mini")).text)
    (told,) = re.findall(r'<noscript><p class="banner.*?</noscript>', text)
    assert "follows nothing" in told
    assert "of the last hour the latest 1;" in told
    assert 'href="/live?model=mini"' in told
    assert re.search(r"<span data-scripted hidden>Listening.</span><noscript>What runs is told only", text)
    assert ">listening<" not in text

"""The page of what happens: told as HTML, by a stream that ends when somebody leaves or may not look any more."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.live.events import End, Event, Finished, Gap, Greeting, ProcessFigures, RunningNow, System
from gateway.live.feed import Facts, Feed
from gateway.live.words import Running
from gateway.records import Tokens
from gateway.settings.model import Settings
from tests.gateway.management.crowd import add
from tests.gateway.usage.records import usage_record
from tests.web.markup import assert_well_formed
from tests.web.store import Store, store_in
from tests.web.test_hostile import CORPUS, assert_harmless
from tests.web.visiting import PASSWORD, House, Person, house_in
from web.browser import Browser
from web.frame import frame_of
from web.page import Visit
from web.pages import PAGES, live

NOW = time.time_ns() // 1000

RUNNING = Running(
    id="0192f0e1-0000-7000-8000-000000000001",
    started_at_us=NOW - 3_000_000,
    worker=0,
    key="team",
    key_id="key:1",
    user_id=None,
    team_id=None,
    endpoint="/v1/chat/completions",
    requested_model="fast",
    stream=True,
    provider="mock",
    model="gpt-4o",
    credential="first",
    attempt=1,
    state="streaming",
    response_bytes=4_000,
    output_tokens=120,
    first_byte_us=31_000,
)

INGEST = {"segments_waiting": 2}

SYSTEM = System(
    at_us=NOW,
    in_flight=3,
    streams_open=2,
    processes=(ProcessFigures("worker 0", 1, 12.4, 60_000_000), ProcessFigures("control", 2, None, 90_000_000)),
    workers=(),
    viewers=1,
    ingest=INGEST,
    ingest_lag_seconds=0.4,
    sizes={},
)


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


def written(*said: Any) -> str:
    """What a browser gets for these events."""
    browser = Browser(
        headers={},
        origin="http://gate.example",
        address="",
        secure=False,
        is_overheard=False,
        session=None,
        visitor="",
        is_new=True,
        key=b"",
    )
    visit = Visit(browser=browser, now_us=NOW)
    site: Any = type("Site", (), {"version": "1", "demo": False, "settings": staticmethod(Settings)})
    events = [Event("boot", number, each) for number, each in enumerate(said, 1)]
    return live.write(events, frame=lambda: frame_of(site, PAGES, visit, live.PAGE)).decode()


def swapped(text: str, target: str) -> str:
    """What goes to an element of the page."""
    body = "\n".join(line.removeprefix("data: ") for line in text.splitlines())
    found = re.search(rf'<hx-partial hx-target="#{target}" hx-swap="(\w+)">(.*?)</hx-partial>', body, re.S)
    assert found is not None, text
    assert_well_formed(found[2])
    return found[2]


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


def test_a_message_is_one_event_for_the_browser_with_the_last_id() -> None:
    text = written(RunningNow(1, 1, (RUNNING,)), Gap(3))
    lines = text.split("\n")
    assert lines[0] == "id: boot-2"
    assert all(line.startswith("data: ") for line in lines[1:-2])
    assert lines[-2:] == ["", ""]
    assert "event:" not in text


def test_what_runs_takes_the_place_of_what_ran() -> None:
    inner = swapped(written(RunningNow(70, 40, (RUNNING,))), "running")
    for shown in ("streaming", "mock/gpt-4o", "120", "70 under way, 40 streaming", "and 69 more"):
        assert shown in inner, shown
    assert "Nothing runs" in swapped(written(RunningNow(0, 0, ())), "running")


def test_what_has_ended_comes_on_top_the_latest_first() -> None:
    early = usage_record(started_at_us=NOW - 9_000_000, model="early", total_us=1)
    late = usage_record(started_at_us=NOW - 8_000_000, model="late", total_us=1)
    text = written(Finished((early, late)))
    inner = swapped(text, "ended")
    assert inner.index("mock/late") < inner.index("mock/early")
    assert 'hx-swap="afterbegin"' in text
    assert inner.count('class="arrives"') == 2


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
    assert title in swapped(written(Finished((record,))), "ended")


def test_how_the_gateway_is_doing_is_told_in_few_figures() -> None:
    inner = swapped(written(SYSTEM), "machine")
    for shown in ("12 %", "150 MB", "400 ms", ">3<", ">2<"):
        assert shown in inner, shown


def test_what_is_not_shown_is_said() -> None:
    assert "1,234 more that are not shown." in swapped(written(Gap(1234)), "missed")
    assert "Some more that are not shown." in swapped(written(Gap(None)), "missed")
    assert "You are signed out" in swapped(written(End("signed_out")), "note")


def test_a_greeting_says_nothing_to_people() -> None:
    assert written(Greeting("1", ("running",), 10.0)) == ""


@pytest.mark.parametrize("evil", CORPUS)
def test_what_strangers_say_is_text(evil: str) -> None:
    changed = dict.fromkeys(("key", "requested_model", "provider", "model", "credential"), evil)
    running = type(RUNNING)(**{**{name: getattr(RUNNING, name) for name in RUNNING.__struct_fields__}, **changed})
    text = written(RunningNow(1, 1, (running,)), Finished((usage_record(**changed, error=evil),)))
    for target in ("running", "ended"):
        assert_harmless(swapped(text, target))


async def test_a_stream_ends_when_it_is_to(house: House, owner: Person, tmp_path: Path) -> None:
    feed = Feed(lambda: Facts(INGEST, 0.0, {}), most=5)
    await feed.start(tmp_path / "live.sock")
    house.around.feed = feed
    try:
        answer = await owner.get("/live/events?seconds=0")
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.headers["x-accel-buffering"] == "no"
        assert answer.text.startswith("retry: ")
        assert "content-encoding" not in answer.headers
    finally:
        feed.close()

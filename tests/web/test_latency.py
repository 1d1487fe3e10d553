"""The page of how long things take: percentiles, the week, targets, our own share; and headline numbers in words."""

from __future__ import annotations

import html
import re
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import orjson
import pytest

from gateway.usage import figures, reach
from tests.gateway.management.crowd import add
from tests.web.markup import assert_well_formed
from tests.web.store import Store, store_in
from tests.web.visiting import PASSWORD, House, Person, house_in
from web import headline
from web.headline import Totals, figures_of

MINUTE = 60_000_000
DAY = 24 * 60 * MINUTE


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


def ago(minutes: int) -> int:
    return time.time_ns() // 1000 - minutes * MINUTE


def fill(store: Store) -> None:
    store.add(
        *({"started_at_us": ago(number), "first_byte_us": 1_000 * number, "total_us": 9_000 * number,
           "overhead_us": 100 * number} for number in range(1, 60)),
        {"started_at_us": ago(3), "provider": "second", "model": "slow", "first_byte_us": 9_000_000},
        {"started_at_us": ago(3), "status": 502, "error": "upstream_closed", "first_byte_us": 50_000_000},
    )  # fmt: skip


@pytest.mark.parametrize("metric", ["first", "total", "overhead", "nonsense"])
async def test_it_is_well_formed_empty_and_full(owner: Person, store: Store, metric: str) -> None:
    assert_well_formed((await owner.get(f"/latency?metric={metric}")).text)
    assert "No request was answered in this time" in owner.last.text  # type: ignore[union-attr] # just asked
    fill(store)
    for span in ("1h", "7d", "90d"):
        assert_well_formed((await owner.get(f"/latency?metric={metric}&range={span}")).text)


async def test_only_what_was_answered_counts(owner: Person, store: Store) -> None:
    fill(store)
    text = (await owner.get("/latency")).text
    assert "31 ms" in text
    assert "50.0 s" not in text
    assert "second/slow" in text


async def test_a_target_leads_to_itself_alone(owner: Person, store: Store) -> None:
    fill(store)
    link = re.search(r'<a class="row" href="([^"]+)">second/slow</a>', (await owner.get("/latency")).text)
    assert link is not None
    text = (await owner.get(html.unescape(link[1]))).text
    assert "9.0 s" in text
    assert "mock/gpt-4o" not in text
    assert "Clear all" in text


async def test_a_script_gets_the_same_numbers_and_words_as_the_drawing(owner: Person, store: Store) -> None:
    fill(store)
    text = (await owner.get("/latency?range=1h")).text
    found = re.search(r'data-zoom="([^"]+)"', text)
    assert found is not None
    said = orjson.loads(html.unescape(found[1]))
    assert [len(said["series"]), len(said["at"])] == [3, 60]
    assert {len(each[part]) for each in said["series"] for part in ("values", "words")} == {60}
    assert None in said["series"][0]["values"]
    drawn = text[text.index('<figure class="panel" id="percentiles"') : text.index("</figure>")]
    assert re.findall(r"<text[^>]*>([^<]+)</text>", drawn) == [word for _, word in said["ticks"]]
    axis = drawn[drawn.index('class="axis"') :]
    assert re.findall(r"<span>([^<]+)</span>", axis[: axis.index("</div>")]) == [word for _, word in said["levels"]]
    for place, label in enumerate(said["labels"]):
        words = [each["words"][place] for each in said["series"]]
        if set(words) != {figures.NOTHING}:
            row = "".join(f'<td class="number">{word}</td>' for word in words)
            assert f'<tr><th scope="row">{label}</th>{row}</tr>' in drawn


async def test_what_draws_anew_comes_when_it_is_asked_for(owner: Person, store: Store) -> None:
    fill(store)
    text = (await owner.get("/latency")).text
    assert not re.search(r'(?:src|href)="[^"]*uplot', text)
    assert re.search(r'data-zoom-script="/static/uplot', text)


async def test_a_first_token_is_of_streams_alone(owner: Person, store: Store) -> None:
    store.add(
        *({"started_at_us": ago(number), "first_byte_us": 200_000, "stream": True, "model": "told"}
          for number in range(1, 9)),
        *({"started_at_us": ago(number), "first_byte_us": 8_000_000, "stream": False, "model": "whole"}
          for number in range(1, 9)),
    )  # fmt: skip
    every = html.unescape((await owner.get("/latency?metric=first")).text)
    assert "mock/whole" in every
    text = html.unescape((await owner.get("/latency?metric=token")).text)
    for shown in (
        "First token, percentiles",
        "First token, p50",
        "First token p50",
        "Of streamed answers alone",
        "200 ms",
    ):
        assert shown in text, shown
    assert "mock/whole" not in text
    assert "First byte" not in text[text.index('<dl class="figures') :].replace(">First byte</a>", "")
    none = (await owner.get("/latency?metric=token&stream=no")).text
    assert "First token" not in none
    assert "mock/whole" in none


async def test_of_days_that_are_sums_a_first_token_is_not_known_and_the_page_says_so(
    owner: Person, store: Store
) -> None:
    store.add({"started_at_us": ago(60), "stream": True})
    day = time.time_ns() // 1000 // DAY * DAY - 3 * DAY
    store.run(
        "insert into rolled (d, n, kept, rolled_at) values (make_timestamp($day), 1, 'sums', now())", {"day": day}
    )
    text = html.unescape((await owner.get("/latency?metric=token&range=7d")).text)
    assert "their sums do not know which of them were streamed" in text
    assert "do not know" not in html.unescape((await owner.get("/latency?metric=first&range=7d")).text)


async def test_the_map_is_a_table_too_and_says_what_its_shades_mean(owner: Person, store: Store) -> None:
    fill(store)
    text = html.unescape((await owner.get("/latency?range=1h")).text)
    table = text[text.index('id="hours-table"') :]
    assert "Show as table" in table
    rows = re.findall(r'<tr><th scope="row">(\w+ \d\d)</th><td>(\d\d:00)</td><td class="number">([^<]+)</td>', table)
    squares = re.findall(r'<td class="h\d" title="(\w+ \d\d) (\d\d:00): ([^"]+)"', text)
    assert rows
    assert rows == squares
    ends = re.findall(r"<span>([^<]+)</span>", text[text.index('<p class="shades') :].split("</p>")[0])
    assert set(ends) <= {value for *_, value in squares}
    assert "darker" not in text
    file = await owner.get("/latency?range=1h&format=csv&table=hours")
    assert len(file.text.splitlines()) == len(rows) + 1


async def test_headline_times_have_their_course(owner: Person, store: Store) -> None:
    fill(store)
    assert len(re.findall(r'<dd class="spark"><svg[^>]*><polyline', (await owner.get("/latency")).text)) == 6


# Headline numbers


def test_a_figure_says_its_change() -> None:
    now = Totals(requests=110, failed=11, cost_nano_usd=2_000_000_000, input_tokens=100, cache_read_tokens=50, keys=3)
    before = Totals(requests=100, failed=5, cost_nano_usd=4_000_000_000, input_tokens=100, cache_read_tokens=25, keys=3)
    by_label = {figure.label: figure for figure in figures_of(now, before, [])}
    assert (by_label["Requests"].value, by_label["Requests"].change.text) == ("110", "▲ +10 %")
    assert (by_label["Spend"].value, by_label["Spend"].change.text) == ("$2.00", "▼ \N{MINUS SIGN}50 %")
    assert (by_label["Errors"].value, by_label["Errors"].change.meaning) == ("10 %", "bad")
    assert (by_label["Cache read"].value, by_label["Cache read"].change.meaning) == ("50 %", "good")


def test_an_estimate_is_called_one() -> None:
    spend = figures_of(Totals(requests=2, cost_nano_usd=3_100_000, estimated=1), Totals(), [])[1]
    assert spend.value == "≈ $0.0031"
    assert spend.exact == "$0.0031, 1 request is an estimate"


def test_a_cost_that_nobody_knows_is_not_nothing() -> None:
    assert figures_of(Totals(requests=2, unpriced=2), Totals(), [])[1].value == figures.NOTHING


def test_without_streams_tokens_stand_in_for_their_speed() -> None:
    labels = [figure.label for figure in figures_of(Totals(output_tokens=5), Totals(), [])]
    assert "Output tokens" in labels
    fast = figures_of(Totals(tokens_per_second=52.4), Totals(), [])
    assert next(figure.value for figure in fast if figure.label == "Output, tokens/s") == "52"


@pytest.mark.parametrize("rolled", [0, time.time_ns() // 1000 // DAY * DAY])
async def test_every_headline_number_of_the_overview_has_its_course(
    house: House, owner: Person, store: Store, rolled: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.around.rolled_until_us = rolled
    monkeypatch.setattr(reach, "MANY", 1)
    store.add(
        *({"started_at_us": ago(number * 24 * 60 + 5), "stream": True, "total_us": 9_000_000} for number in range(6))
    )
    text = (await owner.get("/?range=30d")).text
    assert "Output, tokens/s" in text
    assert len(re.findall(r'<dd class="spark"><svg[^>]*><polyline', text)) == 8


def test_percentiles_of_pieces_are_weighed() -> None:
    rows: list[dict[str, int | None]] = [{"requests": 3, "p": 10}, {"requests": 1, "p": 50}, {"requests": 9, "p": None}]
    assert headline.weighed(rows, "p") == 20
    assert headline.weighed(rows[:1], "p") == 10
    assert headline.weighed([], "p") is None

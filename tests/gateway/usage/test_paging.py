"""Pages follow one another without a gap and without a repeat, in either direction, whatever comes in meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from gateway.errors import ControlUnavailable
from gateway.usage.chosen import Filter
from gateway.usage.meter import uuid7
from gateway.usage.paging import Place, Read, Row, newer, newest, older, one, read_place
from tests.gateway.usage.bench import Bench
from tests.gateway.usage.records import usage_record

START = 1_795_219_200_000_000
EVERYTHING = Filter(since_us=0, until_us=START + 10**12)
COUNT = 23


@contextmanager
def filled(directory: Path) -> Iterator[Bench]:
    """A store of requests, three at the same moment each."""
    made = Bench(directory)
    put(made, *range(COUNT))
    yield made
    made.store.close()
    made.store.end()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One for tests that leave it as it is."""
    with filled(tmp_path_factory.mktemp("usage")) as made:
        yield made


def put(bench: Bench, *numbers: int) -> None:
    records = (
        usage_record(
            id=uuid7(moment(number) // 1000, number),
            started_at_us=moment(number),
            key=f"key-{number % 2}",
            user_agent=None,
        )
        for number in numbers
    )
    bench.put(f"from-{numbers[0]}", *records)
    bench.steps(1)


def moment(number: int) -> int:
    return START + number // 3 * 1_000_000


def numbers(rows: list[Row]) -> list[int]:
    return [UUID(row["id"]).int & 0xFFFF for row in rows]


def reading(bench: Bench) -> Read:
    return bench.store.read


async def test_pages_downwards_show_every_request_once(bench: Bench) -> None:
    page = await newest(reading(bench), EVERYTHING, rows=5)
    assert page.newer is None
    seen = numbers(page.rows)
    while page.older is not None:
        page = await older(reading(bench), EVERYTHING, page.older, rows=5)
        assert page.newer == Place(page.rows[0]["started_at_us"], page.rows[0]["id"])
        seen += numbers(page.rows)
    assert seen == [*reversed(range(COUNT))]


async def test_the_way_back_shows_the_same_pages(bench: Bench) -> None:
    down = [await newest(reading(bench), EVERYTHING, rows=5)]
    while down[-1].older is not None:
        down.append(await older(reading(bench), EVERYTHING, down[-1].older, rows=5))
    for before, page in zip(down[-2::-1], down[:0:-1], strict=True):
        assert page.newer is not None
        back = await newer(reading(bench), EVERYTHING, page.newer, rows=5)
        assert (numbers(back.rows), back.older) == (numbers(before.rows), before.older)
        assert back.newer == before.newer


async def test_what_comes_in_meanwhile_shifts_no_page(tmp_path: Path) -> None:
    with filled(tmp_path) as bench:
        await check_shifts(bench)


async def check_shifts(bench: Bench) -> None:
    first = await newest(reading(bench), EVERYTHING, rows=10)
    put(bench, *range(COUNT, COUNT + 4))
    assert first.older is not None
    second = await older(reading(bench), EVERYTHING, first.older, rows=10)
    assert numbers(second.rows) == [*range(12, 2, -1)]
    assert second.newer is not None
    back = await newer(reading(bench), EVERYTHING, second.newer, rows=10)
    assert numbers(back.rows) == [*range(22, 12, -1)]
    assert back.newer is not None
    top = await newer(reading(bench), EVERYTHING, back.newer, rows=10)  # four have come: the page is a whole one
    assert (numbers(top.rows), top.newer) == ([*range(26, 16, -1)], None)


async def test_a_filter_holds_on_every_page(bench: Bench) -> None:
    odd = Filter(since_us=0, until_us=EVERYTHING.until_us, key="key-1")
    page = await newest(reading(bench), odd, rows=4)
    assert page.older is not None
    page = await older(reading(bench), odd, page.older, rows=4)
    assert numbers(page.rows) == [13, 11, 9, 7]
    assert page.newer is not None
    assert numbers((await newer(reading(bench), odd, page.newer, rows=4)).rows) == [21, 19, 17, 15]
    seen = Filter(since_us=0, until_us=EVERYTHING.until_us, key_ids=("key-0",))
    assert numbers((await newest(reading(bench), seen, rows=2)).rows) == [22, 20]
    assert (await newest(reading(bench), Filter(since_us=0, until_us=START), rows=2)) == ([], None, None)


async def test_behind_the_last_one_there_is_a_way_back(bench: Bench) -> None:
    end = Place(START, uuid7(START // 1000, 0))
    assert await older(reading(bench), EVERYTHING, end) == ([], end, None)


async def test_a_row_has_what_a_table_shows(bench: Bench) -> None:
    (row,) = (await newest(reading(bench), EVERYTHING, rows=1)).rows
    expected = {"key": "key-0", "status": 200, "outcome": "ok", "tries": 2, "lossy": False, "cost_nano_usd": 3_100_000}
    assert expected.items() <= row.items()
    assert "user_agent" not in row


async def test_one_is_found_by_its_id_with_all_that_is_known(bench: Bench) -> None:
    row = await one(reading(bench), UUID(uuid7(moment(7) // 1000, 7)))
    assert row is not None
    assert (row["started_at_us"], row["key"], row["outcome"]) == (moment(7), "key-1", "ok")
    assert [attempt["status"] for attempt in row["attempts"]] == [500, 200]
    assert {"user_agent", "tags", "via", "trace_id", "captured", "node"} <= row.keys()


async def test_one_is_shown_to_nobody_else(bench: Bench) -> None:
    name = UUID(uuid7(moment(7) // 1000, 7))
    assert await one(reading(bench), name, key_ids=["key-0"]) is None
    assert await one(reading(bench), name, key_ids=[]) is None
    assert await one(reading(bench), name, key_ids=["key-1", "key-0"]) is not None


@pytest.mark.parametrize("name", [uuid7(START // 1000, 999), str(UUID(int=0)), str(UUID(int=2**128 - 1))])
async def test_an_id_that_nobody_has_is_no_request(bench: Bench, name: str) -> None:
    assert await one(reading(bench), UUID(name)) is None


async def test_a_place_reads_as_it_is_written(bench: Bench) -> None:
    page = await newest(reading(bench), EVERYTHING, rows=5)
    assert page.older is not None
    assert read_place(str(page.older)) == page.older


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "_",
        f"-1_{UUID(int=1)}",
        f"1.5_{UUID(int=1)}",
        f"\N{ARABIC-INDIC DIGIT ONE}_{UUID(int=1)}",
        "1_x",
        f"{10**16}_{UUID(int=1)}",
    ],
)
def test_what_is_no_place_is_none(text: str) -> None:
    assert read_place(text) is None


async def test_the_farthest_place_can_be_asked_for(bench: Bench) -> None:
    end = read_place(f"{10**16 - 1}_{UUID(int=1)}")
    assert end is not None
    assert len((await older(reading(bench), EVERYTHING, end, rows=3)).rows) == 3


async def test_what_keeps_the_store_from_answering_is_said() -> None:
    async def refuse(name: str, parameters: Mapping[str, object]) -> list[Any]:
        raise ControlUnavailable("It is shut.")

    with pytest.raises(ControlUnavailable):
        await newest(refuse, EVERYTHING)

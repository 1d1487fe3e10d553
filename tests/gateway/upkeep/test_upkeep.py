"""What is due when: by the settings, by what the store has, and by nothing that a killed process knew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from gateway.errors import Conflict, ControlUnavailable, StateUnavailable, Unacceptable
from gateway.settings.model import UsageSettings
from gateway.upkeep import compacting, copying
from gateway.upkeep.copying import NotCopied
from gateway.upkeep.rolling import Beginnings
from gateway.upkeep.upkeep import Around, NotForgotten, Upkeep
from gateway.usage.ingest_thread import IngestThread
from tests.gateway.upkeep.house import DAYS, FIRST, House, counted, day_of, days, some_records, us

TODAY = FIRST + timedelta(days=DAYS)
FOR_EVER = UsageSettings(retention_days=0, rollup_days=0, archive_days=0)


@dataclass
class Kept:
    """A store that is looked after, on a day of its own."""

    house: House
    thread: IngestThread
    settings: UsageSettings = FOR_EVER
    today: date = TODAY
    begun: Beginnings = field(default_factory=Beginnings)
    begun_fails: bool = False

    def __post_init__(self) -> None:
        self.upkeep = self.made(archived=True)

    def made(self, *, archived: bool) -> Upkeep:
        around = Around(settings=lambda: self.settings, begun=self._begun, clock_us=lambda: us(self.today, 0.5))
        return Upkeep(self.house.store, self.thread, self.house.archive if archived else None, around)

    async def _begun(self) -> Beginnings:
        if self.begun_fails:
            raise StateUnavailable("It is away.", retry_after=1)
        return self.begun

    async def take(self, *records: Any) -> None:
        await asyncio.wrap_future(self.thread.occupy(lambda ingest: self.house.take(*records)))


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    house = House(tmp_path)
    thread = IngestThread(house.ingest)
    thread.start()
    made = Kept(house, thread)
    yield made
    await asyncio.to_thread(thread.stop)
    await made.upkeep.end()
    house.store.end()


async def query(kept: Kept, text: str) -> list[tuple[Any, ...]]:
    def run(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
        return connection.execute(text).fetchall()

    return await asyncio.wrap_future(kept.thread.submit(run))


async def what_is_kept(kept: Kept) -> list[str]:
    return [row[0] for row in await query(kept, "select kept from rolled order by d")]


async def sums(kept: Kept) -> Any:
    return await asyncio.wrap_future(kept.thread.submit(lambda connection: kept.house.sums()))


RECORDS = some_records(120, seed=1)


async def test_days_that_are_over_are_rolled_up(kept: Kept) -> None:
    kept.today = FIRST + timedelta(days=3)
    await kept.take(*RECORDS)
    await kept.upkeep.roll_up()
    assert await query(kept, "select d from rolled order by d") == [(day,) for day in days(3)]
    kept.today = TODAY
    await kept.upkeep.roll_up()
    assert await query(kept, "select d from rolled order by d") == [(day,) for day in days()]
    assert await sums(kept) == counted(RECORDS)


async def test_it_is_known_up_to_when_days_are_rolled_up(kept: Kept) -> None:
    await kept.take(*RECORDS)
    assert kept.upkeep.rolled_until_us == 0
    await kept.upkeep.roll_up()
    assert kept.upkeep.rolled_until_us == us(TODAY)
    kept.today, kept.begun_fails = TODAY + timedelta(days=1), True
    with pytest.raises(StateUnavailable):
        await kept.upkeep.roll_up()
    assert kept.upkeep.rolled_until_us == us(TODAY), "of days that could not be rolled up nobody is told"


async def test_requests_go_after_so_many_days_and_sums_later(kept: Kept) -> None:
    await kept.take(*RECORDS)
    await kept.upkeep.roll_up()
    kept.settings = UsageSettings(retention_days=3, rollup_days=4, archive="")
    kept.upkeep = kept.made(archived=False)
    await kept.upkeep.forget()
    assert await what_is_kept(kept) == ["nothing", "sums", "requests", "requests", "requests"]
    left = [record for record in RECORDS if day_of(record) > FIRST]
    assert await sums(kept) == counted(left)
    spent = "select cast(sum(cost_nano_usd) as bigint) from spending where key is not null"
    assert await query(kept, spent) == [(sum(record.cost_nano_usd or 0 for record in RECORDS if record.key),)]
    kept.today = TODAY + timedelta(days=400)
    await kept.upkeep.forget()
    assert await what_is_kept(kept) == ["nothing"] * DAYS
    assert await query(kept, "select count(*) from requests") == [(0,)]
    assert await query(kept, spent) == [(sum(record.cost_nano_usd or 0 for record in RECORDS if record.key),)]


async def test_what_is_kept_for_ever_does_not_go(kept: Kept) -> None:
    await kept.take(*RECORDS)
    await kept.upkeep.roll_up()
    kept.today = TODAY + timedelta(days=36_000)
    await kept.upkeep.forget()
    assert await what_is_kept(kept) == ["requests"] * DAYS


async def test_nothing_goes_that_is_not_rolled_up(kept: Kept) -> None:
    kept.settings = UsageSettings(retention_days=1, rollup_days=0, archive="")
    kept.upkeep = kept.made(archived=False)
    await kept.take(*RECORDS)
    await kept.upkeep.forget()
    assert await query(kept, "select count(*) from requests") == [(len(RECORDS),)]
    await kept.upkeep.roll_up()
    await kept.upkeep.forget()
    assert await what_is_kept(kept) == ["sums"] * 4 + ["requests"]
    assert await sums(kept) == counted(RECORDS)


async def test_nothing_goes_that_the_archive_is_to_have(kept: Kept) -> None:
    kept.settings = UsageSettings(retention_days=1, rollup_days=0, archive_days=3)
    await kept.take(*RECORDS)
    await kept.upkeep.roll_up()
    await kept.upkeep.forget()
    assert await what_is_kept(kept) == ["sums", "sums", "requests", "requests", "requests"]
    await kept.upkeep.copy_days()
    await kept.upkeep.forget()
    assert await what_is_kept(kept) == ["sums"] * 4 + ["requests"]
    assert list(kept.house.archive.days()) == days()[2:]


async def test_days_that_wait_for_an_archive_that_cannot_be_written_are_told(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.settings = UsageSettings(retention_days=1, rollup_days=0, archive_days=0)
    await kept.take(*RECORDS)
    await kept.upkeep.roll_up()
    await kept.upkeep.forget()
    assert await what_is_kept(kept) == ["requests"] * DAYS, "the archive has its turn yet: nothing is wrong"
    with monkeypatch.context() as full:
        full.setattr(copying, "LEFT_OVER_BYTES", 2**62)
        with pytest.raises(NotCopied):
            await kept.upkeep.copy_days()
        said = f"4 days from {FIRST} to {days()[3]} wait to be in the archive, which cannot be written: no room for"
        with pytest.raises(NotForgotten, match=said):
            await kept.upkeep.forget()
    assert await what_is_kept(kept) == ["requests"] * DAYS
    await kept.upkeep.copy_days()
    await kept.upkeep.forget()
    assert await what_is_kept(kept) == ["sums"] * 4 + ["requests"]


async def test_a_day_that_is_in_the_archive_goes_whatever_becomes_of_others(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.settings = UsageSettings(retention_days=1, rollup_days=0, archive_days=0)
    await kept.take(*RECORDS)
    await kept.upkeep.roll_up()
    await kept.upkeep.copy_days()
    (kept.house.archive.path_of(days()[2])).unlink()
    monkeypatch.setattr(copying, "LEFT_OVER_BYTES", 2**62)
    with pytest.raises(NotCopied):
        await kept.upkeep.copy_days()
    with pytest.raises(NotForgotten, match=f"{days()[2]} waits to be in the archive, .*: no room for"):
        await kept.upkeep.forget()
    assert await what_is_kept(kept) == ["sums", "sums", "requests", "sums", "requests"]


async def test_what_comes_late_goes_into_sums(kept: Kept) -> None:
    kept.settings = UsageSettings(retention_days=1, rollup_days=0, archive="")
    kept.upkeep = kept.made(archived=False)
    await kept.take(*RECORDS[:60])
    await kept.upkeep.roll_up()
    await kept.upkeep.forget()
    await kept.take(*RECORDS[60:])
    await kept.upkeep.roll_up()
    assert await sums(kept) == counted(RECORDS)
    last = [record for record in RECORDS if day_of(record) == days()[-1]]
    assert await query(kept, "select count(*) from requests") == [(len(last),)]


async def test_a_store_that_was_lost_is_filled_from_the_archive(kept: Kept, tmp_path: Path) -> None:
    await kept.take(*RECORDS)
    await kept.upkeep.roll_up()
    await kept.upkeep.copy_days()
    await query(kept, "delete from requests")
    await query(kept, "delete from usage_daily")
    await query(kept, "delete from rolled")
    kept.house.archive.path_of(FIRST - timedelta(days=1)).write_bytes(b"nothing that could be read by anybody")
    begun = await kept.upkeep.bring_back(date.min)
    assert begun.name == "import-archive"
    done = await kept.upkeep.errand_done()
    assert (done.error, done.said) == (None, {"days": DAYS, "requests": len(RECORDS), "unreadable": 1})
    await kept.upkeep.roll_up()
    assert await sums(kept) == counted(RECORDS)
    await kept.upkeep.bring_back(days()[3])
    assert (await kept.upkeep.errand_done()).said == {"days": 2, "requests": 0, "unreadable": 0}
    assert await sums(kept) == counted(RECORDS)


async def test_without_an_archive_there_is_nothing_to_copy_or_bring_back(kept: Kept) -> None:
    await kept.take(*RECORDS)
    await kept.upkeep.roll_up()
    kept.upkeep = kept.made(archived=False)
    await kept.upkeep.copy_days()
    await kept.upkeep.bring_back(date.min)
    assert (await kept.upkeep.errand_done()).said == {"days": 0, "requests": 0, "unreadable": 0}
    assert not kept.house.archive.directory.exists()
    assert (await kept.upkeep.standing())["archived_days"] == 0


async def test_the_file_is_written_anew_while_records_come(kept: Kept) -> None:
    await kept.take(*RECORDS)
    assert (await kept.upkeep.compact()).name == "compact"
    with pytest.raises(Conflict):
        await kept.upkeep.bring_back(date.min)
    done = await kept.upkeep.errand_done()
    assert done.error is None
    assert done.said.keys() == {"before_bytes", "after_bytes", "seconds"}
    assert kept.upkeep.errand == done
    assert await sums(kept) == counted(RECORDS)


async def test_where_there_is_no_room_it_is_told_at_once(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compacting, "MARGIN_BYTES", 2**62)
    with pytest.raises(Unacceptable, match="a copy of"):
        await kept.upkeep.compact()
    assert kept.upkeep.errand is None


async def test_what_there_is_and_how_large(kept: Kept) -> None:
    await kept.take(*RECORDS)
    await kept.upkeep.roll_up()
    await kept.upkeep.copy_days()
    found = await kept.upkeep.standing()
    first, last = (choose(record.started_at_us for record in RECORDS) for choose in (min, max))
    told: dict[str, Any] = {
        "requests": len(RECORDS),
        "oldest_us": first,
        "newest_us": last,
        "rolled_days": DAYS,
        "archived_days": DAYS,
    }
    told |= {
        "rolled_since": FIRST,
        "rolled_until": days()[-1],
        "days_with_requests": DAYS,
        "rolled_at_us": us(TODAY, 0.5),
    }
    told |= {"archived_since": FIRST, "archived_until": days()[-1]}
    assert {name: found[name] for name in told} == told
    assert found["archive_bytes"] == sum(path.stat().st_size for path in kept.house.archive.days().values())
    assert found["used_bytes"] + found["free_bytes"] == found["file_bytes"]
    assert found["log_bytes"] > 0
    assert found["sums"] > 0
    assert found["buckets"] > 0


async def test_of_a_shut_store_nothing_can_be_told(tmp_path: Path) -> None:
    (tmp_path / "usage.duckdb").mkdir()
    house = House(tmp_path)
    kept = Kept(house, IngestThread(house.ingest))
    kept.thread.start()
    kept.upkeep.begin()
    for attempt in (kept.upkeep.standing, kept.upkeep.roll_up, kept.upkeep.forget, kept.upkeep.copy_days):
        with pytest.raises(ControlUnavailable):
            await attempt()
    await asyncio.to_thread(kept.thread.stop)
    house.store.end()


async def test_what_a_killed_process_left_is_gone_after_the_start(kept: Kept, tmp_path: Path) -> None:
    leftovers = [tmp_path / "compact" / name for name in ("usage.duckdb", "usage.duckdb.wal", "usage.duckdb.former")]
    leftovers[0].parent.mkdir()
    kept.house.archive.make()
    leftovers.append(kept.house.archive.directory / "date=2026-03-01.parquet.abc.fetched")
    for path in leftovers:
        path.write_bytes(b"x")
    kept.upkeep.begin()
    assert [path.exists() for path in leftovers] == [False] * 4

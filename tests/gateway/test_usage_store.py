from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import duckdb
import pytest

from gateway.errors import SettingsError
from gateway.outbound.bucket import Bucket
from gateway.settings.model import BucketSettings, Settings, UsageSettings
from gateway.upkeep.rolling import Beginnings
from gateway.usage_store import UsageStore, bucket_of
from tests.gateway.upkeep.house import DAYS, counted, some_records
from tests.gateway.usage.bench import Bench
from tests.gateway.usage.records import usage_record
from tests.waiting import auntil

RECORDS = some_records(30, seed=1)


async def nothing_begun() -> Beginnings:
    return Beginnings()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[UsageStore]:
    made = UsageStore(tmp_path, Settings, nothing_begun)
    await made.start()
    yield made
    await made.stop()


async def test_records_are_taken_and_kept_as_the_settings_say(store: UsageStore, tmp_path: Path) -> None:
    Bench(tmp_path).put("a", *RECORDS)
    await store.catch_up()
    assert store.state()["records_taken"] == len(RECORDS)
    await store.upkeep.roll_up()
    await store.upkeep.forget()
    rows = await store.write(lambda connection: connection.execute("select kept, n from rolled").fetchall())
    assert [what for what, _ in rows] == ["sums"] * DAYS
    assert sum(count for _, count in rows) == sum(sums[0] for sums in counted(RECORDS).values())


async def test_today_goes_to_no_file(store: UsageStore, tmp_path: Path) -> None:
    day_ago = time.time_ns() // 1000 - 86_400_000_000
    Bench(tmp_path).put("a", usage_record(), usage_record(started_at_us=day_ago))
    await store.catch_up()
    await store.upkeep.roll_up()
    await store.upkeep.copy_days()
    (path,) = (tmp_path / "archive" / "usage").iterdir()
    assert duckdb.execute("select count(*) from read_parquet($path)", {"path": str(path)}).fetchone() == (1,)


async def test_without_an_archive_no_statement_reaches_where_it_would_be(tmp_path: Path) -> None:
    store = UsageStore(tmp_path, lambda: Settings(usage=UsageSettings(archive="")), nothing_begun)
    await store.start()
    (tmp_path / "archive" / "usage").mkdir(parents=True)
    with pytest.raises(duckdb.PermissionException):
        await store.write(lambda connection: connection.execute(f"copy (select 1) to '{tmp_path}/archive/usage/x.csv'"))
    await auntil(lambda: store.analytics.is_open)
    await store.stop()


async def test_a_store_that_cannot_be_opened_says_why(tmp_path: Path) -> None:
    (tmp_path / "usage.duckdb").mkdir()
    store = UsageStore(tmp_path, Settings, nothing_begun)
    await store.start()
    assert not store.analytics.is_open
    assert store.state()["trouble"]
    await store.stop()


def test_without_the_library_of_buckets_it_is_said_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "gateway.outbound.bucket", raising=False)
    monkeypatch.setitem(sys.modules, "obstore", None)
    wanted = Settings(usage=UsageSettings(bucket=BucketSettings(url="s3://records")))
    with pytest.raises(SettingsError, match=r"obstore is not installed: pip install 'sluicegate\[s3\]'"):
        UsageStore(tmp_path, lambda: wanted, nothing_begun)
    assert bucket_of(Settings()) is None, "nobody else needs it"


def test_a_bucket_is_opened_by_the_settings_of_the_moment() -> None:
    bucket = bucket_of(Settings(usage=UsageSettings(bucket=BucketSettings(url="s3://records/a"))))
    assert isinstance(bucket, Bucket)
    assert bucket.place == "s3://records/a"

"""Which days go to the bucket, which stay as they are there, and what comes back from it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from gateway.outbound.bucket import Bucket, BucketAway, Kept
from gateway.settings.model import BucketSettings, UpstreamSettings, UsageSettings
from gateway.upkeep.archive import name_of
from gateway.upkeep.copying import Copying
from gateway.upkeep.rolling import Beginnings
from gateway.upkeep.sending import NotSent, Sending
from gateway.upkeep.upkeep import Around, Upkeep
from gateway.usage.ingest_thread import IngestThread
from tests.gateway.outbound.s3_server import BUCKET, KEY_ID, REGION, SECRET, Shop, failing, serving
from tests.gateway.upkeep.house import DAYS, FIRST, House, days, some_records, us
from tests.gateway.usage.records import usage_record

LAST = FIRST + timedelta(days=DAYS - 1)


@pytest.fixture
def shop() -> Iterator[Shop]:
    with serving() as made:
        yield made


@pytest.fixture
def bucket(shop: Shop) -> Bucket:
    said = BucketSettings(
        url=f"s3://{BUCKET}/a",
        endpoint=shop.url,
        region=REGION,
        access_key_id=KEY_ID,
        secret_access_key=SECRET,
        allow_http=True,
    )
    return Bucket(said, UpstreamSettings())


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    made.take(*some_records(60, seed=1))
    made.roll_up()
    Copying(made.store, made.archive).copy_days(FIRST)
    yield made
    made.store.close()


@pytest.fixture
def sending(house: House) -> Sending:
    return Sending(house.store, house.archive)


def in_bucket(shop: Shop) -> dict[str, bytes]:
    return {key.removeprefix("a/"): kept.body for key, kept in shop.objects.items()}


def in_archive(house: House) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in house.archive.days().values()}


async def test_each_day_is_sent_once_the_latest_first(
    house: House, sending: Sending, bucket: Bucket, shop: Shop
) -> None:
    assert await sending.send_days(bucket, FIRST) == DAYS
    assert in_bucket(shop) == in_archive(house)
    sent = [one.key for one in shop.asked if one.method == "PUT"]
    assert sent == [f"a/{name_of(day)}" for day in reversed(days())]
    shop.asked.clear()
    assert await sending.send_days(bucket, FIRST) == 0
    assert await sending.send_days(bucket, FIRST) == 0
    assert shop.methods() == ["GET", *["HEAD"] * DAYS, "GET"], "what is known to be the same is not asked about"
    shop.asked.clear()
    assert await Sending(house.store, house.archive).send_days(bucket, FIRST) == 0
    assert "PUT" not in shop.methods(), "nor is it sent after a new start"


async def test_a_day_written_anew_is_sent_anew(house: House, sending: Sending, bucket: Bucket, shop: Shop) -> None:
    await sending.send_days(bucket, FIRST)
    house.take(usage_record(started_at_us=us(FIRST, 2)))
    house.roll_up()
    Copying(house.store, house.archive).copy_days(FIRST)
    assert await sending.send_days(bucket, FIRST) == 1
    assert in_bucket(shop) == in_archive(house)
    assert {path.suffix for path in house.archive.directory.iterdir()} == {".parquet"}, "what was compared is gone"


async def test_a_file_of_the_same_size_is_told_by_its_sum(
    house: House, sending: Sending, bucket: Bucket, shop: Shop
) -> None:
    content = house.archive.path_of(FIRST).read_bytes()
    shop.put(f"a/{name_of(FIRST)}", content, {"x-amz-meta-sha256": "0" * 64})
    assert await sending.send_days(bucket, FIRST) == DAYS
    assert await sending.send_days(bucket, FIRST) == 0


async def test_a_day_of_which_the_bucket_knows_more_stays(
    house: House, sending: Sending, bucket: Bucket, shop: Shop
) -> None:
    """As after a disk was lost: the bucket is all there is of what was before."""
    await sending.send_days(bucket, FIRST)
    before = in_bucket(shop)
    shutil.rmtree(house.archive.directory)
    house.connection.execute("delete from requests")
    house.take(usage_record(started_at_us=us(LAST, 2)))
    house.roll_up()
    Copying(house.store, house.archive).copy_days(FIRST)
    with pytest.raises(
        NotSent, match=rf"^not copied: {LAST}: the bucket has \d+ requests of it that the archive has not"
    ):
        await sending.send_days(bucket, FIRST)
    assert in_bucket(shop) == before
    shop.put(f"a/{name_of(LAST)}", b"PAR1 and nothing of the kind", {})
    with pytest.raises(NotSent, match=f"{LAST}: it cannot be compared"):
        await sending.send_days(bucket, FIRST)


async def test_what_failed_goes_on_where_it_was(house: House, sending: Sending, bucket: Bucket, shop: Shop) -> None:
    shop.troubles += [failing("PUT", 403, "AccessDenied")]
    with pytest.raises(BucketAway, match="AccessDenied"):
        await sending.send_days(bucket, FIRST)
    assert in_bucket(shop) == {}
    first, *_ = reversed(days())
    path = house.archive.path_of(first)
    shop.put(f"a/{path.name}", path.read_bytes(), {"x-amz-meta-sha256": "not yet"})
    assert await Sending(house.store, house.archive).send_days(bucket, FIRST) == DAYS
    assert in_bucket(shop) == in_archive(house)


async def test_old_days_go_and_nothing_else(sending: Sending, bucket: Bucket, shop: Shop) -> None:
    await sending.send_days(bucket, FIRST)
    for key in ("a/notes.txt", "a/date=2020-01-01.csv", "a/2020/date=2020-01-01.parquet", "b/date=2020-01-01.parquet"):
        shop.put(key, b"somebody's", {})
    others = {key for key in shop.objects if not key.startswith("a/date=2026")}
    assert await sending.send_days(bucket, FIRST + timedelta(days=3)) == 0
    assert set(shop.objects) == others | {f"a/{name_of(day)}" for day in days()[3:]}


async def test_a_file_that_does_not_come_whole_is_not_looked_at(
    sending: Sending, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sending.send_days(bucket, FIRST)
    (kept, *_) = (await bucket.list()).values()
    with pytest.raises(NotSent, match=f"the bucket has {kept.size + 1} bytes, and {kept.size} came"):
        async with sending.fetched(bucket, FIRST, Kept(kept.size + 1, kept.tag)):
            pytest.fail("it is not looked at")
    monkeypatch.setattr("shutil.disk_usage", lambda path: shutil._ntuple_diskusage(9, 9, 0))
    with pytest.raises(NotSent, match=f"no room for the {kept.size} bytes of {FIRST}"):
        async with sending.fetched(bucket, FIRST, kept):
            pytest.fail("there is no room")


# By the settings, and for whoever lost a disk


def looked_after(house: House, thread: IngestThread, bucket: Bucket | None, kept_days: int = 0) -> Upkeep:
    async def begun() -> Beginnings:
        return Beginnings()

    around = Around(
        settings=lambda: UsageSettings(archive_days=0, bucket=BucketSettings(days=kept_days)),
        begun=begun,
        clock_us=lambda: us(LAST + timedelta(days=1), 0.5),
        bucket=lambda: bucket,
    )
    return Upkeep(house.store, thread, house.archive, around)


async def test_by_the_settings_of_the_moment(house: House, bucket: Bucket, shop: Shop) -> None:
    thread = IngestThread(house.ingest)
    await looked_after(house, thread, None).send_days()
    assert shop.asked == []
    await looked_after(house, thread, bucket, kept_days=2).send_days()
    assert sorted(in_bucket(shop)) == [name_of(day) for day in days()[-2:]]
    without = Upkeep(house.store, thread, None, looked_after(house, thread, bucket)._around)
    shop.asked.clear()
    await without.send_days()
    assert shop.asked == []


async def test_what_a_lost_disk_had_comes_back_from_the_bucket(
    house: House, sending: Sending, bucket: Bucket, shop: Shop
) -> None:
    await sending.send_days(bucket, FIRST)
    question = "select id, ts, cost_nano_usd from requests order by id"
    before = house.connection.execute(question).fetchall()
    for day in (FIRST, LAST):
        house.archive.path_of(day).unlink()
    house.connection.execute("delete from requests")
    house.connection.execute("delete from rolled")
    shop.put(f"a/{name_of(LAST + timedelta(days=1))}", b"nothing that could be read by anybody", {})
    shop.asked.clear()
    thread = IngestThread(house.ingest)
    thread.start()
    upkeep = looked_after(house, thread, bucket)
    await upkeep.bring_back(date.min)
    done = await upkeep.errand_done()
    after = await asyncio.wrap_future(thread.submit(lambda connection: connection.execute(question).fetchall()))
    await asyncio.to_thread(thread.stop)
    await upkeep.end()
    assert (done.error, done.said) == (None, {"days": DAYS, "requests": len(before), "unreadable": 1})
    assert after == before
    fetched = [one.key for one in shop.asked if one.method == "GET" and one.key]
    assert fetched == [f"a/{name_of(day)}" for day in (FIRST, LAST, LAST + timedelta(days=1))], "others are here"
    assert {path.suffix for path in house.archive.directory.iterdir()} == {".parquet"}

"""`sluicegate compact` and `sluicegate import-archive`: here where no gateway runs, by the control process where one
does."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from gateway.claims import claim_data_dir
from gateway.settings.model import Settings, UsageSettings
from gateway.upkeep.rolling import Beginnings
from gateway.usage_store import UsageStore
from tests.gateway.commands.calling import refuses, says
from tests.gateway.control.process import ControlProcess, running
from tests.gateway.outbound.s3_server import BUCKET, KEY_ID, REGION, SECRET, serving
from tests.gateway.upkeep.house import FIRST, some_records
from tests.gateway.usage.bench import Bench

RECORDS = some_records(60, seed=1)
SMALLER = re.compile(r"usage\.duckdb: \d+\.\d MB before, \d+\.\d MB now, in \d+\.\d s\n")


async def fill(directory: Path) -> None:
    """Records of five days in the store, and in the archive."""

    async def nothing_begun() -> Beginnings:
        return Beginnings()

    store = UsageStore(directory, lambda: Settings(usage=UsageSettings(archive_days=0)), nothing_begun)
    await store.start()
    Bench(directory).put("a", *RECORDS)
    await store.catch_up()
    await store.upkeep.roll_up()
    await store.upkeep.copy_days()
    await store.stop()


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    directory = tmp_path / "data"
    directory.mkdir(mode=0o700)
    asyncio.run(fill(directory))
    return directory


def count(data_dir: Path) -> int:
    with duckdb.connect(str(data_dir / "usage.duckdb"), read_only=True) as connection:
        return int(connection.execute("select count(*) from requests").fetchall()[0][0])


@pytest.fixture
def control(data_dir: Path) -> Iterator[ControlProcess]:
    """A control process on it, under the lock that a whole gateway holds."""
    lock = claim_data_dir(data_dir)
    with running(data_dir) as made:
        yield made
    os.close(lock)


def test_the_file_is_made_small_where_no_gateway_runs(data_dir: Path) -> None:
    before = (data_dir / "usage.duckdb").stat().st_ino
    assert SMALLER.fullmatch(says("compact", "--data-dir", data_dir))
    assert (data_dir / "usage.duckdb").stat().st_ino != before
    assert count(data_dir) == len(RECORDS)


def test_the_file_is_made_small_while_one_runs(data_dir: Path, control: ControlProcess) -> None:
    before = (data_dir / "usage.duckdb").stat().st_ino
    assert SMALLER.fullmatch(says("compact", "--data-dir", data_dir))
    assert (data_dir / "usage.duckdb").stat().st_ino != before
    assert control.as_operator("/api/health").json()["requests"] == len(RECORDS)


def test_a_lost_store_is_filled_where_no_gateway_runs(data_dir: Path) -> None:
    (data_dir / "usage.duckdb").unlink()
    said = says("import-archive", "--data-dir", data_dir)
    assert said == f"{len(RECORDS)} usage records taken from 5 files\n"
    assert count(data_dir) == len(RECORDS)
    assert says("import-archive", "--data-dir", data_dir) == "0 usage records taken from 5 files\n"
    assert count(data_dir) == len(RECORDS)


def test_a_lost_disk_is_filled_from_the_bucket(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "a.toml"
    with serving() as shop:
        for path in (data_dir / "archive" / "usage").iterdir():
            shop.put(f"here/{path.name}", path.read_bytes(), {})
        shutil.rmtree(data_dir)
        data_dir.mkdir(mode=0o700)
        config.write_text(
            f'[usage.bucket]\nurl = "s3://{BUCKET}/here"\nendpoint = "{shop.url}"\nregion = "{REGION}"\n'
            f'access_key_id = "{KEY_ID}"\nsecret_access_key_env = "BUCKET_SECRET"\nallow_http = true\n'
        )
        place = ("--config", config, "--data-dir", data_dir)
        assert "the environment variable BUCKET_SECRET is not set" in refuses("import-archive", *place)
        monkeypatch.setenv("BUCKET_SECRET", SECRET)
        said = says("import-archive", *place)
    assert said == f"{len(RECORDS)} usage records taken from 5 files\n"
    assert count(data_dir) == len(RECORDS)


def test_who_checks_settings_is_told_what_a_bucket_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "a.toml"
    config.write_text('[usage.bucket]\nurl = "s3://records"\n')
    assert says("check", "--config", config).startswith("ok: ")
    monkeypatch.delitem(sys.modules, "gateway.outbound.bucket")
    monkeypatch.setitem(sys.modules, "obstore", None)
    assert "pip install 'sluicegate[s3]'" in refuses("check", "--config", config)


def test_a_lost_store_is_filled_while_one_runs(data_dir: Path) -> None:
    (data_dir / "usage.duckdb").rename(data_dir / "usage.duckdb.broken")
    lock = claim_data_dir(data_dir)
    with running(data_dir) as control:
        assert says("import-archive", "--data-dir", data_dir) == f"{len(RECORDS)} usage records taken from 5 files\n"
        assert control.as_operator("/api/health").json()["requests"] == len(RECORDS)
    os.close(lock)


def test_as_many_days_are_taken_as_are_wanted_and_what_cannot_be_read_is_told(data_dir: Path) -> None:
    (data_dir / "usage.duckdb").unlink()
    last = data_dir / "archive" / "usage" / f"date={FIRST + timedelta(days=4)}.parquet"
    last.write_bytes(last.read_bytes()[:50])
    said = says("import-archive", "--data-dir", data_dir, "--since", str(FIRST + timedelta(days=3)))
    assert re.fullmatch(r"\d+ usage records taken from 1 file; 1 cannot be read\n", said)


def test_what_cannot_be_is_refused_in_words(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as full:
        full.setattr("shutil.disk_usage", lambda path: shutil._ntuple_diskusage(2, 1, 1))
        assert "1 MB are free" in refuses("compact", "--data-dir", data_dir)
    none = tmp_path / "none"
    assert refuses("compact", "--data-dir", none).startswith(f"there is no data directory {none}")
    none.mkdir()
    assert refuses("compact", "--data-dir", none) == f"there is no usage.duckdb in {none}"
    (none / "usage.duckdb").write_bytes(b"no database at all, and longer than its head" * 500)
    assert refuses("compact", "--data-dir", none).startswith("usage.duckdb cannot be opened: ")

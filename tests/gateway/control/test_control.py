"""The control process as the supervisor and the workers meet it: a real one, on a real socket."""

from __future__ import annotations

import os
import time
from pathlib import Path

import duckdb
import msgspec
import pytest

from gateway import __version__
from gateway.leash import Reload
from gateway.settings.objects import AliasSettings
from gateway.usage.spool import encode
from tests.gateway.control.process import FORWARDED, ControlProcess, record, running, settings_in, spool_of
from tests.gateway.usage.records import usage_record
from tests.waiting import until


def requests(control: ControlProcess) -> int:
    count: int = control.as_operator("/api/health").json()["requests"]
    return count


def test_a_record_is_seen_soon_after_the_request_ended(tmp_path: Path) -> None:
    with running(tmp_path) as control:
        spool = spool_of(tmp_path)
        spool.append(encode(usage_record()))
        start = time.monotonic()

        def seen() -> bool:
            spool.tick()
            return bool(control.as_operator("/api/usage").json()["rows"])

        until(seen)
        assert time.monotonic() - start < 20
        spool.close()


def test_it_starts_without_workers_and_takes_what_they_left(tmp_path: Path) -> None:
    spool = spool_of(tmp_path)
    spool.append(encode(usage_record()))
    spool.close()
    with running(tmp_path) as control:
        until(lambda: requests(control) == 1)


def test_when_told_to_end_it_takes_what_is_closed_and_shuts_the_store(tmp_path: Path) -> None:
    control = ControlProcess(tmp_path)
    assert control.hear()["is"] == "ready"
    spool = spool_of(tmp_path)
    for _ in range(500):
        spool.append(encode(usage_record()))
    spool.close()
    assert control.drain() == 0
    assert list((tmp_path / "spool").iterdir()) == []
    assert not (tmp_path / "usage.duckdb.wal").exists()
    with duckdb.connect(str(tmp_path / "usage.duckdb"), read_only=True) as connection:
        assert connection.execute("select count(*) from requests").fetchone() == (500,)
    control.close()


def test_killed_and_started_again_it_has_every_record_once(tmp_path: Path) -> None:
    spool = spool_of(tmp_path)
    for _ in range(4):
        control = ControlProcess(tmp_path)
        assert control.hear()["is"] == "ready"
        for _ in range(50):
            spool.append(encode(usage_record()))
        spool.close()
        control.kill()
    with running(tmp_path) as control:
        until(lambda: requests(control) == 200)


def test_a_second_one_waits_until_the_first_is_gone(tmp_path: Path) -> None:
    first = ControlProcess(tmp_path)
    assert first.hear()["is"] == "ready"
    second = ControlProcess(tmp_path)
    with pytest.raises(TimeoutError):
        second.hear(seconds=0.5)
    first.kill()
    second._words.close()
    second._words = second._leash.makefile("rb")  # a stream that timed out once reads no more
    assert second.hear()["is"] == "ready"
    assert second.as_operator("/api/usage").status == 200
    second.close()


def test_it_ends_when_its_supervisor_is_gone(tmp_path: Path) -> None:
    control = ControlProcess(tmp_path)
    assert control.hear()["is"] == "ready"
    control.close()
    assert control.process.returncode == 0


def test_what_it_keeps_is_for_its_owner_alone(tmp_path: Path) -> None:
    with running(tmp_path) as control:
        for path in (control.uds, tmp_path / "run" / "operator.token"):
            assert path.stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700


def test_the_operators_token_stays_over_restarts(tmp_path: Path) -> None:
    with running(tmp_path):
        token = (tmp_path / "run" / "operator.token").read_text()
    with running(tmp_path):
        assert (tmp_path / "run" / "operator.token").read_text() == token
    assert len(token.strip()) >= 32


def test_new_settings_are_used_from_the_next_request_on(tmp_path: Path) -> None:
    with running(tmp_path) as control:
        aliases = (AliasSettings(name="fast", target="mock/x"),)
        control.say(Reload(settings=msgspec.structs.replace(control.settings, aliases=aliases), generation=7))
        assert control.hear() == {"is": "reloaded", "generation": 7}


def test_without_a_store_pages_and_the_rest_go_on_and_it_comes_back_by_itself(tmp_path: Path) -> None:
    (tmp_path / "usage.duckdb").mkdir(parents=True)
    with running(tmp_path, demo=True) as control:
        refused = control.as_operator("/api/usage")
        assert refused.status == 503
        assert refused.json()["code"] == "control_unavailable"
        assert refused.headers["retry-after"] == "1"
        page = control.ask("/", FORWARDED)
        assert page.status == 503
        assert "Not available" in page.text
        spool = spool_of(tmp_path)
        spool.append(encode(usage_record()))
        spool.close()
        (tmp_path / "usage.duckdb").rmdir()
        until(lambda: control.as_operator("/api/usage").status == 200, seconds=10)
        until(lambda: requests(control) == 1)


def test_the_state_of_ingest_is_told_to_the_operator(tmp_path: Path) -> None:
    with running(tmp_path) as control:
        (tmp_path / "spool" / "x.seg").write_bytes(encode(usage_record()) + b"hello\n")
        until(lambda: control.as_operator("/api/health").json()["lines_refused"] == 1)
        told = control.as_operator("/api/health").json()
        assert told.pop("last_taken_at").endswith("Z")
        assert told.pop("version") == __version__
        assert told.pop("generations").keys() == {"configuration", "keys", "people"}
        assert told == {
            "requests": 1,
            "records_taken": 1,
            "lines_refused": 1,
            "segments_set_aside": 1,
            "segments_waiting": 0,
            "spool_bytes": 0,
            "trouble": None,
        }
        assert control.ask("/api/health", {**FORWARDED, "x-sluicegate-key": "team"}).status == 401


def test_at_rest_it_costs_little(tmp_path: Path) -> None:
    with running(tmp_path, settings_in(tmp_path)) as control:
        record(control, {}, {})
        assert control.ask("/", FORWARDED).status == 303
        ticks = os.sysconf("SC_CLK_TCK")

        def spent() -> float:
            fields = Path(f"/proc/{control.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / ticks

        before = spent()
        time.sleep(1.0)  # the rule is about a stretch of time
        assert spent() - before < 0.1
        status = Path(f"/proc/{control.process.pid}/status").read_text()
        resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        assert resident < 200 * 1024

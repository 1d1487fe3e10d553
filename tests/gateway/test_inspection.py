"""How the gateway is doing, found out of real processes, files that workers left, real stores."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec import structs

from gateway import __version__
from gateway.errors import ControlUnavailable
from gateway.inspection import Inspection, versions
from gateway.leash import Start
from gateway.management import system
from gateway.observe import snapshot
from gateway.observe.snapshot import Process, Snapshot
from gateway.observe.tally import Readings, Tally
from gateway.oversight import Oversight
from gateway.settings.model import LimitSettings, ServerSettings, Settings
from gateway.store.state import State, database_of, make_ready
from gateway.upkeep.errands import Errand
from gateway.upkeep.upkeep import Upkeep
from gateway.usage_store import UsageStore
from tests.gateway.management.offices import OPERATOR

BEGUN_US = 1_780_000_000_000_000


class Keeping:
    """An analytics store that does not answer, or one that is being written anew."""

    errand: Errand | None = None

    async def standing(self) -> dict[str, Any]:
        raise ControlUnavailable("It is shut.")

    async def compact(self) -> None:
        self.errand = Errand(name="compact", began_at_us=1)


class Alone:
    """Limits are counted here."""

    is_here: bool | None = None
    outages = 0


@dataclass
class Around:
    """A control process."""

    state: State
    upkeep: Upkeep
    oversight: Oversight
    ingest: dict[str, Any]

    def ingest_state(self) -> Mapping[str, Any]:
        return self.ingest


@dataclass
class Scene:
    settings: Settings
    around: Around
    inspection: Inspection
    directory: Path

    def leave(self, worker: int, pid_of: Process, starts: int = 1, **readings: int) -> None:
        """What a worker has counted."""
        told = Snapshot(BEGUN_US, pid_of, starts, Readings(**readings), Tally([], [], []))
        place = self.directory / "run" / "metrics"
        place.mkdir(parents=True, exist_ok=True)
        snapshot.store(snapshot.path(place, worker), told.bytes())


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    settings = Settings(server=ServerSettings(data_dir=str(tmp_path), workers=2))
    make_ready(database_of(settings))
    (tmp_path / "spool").mkdir()
    ingest = dict.fromkeys(("segments_waiting", "spool_bytes", "records_taken", "lines_refused"), 0)
    state = State(database_of(settings))
    told = {**ingest, "last_taken_at": None, "trouble": None, "segments_set_aside": 0}
    around = Around(state, cast(Upkeep, Keeping()), cast(Oversight, Alone()), told)
    start = Start(settings=settings, started_at_us=BEGUN_US)
    made = Scene(settings, around, Inspection(start, lambda: made.settings, around), tmp_path)
    yield made
    await state.close()


async def test_workers_are_told_by_what_they_leave_and_whether_they_live(scene: Scene) -> None:
    gone = Process(os.getpid(), 1)  # the number was another one's before
    scene.leave(0, Process.current(), 3, in_flight=4, streams_open=2, connections_open=5, records_dropped=7)
    scene.leave(1, gone, 2, in_flight=9, records_dropped=1)
    doing = await scene.inspection.doing()
    one, other = doing.workers
    assert one.process is not None
    assert (one.process.pid, one.restarts, one.in_flight, one.streams, one.connections) == (os.getpid(), 2, 4, 2, 5)
    assert one.process.rss_bytes > 1_000_000
    assert one.process.since_us is not None
    assert abs(one.process.since_us / 1e6 - time.time()) < 3600
    assert (other.process, other.restarts, other.in_flight) == (None, 1, 0), "what a dead one had running is over"
    assert doing.spool.dropped == 8, "what is lost stays lost"
    assert doing.control is not None
    assert doing.control.pid == os.getpid()
    assert doing.machine is not None
    assert 0 < doing.machine.available_bytes <= doing.machine.memory_bytes
    assert (doing.limits_answer, doing.limits_outages) == (None, 0)


async def test_workers_of_an_earlier_start_are_none(scene: Scene) -> None:
    scene.leave(0, Process.current())
    later = Inspection(Start(settings=scene.settings, started_at_us=BEGUN_US + 1), lambda: scene.settings, scene.around)
    assert [each.process for each in (await later.doing()).workers] == [None, None]


async def test_records_that_wait_or_lie_aside_are_counted(scene: Scene) -> None:
    spool = scene.directory / "spool"
    (spool / "1.seg").write_bytes(b"{}\n")
    os.utime(spool / "1.seg", (time.time() - 90, time.time() - 90))
    (spool / "bad").mkdir()
    (spool / "bad" / "0.refused").write_bytes(b"?\n")
    scene.around.ingest |= {"segments_waiting": 1, "trouble": "disk full", "last_taken_at": "2026-05-28T20:26:40Z"}
    found = (await scene.inspection.doing()).spool
    assert (found.segments, found.set_aside, found.trouble, found.last_us) == (1, 1, "disk full", BEGUN_US)
    assert 80 < found.lag_seconds < 3600


async def test_a_store_that_is_shut_is_left_out_and_passwords_are_never_told(scene: Scene) -> None:
    scene.settings = structs.replace(
        scene.settings, limits=LimitSettings(redis_url="rediss://user:canary@redis.example:6380/1")
    )
    kept = await scene.inspection.kept()
    assert (kept.store, kept.errand) == (None, None)
    assert kept.limits_place == "redis.example:6380"
    assert "canary" not in repr(kept)
    assert kept.state.migrations == kept.state.version >= 5
    assert kept.state.place == str(scene.directory / "state.sqlite3")
    assert kept.state.size_bytes is not None
    assert kept.state.size_bytes > 10_000
    assert "state.sqlite3" in kept.sizes


async def test_what_the_store_holds_is_told_and_having_it_compacted(tmp_path: Path, scene: Scene) -> None:
    async def never() -> Any:
        raise AssertionError

    store = UsageStore(tmp_path / "usage", lambda: scene.settings, never)
    await store.start()
    try:
        scene.around.upkeep = store.upkeep
        kept = await scene.inspection.kept()
        assert kept.store is not None
        assert (kept.store.requests, kept.store.oldest_us, kept.store.archived_days) == (0, None, 0)
        await system.compact(OPERATOR, scene.inspection)
        await store.upkeep.errand_done()
        errand = (await scene.inspection.kept()).errand
        assert errand is not None
        assert (errand.name, errand.error) == ("compact", None)
        assert errand.said["after_bytes"] > 0
    finally:
        await store.stop()


def test_versions_are_those_that_run() -> None:
    found = dict(versions())
    assert found["Sluicegate"] == __version__
    assert {"Python", "duckdb", "granian", "blacksheep", "orjson", "httpx", "kernel"} <= found.keys()

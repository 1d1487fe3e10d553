"""Real processes: what one scrape tells about all of them, also when one is killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Self

import pytest

from tests.gateway.observe.test_metrics import STARTED, numbers
from tests.source import ROOT


class Worker:
    """A counting process and the conversation with it."""

    def __init__(self, directory: Path, index: int, started: int = STARTED) -> None:
        command = [sys.executable, "-m", "tests.gateway.observe.counting_worker", str(directory), str(index)]
        self._process = subprocess.Popen(
            [*command, str(started)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._hear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._process.communicate()

    def tell(self, order: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(order + "\n")
        self._process.stdin.flush()
        return self._hear()

    def total(self, name: str) -> float:
        return total(self.tell("render"), name)

    def kill(self) -> None:
        """Killed, and left as a zombie until the end: what a supervisor has not yet waited for."""
        self._process.send_signal(signal.SIGKILL)
        assert self._process.stdout is not None
        self._process.stdout.read()

    def _hear(self) -> str:
        assert self._process.stdout is not None
        text = json.loads(self._process.stdout.readline())
        assert isinstance(text, str)
        return text


def total(text: str, name: str) -> float:
    return sum(value for (each, _), value in numbers(text.encode()).items() if each == name)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Worker, Worker]]:
    with Worker(tmp_path, 0) as first, Worker(tmp_path, 1) as second:
        yield first, second


def test_whoever_is_scraped_tells_of_all(pair: tuple[Worker, Worker]) -> None:
    for worker, count in zip(pair, (3, 4), strict=True):
        worker.tell(f"observe {count}")
        worker.tell(f"gauge {count}")
        worker.tell("publish")
    for worker in pair:
        assert worker.total("sluicegate_requests_total") == 7
        assert worker.total("sluicegate_requests_in_flight") == 7
        assert worker.total("sluicegate_workers") == 2
        assert worker.total("sluicegate_usage_records_dropped_total") == 2
        assert worker.total("sluicegate_request_duration_seconds_count") == 7


def test_of_a_dead_worker_the_counters_stay_and_the_gauges_go(pair: tuple[Worker, Worker]) -> None:
    first, second = pair
    second.tell("observe 5")
    second.tell("gauge 5")
    second.tell("publish")
    assert first.total("sluicegate_requests_in_flight") == 5
    second.kill()
    assert first.total("sluicegate_requests_total") == 5
    assert first.total("sluicegate_usage_records_dropped_total") == 2
    assert first.total("sluicegate_requests_in_flight") == 0
    assert first.total("sluicegate_workers") == 1


def test_a_worker_started_again_goes_on_counting(pair: tuple[Worker, Worker], tmp_path: Path) -> None:
    first, second = pair
    second.tell("observe 5")
    second.tell("publish")
    second.kill()
    with Worker(tmp_path, 1) as again:
        assert first.total("sluicegate_requests_total") == 5
        again.tell("observe 2")
        assert again.total("sluicegate_requests_total") == 7
        assert first.total("sluicegate_requests_total") == 7
        assert first.total("sluicegate_usage_records_dropped_total") == 3
        assert first.total("sluicegate_worker_restarts_total") == 1


def test_what_was_shown_once_is_never_taken_back(pair: tuple[Worker, Worker], tmp_path: Path) -> None:
    """Shown by the worker itself just before it is killed: not one tick has written it."""
    first, second = pair
    second.tell("observe 9")
    assert second.total("sluicegate_requests_total") == 9
    second.kill()
    assert first.total("sluicegate_requests_total") == 9
    with Worker(tmp_path, 1) as again:
        assert again.total("sluicegate_requests_total") == 9


def test_a_new_start_of_the_gateway_counts_from_zero(pair: tuple[Worker, Worker], tmp_path: Path) -> None:
    for worker in pair:
        worker.tell("observe 5")
        worker.tell("publish")
        worker.kill()
    with Worker(tmp_path, 0, STARTED + 1) as new:
        assert new.total("sluicegate_requests_total") == 0
        assert new.total("sluicegate_workers") == 1


def test_counters_only_rise_while_all_are_scraped_at_once_and_one_is_killed(tmp_path: Path) -> None:
    with Worker(tmp_path, 0) as first, Worker(tmp_path, 1) as second, Worker(tmp_path, 2) as victim:

        def scrape(worker: Worker) -> list[float]:
            return [
                total(worker.tell("render"), "sluicegate_requests_total") for _ in range(60) if worker.tell("observe 3")
            ]

        victim.tell("observe 10")
        victim.tell("publish")
        with ThreadPoolExecutor(3) as threads:
            seen = [threads.submit(scrape, worker) for worker in (first, second)]
            victim.kill()
            with Worker(tmp_path, 2) as again:
                again.tell("observe 100")
                again.tell("publish")
                for each in seen:
                    shown = each.result()
                    assert all(before <= after for before, after in pairwise(shown))
                assert again.total("sluicegate_requests_total") == 2 * 180 + 110
                assert first.total("sluicegate_requests_total") == 2 * 180 + 110

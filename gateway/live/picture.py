"""What runs in all workers together, put together from what each of them says. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Mapping

from .events import RunningNow, WorkerFigures
from .wanted import Sight, Wanted, is_visible
from .words import MOST_RUNNING, Glimpse, Hello, Running


class Picture:
    """Of one gateway."""

    def __init__(self) -> None:
        self._told: dict[Hello, Glimpse] = {}

    def put(self, worker: Hello, glimpse: Glimpse) -> None:
        """This runs in a worker now."""
        self._told[worker] = glimpse

    def drop(self, worker: Hello) -> None:
        """Nothing runs there any more, or nobody knows."""
        self._told.pop(worker, None)

    def clear(self) -> None:
        """Nobody knows anything."""
        self._told.clear()

    def running(self, sight: Sight, wanted: Wanted) -> RunningNow:
        """What somebody sees of it."""
        every = [request for glimpse in self._told.values() for request in glimpse.running]
        if sight.key_ids is None:
            total = sum(glimpse.total for glimpse in self._told.values())
            streaming = sum(glimpse.streaming for glimpse in self._told.values())
        else:
            every = [request for request in every if is_visible(sight, request)]
            total, streaming = len(every), sum(request.state == "streaming" for request in every)
        shown = [request for request in every if wanted.covers(request)] if wanted.narrows else every
        return RunningNow(total, streaming, tuple(heapq.nlargest(MOST_RUNNING, shown, key=_age)))

    def workers(self, known: Mapping[int, int]) -> tuple[WorkerFigures, ...]:
        """What each worker does; `known` has the process of each that is there."""
        told = {worker.worker: glimpse for worker, glimpse in self._told.items()}
        return tuple(_figures(worker, pid, told.get(worker, Glimpse())) for worker, pid in sorted(known.items()))


def _age(request: Running) -> tuple[int, str]:
    return request.started_at_us, request.id


def _figures(worker: int, pid: int, glimpse: Glimpse) -> WorkerFigures:
    return WorkerFigures(
        worker=worker,
        pid=pid,
        in_flight=glimpse.total,
        streams_open=glimpse.streaming,
        connections_open=glimpse.connections,
    )

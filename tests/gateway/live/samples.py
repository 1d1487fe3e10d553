"""Requests under way and what workers tell of them, for these tests."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from gateway.live.events import Event, Finished
from gateway.live.words import Frame, Glimpse, Hello, Running
from gateway.records import UsageRecord
from tests.gateway.usage.records import EXAMPLE

FIRST, SECOND = Hello(worker=0, pid=100), Hello(worker=1, pid=101)

BOOT = "b"

RUNNING = Running(
    id="r1",
    started_at_us=1_795_219_200_000_000,
    worker=0,
    key="team",
    key_id="team",
    user_id=None,
    team_id=None,
    endpoint="/v1/chat/completions",
    requested_model="fast",
    stream=True,
    provider="mock",
    model="gpt-4o",
    credential="first",
    attempt=1,
    state="streaming",
    response_bytes=4_000,
    output_tokens=100,
    first_byte_us=31_000,
)


def running(request_id: str, **changes: Any) -> Running:
    """One that runs, with this id."""
    return replace(RUNNING, id=request_id, **changes)


def ended(*ids: str, **changes: Any) -> tuple[UsageRecord, ...]:
    """Some that have ended, with these ids."""
    return tuple(replace(EXAMPLE, id=each, **changes) for each in ids)


def frame(*runs: Running, over: tuple[UsageRecord, ...] = (), **more: Any) -> Frame:
    """What a worker tells."""
    streaming = sum(each.state == "streaming" for each in runs)
    return Frame(Glimpse(runs, len(runs), streaming, connections=3), over, **more)


def finished(number: int, *ids: str) -> Event:
    """That these have ended, as an event."""
    return Event(BOOT, number, Finished(ended(*ids)))


def ids_in(events: list[Event]) -> list[str]:
    """Of everything that has ended by these events."""
    return [each.id for event in events if isinstance(event.of, Finished) for each in event.of.requests]

"""A browser that follows the Live page, as bytes: what it is told, and where on the page that goes."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, tzinfo
from typing import Any

from msgspec.structs import replace

from gateway.live.events import Event, Greeting, ProcessFigures, System
from gateway.live.words import Running
from gateway.usage.figures import SECOND
from tests.web.markup import assert_well_formed
from web.happening import Ended
from web.pages import live

NOW = time.time_ns() // 1000 // SECOND * SECOND
"""A second begins."""

RUNNING = Running(
    id="0192f0e1-0000-7000-8000-000000000001",
    started_at_us=NOW - 3_000_000,
    worker=0,
    key="team",
    key_id="key:1",
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
    output_tokens=120,
    first_byte_us=31_000,
)

GREETING = Greeting("1", ("running",), 10.0)

INGEST = {"segments_waiting": 2}

SYSTEM = System(
    at_us=NOW,
    in_flight=3,
    streams_open=2,
    processes=(ProcessFigures("worker 0", 1, 12.4, 60_000_000), ProcessFigures("control", 2, None, 90_000_000)),
    workers=(),
    viewers=1,
    ingest=INGEST,
    ingest_lag_seconds=0.4,
    sizes={},
)


class Watching:
    """A browser that is told of events, at times that the test says."""

    def __init__(self, zone: tzinfo = UTC, anew: tuple[Ended, ...] | None = None, *, narrows: bool = False) -> None:
        self.now_us = NOW
        self._number = 0
        self._following = live.Following(zone, anew, lambda: self.now_us, narrows=narrows)

    def told(self, *said: Any, seconds: float = 0.0) -> str:
        """What it gets for these, and so many seconds later."""
        self.now_us += round(seconds * SECOND)
        events = []
        for each in said:
            self._number += 1
            events.append(each if isinstance(each, Event) else Event("boot", self._number, each))
        return self._following.write(events).decode()


def written(*said: Any) -> str:
    """What a browser gets first, where these are the events."""
    return Watching().told(*said)


def messages(text: str) -> list[dict[str, str]]:
    """The fields of each server-sent event."""
    found = []
    for block in text.split("\n\n")[:-1]:
        fields: dict[str, str] = {}
        for line in block.split("\n"):
            name, _, value = line.partition(": ")
            fields[name] = f"{fields[name]}\n{value}" if name in fields else value
        found.append(fields)
    return found


def swapped(text: str, target: str) -> str:
    """What goes to an element of the page; empty where nothing does."""
    body = "\n".join(each["data"] for each in messages(text) if "data" in each and "event" not in each)
    found = re.search(rf'<hx-partial hx-target="#{target}" hx-swap="(\w+)">(.*?)</hx-partial>', body, re.S)
    assert_well_formed(found[2] if found else "")
    return found[2] if found else ""


def texts(text: str) -> dict[str, Any]:
    """What elements of the page are to say."""
    return {id_: said for each in messages(text) if "event" in each for id_, said in json.loads(each["data"]).items()}


def running(number: int, **changes: Any) -> Running:
    """One of several."""
    return replace(RUNNING, **{"id": f"{RUNNING.id[:-1]}{number}", **changes})


def line(number: int) -> str:
    """The element of one of several."""
    return f"u-{RUNNING.id[:-1]}{number}"

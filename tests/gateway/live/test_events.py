from __future__ import annotations

import re
from typing import Any

import orjson
import pytest

from gateway.live.events import (
    End,
    Event,
    Finished,
    Gap,
    Greeting,
    ProcessFigures,
    RunningNow,
    Said,
    System,
    WorkerFigures,
    told,
)
from tests.gateway.usage.records import EXAMPLE
from tests.source import ROOT

from .samples import BOOT, RUNNING, ended

AT = "2026-11-21T00:00:00.000000Z"

SYSTEM = System(
    at_us=1_795_219_200_000_000,
    in_flight=3,
    streams_open=2,
    processes=(ProcessFigures("control", 7, None, 1000),),
    workers=(WorkerFigures(0, 8, 3, 2, 5),),
    viewers=1,
    ingest={"segments_waiting": 0},
    ingest_lag_seconds=0.5,
    sizes={"usage.duckdb": 4096},
)


def said(of: Said) -> tuple[str, Any]:
    event = Event(BOOT, 5, of)
    assert event.id == "b-5"
    assert b"\n" not in event.data
    return event.name, orjson.loads(event.data)


def test_small_events_say_what_they_are() -> None:
    greeting = {"version": "1", "kinds": ["running"], "heartbeat_seconds": 10.0}
    assert said(Greeting("1", ("running",), 10.0)) == ("hello", greeting)
    assert said(Gap(None)) == ("gap", {"missed": None})
    assert said(End("slow")) == ("end", {"why": "slow"})


def test_what_runs_is_told_with_instants() -> None:
    name, data = said(RunningNow(7, 3, (RUNNING,)))
    assert (name, data["total"], data["streaming"]) == ("running", 7, 3)
    (request,) = data["requests"]
    assert request["started_at"] == AT
    assert (request["id"], request["state"], request["output_tokens"]) == ("r1", "streaming", 100)
    assert "started_at_us" not in request


def test_how_the_gateway_is_doing_is_told_whole() -> None:
    name, data = said(SYSTEM)
    assert (name, data["at"], data["viewers"], data["sizes"]) == ("system", AT, 1, {"usage.duckdb": 4096})
    assert data["processes"] == [{"name": "control", "pid": 7, "cpu_percent": None, "rss_bytes": 1000}]
    assert data["workers"] == [{"worker": 0, "pid": 8, "in_flight": 3, "streams_open": 2, "connections_open": 5}]


def test_what_has_ended_is_told_in_the_words_of_the_management_api() -> None:
    statement = (ROOT / "sql" / "queries" / "usage" / "newest.sql").read_text(encoding="utf-8")
    listed = statement.partition("select\n")[2].partition("\nfrom ")[0].split(",\n")
    columns = {re.split(r"\bas\b", line)[-1].strip() for line in listed}
    ours = told(EXAMPLE).keys()
    assert {"started_at" if name == "started_at_us" else name for name in columns} - ours <= {
        "tries",
        "lossy",
        "captured",
    }
    assert (told(EXAMPLE)["input_tokens"], told(EXAMPLE)["started_at"]) == (10, AT)


def test_it_is_written_once_for_all() -> None:
    event = Event(BOOT, 1, Finished(ended("a", "b")))
    assert event.data is event.data
    assert [each["id"] for each in orjson.loads(event.data)["requests"]] == ["a", "b"]


@pytest.mark.parametrize("text", ["<script>", "\n\ndata: x", "\u2028", "\x00", 'a"b'])
def test_whatever_a_client_says_stays_within_its_text(text: str) -> None:
    _, data = said(Finished(ended("a", requested_model=text)))
    assert data["requests"][0]["requested_model"] == text

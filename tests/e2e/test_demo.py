"""`serve --demo` on an empty directory shows life within seconds, ends clean, and goes on the next time."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from gateway import operator
from gateway.seeding.clients import KEYS
from gateway.seeding.kept import kept_in
from gateway.settings.instants import read_instant
from tests.children.running import Running, gone, running
from tests.waiting import until

REQUESTS = 40_000
"""Of its history: a tenth of what it has where nobody says it."""

PATIENCE = 60.0
"""Seconds in which a machine with much else to do has it too."""

DIALECTS = ("/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1beta/models/{model}:")


@contextmanager
def demo(directory: Path, *arguments: str) -> Iterator[Running]:
    with running(directory, "--demo", "--history", str(REQUESTS), *arguments, command=("gateway", "serve")) as gateway:
        until(gateway.out.read_text, PATIENCE)
        until(lambda: ask(gateway, "/api/health"), PATIENCE)
        yield gateway


def ask(gateway: Running, path: str, **question: str | int) -> Any:
    """What the control process says; None before it says anything."""
    with suppress(operator.NotAnswered):
        return operator.ask(gateway.data_dir, path, question)
    return None


def live(gateway: Running, since_us: int) -> list[dict[str, Any]]:
    """Records of what was asked since then, by others than us."""
    answer = ask(gateway, "/api/usage", last="15m", limit=200)
    kept = kept_in(gateway.data_dir)
    rows = answer["rows"] if answer is not None and kept is not None else []
    until_us = max(since_us, kept.until_us if kept is not None else 0)
    return [row for row in rows if read_instant(row["started_at"]) >= until_us]


def heard(rows: list[dict[str, Any]]) -> set[str]:
    """In which dialects."""
    return {dialect for dialect in DIALECTS for row in rows if row["endpoint"].startswith(dialect)}


def pages_of(gateway: Running) -> set[int]:
    """How the pages of the rail answer somebody who is not signed in."""
    with httpx.Client(base_url=gateway.url, trust_env=False, timeout=PATIENCE) as somebody:
        rail = re.findall(r'<li><a href="(/[^"?]*)', somebody.get("/").text)
        assert "/sql" in rail
        return {somebody.get(path).status_code for path in rail}


def test_an_empty_demo_is_alive_within_seconds_and_ends_clean(tmp_path: Path) -> None:
    began_us = time.time_ns() // 1000
    with demo(tmp_path) as gateway:
        until(lambda: ask(gateway, "/api/health")["requests"] >= REQUESTS // 20, PATIENCE)
        until(lambda: heard(live(gateway, began_us)) == set(DIALECTS), PATIENCE, every=0.5)
        rows = live(gateway, began_us)
        assert {True, False} == {row["stream"] for row in rows}
        assert {row["key"] for row in rows} <= {None, *(key.name for key in KEYS)}
        assert all(row["user_id"] or row["team_id"] for row in rows if row["key"])
        assert any(row["cost_nano_usd"] for row in rows)
        assert pages_of(gateway) == {200}, "whoever comes by sees all of them"
        assert '"ttfb_ms"' not in gateway.err.read_text(), "lines of requests would hide all others"
        children = gateway.children()
        assert gateway.stop() == 0
        assert all(map(gone, children))
        assert not gateway.events("killed: it did not end in time")
        assert "Traceback" not in gateway.err.read_text()


def test_the_next_start_goes_on_with_the_same_people(tmp_path: Path) -> None:
    with demo(tmp_path) as gateway:
        until(lambda: ask(gateway, "/api/health")["requests"] > 0, PATIENCE)
        before = kept_in(gateway.data_dir)
        assert before is not None
        # In the middle of it all.
        assert gateway.stop() == 0
    (tmp_path / "out").unlink()
    began_us = time.time_ns() // 1000
    with demo(tmp_path) as gateway:
        until(lambda: len(live(gateway, began_us)) > 3, PATIENCE, every=0.5)
        until(lambda: ask(gateway, "/api/health")["requests"] >= REQUESTS, PATIENCE)
        until(lambda: (kept := kept_in(gateway.data_dir)) is not None and kept.is_whole, PATIENCE)
        kept = kept_in(gateway.data_dir)
        assert kept is not None
        assert (kept.until_us, kept.secrets) == (before.until_us, before.secrets)
        assert len(ask(gateway, "/api/keys", limit=200)["items"]) == len(KEYS)
        assert not any(row["status"] == 401 and row["key"] for row in live(gateway, began_us))
        assert gateway.stop() == 0
        assert ask(gateway, "/api/health") is None


def test_one_that_is_to_be_empty_is(tmp_path: Path) -> None:
    with demo(tmp_path, "--empty") as gateway:
        status, _ = gateway.get("/")
        assert status == 200, "anybody on this machine may look around"
        assert ask(gateway, "/api/health")["requests"] == 0
        assert ask(gateway, "/api/users")["items"] == []
        assert kept_in(gateway.data_dir) is None
        assert gateway.stop() == 0

"""A worker keeps what is said once it knows what to seal it under, and as long as the settings want it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec import structs
from structlog.testing import capture_logs

from gateway import capturing
from gateway.captures import slips
from gateway.captures.places import folder_of
from gateway.captures.reading import open_capture
from gateway.capturing import Captures
from gateway.credentials.vault import Vault
from gateway.errors import StateUnavailable
from gateway.management.office import Office
from gateway.relay.exchange import Exchange
from gateway.relay.relay import Relay
from gateway.relay.taps import TappedExchange
from gateway.settings.model import CaptureSettings
from gateway.store.state import State
from gateway.unlock import captures_key
from tests.gateway.captures.takes import flow, id_at, taken
from tests.gateway.management.offices import office_in
from tests.source import ROOT
from tests.waiting import auntil

ALL = CaptureSettings(mode="all", max_bytes=2000)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with office_in(tmp_path) as made:
        yield made


@pytest.fixture
def relay() -> Relay:
    return cast(Relay, SimpleNamespace(exchange=Exchange, capturing=None))


@pytest.fixture
async def captures(office: Office, relay: Relay) -> AsyncIterator[Captures]:
    made = Captures(relay, office.state, office.declared.settings)
    yield made
    await made.close()


def ticked(captures: Captures, is_so: bool) -> bool:
    """Whether something is so; time goes on."""
    captures.tick()
    return is_so


async def test_while_it_is_off_nothing_is_made(
    office: Office, captures: Captures, relay: Relay, tmp_path: Path
) -> None:
    captures.follow(CaptureSettings())
    captures.tick()
    assert (relay.exchange, relay.capturing, captures.dropped) == (Exchange, None, 0)
    assert await office.read(lambda session: captures_key(session, office.declared.settings)) is None
    assert not folder_of(tmp_path).exists()


async def test_what_is_kept_is_sealed_under_a_key_of_the_state(
    office: Office, captures: Captures, relay: Relay, tmp_path: Path
) -> None:
    captures.follow(ALL)
    assert relay.exchange is Exchange, "the key is not known yet"
    await auntil(lambda: relay.exchange is TappedExchange)
    assert relay.capturing is not None
    assert (relay.capturing.mode, relay.capturing.bytes_taken) == ("all", 2000 + 4096)
    one = taken(body=flow(b"said"))
    assert relay.capturing.keep(one)
    await captures.close()
    key = await office.read(lambda session: captures_key(session, office.declared.settings))
    capture = open_capture(folder_of(tmp_path), one.id, Vault(key or b""))
    assert capture is not None
    assert capture.request.body.kept == b"said"


async def test_several_workers_have_one_key(office: Office, captures: Captures, relay: Relay) -> None:
    other_relay = cast(Relay, SimpleNamespace(exchange=Exchange, capturing=None))
    other = Captures(other_relay, office.state, office.declared.settings)
    captures.follow(ALL)
    other.follow(ALL)
    await auntil(lambda: relay.capturing is not None and other_relay.capturing is not None)
    assert captures._key == other._key
    await other.close()


async def test_it_follows_the_settings(captures: Captures, relay: Relay) -> None:
    captures.follow(ALL)
    await auntil(lambda: relay.capturing is not None)
    captures.follow(structs.replace(ALL, mode="sampled", share=0.5, redact=("word",)))
    assert relay.capturing is not None
    assert (relay.capturing.mode, relay.capturing.share) == ("sampled", 0.5)
    captures.follow(CaptureSettings())
    assert relay.exchange is Exchange
    assert vars(relay)["capturing"] is None
    captures.follow(ALL)
    assert relay.exchange is TappedExchange, "the key is known"


async def test_without_the_key_it_says_so_once_and_tries_again(
    office: Office, captures: Captures, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capturing, "RETRY_SECONDS", 0.0)
    asked, real = [0], State.read

    async def refuse(*_: Any) -> Any:
        asked[0] += 1
        raise StateUnavailable("The database does not answer.")

    monkeypatch.setattr(State, "read", refuse)
    with capture_logs() as lines:
        captures.follow(ALL)
        await auntil(lambda: ticked(captures, asked[0] >= 3))
    assert [line["reason"] for line in lines] == ["The database does not answer."]
    assert relay.exchange is Exchange
    monkeypatch.setattr(State, "read", real)
    await auntil(lambda: ticked(captures, relay.exchange is TappedExchange))


async def test_a_mistake_of_ours_is_in_the_log(
    captures: Captures, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> Any:
        raise ValueError("a mistake of ours")

    monkeypatch.setattr(State, "read", fail)
    with capture_logs() as lines:
        captures.follow(ALL)
        await auntil(lambda: lines)
    assert [line["event"] for line in lines] == ["nothing is captured"]
    assert relay.exchange is Exchange


async def test_what_was_dropped_is_counted(captures: Captures, relay: Relay, tmp_path: Path) -> None:
    folder_of(tmp_path).touch()
    captures.follow(ALL)
    await auntil(lambda: relay.capturing is not None)
    assert relay.capturing is not None
    relay.capturing.keep(taken())
    await auntil(lambda: captures.dropped == 1)


async def test_what_is_shown_to_whoever_asked_is_kept_though_nothing_else_is(
    office: Office, captures: Captures, relay: Relay, tmp_path: Path
) -> None:
    captures.follow(CaptureSettings(max_bytes=2000))
    assert relay.showing is not None
    assert relay.showing.bytes_taken() == 2000 + 4096
    slip = slips.write(tmp_path)
    assert [relay.showing.has_leave(each) for each in (slip, slip, "x" * 43, f"../../{slip}")] == [True, *[False] * 3]
    shown = [taken(id=id_at(datetime.now(UTC)), body=flow(b"said")) for _ in range(3)]
    for each in shown[:2]:  # the key is not known yet
        relay.showing.keep(each)
    await auntil(lambda: ticked(captures, captures._key is not None))
    relay.showing.keep(shown[2])
    assert (relay.exchange, relay.capturing) == (Exchange, None)
    await captures.close()
    key = await office.read(lambda session: captures_key(session, office.declared.settings))
    for each in shown:
        capture = open_capture(folder_of(tmp_path), each.id, Vault(key or b""))
        assert capture is not None
        assert capture.request.body.kept == b"said"


def test_a_worker_that_captures_nothing_does_not_load_what_writes() -> None:
    program = "import sys; import gateway.worker; print({'re2', 'gateway.captures.writing'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

"""Ending and reading settings anew while streams run: none of them is harmed, and everything is counted."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.streaming import CHUNKS, check_unharmed, settle, statuses, streaming
from tests.e2e.wire import Cut, ask, chat, content, dialled, events, request
from tests.gateway_process import GatewayProcess, configuration, is_alive, running
from tests.providers import MockProcess
from tests.waiting import auntil

STREAMS = 50
ENDLESS = "gpt;chunks=300;size=8;pace=100ms"

OTHER_KEY = "sk-other-key-of-the-tests"


async def status(port: int, path: str = "/readyz") -> int:
    """The status of a GET; 0 when nobody answers."""
    try:
        return (await ask(port, request("GET", path))).status
    except (OSError, Cut):
        return 0


async def poll_status(gateway: GatewayProcess, wanted: int, seconds: float) -> None:
    """Until `/readyz` answers with this status."""
    begun = time.monotonic()
    while await status(gateway.port) != wanted:
        assert time.monotonic() - begun < seconds, f"not {wanted} within {seconds} s"


async def ended(gateway: GatewayProcess, seconds: float) -> int:
    """The exit code, once it has ended by itself."""
    await auntil(lambda: gateway.process.poll() is not None, seconds)
    assert not gateway.pids()
    return gateway.process.returncode


def check_counted(gateway: GatewayProcess, where: str, times: int) -> None:
    """The store holds so many records of this kind, no id twice, and the spool is empty."""
    (row,) = gateway.stored(f"select count(*), count(distinct id) from requests where {where}")
    assert row == (times, times)
    assert not [path for path in (gateway.data_dir / "spool").iterdir() if path.suffix in (".open", ".seg")]


@pytest.mark.parametrize("workers", [1, 2])
async def test_at_the_end_every_stream_is_finished(mock: MockProcess, tmp_path: Path, workers: int) -> None:
    with running(tmp_path, configuration(mock.url), workers=workers) as gateway:
        children = gateway.pids()
        async with streaming(gateway, STREAMS) as streams, dialled(gateway.port) as kept:
            assert (await kept.ask(chat("gpt"))).status == 200
            gateway.process.send_signal(signal.SIGTERM)
            await poll_status(gateway, 503, 10)
            refusals = answered = 0
            while streams.running() == STREAMS and refusals < 5:
                answer = await ask(gateway.port, chat("gpt"))
                if answer.status == 200:  # of another worker, which has not heard of it yet
                    answered += 1
                    continue
                assert (answer.status, answer.error["code"]) == (503, "draining")
                assert (answer.header("retry-after"), answer.header("connection")) == ("1", "close")
                refusals += 1
            assert answered == 0 or workers > 1
            assert (await kept.ask(chat("gpt"))).status == 503
            assert await status(gateway.port, "/healthz") == 200
            answers = await streams.rest()
        assert await ended(gateway, 30) == 0, gateway.tail()
        assert not any(map(is_alive, children))
        assert refusals == 5
        whole = [answer for answer in answers if answer.body.endswith(b"[DONE]\n\n")]
        assert len(whole) == STREAMS, gateway.tail()
        assert {len(content(answer.body)) for answer in whole} == {CHUNKS * 8}
        check_counted(gateway, f"status = 200 and error is null and stream and output_tokens = {CHUNKS}", STREAMS)
        check_counted(gateway, "error = 'draining' and status = 503", refusals + 1)
        check_counted(gateway, "true", STREAMS + answered + refusals + 2)


async def test_what_takes_too_long_is_cut_at_the_cap(mock: MockProcess, tmp_path: Path) -> None:
    """Whoever still waits hears why, in the way that is left to say it."""
    with running(tmp_path, configuration(mock.url, "[server]\ndrain_seconds = 0.7\n")) as gateway:
        port = gateway.port
        async with streaming(gateway, 10, ENDLESS) as streams, dialled(port) as plain, dialled(port) as up:
            plain.send(chat("gpt;first=30s"))
            up.send(chat("gpt")[:-5])
            await auntil(lambda: gateway.total("sluicegate_requests_in_flight") == 12)
            told = time.monotonic()
            gateway.process.send_signal(signal.SIGTERM)
            answers = await streams.rest()
            assert 0.6 < time.monotonic() - told < 20
            for waiting in (plain, up):
                refused = await waiting.answer()
                assert (refused.status, refused.error["code"]) == (503, "draining")
        assert await ended(gateway, 30) == 0, gateway.tail()
        assert time.monotonic() - told < 30
        for answer in answers:
            assert b"[DONE]" not in answer.body
            assert b'"draining"' in events(answer.body)[-1]
        check_counted(gateway, "error = 'draining'", 12)
        check_counted(gateway, "true", 12)


async def test_who_asks_twice_is_in_a_hurry(mock: MockProcess, tmp_path: Path) -> None:
    with running(tmp_path, configuration(mock.url)) as gateway:
        async with streaming(gateway, 3, "gpt;stall=3") as streams:
            gateway.process.send_signal(signal.SIGTERM)
            await poll_status(gateway, 503, 10)
            gateway.process.send_signal(signal.SIGTERM)
            await streams.rest()
        assert await ended(gateway, 30) == 0
        check_counted(gateway, "stream and error = 'draining'", 3)


# Settings


@pytest.fixture
def changing(mock: MockProcess, tmp_path: Path) -> Iterator[GatewayProcess]:
    with running(tmp_path, configuration(mock.url), workers=2) as gateway:
        yield gateway.complete()
        assert gateway.close() == 0


ADDED = f"""
[[client_keys]]
name = "other"
key  = "{OTHER_KEY}"

[[aliases]]
name   = "new"
target = "mock/gpt-4o;chunks=1"
"""


async def test_new_settings_hold_at_once_and_no_stream_is_dropped(changing: GatewayProcess, mock: MockProcess) -> None:
    """The provider itself is taken away and comes back: streams keep what they began with."""
    assert (await statuses(changing, "new", OTHER_KEY)).keys() == {401}
    async with streaming(changing, 20) as streams:
        changing.reload(configuration(mock.url, ADDED))
        await settle(changing, "new", OTHER_KEY, 200)
        changing.reload(configuration(mock.url).replace('id       = "mock"', 'id       = "renamed"'))
        await settle(changing, "new", OTHER_KEY, 401)
        await settle(changing, "mock/gpt;chunks=1", changing.key, 200)
        changing.reload(configuration(mock.url, "[upstream]\nconnect_timeout_seconds = 3.0\n"))
        await check_unharmed(streams)
    assert (await ask(changing.port, chat("gpt"))).status == 200


WRONG = {
    "unknown name": ('listn = "127.0.0.1:0"', "server.listn"),
    "wrong type": ('max_body_bytes = "much"', "server.max_body_bytes"),
    "wrong value": ("drain_seconds = -1", "server.drain_seconds"),
    "no toml": ("this is = not toml", ""),
}


@pytest.mark.parametrize("case", WRONG)
async def test_wrong_settings_are_refused_and_the_old_ones_stay(
    changing: GatewayProcess, mock: MockProcess, case: str
) -> None:
    line, key = WRONG[case]
    toml = configuration(mock.url, ADDED) + f"\n[server]\n{line}\n"
    number = toml.splitlines().index(line) + 1
    async with streaming(changing, 5) as streams:
        changing.reload(toml)
        await auntil(lambda: "settings refused" in changing.said())
        (said,) = [line for line in changing.said().splitlines() if "settings refused" in line]
        assert f"{changing.config}:{number}" in said
        assert key in said
        assert (await statuses(changing, "new", OTHER_KEY)).keys() == {401}
        await check_unharmed(streams)
    changing.reload(configuration(mock.url, ADDED))
    await settle(changing, "new", OTHER_KEY, 200)

"""Any bytes end in exactly one of `end` and `failed`, the same however they are cut, and nothing else ever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import UpstreamClosed, UpstreamMalformed
from gateway.outbound.wire import Pool
from gateway.settings.model import UpstreamSettings
from tests.gateway.outbound.peers import Heard, Peer, ask, provider
from tests.gateway.outbound.test_answers import ANSWERS
from tests.gateway.outbound.test_hostile_answers import MALFORMED

VALID = [data for data, _ in ANSWERS.values()]
KNOWN = [*VALID, *(data for data in MALFORMED.values() if len(data) < 2000)]
INSERTS = (
    b"\r\n",
    b"\r\n\r\n",
    b"\0",
    b"\xff",
    b"0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n",
    b"Content-Length: 3\r\n",
    b":",
    b"1f8b",
)
quick = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A known answer, damaged in a few places."""
    data = draw(st.sampled_from(KNOWN))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(("flip", "cut", "double", "insert", "drop"))):
            case "flip" if place < len(data):
                data = data[:place] + bytes([data[place] ^ draw(st.integers(1, 255))]) + data[place + 1 :]
            case "cut":
                data = data[:place]
            case "double":
                data = data[:place] + data[place : place + 20] * 2 + data[place + 20 :]
            case "insert":
                data = data[:place] + draw(st.sampled_from(INSERTS)) + data[place:]
            case _:
                data = data[:place] + data[place + draw(st.integers(1, 9)) :]
    return data


class Exchanges:
    """Answers with given bytes and then closes, in one event loop for all examples."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self.runner = runner
        self.complaints: list[dict[str, Any]] = []
        runner.get_loop().set_exception_handler(lambda _loop, context: self.complaints.append(context))

    def hear(self, data: bytes, cuts: list[int]) -> Heard:
        """What a receiver hears of it."""
        heard = self.runner.run(self._exchange(data, cuts))
        assert self.complaints == []
        for name, value in heard.headers:
            assert name == name.lower()
            assert not set(name + value) & set(b"\r\n\0")
        assert all(type(error) in (UpstreamMalformed, UpstreamClosed) for error in heard.errors)
        assert not any(error.nothing_sent for error in heard.errors)
        return heard

    async def _exchange(self, data: bytes, cuts: list[int]) -> Heard:
        async def script(peer: Peer) -> None:
            await peer.request()
            await peer.send(data, cuts=cuts)

        pool = Pool(UpstreamSettings(max_header_bytes=2048))
        async with provider(script) as there:
            _, heard = await ask(pool, there.origin)
        await pool.close()
        assert pool.connections_open == 0
        return heard


@pytest.fixture(scope="module")
def exchanges() -> Iterator[Exchanges]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        yield Exchanges(runner)


@quick
@given(data=st.binary(max_size=400))
def test_random_bytes_fail_once(exchanges: Exchanges, data: bytes) -> None:
    heard = exchanges.hear(data, [])
    assert heard.ends == 0


@quick
@given(data=mutated(), cutting=st.randoms(use_true_random=False))
def test_damaged_answers_end_once_and_the_same_however_they_are_cut(
    exchanges: Exchanges, data: bytes, cutting: Any
) -> None:
    cuts = sorted(cutting.sample(range(1, len(data)), min(5, len(data) - 1))) if len(data) > 1 else []
    whole, cut = exchanges.hear(data, []), exchanges.hear(data, cuts)
    if b"ncoding: gzip" in data or b"ncoding: x-gzip" in data or b"ncoding: deflate" in data.lower():
        whole, cut = replace(whole, pieces=[]), replace(cut, pieces=[])  # What comes before the damage may be lost.
    assert whole.outcome == cut.outcome


@quick
@given(data=st.sampled_from(VALID), place=st.randoms(use_true_random=False))
def test_an_answer_cut_short_is_never_complete(exchanges: Exchanges, data: bytes, place: Any) -> None:
    heard = exchanges.hear(data[: place.randrange(len(data))], [])
    assert heard.ends == 0 or b"Encoding: chunked" not in data

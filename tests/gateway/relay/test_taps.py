"""What is said on either side is taken down as it goes by, and handed over once where it is wanted."""

from __future__ import annotations

from collections.abc import Awaitable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from gateway.api.endpoints import BY_PATH
from gateway.errors import UpstreamClosed, UpstreamError
from gateway.records import ClientKey
from gateway.records.captures import Flow, Taken
from gateway.relay.caller import Address
from gateway.relay.exchange import Exchange
from gateway.relay.relay import Relay
from gateway.relay.sink import Message
from gateway.relay.taps import Capturing, Tap, TappedExchange, TappedSink
from gateway.settings.model import Settings

KEY = ClientKey("team", id="team")

HEADERS = [(b"authorization", b"Bearer sk-client-key-of-the-test"), (b"accept", b"*/*")]


class Keeper:
    """Whoever gets what was taken down."""

    def __init__(self, *, has_room: bool = True) -> None:
        self.has_room, self.given = has_room, list[Taken]()

    def keep(self, taken: Taken) -> bool:
        self.given.append(taken)
        return self.has_room


class Hearing:
    """A receiver that remembers its hooks."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.heard.append((status, headers))

    def body(self, data: bytes) -> None:
        self.heard.append((data,))

    def end(self) -> None:
        self.heard.append(())

    def failed(self, error: UpstreamError) -> None:
        self.heard.append((error,))


class Client:
    """The other end of a connection, which takes everything at once."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def send(self, message: Message) -> Awaitable[None]:
        self.messages.append(message)
        return cast(Awaitable[None], None)

    async def receive(self) -> Message:
        return {}


def relay_of(capturing: Capturing | None) -> Any:
    recorded: list[Exchange] = []
    return SimpleNamespace(
        conduct=None, ways=None, settings=Settings(), capturing=capturing, record=recorded.append, recorded=recorded
    )


def exchange_of(capturing: Capturing, *, path: str = "/v1/chat/completions") -> TappedExchange:
    client = Client()
    relay = cast(Relay, relay_of(capturing))
    exchange = TappedExchange.of(relay, BY_PATH[path], HEADERS, client.receive, client.send)
    exchange.key, exchange.named, exchange.body = KEY, dict(HEADERS), b"asked"
    return exchange


def ended(exchange: TappedExchange, status: int = 200, kind: str | None = None) -> bool:
    """Whether it is kept, having ended so."""
    exchange.kind = kind
    if status:
        exchange.sink.answer(status, [], b"answered")
    else:
        exchange.conclude()
    return exchange.captured


def test_a_tap_hears_everything_and_keeps_nothing_back() -> None:
    hearing, flow, error = Hearing(), Flow(5), UpstreamClosed("gone")
    tap = Tap(hearing, flow)
    tap.head(200, [(b"a", b"b")])
    tap.body(b"1234")
    tap.body(b"5678")
    tap.end()
    tap.failed(error)
    assert hearing.heard == [(200, [(b"a", b"b")]), (b"1234",), (b"5678",), (), (error,)]
    assert (bytes(flow.kept), flow.size) == (b"12345", 8)


def test_a_tap_has_heard_what_its_receiver_chokes_on() -> None:
    hearing, flow = Hearing(), Flow(10)
    hearing.heard = cast(Any, None)
    with pytest.raises(AttributeError):
        Tap(hearing, flow).body(b"1234")
    assert bytes(flow.kept) == b"1234"


async def test_what_the_client_gets_is_taken_down_before_it_leaves() -> None:
    client = Client()
    sink = TappedSink(client.send, 2**20, 100)
    seen: list[bytes] = []
    sink.on_end = lambda: seen.append(bytes(sink.flow.kept))
    sink.start(200, [(b"a", b"b")])
    sink.write(b"12")
    sink.finish(b"34")
    assert seen == [b"1234"], "the last piece is there when the end is told of"
    assert sink.headers == [(b"a", b"b")]
    assert b"".join(message.get("body", b"") for message in client.messages) == b"1234"


# Which are kept


@pytest.mark.parametrize(
    ("mode", "share", "well", "badly"),
    [
        ("errors", 1.0, False, True),
        ("sampled", 0.0, False, True),
        ("sampled", 1.0, True, True),
        ("all", 0.0, True, True),
    ],
)
async def test_the_mode_says_which_are_kept(mode: Any, share: float, *, well: bool, badly: bool) -> None:
    capturing = Capturing(mode, share, 100, Keeper().keep)
    assert ended(exchange_of(capturing)) is well
    assert ended(exchange_of(capturing), 502, "upstream_closed") is badly
    assert ended(exchange_of(capturing), 429) is badly
    assert ended(exchange_of(capturing), 200, "upstream_closed") is badly, "a stream that broke off"
    assert ended(exchange_of(capturing), 0, "client_disconnected") is badly


async def test_a_share_is_a_share() -> None:
    capturing = Capturing("sampled", 0.25, 100, Keeper().keep)
    kept = sum(ended(exchange_of(capturing)) for _ in range(2000))
    assert 350 < kept < 650


async def test_without_a_key_that_is_right_nothing_is_kept() -> None:
    keeper = Keeper()
    exchange = exchange_of(Capturing("all", 0.0, 100, keeper.keep))
    exchange.key = None
    assert not ended(exchange, 401, "invalid_key")
    assert keeper.given == []


async def test_a_key_may_forbid_it() -> None:
    keeper = Keeper()
    exchange = exchange_of(Capturing("all", 0.0, 100, keeper.keep))
    exchange.key = ClientKey("private", id="private", capture=False)
    assert not ended(exchange, 500, "upstream_error")
    assert keeper.given == []


async def test_what_has_no_room_is_not_said_to_be_kept() -> None:
    exchange = exchange_of(Capturing("all", 0.0, 100, Keeper(has_room=False).keep))
    assert not ended(exchange)
    assert exchange.recorded


async def test_nothing_is_kept_once_nobody_wants_it_any_more() -> None:
    keeper = Keeper()
    exchange = exchange_of(Capturing("all", 0.0, 100, keeper.keep))
    exchange.relay.capturing = None
    assert not ended(exchange)
    assert keeper.given == []


async def test_it_is_handed_over_once() -> None:
    keeper = Keeper()
    exchange = exchange_of(Capturing("all", 0.0, 100, keeper.keep))
    assert ended(exchange)
    exchange.conclude()
    assert len(keeper.given) == len(cast(Any, exchange.relay).recorded) == 1


async def test_a_mistake_of_ours_costs_the_capture_and_nothing_else() -> None:
    def fail(_taken: Taken) -> bool:
        raise ValueError("a mistake of ours")

    exchange = exchange_of(Capturing("all", 0.0, 100, fail))
    with capture_logs() as lines:
        assert not ended(exchange)
    assert [line["event"] for line in lines] == ["an exchange is not captured"]
    assert exchange.recorded
    assert exchange.sink.over


# What is kept


async def test_what_the_client_said_and_heard_is_handed_over() -> None:
    keeper = Keeper()
    exchange = exchange_of(Capturing("all", 0.0, 6, keeper.keep))
    exchange.address = Address(query="beta=true")
    assert ended(exchange)
    (taken,) = keeper.given
    assert (taken.id, taken.method, taken.target) == (exchange.id, "POST", "/v1/chat/completions?beta=true")
    assert (taken.headers, bytes(taken.body.kept), taken.body.size) == (HEADERS, b"asked", 5)
    assert (taken.status, bytes(taken.answer.kept), taken.answer.size) == (200, b"answer", 8)
    assert taken.tries == []
    assert taken.secrets == {b"sk-client-key-of-the-test"}


async def test_the_model_stands_in_the_path_where_it_was_said_there() -> None:
    keeper = Keeper()
    path = "/v1beta/models/{model}:generateContent"
    exchange = exchange_of(Capturing("all", 0.0, 6, keeper.keep), path=path)
    exchange.address = Address("gemini-pro")
    assert ended(exchange)
    assert keeper.given[0].target == "/v1beta/models/gemini-pro:generateContent"


async def test_it_does_not_show_what_is_in_it() -> None:
    shown = repr(exchange_of(Capturing("all", 0.0, 6, Keeper().keep)))
    assert "sk-client-key" not in shown
    assert "asked" not in shown

"""One request on its way: what is asked (`Request`), who hears the answer (`Receiver`), and the handle (`Call`).

Knows nothing of sockets and HTTP syntax; `connection` and `pool` move a call along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from gateway.errors import UpstreamError

    from .connection import Connection
    from .inflate import Inflating
    from .pool import Lane


class Request(Struct, frozen=True):
    """A complete request. `head` is sent as it is: request line, `Host`, framing headers and the empty line."""

    method: bytes
    head: bytes
    body: bytes = b""
    first_byte_timeout: float = 600.0
    """Seconds from the last byte sent until the head of the answer is complete."""
    idle_timeout: float = 120.0
    """Seconds of silence within the body of the answer."""
    as_coded: bool = False
    """Whether the body is wanted as it is coded, for somebody who has asked for that."""


class Receiver(Protocol):
    """Hooks of whoever waits for the answer, called on the event loop. One of `end` and `failed` comes, once."""

    def head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """The final head; interim answers (1xx) are skipped. Names are lower-case, values have no space around them."""

    def body(self, data: bytes) -> None:
        """Bytes of the body without transfer and, unless it is wanted, content coding; all that came in one read is
        joined."""

    def end(self) -> None:
        """The answer is complete."""

    def failed(self, error: UpstreamError) -> None:
        """There will be no (more) answer."""


class Nobody:
    """The receiver of a call that is over."""

    __slots__ = ()

    def head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """Nothing listens."""

    def body(self, data: bytes) -> None:
        """Nothing listens."""

    def end(self) -> None:
        """Nothing listens."""

    def failed(self, error: UpstreamError) -> None:
        """Nothing listens."""


NOBODY = Nobody()


class Call(Struct, eq=False):
    """The handle on a request in flight, made by `Pool.send`."""

    request: Request
    receiver: Receiver
    """Who hears what comes next; a hook may put another one in its place."""
    idle_timeout: float
    """Seconds of silence within the body of the answer."""
    connection: Connection | None = None
    lane: Lane | None = None
    """Set while the call waits for a connection."""
    inflating: Inflating | None = None
    """Hears the body in the receiver's stead while a compressed answer comes in."""
    paused: bool = False
    ending: bool = False
    """`end` follows the piece of body being told, at once: a receiver may put both into one."""
    deadline: float = 0.0
    """Loop time after which it has waited too long for a connection."""
    trailers: list[tuple[bytes, bytes]] = []
    connection_reused: bool = False
    connect_us: int = 0
    """Time the connection took to be made, microseconds; 0 when it was there already."""

    __repr__ = object.__repr__  # what is in it is for nobody's eyes

    def cancel(self) -> None:
        """Forget the request: its socket is closed at once and no hook is called any more. Nothing after `end`."""
        self.receiver = NOBODY
        self.inflating = None
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.abort()
        elif self.lane is not None:
            self.lane.leave(self)

    def pause(self) -> None:
        """Stop reading the answer from the socket; what was read already is still delivered."""
        if not self.paused:
            self.paused = True
            if self.connection is not None:
                self.connection.pause()

    def resume(self) -> None:
        """Go on reading."""
        if not self.paused:
            return
        self.paused = False
        if self.inflating is not None:
            self.inflating.go_on()
        elif self.connection is not None:
            self.connection.resume()

    def set_idle_timeout(self, seconds: float) -> None:
        """From now on allow this much silence within the body: streams have another limit than plain answers."""
        self.idle_timeout = seconds
        if self.connection is not None and self.connection.answering:
            self.connection.restart_timeout()

    def fail(self, error: UpstreamError) -> None:
        """Tell the receiver, who hears nothing more after that."""
        if self.inflating is not None:
            self.inflating.failed(error)
        else:
            receiver, self.receiver = self.receiver, NOBODY
            receiver.failed(error)

"""The control process's end of the lines to the workers: hears what they tell, and says when to begin and to stop.

Knows connections and lines. What becomes of a frame is the business of whoever listens.
"""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Protocol, cast

import msgspec

from gateway import logs

from .words import LONGEST_LINE, Frame, Hello, Order, Rest, Told, Watch

log = logs.get("gateway.live")


class Hearer(Protocol):
    """Whoever listens."""

    def told(self, worker: Hello, frame: Frame) -> None:
        """A worker tells."""

    def left(self, worker: Hello, *, told_all: bool) -> None:
        """A worker is gone; whether it has said everything before."""


class Listener:
    """Of one control process."""

    def __init__(self, hearer: Hearer) -> None:
        self._hearer = hearer
        self._lines: set[Line] = set()
        self._server: asyncio.AbstractServer | None = None
        self.watching = False

    async def start(self, path: Path) -> None:
        """Hear whoever calls at this Unix socket. Whatever is left there of somebody else is removed: one control
        process at a time holds the data directory. Raises OSError."""
        self._server = await asyncio.get_running_loop().create_unix_server(lambda: Line(self), sock=_bound(path))

    def close(self) -> None:
        """Hear nobody any more."""
        if self._server is not None:
            self._server.close()
        for line in list(self._lines):
            line.hang_up()

    def watch(self) -> None:
        """Have every worker tell, those that come later too."""
        self._order(Watch())

    def rest(self) -> None:
        """Have none tell."""
        self._order(Rest())

    @property
    def workers(self) -> list[Hello]:
        """Those that are connected."""
        return [line.worker for line in self._lines if line.worker is not None]

    def _order(self, order: Order) -> None:
        self.watching = isinstance(order, Watch)
        for line in self._lines:
            line.say(order)

    # What lines say

    def opened(self, line: Line) -> None:
        """Somebody is there."""
        self._lines.add(line)
        if self.watching:
            line.say(Watch())

    def heard(self, line: Line, word: Told) -> None:
        """Somebody says something. Raises ValueError for somebody who has not said who they are."""
        if isinstance(word, Hello):
            line.worker = word
        elif line.worker is None:
            raise ValueError("a frame of nobody")
        else:
            line.told_all = word.last
            self._hearer.told(line.worker, word)

    def lost(self, line: Line) -> None:
        """Somebody is gone."""
        self._lines.discard(line)
        if line.worker is not None:
            self._hearer.left(line.worker, told_all=line.told_all)


class Line(asyncio.Protocol):
    """The connection of one worker."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._transport: asyncio.WriteTransport | None = None
        self._heard = bytearray()
        self._decoder = msgspec.json.Decoder(Told)
        self.worker: Hello | None = None
        """Who it is, once they have said so."""
        self.told_all = False

    def say(self, order: Order) -> None:
        """Tell the worker what to do."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(msgspec.json.encode(order) + b"\n")

    def hang_up(self) -> None:
        """End it."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast(asyncio.WriteTransport, transport)
        self._listener.opened(self)

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        self._heard += data
        if b"\n" in data:
            *lines, rest = bytes(self._heard).split(b"\n")
            self._heard = bytearray(rest)
            for line in lines:
                self._hear(line)
        if len(self._heard) > LONGEST_LINE:
            log.error("a worker tells too much at once")
            self.hang_up()

    def connection_lost(self, error: Exception | None) -> None:
        """Called by the event loop."""
        self._transport = None
        self._listener.lost(self)

    def _hear(self, line: bytes) -> None:
        try:
            self._listener.heard(self, self._decoder.decode(line))
        except (msgspec.DecodeError, ValueError) as error:
            log.error("somebody says what no worker says", reason=str(error))
            self.hang_up()
        except Exception:  # a mistake of ours ends this line, not the others
            log.exception("what a worker tells cannot be taken in")
            self.hang_up()


def _bound(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    end = socket.socket(socket.AF_UNIX)
    try:
        end.bind(str(path))
        path.chmod(0o600)  # nobody can connect before it listens
    except OSError:
        end.close()
        raise
    return end

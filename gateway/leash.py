"""What supervisor and child say to each other: JSON lines over a socket pair, one end each.

Knows the words and how they travel. Does not know what either side makes of them. The end of the stream is a word too:
to the child it says that the supervisor is gone, to the supervisor that the child is.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Generic, Literal, TypeVar

import msgspec
from msgspec import Struct

from gateway.settings.model import Settings

LEASH_VARIABLE = "SLUICEGATE_LEASH_FD"
"""Environment variable that tells a child the file descriptor of its end."""

LONGEST_LINE = 64 * 1024 * 1024
"""Bytes; settings with tens of thousands of keys travel in one line."""


ChildOutcome = Literal["applied", "refused", "silent", "starting"]
"""What became of new settings in a child: it goes by them, it keeps its own, it does not answer, or it was only being
started and gets what holds by then."""


class ReloadOutcome(Struct, frozen=True, kw_only=True, tag_field="do", tag="reload_outcome"):
    """How reading the settings anew went; nothing for the child to do."""

    generation: int
    """Of the settings that hold now, whether new or old."""
    at_us: int
    """Unix time in microseconds."""
    error: str = ""
    """Why the old settings stay, in one line; empty when new ones hold."""
    children: dict[str, ChildOutcome] = {}
    """By name; empty when the settings were refused before any child saw them."""
    waiting: tuple[str, ...] = ()
    """Paths of settings that were said otherwise and change with the next start only."""
    tickets: tuple[str, ...] = ()
    """Of every `ReloadWanted` that this answers."""


class Looked(Struct, frozen=True, kw_only=True, tag_field="do", tag="looked"):
    """What reading the settings anew would give, for whoever wanted only that; nothing for the child to go by."""

    ticket: str
    """Of the `ReloadWanted` that this answers."""
    settings: Settings | None = None
    """None where they are wrong."""
    origins: dict[str, str] = {}
    error: str = ""
    """Why they would be refused, in one line."""
    waiting: tuple[str, ...] = ()
    """Paths of settings that would change with the next start only."""


class Start(Struct, frozen=True, kw_only=True, tag_field="do", tag="start"):
    """The first word to a child: what it is and what it goes by."""

    settings: Settings
    origins: dict[str, str] = {}
    """Where each thing in them was said, by its path (see `gateway.settings.origins`)."""
    generation: int = 1
    """Of the settings: each time they are read and taken it is one more."""
    outcome: ReloadOutcome | None = None
    """How reading them went the last time."""
    index: int = 0
    """Number of the worker, from 0."""
    demo: bool = False
    lively: bool = False
    """Whether the demo has a history and somebody who asks."""
    history: int = 0
    """Requests of that history."""
    host: str = "127.0.0.1"
    port: int = 0
    uds: str | None = None
    """Path of the Unix socket to serve at; the public port when there is none."""
    started_at_us: int = 0
    """Unix time in microseconds at which the supervisor started."""


class Reload(Struct, frozen=True, kw_only=True, tag_field="do", tag="reload"):
    """Go by these settings from now on."""

    settings: Settings
    origins: dict[str, str] = {}
    generation: int


class Drain(Struct, frozen=True, tag_field="do", tag="drain"):
    """Take nothing new, finish what runs, then exit."""


class Ready(Struct, frozen=True, tag_field="is", tag="ready"):
    """The child answers requests."""

    url: str = ""
    """Where, when the child chose the address itself."""


class Reloaded(Struct, frozen=True, tag_field="is", tag="reloaded"):
    """The child goes by the settings of this generation."""

    generation: int


class Refused(Struct, frozen=True, tag_field="is", tag="refused"):
    """The child keeps its settings, for this reason."""

    generation: int
    error: str


class ReloadWanted(Struct, frozen=True, tag_field="is", tag="reload_wanted"):
    """Somebody asks the child to have the settings read anew."""

    ticket: str
    """Comes back with the outcome."""
    only_look: bool = False
    """Whether nothing shall go by them: they are told alone."""


class Failed(Struct, frozen=True, tag_field="is", tag="failed"):
    """The child cannot start, for this reason; it exits."""

    error: str


class Drained(Struct, frozen=True, tag_field="is", tag="drained"):
    """Everything is finished and flushed; the child exits."""


Order = Start | Reload | ReloadOutcome | Looked | Drain
Report = Ready | Reloaded | Refused | ReloadWanted | Failed | Drained

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

Said = TypeVar("Said", bound=Struct)
Heard = TypeVar("Heard")


class Leash(Generic[Said, Heard]):
    """One end: says words of one kind and hears words of the other."""

    def __init__(self, streams: Streams, decoder: msgspec.json.Decoder[Heard]) -> None:
        self._reader, self._writer = streams
        self._decoder = decoder
        self._encoder = msgspec.json.Encoder()

    async def say(self, word: Said) -> None:
        """Send a word; saying something to an end that is gone is no error, for hearing tells."""
        if self._writer.is_closing():
            return
        self._writer.write(self._encoder.encode(word) + b"\n")
        try:
            await self._writer.drain()
        except ConnectionError:
            return

    async def hear(self) -> Heard | None:
        """The next word; None when the other end is gone."""
        try:
            line = await self._reader.readline()
        except ConnectionError:
            return None
        return self._decoder.decode(line) if line.endswith(b"\n") else None

    def drop(self) -> None:
        """Let go of this end."""
        self._writer.close()


async def hold_as_child(descriptor: int) -> Leash[Report, Order]:
    """The child's end, from the file descriptor it was started with."""
    return Leash(await _streams(socket.socket(fileno=descriptor)), msgspec.json.Decoder(Order))


async def hold_as_supervisor(end: socket.socket) -> Leash[Order, Report]:
    """The supervisor's end of a fresh socket pair."""
    return Leash(await _streams(end), msgspec.json.Decoder(Report))


async def _streams(end: socket.socket) -> Streams:
    end.setblocking(False)
    return await asyncio.open_unix_connection(sock=end, limit=LONGEST_LINE)

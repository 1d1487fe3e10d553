"""What a dialect must bring: one record of pure functions. `table.FORMATS` lists the four.

A reader makes neutral records of a dialect, a writer makes the dialect of neutral records. Requests and whole replies
are parsed JSON; streams are events, an object with state on either side.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from msgspec import Struct

from gateway.errors import GatewayError, UpstreamError
from gateway.records import ModelFacts, Parameters, Tokens

from .events import Event
from .losses import Losses
from .neutral import FormatName, Prompt, Reply, Usage

Fields = dict[str, Any]
"""A parsed JSON object of a dialect."""


class ReplyContext(Struct, frozen=True):
    """What a writer of replies must know beside the reply itself."""

    model: str
    """The name the client asked for; it stands in every answer and event."""
    token: str
    """Hexadecimal, unique to this exchange: ids the dialect needs are made of it."""
    created: int
    """Unix time, seconds."""
    prompt: Prompt
    fields: Fields
    """The client's request as it came: some dialects repeat its settings."""
    array: bool = False
    """Gemini without `alt=sse`: the stream is one JSON array."""


@dataclass(frozen=True, slots=True)
class ToolRules:
    """What a dialect takes as names and ids of tools."""

    name_characters: str
    """A character class of `re` without brackets: what a name may contain."""
    name_length: int
    id_characters: str
    id_length: int
    name_first: str = ""
    """What a name may begin with, where that is less; `_` is put in front otherwise."""
    custom: bool = False
    """It has free-form tools of its own."""
    id_prefix: str = "call_"
    """What ids begin with that are made for its clients where a provider gave none."""


class EventReader(Protocol):
    """Reads one stream of a provider."""

    finished: bool
    """Its end mark, or what counts as one, was seen: what follows is ignored."""

    def feed(self, data: bytes) -> Iterable[Event]:
        """The events in the data of one server-sent event. Raises UpstreamMalformed on what is no such thing."""

    def close(self) -> Iterable[Event]:
        """What is left to say at the end of the body: ReplyEnd if the reply was complete, else ReplyFailed, or
        nothing if either was said already."""

    def resume(self) -> str:
        """The token for which the provider goes on with this answer in another stream, which is read next; empty when
        there is none to be asked for. To be asked before `close`."""


class Undivided:
    """Of a reader whose dialect never goes on with an answer in another one."""

    __slots__ = ()

    def resume(self) -> str:
        """Never anything."""
        return ""


class EventWriter(Protocol):
    """Writes one stream for a client, as bytes with their framing. It may rely on the order `events` promises."""

    def write(self, event: Event) -> bytes:
        """The bytes for one event; empty while something is held back."""

    def open(self) -> bytes:
        """The beginning, now, though nothing was said yet; empty when it went out already."""

    def fail(self, error: GatewayError) -> bytes:
        """The last bytes of a stream that ends with this error, whatever went out before."""


class Told(NamedTuple):
    """What a whole reply, or one event of a stream, says of how it is called and why it ended."""

    id: str
    """The reply's; empty where it is not said."""
    reasons: Mapping[int, str]
    """Of each choice that has ended, by its number; in the words of `Closing`."""


def _never(fields: Fields) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Format:
    """One dialect."""

    name: FormatName
    read_prompt: Callable[[Fields, Losses], Prompt]
    """A client's request. Raises InvalidRequest with the field at fault; drops and refuses what it cannot hold."""
    write_prompt: Callable[[Prompt, str, ModelFacts, Losses], Fields]
    """The request for a provider: prompt, upstream model, what that model can do."""
    read_reply: Callable[[Fields], Reply]
    """A provider's whole answer. Raises UpstreamError: UpstreamMalformed when it is none, ProviderRefused when it is
    an error in disguise."""
    write_reply: Callable[[Reply, ReplyContext], Fields]
    """The whole answer for a client."""
    event_reader: Callable[[], EventReader]
    event_writer: Callable[[ReplyContext], EventWriter]
    read_usage: Callable[[Fields], Usage]
    """The numbers of the dialect's usage object."""
    read_error: Callable[[int, Mapping[bytes, bytes], bytes], UpstreamError]
    """A provider's error answer: status, headers (names in lower case), body. Any body, HTML or nothing too."""
    write_error: Callable[[GatewayError, str], tuple[int, bytes]]
    """Status and JSON body for a client, given the request id."""
    write_error_event: Callable[[GatewayError, str], bytes]
    """The one event, or the two, that end a stream in which no writer is at work (pass-through)."""
    tokens_in: Callable[[bytes], Tokens | None]
    """Tokens in the last bytes of a whole reply passed through, parsing no more than needed; None where it has none."""
    read_parameters: Callable[[Fields], Parameters]
    """What a request asks of a model, for whoever looks on; what is wrong in it is passed over."""
    read_told: Callable[[Fields], Told]
    """How a reply is called and why it ended, for whoever looks on: from a whole one, or from an event."""
    field_names: Mapping[str, str]
    """Neutral field → this dialect's path, for what clients are told of losses."""
    tools: ToolRules
    goes_on: Callable[[Fields], str] = _never
    """The token for which a provider goes on with a whole answer in another one; empty when that was all."""
    origins: tuple[str, ...] = ()
    """Whose reasoning its providers take back (REAS-8)."""
    urls: frozenset[str] = frozenset()
    """Kinds of parts whose URL it takes: `image`, `document`."""
    own_urls: re.Pattern[str] | None = None
    """Addresses that its vendor alone can open, of whatever kind."""
    keepalive: bytes = b""
    """What shows life in a silent stream; empty where its clients bear nothing."""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """Headers of a translated request."""
    refusal: Callable[[Fields], UpstreamError | None] | None = None
    """The error that an answer, or an event, is though it does not look like one; None where no provider hides any."""

"""Reads one answer after the other from a connection's bytes, and says what is wrong with them. No sockets, no time.

llhttp does the parsing. What it lets pass and we do not, is refused here: transfer codings but `chunked`, a switch
of protocols, a head or framing without end, anything after the end of an answer.
"""

from __future__ import annotations

import re

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

MAX_INTERIM_ANSWERS = 32
NOTED = frozenset((b"content-length", b"transfer-encoding", b"content-encoding", b"keep-alive"))
KEEP_ALIVE_TIMEOUT = re.compile(rb"timeout\s*=\s*(\d{1,6})", re.IGNORECASE)
BODYLESS = frozenset((204, 304))
SPACE = 32

NAMES_LEARNT = 1024
LONGEST_LEARNT = 64
"""Names of fields that are remembered, and the bytes of the longest."""


class Names(dict[bytes, bytes]):
    """Names of fields in lower case, by how they are written; learnt, up to a bound."""

    def __missing__(self, written: bytes) -> bytes:
        """Look closely once."""
        name = written.lower()
        if len(self) < NAMES_LEARNT and len(written) <= LONGEST_LEARNT:
            self[written] = name
        return name


_names = Names()


class Stop(Exception):
    """Raised in a callback of the parser to make it read no further."""


class AnswerReader:
    """The state of reading. After `feed`, what was understood lies in `new_head`, `pieces`, `complete` and `fault`.

    What came before a fault is valid and lies there too, so that it does not matter how the bytes were cut.
    """

    __slots__ = (
        "_fields",
        "_interims",
        "_keep_alive",
        "_limit",
        "_parser",
        "answering",
        "bodyless",
        "budget",
        "coding",
        "complete",
        "fault",
        "framed",
        "keep_seconds",
        "new_head",
        "on_body",
        "pieces",
        "reusable",
        "status",
    )

    def __init__(self, max_header_bytes: int, keep_seconds: float) -> None:
        self._limit = self.budget = max_header_bytes
        """`budget`: bytes that may still come without ending the head or bringing body, before it is too much."""
        self.pieces: list[bytes] = []
        self.on_body = self.pieces.append
        """What the parser calls with each piece of a body: the list's own method, for a burst has many."""
        self._parser = HttpResponseParser(self)
        self._keep_alive = b""
        self.keep_seconds = keep_seconds
        """How long the provider may be expected to keep the connection, at most."""
        self._fields: list[tuple[bytes, bytes]] = []
        self.new_head: list[tuple[bytes, bytes]] | None = None
        """Fields of the final head, when it has just been completed."""
        self.fault = ""
        self.status = 0
        self.begin(b"")

    def begin(self, method: bytes) -> None:
        """Be ready for the answer to a request of this method."""
        self.bodyless = method == b"HEAD"
        self.budget = self._limit
        self.answering = self.complete = self.framed = self.reusable = False
        """`answering`: the final head is complete. `framed`: it says where the body ends."""
        self.coding = b""
        self._interims = 0

    def feed(self, data: bytes | memoryview) -> None:
        """Read bytes. Nothing is raised: see `fault`."""
        self.budget -= len(data)
        try:
            if self.budget < 0 and not self.answering:
                data = self._read_to_limit(data)
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade, Stop) as error:
            if not self.complete:
                self.fault = self.fault or str(error)

    def take_pieces(self) -> bytes:
        """The body that has come, as one."""
        pieces = self.pieces
        self.budget = self._limit
        if len(pieces) == 1:
            return pieces.pop()
        body = b"".join(pieces)
        pieces.clear()
        return body

    def take_trailers(self) -> list[tuple[bytes, bytes]]:
        """The fields that came after the body."""
        trailers, self._fields = self._fields, []
        return trailers

    def is_starved(self) -> bool:
        """Whether too much has come without a byte of body."""
        if self.budget < 0 and not self.pieces:
            self.fault = f"more than {self._limit} bytes of framing without a byte of body"
        return bool(self.fault)

    def discard(self) -> None:
        """Let go of the parser, which holds this object's methods and would keep it alive."""
        del self._parser

    # What the parser calls

    def on_message_begin(self) -> None:
        """The first byte of an answer; one more after the complete one is one too many."""
        if self.complete:
            self.reusable = False
            raise Stop

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of a head, or of the trailers."""
        name = _names[name]
        if not value or value[-1] <= SPACE:
            value = value.rstrip(b" \t")
        if name in NOTED and not self.answering:
            self._note(name, value)
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """The empty line after a head."""
        status = self._parser.get_status_code()
        if status < 200:
            self._skip(status)
            return
        self.status = status
        self.new_head, self._fields = self._fields, []
        self.answering = True
        self.budget = self._limit
        self.reusable = self._parser.should_keep_alive()
        if self.bodyless:
            self.complete, self.reusable = True, False
            raise Stop  # The parser cannot know that no body follows, so this connection ends here.

    def on_message_complete(self) -> None:
        """The end, of an interim answer or of the final one."""
        if self.answering:
            self.complete = True

    # How it is done

    def _read_to_limit(self, data: bytes | memoryview) -> bytes | memoryview:
        """Read as much of the head as may be; what is left of `data` where it was complete by then."""
        room = len(data) + self.budget
        self._parser.feed_data(data[:room])
        if not self.answering:
            self._stop(f"its head is larger than {self._limit} bytes (max_header_bytes)")
        return data[room:]

    def _note(self, name: bytes, value: bytes) -> None:
        if name == b"content-encoding":
            self.coding = value.lower()
        elif name == b"keep-alive":
            self._heed(value)
        elif name == b"transfer-encoding" and (self.framed or value.lower() != b"chunked"):
            self._stop("it is framed in another way than by one content-length or one chunked coding")
        else:
            self.framed = True

    def _heed(self, value: bytes) -> None:
        """Do not keep the connection longer than the provider does."""
        if value == self._keep_alive:
            return
        self._keep_alive = value
        if said := KEEP_ALIVE_TIMEOUT.search(value):
            seconds = int(said[1])
            self.keep_seconds = min(self.keep_seconds, max(seconds - 1, seconds / 2))

    def _skip(self, status: int) -> None:
        """Pass over an interim answer."""
        self._interims += 1
        if status < 100 or status == 101 or self.framed:
            self._stop(f"status {status:03} was not asked for, or has a body")
        if self._interims > MAX_INTERIM_ANSWERS:
            self._stop(f"more than {MAX_INTERIM_ANSWERS} interim answers")
        self._fields = []
        self.coding = b""

    def _stop(self, reason: str) -> None:
        self.fault = reason
        raise Stop

"""TLS between a connection and the bytes below it: those of a socket, or of another TLS stream (a proxy over https).

OpenSSL works on memory here and the event loop's own transport moves the ciphertext: one read from the kernel brings
every record that has come, a write is never half done, and a stream inside a stream is no special case.
Knows nothing of HTTP. Certificates and host names are verified, unless the context handed in does not.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from typing import cast

from gateway.errors import UpstreamTlsFailed

from .connection import ByteStream

RECORD_BYTES = 16 * 1024
"""Most plain bytes in a TLS record."""
SLICE_BYTES = 64 * 1024
"""Most bytes handed to OpenSSL at once: its memory buffers keep the largest size they have had."""


def make_context(ca_file: str = "") -> ssl.SSLContext:
    """The system's authorities and those of `ca_file`; UpstreamTlsFailed when it cannot be read."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_RENEGOTIATION
    if ca_file:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            raise UpstreamTlsFailed("the file of upstream.ca_file cannot be read", nothing_sent=True) from error
    return context


def describe(error: Exception) -> str:
    """Why a handshake failed, in OpenSSL's words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError) and error.reason:
        return str(error.reason).replace("_", " ").lower()
    return "the connection was closed"


_READ_BUFFER = memoryview(bytearray(SLICE_BYTES))


class TlsStream(asyncio.BufferedProtocol):
    """Below it a transport, above it a protocol: it is the protocol of the one and the transport of the other."""

    __slots__ = (
        "_blocked",
        "_closed_well",
        "_incoming",
        "_keep",
        "_lower",
        "_outgoing",
        "_plain",
        "_shaken",
        "_tls",
        "_upper",
    )

    _lower: ByteStream

    def __init__(
        self,
        context: ssl.SSLContext,
        host: str,
        *,
        session: ssl.SSLSession | None = None,
        keep: Callable[[ssl.SSLSession], None] | None = None,
    ) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host, session=session)
        self._keep = keep
        """Is given the session once, when the first answer comes, for a later handshake to resume it."""
        self._upper: asyncio.Protocol = asyncio.Protocol()
        self._shaken: asyncio.Future[None] | None = None
        self._plain: deque[memoryview] = deque()
        """What waits to be encrypted, while the transport below has enough to send."""
        self._blocked = False
        self._closed_well = False

    async def handshake(self, lower: ByteStream) -> None:
        """Begin TLS on a transport; ssl.SSLError or ConnectionError when it fails."""
        self._shaken = asyncio.get_running_loop().create_future()
        self._lower = lower
        lower.set_write_buffer_limits(0)  # So that `pause_writing` comes as soon as the socket is full.
        lower.set_protocol(self)
        lower.pause_reading()  # uvloop looks at the kind of protocol when it begins to read.
        lower.resume_reading()
        self._shake()
        await self._shaken

    # The transport of the protocol above

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """From now on tell this one."""
        self._upper = cast(asyncio.Protocol, protocol)

    def write(self, data: bytes) -> None:
        """Encrypt and send; what is too much for now waits here as plain bytes."""
        if self._blocked or self._plain or len(data) > SLICE_BYTES:
            self._plain.append(memoryview(data))
            self._push()
        elif not self.is_closing():
            self._encrypt(data)

    def is_closing(self) -> bool:
        """Whether nothing can be written any more."""
        return self._closed_well or self._lower.is_closing()

    def abort(self) -> None:
        """Close the socket now."""
        self._plain.clear()
        self._lower.abort()

    def pause_reading(self) -> None:
        """Leave what comes in the socket."""
        self._lower.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        self._lower.resume_reading()

    def get_write_buffer_size(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return self._lower.get_write_buffer_size() + sum(len(part) for part in self._plain)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """The limits are those of the transport below: anything unsent counts."""

    # The protocol of the transport below

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where a read goes. One buffer serves every connection, for what is read is decrypted before the next read."""
        return _READ_BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        """Ciphertext has come from the socket."""
        self.data_received(_READ_BUFFER[:nbytes])

    def data_received(self, data: bytes | memoryview) -> None:
        """Ciphertext has come, from a socket or from another TLS: as many plain bytes as it holds go up as one."""
        pieces: list[bytes] = []
        try:
            for start in range(0, len(data), SLICE_BYTES):
                self._incoming.write(data[start : start + SLICE_BYTES])
                if self._shaken is not None:
                    self._shake()
                if self._shaken is None:
                    self._decrypt(pieces)
        except ssl.SSLError:
            self._break(pieces)
            return
        if self._outgoing.pending:  # The peer asked for new keys.
            self._lower.write(self._outgoing.read())
        self._deliver(pieces)

    def eof_received(self) -> None:
        """The peer sends no more; the transport closes."""
        self._upper.eof_received()

    def pause_writing(self) -> None:
        """The socket is full."""
        self._blocked = True
        self._upper.pause_writing()

    def resume_writing(self) -> None:
        """The socket has taken everything: encrypt on."""
        self._blocked = False
        self._push()
        if not self._blocked:
            self._upper.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is closed, by whomever."""
        if self._shaken is not None:
            self._fail_handshake(error or ConnectionAbortedError())
        elif error is None and not self._closed_well:
            error = ConnectionAbortedError("TLS ended without a farewell")  # So an answer may be cut off here.
        self._upper.connection_lost(error)

    # How it is done

    def _shake(self) -> None:
        """One step of the handshake."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLError, ssl.CertificateError) as error:
            self._fail_handshake(error)
        else:
            shaken, self._shaken = self._shaken, None
            if shaken is not None and not shaken.done():
                shaken.set_result(None)
        if self._outgoing.pending:  # After a failure this is the alert that tells the peer why.
            self._lower.write(self._outgoing.read())

    def _fail_handshake(self, error: Exception) -> None:
        if self._shaken is not None and not self._shaken.done():
            self._shaken.set_exception(error)

    def _decrypt(self, pieces: list[bytes]) -> None:
        read, incoming = self._tls.read, self._incoming
        try:
            while data := read(RECORD_BYTES):
                pieces.append(data)
                if not incoming.pending and not self._tls.pending():
                    return
        except ssl.SSLWantReadError:
            return
        self._closed_well = True

    def _deliver(self, pieces: list[bytes]) -> None:
        if pieces:
            if self._keep is not None:
                self._save_session(self._keep)
            self._upper.data_received(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        if self._closed_well:
            self._lower.abort()

    def _save_session(self, keep: Callable[[ssl.SSLSession], None]) -> None:
        self._keep = None
        if self._tls.session is not None:
            keep(self._tls.session)

    def _break(self, pieces: list[bytes]) -> None:
        """A record is damaged: what came before it is good, and nothing can come after it."""
        self._deliver(pieces)
        self._lower.abort()

    def _push(self) -> None:
        while self._plain and not self._blocked and not self.is_closing():
            part = self._plain.popleft()
            if len(part) > SLICE_BYTES:
                self._plain.appendleft(part[SLICE_BYTES:])
            self._encrypt(part[:SLICE_BYTES])

    def _encrypt(self, data: bytes | memoryview) -> None:
        try:
            self._tls.write(data)
        except ssl.SSLError:
            self._lower.abort()
        else:
            self._lower.write(self._outgoing.read())

"""Sending a mail by SMTP. The only module that knows the library.

Names are looked up and connected to as for any other call, so that the same guard stands before it; what follows is
said by a thread of its own, which nobody waits for longer than allowed. Certificates and host names are verified.
"""

from __future__ import annotations

import asyncio
import os
import smtplib
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from email.message import EmailMessage
from functools import partial
from typing import Any, BinaryIO, Literal, NamedTuple

from gateway.errors import UpstreamClosed, UpstreamMalformed, UpstreamRejected, UpstreamTimeout, UpstreamTlsFailed

from .addresses import Permit, open_tcp
from .dial import unreachable
from .tls import describe, make_context

SHOWN_CHARACTERS = 300
"""Of what a server says."""

MOST_BYTES = 256 * 1024
"""Of all that a server says in one conversation."""


class MailServer(NamedTuple):
    """Where mails are handed in, and as whom."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    user: str = ""
    password: str = ""
    ca_file: str = ""
    """Authorities beside those of the system."""

    def __repr__(self) -> str:
        return f"MailServer({self.host}:{self.port})"


class Envelope(NamedTuple):
    """A mail and whom it is for."""

    sender: str
    recipients: Sequence[str]
    message: EmailMessage


class _Bounded:
    """What a server says, and no more of it than can be meant."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._left = file, MOST_BYTES

    def readline(self, size: int) -> bytes:
        """The next line. Raises OSError where it is too much."""
        line = self._file.readline(size)
        self._left -= len(line)
        if self._left < 0:
            raise OSError("it says too much")
        return line

    def close(self) -> None:
        """Hear no more."""
        self._file.close()


class _Post(smtplib.SMTP):
    """A conversation on a socket that is connected already."""

    file: Any
    sock: socket.socket | None

    def __init__(self, connected: socket.socket, server: MailServer, context: ssl.SSLContext, seconds: float) -> None:
        self._connected, self._server, self._context = connected, server, context
        super().__init__(server.host, server.port, local_hostname=_own_name(), timeout=seconds)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        self._connected.settimeout(timeout)
        if self._server.security != "tls":
            return self._connected
        return self._context.wrap_socket(self._connected, server_hostname=host)

    def getreply(self) -> tuple[int, bytes]:
        """The next reply."""
        if self.file is None and self.sock is not None:
            self.file = _Bounded(self.sock.makefile("rb"))
        return super().getreply()

    def leave(self) -> None:
        """Say goodbye, and do not wait for an answer: what was taken is taken."""
        with suppress(smtplib.SMTPException, OSError):
            self.putcmd("quit")
        self.close()

    def hand_in(self, envelope: Envelope) -> tuple[str, ...]:
        """Have it sent; the recipients that the server refused, where it took others."""
        server = self._server
        if server.security == "starttls":
            self.starttls(context=self._context)
        if server.user:
            self.login(server.user, server.password)
        refused = self.send_message(envelope.message, envelope.sender, list(envelope.recipients))
        return tuple(refused)


async def hand_in(
    server: MailServer, envelope: Envelope, *, permit: Permit | None = None, seconds: float = 30.0
) -> tuple[str, ...]:
    """Have a mail sent; the recipients that the server refused, where it took others. `permit` judges the addresses of
    the server's name; `seconds` limit all of it. Raises UpstreamError."""
    loop, label = asyncio.get_running_loop(), f"{server.host}:{server.port}"
    try:
        async with asyncio.timeout(seconds):
            context = make_context(server.ca_file)
            context.set_alpn_protocols([])
            connected = await open_tcp(loop, server.host, server.port, permit=permit)
            return await _talk(connected, partial(_said, connected, server, envelope, context=context, seconds=seconds))
    except TimeoutError:
        raise UpstreamTimeout(f"No answer of {label} within {seconds:g} seconds.") from None
    except OSError as error:
        raise unreachable(error, label) from None


async def _talk(connected: socket.socket, talk: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
    """In a thread of its own. Whoever gives it up has the connection cut, by which the thread comes to its end."""
    handle = socket.socket(fileno=os.dup(connected.fileno()))
    connected.setblocking(True)
    work = asyncio.ensure_future(asyncio.to_thread(talk))
    try:
        return await asyncio.shield(work)
    finally:
        if not work.done():
            with suppress(OSError):  # the server was sooner
                handle.shutdown(socket.SHUT_RDWR)
            await asyncio.wait((work,))
            work.exception()  # whatever it says by now, it is given up
        handle.close()


def _said(
    connected: socket.socket, server: MailServer, envelope: Envelope, *, context: ssl.SSLContext, seconds: float
) -> tuple[str, ...]:
    """The whole conversation. Raises UpstreamError."""
    try:
        post = _Post(connected, server, context, seconds)
        try:
            return post.hand_in(envelope)
        finally:
            post.leave()
    except ssl.SSLError as error:
        raise UpstreamTlsFailed(f"TLS with {server.host} failed: {describe(error)}") from None
    except smtplib.SMTPAuthenticationError as error:
        raise UpstreamRejected(f"{server.host} refuses the login: {_words(error)}") from None
    except smtplib.SMTPServerDisconnected as error:
        raise UpstreamClosed(f"{server.host} broke off: {error}") from None
    except smtplib.SMTPRecipientsRefused as error:
        told = "; ".join(f"{name}: {_text(said)}" for name, (_, said) in error.recipients.items())
        raise UpstreamMalformed(f"{server.host} takes nobody's mail: {told}"[:SHOWN_CHARACTERS]) from None
    except smtplib.SMTPNotSupportedError as error:
        raise UpstreamMalformed(f"{server.host} cannot do what it is asked for: {error}") from None
    except smtplib.SMTPResponseException as error:
        raise UpstreamMalformed(f"{server.host} refuses the mail: {_words(error)}") from None
    except smtplib.SMTPException as error:
        raise UpstreamMalformed(f"{server.host} is not understood: {error}"[:SHOWN_CHARACTERS]) from None
    except UnicodeError:
        raise UpstreamMalformed(f"{server.host} can be told names and passwords in ASCII only") from None
    finally:
        connected.close()


def _words(error: smtplib.SMTPResponseException) -> str:
    return f"{error.smtp_code} {_text(error.smtp_error)}"[:SHOWN_CHARACTERS]


def _text(said: bytes | str) -> str:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return " ".join(text.split())


def _own_name() -> str:
    """What this machine calls itself: nobody is asked for its full name, which may take long."""
    name = socket.gethostname()
    return name if name.isascii() and name.replace("-", "").replace(".", "").isalnum() else "localhost"

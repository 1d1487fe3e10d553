"""From an origin to a connection that can carry calls: names, addresses, TCP, proxy, TLS.

Knows every way in which that can fail and says it in the words of the error tree; knows nothing of HTTP calls.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from gateway.errors import UpstreamError, UpstreamForbidden, UpstreamTimeout, UpstreamTlsFailed, UpstreamUnreachable
from gateway.settings.model import UpstreamSettings

from .addresses import AddressRefused, Permit, check_addresses, open_tcp, open_unix
from .connection import ByteStream, Connection
from .guard import may_reach
from .origin import Origin
from .proxy import ProxyAddress, open_tunnel
from .tls import TlsStream, describe, make_context

if TYPE_CHECKING:
    from .pool import Lane


class Dial:
    """One attempt to make a connection for a lane."""

    __slots__ = ("_lane", "deadline", "stage", "task")

    def __init__(self, lane: Lane, dialler: Dialler, deadline: float) -> None:
        self._lane = lane
        self.deadline = deadline
        """Loop time at which the lane gives it up."""
        self.stage = "connect"
        self.task = dialler.loop.create_task(self._run(dialler))
        self.task.add_done_callback(self._ended)

    def cancel(self) -> None:
        """Stop; the lane hears nothing more."""
        self.task.cancel()

    def begin_tls(self) -> None:
        """From now on the limit is that of the handshake."""
        self.stage = "tls"
        self.deadline = self._lane.loop.time() + self._lane.settings.tls_timeout_seconds

    def overdue(self) -> UpstreamTimeout:
        """The error of a dial whose deadline has passed."""
        settings = self._lane.settings
        seconds = settings.connect_timeout_seconds if self.stage == "connect" else settings.tls_timeout_seconds
        message = f"no connection to {self._lane.origin.label} within {seconds:g} s ({self.stage} timeout)"
        return UpstreamTimeout(message, nothing_sent=True)

    async def _run(self, dialler: Dialler) -> None:
        try:
            connection = await dialler.connect(self._lane, self)
        except UpstreamError as error:
            self._lane.dial_failed(self, error)
        else:
            self._lane.dialled(self, connection)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A defect of ours must not leave a call waiting; asyncio reports the exception itself."""
        if not task.cancelled() and task.exception() is not None:
            message = f"no connection to {self._lane.origin.label}: internal error"
            self._lane.dial_failed(self, UpstreamUnreachable(message, nothing_sent=True))


class Dialler:
    """Makes connections. One TLS context serves all of them, and remembers a session of each origin to resume.

    `permit` judges every address of what is guarded, be it an origin or a proxy, each time anew: see `guard`.
    """

    def __init__(
        self,
        settings: UpstreamSettings,
        loop: asyncio.AbstractEventLoop,
        context: ssl.SSLContext | None,
        *,
        permit: Permit = may_reach,
    ) -> None:
        self.loop = loop
        self._permit = permit
        self._settings = settings
        self._context = context
        self._sessions: dict[Origin, ssl.SSLSession] = {}

    async def connect(self, lane: Lane, dial: Dial) -> Connection:
        """A connection ready for calls; UpstreamError, with nothing sent, when there is none to be had."""
        started = time.perf_counter_ns()
        origin = lane.origin
        proxy = ProxyAddress.of(origin.proxy) if origin.proxy and origin.scheme != "unix" else None
        sock = await self._open_socket(origin, proxy)
        stream = await self._attach(sock)
        try:
            if proxy is not None and proxy.speaks_http:
                stream = await self._pass(stream, origin, proxy)
            if origin.scheme == "https":
                dial.begin_tls()
                stream = await self._secure(stream, origin)
            if stream.is_closing():
                raise UpstreamUnreachable(f"{origin.label} closed a new connection at once", nothing_sent=True)
        except BaseException:
            stream.abort()
            raise
        connection = Connection(lane, sock, (time.perf_counter_ns() - started) // 1000)
        connection.attach(stream)
        return connection

    async def _open_socket(self, origin: Origin, proxy: ProxyAddress | None) -> socket.socket:
        """A socket that leads to the origin, or to an HTTP proxy."""
        try:
            if origin.scheme == "unix":
                return await self._open_unix(origin)
            if proxy is None:
                permit = self._permit if origin.guarded else None
                return await open_tcp(self.loop, origin.host, origin.port, permit=permit)
        except OSError as error:
            raise unreachable(error, origin.label) from error
        address = await self._judge(origin.host, origin.label) if origin.guarded else ""
        try:
            return await self._open_proxy(origin, proxy, address)
        except OSError as error:
            raise unreachable(error, proxy.label) from error

    async def _open_unix(self, origin: Origin) -> socket.socket:
        if origin.guarded:  # `Origin.of` makes none such
            raise AddressRefused(origin.host)
        return await open_unix(origin.host)

    async def _open_proxy(self, origin: Origin, proxy: ProxyAddress, address: str) -> socket.socket:
        """A socket to an HTTP proxy, or through a SOCKS proxy; `address` is where the origin's name was found to lead.

        python-socks connects by itself: a guarded proxy is given to it as the address that was judged.
        """
        permit = self._permit if origin.proxy_guarded else None
        if proxy.speaks_http:
            return await open_tcp(self.loop, proxy.host, proxy.port, permit=permit)
        if permit is not None:
            proxy = proxy._replace(host=await check_addresses(self.loop, proxy.host, permit))
        from .socks import open_socks  # noqa: PLC0415 # its library takes time and memory, which few have a use for

        return await open_socks(self.loop, origin, proxy, address=address)

    async def _judge(self, host: str, label: str) -> str:
        """Judge here what a proxy will look up for itself; the address found."""
        try:
            return await check_addresses(self.loop, host, self._permit)
        except OSError as error:
            raise unreachable(error, label) from error

    async def _attach(self, sock: socket.socket) -> ByteStream:
        """The event loop's transport for a connected socket, which belongs to it from now on."""
        make = self.loop.create_unix_connection if sock.family == socket.AF_UNIX else self.loop.create_connection
        try:
            transport, _ = await make(asyncio.Protocol, sock=sock)
        except BaseException as error:
            sock.close()
            if isinstance(error, OSError):
                raise UpstreamUnreachable("a new connection failed at once", nothing_sent=True) from error
            raise
        return cast(ByteStream, transport)

    async def _pass(self, stream: ByteStream, origin: Origin, proxy: ProxyAddress) -> ByteStream:
        """Through an HTTP proxy: TLS to it where it wants that, and a tunnel where the origin wants TLS itself."""
        if proxy.scheme == "https":
            stream = await self._shake_hands(stream, proxy.host, proxy.label)
        if origin.scheme == "https":
            await open_tunnel(stream, origin, proxy)
        return stream

    async def _secure(self, stream: ByteStream, origin: Origin) -> ByteStream:
        session = self._sessions.get(origin)

        def keep(session: ssl.SSLSession) -> None:
            self._sessions[origin] = session

        return await self._shake_hands(stream, origin.host, origin.label, session=session, keep=keep)

    async def _shake_hands(
        self,
        stream: ByteStream,
        host: str,
        label: str,
        *,
        session: ssl.SSLSession | None = None,
        keep: Callable[[ssl.SSLSession], None] | None = None,
    ) -> ByteStream:
        if self._context is None:
            self._context = make_context(self._settings.ca_file)
        try:
            secured = TlsStream(self._context, host, session=session, keep=keep)
            await secured.handshake(stream)
        except (OSError, ValueError) as error:  # ValueError: not a host name that TLS can ask for.
            stream.abort()
            raise UpstreamTlsFailed(f"no TLS with {label}: {describe(error)}", nothing_sent=True) from error
        return secured


def unreachable(error: OSError, label: str) -> UpstreamError:
    """What the operating system said, or our own judge of addresses, about a place."""
    if isinstance(error, AddressRefused):
        message = f"the address of {error.host} is not public, and `network.allow` does not name it"
        return UpstreamForbidden(message, host=error.host)
    if isinstance(error, socket.gaierror):
        message = f"cannot find {label}: {error.strerror}"
    else:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else "no answer"
        message = f"cannot connect to {label}: {reason}"
    return UpstreamUnreachable(message, nothing_sent=True)

"""The way through a SOCKS5 proxy, which `python-socks` knows. `socks5h` leaves finding the name to the proxy."""

from __future__ import annotations

import asyncio
import socket

from python_socks import ProxyError, ProxyType
from python_socks.async_.asyncio import Proxy

from gateway.errors import UpstreamUnreachable

from .origin import Origin
from .proxy import ProxyAddress


async def open_socks(
    loop: asyncio.AbstractEventLoop, origin: Origin, proxy: ProxyAddress, *, address: str = ""
) -> socket.socket:
    """A socket that leads to the origin through the proxy; OSError or UpstreamUnreachable when it does not.

    `address` is what the origin's name was found to lead to; a proxy that finds names itself is told the name.
    """
    by_proxy = proxy.scheme == "socks5h"
    username, password = proxy.username or None, proxy.password or None
    client = Proxy(ProxyType.SOCKS5, proxy.host, proxy.port, username, password, rdns=by_proxy, loop=loop)
    try:
        sock = await client.connect(origin.host if by_proxy else address or origin.host, origin.port)
    except ProxyError as error:
        message = f"{proxy.label} does not lead to {origin.label}: {error}"
        raise UpstreamUnreachable(message, nothing_sent=True) from error
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock

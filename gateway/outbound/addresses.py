"""From a host name to a connected socket: every address is tried, the families by turns, each a little after the last.

Knows no proxies and no TLS. Its errors are the operating system's, and one of its own: an address may be refused.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from itertools import chain, zip_longest
from typing import Any

STAGGER_SECONDS = 0.25
"""Head start of an address over the next one."""

Address = tuple[int, Any]
"""Address family, and what `connect` takes."""


Permit = Callable[[str], bool]
"""Says of an address, as text, whether it may be connected to."""


class AddressRefused(OSError):
    """A name leads to addresses that may not be connected to."""

    def __init__(self, host: str) -> None:
        super().__init__(f"{host} may not be connected to")
        self.host = host


async def open_tcp(
    loop: asyncio.AbstractEventLoop, host: str, port: int, *, permit: Permit | None = None
) -> socket.socket:
    """A connected, non-blocking socket without Nagle's delay, to an address that `permit` lets pass.

    OSError when no address answers, AddressRefused among them.
    """
    addresses = await find_addresses(loop, host, port)
    if permit is not None:
        addresses = [address for address in addresses if permit(address[1][0])]
        if not addresses:
            raise AddressRefused(host)
    if len(addresses) == 1:
        return await _connect(loop, addresses[0])
    return await _first_of(loop, addresses)


async def find_addresses(loop: asyncio.AbstractEventLoop, host: str, port: int) -> list[Address]:
    """Where a name leads, the preferred family first, then by turns; socket.gaierror when nowhere."""
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # A label of the name is empty or too long.
        raise socket.gaierror(socket.EAI_NONAME, "not a host name") from error
    if not found:
        raise socket.gaierror(socket.EAI_NODATA, "the name has no address")
    addresses = [(family, address) for family, _, _, _, address in found]
    preferred = [each for each in addresses if each[0] == addresses[0][0]]
    others = [each for each in addresses if each[0] != addresses[0][0]]
    return [each for each in chain.from_iterable(zip_longest(preferred, others)) if each is not None]


async def check_addresses(loop: asyncio.AbstractEventLoop, host: str, permit: Permit) -> str:
    """The first address of a name, all of which may be connected to; for those who leave the connecting to others.

    AddressRefused when one of them may not, OSError when there is none.
    """
    found: list[str] = [address[0] for _, address in await find_addresses(loop, host, 0)]
    if not all(map(permit, found)):
        raise AddressRefused(host)
    return found[0]


async def open_unix(path: str) -> socket.socket:
    """A connected, non-blocking socket; OSError when nobody listens there."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.setblocking(False)
    try:
        while True:
            try:
                sock.connect(path)
                return sock
            except BlockingIOError:  # Its backlog is full; a Unix socket says so and does not queue us.
                await asyncio.sleep(0.01)
    except BaseException:
        sock.close()
        raise


async def _connect(loop: asyncio.AbstractEventLoop, address: Address) -> socket.socket:
    family, destination = address
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await loop.sock_connect(sock, destination)
    except BaseException:
        sock.close()
        raise
    return sock


async def _first_of(loop: asyncio.AbstractEventLoop, addresses: list[Address]) -> socket.socket:
    """The socket of the first address that answers; the last error when none does."""
    untried = deque(addresses)
    running: set[asyncio.Task[socket.socket]] = set()
    try:
        while True:
            if untried:
                running.add(loop.create_task(_connect(loop, untried.popleft())))
            patience = STAGGER_SECONDS if untried else None
            done, _ = await asyncio.wait(running, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                error = task.exception()
                if error is None:
                    running.discard(task)
                    return task.result()
                running.discard(task)
                if not running and not untried:
                    raise error
    finally:
        _give_up(running)


def _give_up(tasks: set[asyncio.Task[socket.socket]]) -> None:
    for task in tasks:
        if not task.cancel() and task.exception() is None:
            task.result().close()

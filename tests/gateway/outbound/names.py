"""A resolver that says what a test wants, and something else the next time."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Every name leads to the next of these lists of addresses from now on; the names that were asked for."""
    asked: list[str] = []
    loop = asyncio.get_running_loop()
    really = loop.getaddrinfo

    async def getaddrinfo(host: str, port: int, **options: Any) -> list[Any]:
        if host.replace(".", "").isdigit():  # uvloop asks for the address that it is told to connect to
            return await really(host, port, **options)
        addresses = answers[len(asked)]
        asked.append(host)
        families = [(socket.AF_INET6 if ":" in address else socket.AF_INET, address) for address in addresses]
        return [(family, socket.SOCK_STREAM, 6, "", (address, port)) for family, address in families]

    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
    return asked

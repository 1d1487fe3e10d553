"""What must be ours before anything is started: the data directory, the lock in it, the public port.

Knows how to take them and how to tell, in one line, why they cannot be had.
"""

from __future__ import annotations

import fcntl
import os
import socket
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

LONGEST_SOCKET_PATH = 107
"""Bytes a Unix socket's path may have on Linux."""


class CannotServe(Exception):
    """Why the gateway cannot start, in one line."""


class InUse(CannotServe):
    """A gateway runs on the data directory, or somebody works on it while none may."""


class Announcement(Struct, frozen=True, kw_only=True):
    """`run/gateway.json`: where other commands find a running gateway."""

    pid: int
    url: str
    version: str
    started_at: str
    """ISO 8601, UTC."""


def control_socket(data_dir: Path) -> Path:
    """Where the control process serves."""
    return data_dir / "run" / "control.sock"


def announcement_file(data_dir: Path) -> Path:
    """Where the running gateway says who it is."""
    return data_dir / "run" / "gateway.json"


def claim_data_dir(data_dir: Path) -> int:
    """Make the data directory and lock it; the descriptor that holds the lock. Raises InUse, CannotServe."""
    if len(os.fsencode(control_socket(data_dir))) > LONGEST_SOCKET_PATH:
        raise CannotServe(f"the path of the data directory is too long for a Unix socket in it: {data_dir}")
    try:
        _make_directories(data_dir)
        lock = os.open(data_dir / "run" / "serve.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CannotServe(f"the data directory {data_dir} cannot be written: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise InUse(f"the data directory {data_dir} is in use by {_holder(data_dir)}") from None
    return lock


def claim_port(host: str, port: int) -> socket.socket:
    """A socket that holds the public port for the workers and never listens. Raises CannotServe."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        _check_free(family, host, port)
        held = socket.socket(family)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind((host, port))
    except OSError as error:
        raise CannotServe(f"cannot listen on {place(host, port)}: {os.strerror(error.errno or 0)}") from None
    return held


def place(host: str, port: int) -> str:
    """`HOST:PORT`, IPv6 in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def announce(data_dir: Path, announcement: Announcement) -> None:
    """Write `run/gateway.json`, whole or not at all."""
    path = announcement_file(data_dir)
    draft = path.with_suffix(".new")
    draft.write_bytes(msgspec.json.encode(announcement) + b"\n")
    draft.replace(path)


def find(data_dir: Path) -> Announcement | None:
    """The gateway running on a data directory; None when there is none."""
    with suppress(OSError, msgspec.DecodeError):
        announcement = msgspec.json.decode(announcement_file(data_dir).read_bytes(), type=Announcement)
        os.kill(announcement.pid, 0)
        return announcement
    return None


def withdraw(data_dir: Path) -> None:
    """Remove `run/gateway.json`."""
    announcement_file(data_dir).unlink(missing_ok=True)


def _make_directories(data_dir: Path) -> None:
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("run", "spool"):
        (data_dir / name).mkdir(mode=0o700, exist_ok=True)


def _check_free(family: socket.AddressFamily, host: str, port: int) -> None:
    """Raises OSError when somebody has the port: SO_REUSEPORT alone would let us share it with another gateway."""
    with socket.socket(family) as probe:
        # Connections of a gateway that has just ended still linger; they are no reason not to start.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def _holder(data_dir: Path) -> str:
    running = find(data_dir)
    return f"the gateway at {running.url} (process {running.pid})" if running else "another gateway"

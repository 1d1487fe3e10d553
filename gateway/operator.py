"""Asking a running gateway as its operator: straight to the control process, by the socket in the data directory.

Knows the socket, the token beside it and plain JSON answers. Who may read the data directory is the operator.
"""

from __future__ import annotations

import http.client
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec

from gateway import claims

SECONDS = 10.0
"""How long the control process may take to answer."""


class NotAnswered(Exception):
    """Why there is no answer, in one line."""


def ask(data_dir: Path, path: str, parameters: Mapping[str, str | int]) -> Any:
    """What the control process answers to a GET, from JSON. Raises NotAnswered."""
    if not data_dir.is_dir():
        raise NotAnswered(f"there is no data directory {data_dir}: name it with --data-dir or --config")
    try:
        token = (data_dir / "run" / "operator.token").read_text().strip()
        status, body = _get(claims.control_socket(data_dir), f"{path}?{urlencode(parameters)}", token)
    except PermissionError:
        raise NotAnswered(f"not permitted: {data_dir} belongs to another user") from None
    except TimeoutError:
        raise NotAnswered("the control process does not answer") from None
    except (OSError, http.client.HTTPException):
        raise NotAnswered(_why_silent(data_dir)) from None
    if status != http.client.OK:
        raise NotAnswered(_complaint(status, body))
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        raise NotAnswered("the control process answers something that is not JSON") from None


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(SECONDS)
        self.sock.connect(str(self._path))


def _get(path: Path, target: str, token: str) -> tuple[int, bytes]:
    connection = _Connection(path)
    try:
        connection.request("GET", target, headers={"x-sluicegate-operator": token, "accept": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _why_silent(data_dir: Path) -> str:
    if running := claims.find(data_dir):
        return f"the control process of the gateway at {running.url} is not up; it is restarted, try again"
    return f"no gateway is running on {data_dir}"


def _complaint(status: int, body: bytes) -> str:
    """The message of an error answer, or its status where it has none."""
    try:
        return str(msgspec.json.decode(body)["error"]["message"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return f"the control process answers with status {status}"

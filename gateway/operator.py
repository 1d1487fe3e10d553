"""Asking a running gateway as its operator: straight to the control process, by the socket in the data directory.

Knows the socket, the token beside it and plain JSON answers. Who may read the data directory is the operator.
"""

from __future__ import annotations

import http.client
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from gateway import claims

SECONDS = 10.0
"""How long the control process may take to answer."""

WELL = (http.client.OK, http.client.CREATED, http.client.ACCEPTED, http.client.NO_CONTENT)

VERSIONED = ("PUT", "PATCH", "DELETE")
"""Methods that must say which version they change: the operator means what is there."""


class NotAnswered(Exception):
    """Why there is no answer, in one line."""


class _Fault(Struct):
    pointer: str = ""
    parameter: str = ""


class _Problem(Struct):
    """RFC 9457, as far as people read it."""

    detail: str
    errors: tuple[_Fault, ...] = ()

    @property
    def words(self) -> str:
        named = (fault.pointer.removeprefix("#/").replace("/", ".") or fault.parameter for fault in self.errors)
        places = [f"`{name}`" for name in named if name and f"`{name}`" not in self.detail]
        return f"{', '.join(places)}: {self.detail}" if places else self.detail


class _Message(Struct):
    message: str


class _Error(Struct):
    error: _Message

    @property
    def words(self) -> str:
        return self.error.message


_COMPLAINTS: tuple[type[_Problem | _Error], ...] = (_Problem, _Error)


def ask(data_dir: Path, path: str, parameters: Mapping[str, str | int]) -> Any:
    """What the control process answers to a GET, from JSON. Raises NotAnswered."""
    return _answer(data_dir, "GET", f"{path}?{urlencode(parameters)}", None)


def tell(data_dir: Path, method: Literal["POST", "PUT", "PATCH", "DELETE"], path: str, body: object = None) -> Any:
    """What it answers to a change, whichever version it changes; None where there is nothing to say. Raises
    NotAnswered."""
    return _answer(data_dir, method, path, None if body is None else msgspec.json.encode(body))


def _answer(data_dir: Path, method: str, target: str, body: bytes | None) -> Any:
    if not data_dir.is_dir():
        raise NotAnswered(f"there is no data directory {data_dir}: name it with --data-dir or --config")
    try:
        token = (data_dir / "run" / "operator.token").read_text().strip()
        status, answer = _exchange(claims.control_socket(data_dir), token, method, target, body)
    except PermissionError:
        raise NotAnswered(f"not permitted: {data_dir} belongs to another user") from None
    except TimeoutError:
        raise NotAnswered("the control process does not answer") from None
    except (OSError, http.client.HTTPException):
        raise NotAnswered(_why_silent(data_dir)) from None
    if status not in WELL:
        raise NotAnswered(_complaint(status, answer))
    try:
        return msgspec.json.decode(answer) if answer else None
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


def _exchange(path: Path, token: str, method: str, target: str, body: bytes | None) -> tuple[int, bytes]:
    connection = _Connection(path)
    headers = {"x-sluicegate-operator": token, "accept": "application/json"}
    if method in VERSIONED:
        headers["if-match"] = "*"
    if body is not None:
        headers["content-type"] = "application/json"
    try:
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _why_silent(data_dir: Path) -> str:
    if running := claims.find(data_dir):
        return f"the control process of the gateway at {running.url} is not up; it is restarted, try again"
    return f"no gateway is running on {data_dir}"


def _complaint(status: int, body: bytes) -> str:
    """What an error answer says, or its status where it says nothing: a problem, or an error as clients get it."""
    for form in _COMPLAINTS:
        with suppress(msgspec.DecodeError):
            return msgspec.json.decode(body, type=form).words
    return f"the control process answers with status {status}"

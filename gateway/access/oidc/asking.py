"""Small questions to a provider over HTTP, answered in JSON, and which addresses they may go to.

How they travel is the caller's affair: whoever logs people in hands in a `Fetch`. It is expected to limit the size of
an answer and the time it takes, to follow no redirect, and to judge the address that a name leads to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, Protocol
from urllib.parse import urlsplit

import orjson

from gateway.errors import LoginFailed, UpstreamError

Network = IPv4Network | IPv6Network

# GitHub refuses whoever does not say who it is: https://docs.github.com/rest/using-the-rest-api/getting-started-with-the-rest-api
HEADERS = {"accept": "application/json", "user-agent": "sluicegate"}

MOST_SHOWN = 200
"""Characters of a provider's own words that go into the log."""


class Fetched(Protocol):
    """A whole answer."""

    @property
    def status(self) -> int:
        """Its status code."""

    @property
    def body(self) -> bytes:
        """Its content."""


class Fetch(Protocol):
    """Sends a request and waits for all of the answer."""

    async def __call__(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Fetched:
        """The answer, whatever its status. Raises UpstreamError."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a provider is asked. `what` says in a message what was wanted, such as "discovery document"."""

    what: str
    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    may_refuse: bool = False
    """Whether an answer with an error status is wanted too: the token endpoint says what is wrong."""


async def ask(fetch: Fetch, question: Question) -> Any:
    """The JSON that a provider answers with. Raises LoginFailed."""
    what = question.what
    try:
        answer = await fetch(question.method, question.url, {**HEADERS, **question.headers}, question.body)
    except UpstreamError as error:
        raise LoginFailed(
            f"The provider could not be asked for its {what}.", details=f"{question.url}: {error.message}"
        ) from None
    if 300 <= answer.status < 400:
        raise LoginFailed(
            f"The provider redirects from the address of its {what}; redirects are not followed.",
            details=f"{question.url} answered {answer.status}",
        )
    if answer.status >= 500 or not (answer.status == 200 or question.may_refuse):
        raise LoginFailed(f"The provider did not give its {what}.", details=f"{question.url} answered {answer.status}")
    try:
        return orjson.loads(answer.body)
    except ValueError:
        raise LoginFailed(
            f"The provider answered something unreadable when asked for its {what}.",
            details=f"{question.url} answered {answer.status} without JSON",
        ) from None


def mapping(value: Any, what: str) -> dict[str, Any]:
    """A JSON value that must be an object. Raises LoginFailed."""
    if not isinstance(value, dict):
        raise LoginFailed(f"The provider answered something unreadable when asked for its {what}.", details="no object")
    return value


def text(value: Any) -> str:
    """A JSON value where it is text, empty where it is anything else."""
    return value if isinstance(value, str) else ""


def said(value: Any) -> str:
    """A provider's own words, fit for one line of a log."""
    return "".join(filter(str.isprintable, text(value)))[:MOST_SHOWN]


def is_safe(url: str, allow: Sequence[Network] = ()) -> bool:
    """Whether an address may carry a login: https, or http to this machine and to addresses an operator allowed.

    Where a name leads is not known here; whoever connects judges that.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or "@" in parts.netloc or not url.isprintable() or " " in url:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_near(host, allow))


def _is_near(host: str, allow: Sequence[Network]) -> bool:
    if host == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or any(address in network for network in allow)

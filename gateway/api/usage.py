"""The usage API of the control process: rows and totals to who may see them, and how ingest is doing.

Knows questions, answers and who asks. Does not know SQL, nor how rows got there. A request that came through a worker
is seen as the client key the worker vouches for; one that came straight to the socket must show the operator's token,
which lies beside the socket for whoever may read the data directory.
"""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from blacksheep import Application, Content, Request, Response

from gateway.errors import GatewayError, InvalidKey, InvalidRequest

from .failures import write_refusal

FORWARDED = b"x-sluicegate-forwarded"
KEY = b"x-sluicegate-key"
OPERATOR = b"x-sluicegate-operator"

SPANS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}

GROUPS = {"model": "usage/by_model", "key": "usage/by_key", "provider": "usage/by_provider"}
"""Statement for each way of adding up."""

PARAMETERS = frozenset(("last", "by", "limit", "key"))
DEFAULT_LAST = "1h"
LONGEST_LAST = timedelta(days=36_500)
DEFAULT_LIMIT = 50
MOST_ROWS = 10_000

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
JSON = b"application/json"

Read = Callable[[str, Mapping[str, object]], Awaitable[list[dict[str, Any]]]]
"""The rows of a named statement."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks: the operator, who sees everything, or a client, who sees the rows of its key."""

    key: str | None
    """None for the operator."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the usage records."""

    last: str
    since_us: int
    by: str | None
    key: str | None
    limit: int


class UsageApi:
    """The endpoints under `/api`. `ingest_state` gives what `/api/health` shows beside the number of rows."""

    def __init__(self, read: Read, operator_token: str, ingest_state: Callable[[], Mapping[str, Any]]) -> None:
        self._read, self._token, self._ingest_state = read, operator_token, ingest_state

    def add_to(self, app: Application) -> None:
        """Serve these endpoints in `app`."""
        for path, answer in (("/api/usage", self._usage), ("/api/health", self._health)):
            app.router.add_get(path, _endpoint(answer))
            app.router.add_head(path, _endpoint(answer))
        app.exceptions_handlers[GatewayError] = refuse

    async def _usage(self, request: Request) -> Response:
        viewer = identify(request, self._token)
        question = read_question(request.query, now_us=time.time_ns() // 1000)
        return _json(await self._answer(question, viewer))

    async def _health(self, request: Request) -> Response:
        if identify(request, self._token).key is not None:
            raise InvalidKey("The state of the gateway is for its operator.")
        (row,) = await self._read("usage/count", {})
        return _json({"requests": row["requests"], **self._ingest_state()})

    async def _answer(self, question: Question, viewer: Viewer) -> dict[str, Any]:
        if viewer.key is not None and question.key not in (None, viewer.key):
            raise InvalidKey("This client key sees its own usage only.", param="key")
        parameters = {"since_us": question.since_us, "key": viewer.key or question.key, "limit": question.limit}
        rows = await self._read(GROUPS[question.by] if question.by else "usage/newest", parameters)
        return {
            "last": question.last,
            "since": instant(question.since_us),
            "by": question.by,
            "rows": rows if question.by else [with_instant(row) for row in rows],
        }


def identify(request: Request, operator_token: str) -> Viewer:
    """Who asks. Raises InvalidKey when that is nobody we know."""
    if request.get_first_header(FORWARDED) is not None:
        # From outside: a token of the operator would be one that a worker should have removed.
        if key := request.get_first_header(KEY):
            return Viewer(key.decode())
        raise InvalidKey("Send a client key of this gateway: Authorization: Bearer <key>.")
    shown = request.get_first_header(OPERATOR) or b""
    if not hmac.compare_digest(shown, operator_token.encode()):
        raise InvalidKey("This socket is for the gateway's workers and its operator.")
    return Viewer(None)


def read_question(query: Mapping[str, list[str]], *, now_us: int) -> Question:
    """The question in a query string. Raises InvalidRequest that names what is wrong."""
    if unknown := sorted(query.keys() - PARAMETERS):
        raise InvalidRequest(
            f"Unknown parameter {unknown[0]!r}; there are {', '.join(sorted(PARAMETERS))}.", param=unknown[0]
        )
    given = {name: values[-1] for name, values in query.items() if values}
    by = given.get("by")
    if by is not None and by not in GROUPS:
        raise InvalidRequest(f"`by` is one of {', '.join(GROUPS)}.", param="by")
    last = given.get("last", DEFAULT_LAST)
    since_us = max(0, now_us - _span(last) // timedelta(microseconds=1))
    return Question(last, since_us, by, given.get("key"), _limit(given.get("limit", str(DEFAULT_LIMIT))))


def instant(unix_us: int) -> str:
    """RFC 3339 with microseconds, in UTC."""
    return (EPOCH + timedelta(microseconds=unix_us)).isoformat(timespec="microseconds").replace("+00:00", "Z")


def with_instant(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with `started_at` as an instant, in place of microseconds."""
    return {"started_at": instant(row["started_at_us"]), **{k: v for k, v in row.items() if k != "started_at_us"}}


async def refuse(app: Application, request: Request, error: GatewayError) -> Response:
    """The answer to an error of ours, in the shape OpenAI's clients read."""
    headers = [(b"cache-control", b"no-store")]
    if error.retry_after is not None:
        headers.append((b"retry-after", b"%d" % max(1, round(error.retry_after))))
    status, body = write_refusal(error, "/api", {})
    return Response(status, headers, Content(JSON, body))


def _endpoint(answer: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """`answer` as a plain function: BlackSheep writes on what it is given, and a method cannot be written on."""

    async def endpoint(request: Request) -> Response:
        return await answer(request)

    return endpoint


def _span(last: str) -> timedelta:
    found = re.fullmatch(r"([1-9][0-9]{0,8})([smhd])", last, re.ASCII)
    if found is None:
        raise InvalidRequest("`last` is a number and a unit: 90s, 30m, 1h, 7d.", param="last")
    return min(LONGEST_LAST, int(found[1]) * SPANS[found[2]])


def _limit(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) or not 1 <= int(text) <= MOST_ROWS:
        raise InvalidRequest(f"`limit` is a number from 1 to {MOST_ROWS}.", param="limit")
    return int(text)


def _json(fields: Mapping[str, Any]) -> Response:
    return Response(200, [(b"cache-control", b"no-store")], Content(JSON, orjson.dumps(fields)))

"""What a worker answers besides inference: models, health, metrics. A small BlackSheep application."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from blacksheep import Application, Content, Request, Response

from gateway import __version__
from gateway.application import new_application
from gateway.errors import GatewayError
from gateway.observe import exposition
from gateway.observe.metrics import Metrics
from gateway.relay.replies import WAITING_STATUSES

from .admission import Keys
from .failures import dialect_of, write_refusal
from .models import ONE, PAGE, ModelList

JSON = b"application/json"

_OTHERS = frozenset((b"authorization", b"x-api-key", b"anthropic-version"))
"""What only clients of the other dialects send."""


class Public:
    """The state those answers are made of."""

    def __init__(self, models: ModelList, metrics: Metrics, keys: Keys) -> None:
        self._models = models
        self._metrics = metrics
        self._keys = keys
        self.draining = False

    def application(self) -> Application:
        """The application; its `start` is to be awaited before the first request."""
        app = new_application()
        app.logger.setLevel(logging.WARNING)  # It tells of every refusal; the client hears it, and that is enough.
        for path, answer in (
            ("/healthz", self._health),
            ("/readyz", self._readiness),
            ("/metrics", self._show_metrics),
            ("/v1/models", self._list_models),
            ("/v1/models/*", self._show_model),
            ("/v1beta/models", self._list_models),
            ("/v1beta/models/*", self._show_model),
        ):
            app.router.add_get(path, _function(answer))
            app.router.add_head(path, _function(answer))
        app.exceptions_handlers[GatewayError] = _refuse
        return app

    async def _health(self, request: Request) -> Response:
        return _json(200, {"status": "ok", "version": __version__})

    async def _readiness(self, request: Request) -> Response:
        return _json(503, {"status": "draining"}) if self.draining else _json(200, {"status": "ready"})

    async def _show_metrics(self, request: Request) -> Response:
        dialect = exposition.choose((request.get_first_header(b"accept") or b"").decode("latin-1"))
        return Response(200, None, Content(dialect.content_type.encode(), self._metrics.render(dialect)))

    async def _list_models(self, request: Request) -> Response:
        headers = _headers(request)
        models = await self._models.listed(await self._keys.get(headers))
        question = {name: values[-1] for name, values in request.query.items()}
        return _json(200, PAGE[_dialect(request, headers)](models, question))

    async def _show_model(self, request: Request) -> Response:
        headers = _headers(request)
        model = self._models.get((request.route_values or {}).get("tail") or "", await self._keys.get(headers))
        return _json(200, ONE[_dialect(request, headers)](model))


def _function(method: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """`method` as a function: BlackSheep sets attributes on what it routes to, which methods do not take."""

    async def answer(request: Request) -> Response:
        return await method(request)

    return answer


async def _refuse(app: Application, request: Request, error: GatewayError) -> Response:
    status, body = write_refusal(error, _path(request), _headers(request))
    headers = []
    if error.retry_after is not None or status in WAITING_STATUSES:
        headers.append((b"retry-after", b"%d" % max(math.ceil(error.retry_after or 1), 1)))
    return Response(status, headers, Content(JSON, body))


def _headers(request: Request) -> dict[bytes, bytes]:
    """By name; a key in the query counts on Gemini's paths, where its clients may put it. `/v1/models` is one of them
    where nothing else says whose it is."""
    headers = {name.lower(): value for name, value in request.headers}
    key, path = request.query.get("key"), _path(request)
    if key and (path.startswith("/v1beta/") or (path.startswith("/v1/models") and not _OTHERS.intersection(headers))):
        headers.setdefault(b"x-goog-api-key", key[-1].encode("latin-1", "replace"))
    return headers


def _dialect(request: Request, headers: dict[bytes, bytes]) -> str:
    return dialect_of(_path(request), headers).name


def _path(request: Request) -> str:
    return request.url.path.decode("latin-1")


def _json(status: int, fields: dict[str, Any]) -> Response:
    return Response(status, [(b"cache-control", b"no-store")], Content(JSON, orjson.dumps(fields)))

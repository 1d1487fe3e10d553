"""Every route of the product, asked of the product itself: what it serves, not what somebody remembers of it.

Knows where each process keeps its routes, and how to ask for one so that whoever is let in breaks nothing. Who is let
in where is in `inventory`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
from blacksheep import Application

from gateway.api.endpoints import ENDPOINTS
from gateway.api.management import OPERATIONS
from gateway.control import Control
from gateway.leash import Start
from gateway.settings.model import ServerSettings, Settings
from gateway.shared.memory import prepare
from gateway.store.generations import shared_file
from gateway.store.state import database_of, make_ready
from gateway.worker import Worker
from tests.e2e.people import People

Route = tuple[str, str]
"""Method and path, the latter with names in braces, and with `*` for whatever may follow."""


NOTHING = "nothing"
"""What is asked for wherever a path has a name: there is none like it."""

BY_API = {(operation.method, operation.path): operation for operation in OPERATIONS}

FORM = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
"""What a browser says of a form of our own pages."""

FILLED = {
    ("POST", "/v1/responses/*"): "/v1/responses/nothing/cancel",
    ("GET", "/api/live"): "/api/live?seconds=0",
    ("GET", "/live/events"): "/live/events?seconds=0",
}


async def all_routes(directory: Path) -> frozenset[Route]:
    """The routes of every process; HEAD is where GET is. `directory` is where they may keep things meanwhile."""
    settings = Settings(server=ServerSettings(data_dir=str(directory)))
    (directory / "run").mkdir(mode=0o700)
    make_ready(database_of(settings))
    prepare(shared_file(directory), 1)
    control, worker = Control(Start(settings=settings)), Worker(Start(settings=settings))
    await control.start()
    await worker.start()
    try:
        own = worker._front._application
        assert isinstance(own, Application)
        found = [*routes_of(control._app), *routes_of(own)]
    finally:
        await worker.stop()
        await control.stop()
    return _without_head(found).union(("POST", endpoint.path) for endpoint in ENDPOINTS)


def routes_of(application: Application) -> Iterable[Route]:
    """What its router has."""
    for method, routes in application.router.routes.items():
        for route in routes:
            yield method.decode(), route.mustache_pattern


def _without_head(found: list[Route]) -> frozenset[Route]:
    there = frozenset(found)
    heads = {path for method, path in there if method == "HEAD"}
    assert heads <= {path for method, path in there if method == "GET"}
    return frozenset(route for route in there if route[0] != "HEAD")


def path_of(route: Route) -> str:
    """An address that the route is taken for."""
    return FILLED.get(route) or re.sub(r"\{\w+\}|\*", NOTHING, route[1])


def knock(people: People, name: str, route: Route) -> httpx.Response:
    """What somebody hears who takes a route with nothing to do there: a body that is too little, names of nobody."""
    method, path = route
    body: Any = None
    headers = {"if-match": "*"} if method in ("PUT", "PATCH", "DELETE") else {}
    if route in BY_API:
        body = {} if BY_API[route].body is not None else None
    elif path.startswith(("/v1", "/internal/")):
        body = {} if method == "POST" else None
    elif method == "POST":
        body, headers = f"email={name}%40nowhere.example&password=x".encode(), FORM
    return people.ask(name, method, path_of(route), body, headers)

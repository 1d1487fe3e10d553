"""Every route of the product, asked of the product itself: what it serves, not what somebody remembers of it.

Knows where each process keeps its routes. Who may take which is in `route_table`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from blacksheep import Application

from gateway.api.endpoints import ENDPOINTS
from gateway.control import Control
from gateway.leash import Start
from gateway.settings.model import ServerSettings, Settings
from gateway.store.state import database_of, make_ready
from gateway.worker import Worker

Route = tuple[str, str]
"""Method and path, the latter with names in braces, and with `*` for whatever may follow."""


async def all_routes(directory: Path) -> frozenset[Route]:
    """The routes of every process; HEAD is where GET is. `directory` is where they may keep things meanwhile."""
    settings = Settings(server=ServerSettings(data_dir=str(directory)))
    (directory / "run").mkdir(mode=0o700)
    make_ready(database_of(settings))
    control, worker = Control(Start(settings=settings)), Worker(Start(settings=settings))
    await control.start()
    await worker.start()
    try:
        applications = (control._app, worker._front._application)
        found = [route for each in applications if isinstance(each, Application) for route in routes_of(each)]
        assert len(applications) == sum(isinstance(each, Application) for each in applications)
    finally:
        await worker.stop()
        await control.stop()
    inference = {("POST", endpoint.path) for endpoint in ENDPOINTS}
    return inference | _without_head(found)


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

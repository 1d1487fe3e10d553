"""A live gateway with made-up history, and people who look at its dashboard with a real browser."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from gateway.management import people, teams
from gateway.management.people import NewUser
from gateway.management.teams import TeamWish
from tests.browsing import Window
from tests.e2e.nodes import kept_at
from tests.gateway.management.offices import OPERATOR, office_in
from tests.gateway_process import GatewayProcess, configuration, running
from tests.source import ROOT
from web.page import Page
from web.pages import PAGES

EMAIL = "olga@example.com"
PASSWORD = "plum orchard lantern"

ROWS = 4_000
DAYS = 3

OF_A_LINK = frozenset(("/setup", "/password"))
"""Pages for whoever has a link."""

LINKS = {"/requests/{id}": "/requests?range=7d", "/providers/{id}": "/providers", "/keys/{id}": "/keys"}
LINKS |= {"/people/{id}": "/people", "/people/teams/{id}": "/people"}
"""Where pages about one thing are linked from, by their path."""

THERE = {
    "/providers/-/{preset}": "/providers/-/openai",
    "/providers/{id}/credentials/{name}": "/providers/mock/credentials/first",
}
"""Where such pages are whatever was made up."""

OF_THE_DATABASE = frozenset(("/providers/{id}/change", "/providers/{id}/credentials"))
"""Forms that there are only for what the file does not say; `tests/web` looks at these."""


@contextmanager
def dashboard(
    directory: Path, mock_url: str, more: str = "", *, rows: int = 0, url: str = ""
) -> Iterator[GatewayProcess]:
    """A gateway that olga owns, with so many made-up requests, and its state at `url` or in the data directory."""
    data_dir = directory / "data"
    data_dir.mkdir(mode=0o700, parents=True)
    if rows:
        command = [sys.executable, "-m", "gateway", "seed", "--rows", str(rows), "--days", str(DAYS)]
        subprocess.run([*command, "--data-dir", str(data_dir)], check=True, capture_output=True, cwd=ROOT)
    with ThreadPoolExecutor(1) as thread:  # the driver of the browser has an event loop of its own in this one
        thread.submit(asyncio.run, _add_owner(data_dir, url)).result()
    with running(directory, kept_at(url, configuration(mock_url, more))) as gateway:
        yield gateway.complete()


async def _add_owner(data_dir: Path, url: str) -> None:
    async with office_in(data_dir, url) as office:
        wish = NewUser(email=EMAIL, name="Olga", role="owner", password=PASSWORD, invite=False)
        await people.create_user(office, OPERATOR, wish)
        await teams.create_team(office, OPERATOR, TeamWish(name="Rowers"))


def pages() -> list[Page]:
    """Every page that somebody who is signed in comes to by themselves."""
    return [page for page in PAGES if not page.is_public and page.path not in OF_A_LINK | OF_THE_DATABASE]


def address_of(page: Page, window: Window) -> str | None:
    """Where a page is; of one about one thing, of the first that is linked to. None where there is none yet."""
    if "{" not in page.path or page.path in THERE:
        return THERE.get(page.path, page.path)
    window.open(LINKS[page.path])
    pattern = re.compile(re.sub(r"\{\w+\}", r"[^/?#]+", page.path))
    found = (link.get_attribute("href") or "" for link in window.page.locator("main a[href]").all())
    return next((link for link in found if pattern.fullmatch(link)), None)

"""`sluicegate seed`: something to look at, where nothing has happened yet."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click

from gateway import logs
from gateway.commands import options
from gateway.commands.opening import OPERATOR, claimed, refusing, settings_at
from gateway.commands.refusal import Refusal
from gateway.errors import GatewayError
from gateway.management.office import Declared
from gateway.management.opened import open_office
from gateway.seeding.history import Wish
from gateway.seeding.seeding import Places, count, seed
from gateway.seeding.settling import Settled
from gateway.seeding.world import PEOPLE, TEAMS
from gateway.settings.instants import write_instant
from gateway.settings.model import Settings
from gateway.upkeep.rolling import Beginnings
from gateway.usage_store import UsageStore

MEGA = 1_000_000

log = logs.get("gateway.seed")


@click.command("seed")
@options.config
@options.data_dir
@click.option("--rows", type=click.IntRange(1, 1_000_000_000), default=1_000_000, show_default=True, help="Requests.")
@click.option("--days", type=click.FloatRange(0.1, 3650), default=90.0, show_default=True, help="Over how many days.")
@click.option(
    "--seed", "number", type=click.IntRange(0, 1_000_000), default=1, show_default=True,
    help="Another number makes other requests, the same one the same.",
)  # fmt: skip
@click.option("--add", is_flag=True, help="Also where there are requests already.")
def command(config: Path | None, data_dir: str | None, add: bool, number: int, **said: float) -> None:
    """Make up people, client keys and requests to try the dashboard with. No gateway may run meanwhile.

    For a data directory of its own: what is made up is told from nothing else afterwards. The newest 300 requests have
    bodies, sealed as those that are captured.
    """
    wish = Wish(requests=int(said["rows"]), days=said["days"], until_us=time.time_ns() // 1000, seed=number)
    begun = time.monotonic()
    with refusing():
        settings = settings_at((config, data_dir))
        with claimed(settings):
            logs.configure("console", "warning")
            settled = asyncio.run(_seed(settings, wish, add=add))
    seconds = time.monotonic() - begun
    size = (Path(settings.server.data_dir) / "usage.duckdb").stat().st_size
    click.echo(
        f"{wish.requests:,} requests from {_day(wish.since_us)} to {_day(wish.until_us)} by {len(settled.keys)} client "
        f"keys of {len(PEOPLE)} people and {len(TEAMS)} teams: {seconds:.1f} s, "
        f"{wish.requests / seconds:,.0f} a second, {size / MEGA:.0f} MB"
    )


async def _seed(settings: Settings, wish: Wish, *, add: bool) -> Settled:
    async with _opened(settings) as store, open_office(Declared(settings, {})) as office:
        there = await count(store.analytics.read)
        if there and not add:
            raise Refusal(f"{store.analytics.path} has {there:,} requests: `--add` adds to them")
        places = Places(office, OPERATOR, store, store.analytics.read)
        try:
            settled = await seed(places, wish, _show)
            await store.upkeep.roll_up()
        except GatewayError:
            raise
        except Exception as error:
            log.exception("what was made up could not be written")
            raise Refusal(f"{store.analytics.path} cannot be written: {error}") from error
        return settled


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[UsageStore]:
    """The analytics store, with all processors for itself. Raises Refusal."""
    directory = Path(settings.server.data_dir)
    store = UsageStore(directory, lambda: settings, _nobody, threads=os.cpu_count() or 1)
    await store.start()
    try:
        if not store.analytics.is_open:
            raise Refusal(f"usage.duckdb cannot be opened: {store.ingest.state.trouble}")
        yield store
    finally:
        await store.stop()


async def _nobody() -> Beginnings:
    """Nobody counts here."""
    return Beginnings()


def _show(written: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{written:,} requests", nl=False, err=True)


def _day(at_us: int) -> str:
    return write_instant(at_us)[:10]

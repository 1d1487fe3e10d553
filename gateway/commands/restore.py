"""`sluicegate restore`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import click

from gateway.commands import options
from gateway.commands.opening import OPERATOR, claimed, refusing, settings_at
from gateway.management.office import Declared, Subject
from gateway.management.opened import open_office
from gateway.settings.instants import write_instant
from gateway.settings.model import Settings
from gateway.store import dump
from gateway.store.dump import Dump, Manifest
from gateway.store.generations import CLASSES, Class, Generations, shared_file
from gateway.store.state import database_of
from gateway.unlock import check_opens


@click.command("restore")
@options.config
@options.data_dir
@click.option("--force", is_flag=True, help="Replace what is in the database.")
@click.argument("file", type=click.Path(path_type=Path))
def command(config: Path | None, data_dir: str | None, force: bool, file: Path) -> None:
    """Put the backup FILE into an empty database, of either kind. No gateway may run on it.

    The vault key must be the one that the backup was made under.
    """
    with refusing():
        settings = settings_at((config, data_dir))
        with closing(Dump(file)) as found:
            found.check()
            sealed = {row["name"]: row["sealed"] for row in found.rows("server_secrets")}
            check_opens(settings, sealed, str(file))
            with claimed(settings):
                above = _shown(Path(settings.server.data_dir))
                dump.restore(database_of(settings), found, replace=force, above=above)
                asyncio.run(_note(settings, found.manifest))
    manifest = found.manifest
    click.echo(f"restored {manifest.rows} rows of {len(manifest.tables)} tables as of {_made_at(manifest)}")


async def _note(settings: Settings, manifest: Manifest) -> None:
    """Have the audit log say that what stands before may be older than it looks."""
    told = {"made_at": _made_at(manifest), "gateway_version": manifest.gateway_version, "rows": manifest.rows}
    async with open_office(Declared(settings, {})) as office:
        await office.change(OPERATOR, lambda change: change.note("state.restore", Subject("state"), after=told))


def _made_at(manifest: Manifest) -> str:
    return write_instant(manifest.made_at_us)


def _shown(data_dir: Path) -> Mapping[Class, int]:
    """The numbers that processes of this data directory may have seen."""
    with closing(Generations(shared_file(data_dir))) as generations:
        return {name: generations.of(name) for name in CLASSES}

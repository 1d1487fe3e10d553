"""`sluicegate backup`."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.commands import options
from gateway.commands.opening import refusing, settings_at
from gateway.store import dump
from gateway.store.state import database_of


@click.command("backup")
@options.config
@options.data_dir
@click.argument("file", type=click.Path(path_type=Path))
def command(config: Path | None, data_dir: str | None, file: Path) -> None:
    """Write users, keys, configuration, kept responses and audit log into FILE, while a gateway runs or not.

    What is secret stays sealed in it: keep the vault key elsewhere. Usage records are not in it.
    """
    with refusing():
        manifest = dump.backup(database_of(settings_at((config, data_dir))), file)
    click.echo(f"{file} has {manifest.rows} rows of {len(manifest.tables)} tables, schema {manifest.schema_version}")

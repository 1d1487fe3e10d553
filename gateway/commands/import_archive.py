"""`sluicegate import-archive`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from gateway.commands import options
from gateway.commands.errands import Wanted, perform


@click.command("import-archive")
@options.config
@options.data_dir
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), default="0001-01-01", metavar="DATE", help="First day to take. [all]"
)
def command(config: Path | None, data_dir: str | None, since: datetime) -> None:
    """Take usage records that the analytics store does not have from the archive, and from the bucket that it is
    copied to where there is one, while the gateway runs or not.

    Where usage.duckdb cannot be read any more, move it away, together with usage.duckdb.wal, and give this command.
    """
    wanted = Wanted(
        path="/api/usage/import-archive",
        body={"since": since.date().isoformat()},
        begin=lambda upkeep: upkeep.bring_back(since.date()),
        make=True,
        bucket=True,
    )
    figures = perform((config, data_dir), wanted)
    requests, files, unreadable = (round(figures[name]) for name in ("requests", "days", "unreadable"))
    taken = f"{requests} usage records taken from {files} file{'' if files == 1 else 's'}"
    click.echo(f"{taken}; {unreadable} cannot be read" if unreadable else taken)

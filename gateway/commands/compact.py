"""`sluicegate compact`."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.commands import options
from gateway.commands.errands import Wanted, perform
from gateway.upkeep.upkeep import Upkeep

MEGA = 1_000_000


@click.command("compact")
@options.config
@options.data_dir
def command(config: Path | None, data_dir: str | None) -> None:
    """Make the analytics store's file small, while the gateway runs or not: what is free in it goes back to the disk.

    It is written anew beside the old one, so there must be room for both. Usage records wait meanwhile.
    """
    wanted = Wanted(path="/api/usage/compact", body=None, begin=Upkeep.compact, make=False)
    figures = perform((config, data_dir), wanted)
    before, after = (figures[f"{name}_bytes"] / MEGA for name in ("before", "after"))
    click.echo(f"usage.duckdb: {before:.1f} MB before, {after:.1f} MB now, in {figures['seconds']:.1f} s")

"""`sluicegate migrate`."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.commands import options
from gateway.commands.opening import claimed, refusing, settings_at
from gateway.commands.refusal import Refusal
from gateway.store.state import count_pending, database_of, engine_of, make_ready


@click.command("migrate")
@options.config
@options.data_dir
@click.option("--check", is_flag=True, help="Change nothing; exit code 1 when there is something to do.")
def command(config: Path | None, data_dir: str | None, check: bool) -> None:
    """Bring the database up to date, as `serve` does when it starts. No gateway may run on it."""
    with refusing():
        settings = settings_at((config, data_dir))
        where = database_of(settings)
        place = engine_of(where).place
        if check:
            if count := count_pending(where):
                raise Refusal(f"{place} is {_times(count)} behind: `sluicegate migrate` brings it up to date")
        else:
            with claimed(settings):
                count = make_ready(where)
    click.echo(f"{place} is up to date" + (f", {_times(count)} later" if count else ""))


def _times(count: int) -> str:
    return f"{count} migration{'' if count == 1 else 's'}"

"""`sluicegate usage`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
import msgspec

from gateway.commands import options
from gateway.commands.refusal import Refusal
from gateway.errors import SettingsError
from gateway.operator import NotAnswered, ask
from gateway.settings.load import find_data_dir
from gateway.usage import table


@click.command("usage")
@options.config
@options.data_dir
@click.option("--last", default="1h", show_default=True, metavar="TIME", help="How far back: 30m, 1h, 7d.")
@click.option("--by", type=click.Choice(["model", "key", "provider"]), help="A row for each, in place of each request.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="Rows at most.")
@click.option("--json", "as_json", is_flag=True, help="What the gateway answers, as JSON.")
def command(config: Path | None, data_dir: str | None, as_json: bool, **question: Any) -> None:
    """Show what was used: a row per request, newest first, or totals."""
    parameters = {name: question[name] for name in ("last", "by", "limit") if question[name] is not None}
    try:
        place = find_data_dir(config, os.environ, options=options.said(data_dir=data_dir))
        answer = ask(place, "/api/usage", parameters)
    except (SettingsError, NotAnswered) as error:
        raise Refusal(str(error)) from None
    if as_json:
        click.echo(msgspec.json.encode(answer))
    else:
        click.echo(table.render(answer["rows"], by=question["by"]))
        for line in table.lacks(answer, by=question["by"]):
            click.echo(line, err=True)

"""`sluicegate rests`: what the running gateway does not use for now, and using it again.

Knows the management API's words for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click
import msgspec

from gateway.commands import options
from gateway.commands.opening import check_place, refusing
from gateway.commands.tables import table
from gateway.operator import ask, tell
from gateway.settings.load import find_data_dir

PATH = "/api/rests"

AT_ONCE = 200
"""Rests read in one go."""

Rest = Mapping[str, Any]
"""A rest as the API shows it."""

COLUMNS: tuple[tuple[str, Callable[[Rest], str]], ...] = (
    ("PROVIDER", lambda rest: rest["provider"]),
    ("CREDENTIAL", lambda rest: rest["credential"] or "-"),
    ("MODEL", lambda rest: rest["model"] or "-"),
    ("REASON", lambda rest: rest["reason"]),
    ("UNTIL (UTC)", lambda rest: rest["until"][:19].replace("T", " ")),
    ("USED", lambda rest: "by a probe" if rest["probe_due"] else "no" if rest["hard"] else "last"),
)


@click.group("rests", invoke_without_command=True)
@options.config
@options.data_dir
@click.option("--json", "as_json", is_flag=True, help="Print what the gateway answers, as JSON.")
@click.pass_context
def command(context: click.Context, config: Path | None, data_dir: str | None, as_json: bool) -> None:
    """Show credentials, models and targets that the running gateway does not use for now."""
    if context.invoked_subcommand is not None:
        return
    with refusing():
        rests = list(_rests(_place(config, data_dir)))
    click.echo(msgspec.json.encode(rests) if as_json else table(COLUMNS, rests) if rests else "Nothing rests.")


@command.command("clear")
@options.config
@options.data_dir
@click.option("--model", metavar="MODEL", help="Only what rests for this model.")
@click.argument("name", metavar="PROVIDER[/CREDENTIAL]")
def clear(config: Path | None, data_dir: str | None, model: str | None, name: str) -> None:
    """End the rests of a provider, or of one of its credentials: it is used again at once."""
    provider, _, credential = name.partition("/")
    said = {"provider": provider, "credential": credential or None, "model": model}
    question = urlencode({part: value for part, value in said.items() if value is not None})
    with refusing():
        ended = tell(_place(config, data_dir), "DELETE", f"{PATH}?{question}")["ended"]
    click.echo(f"{ended} {'rest' if ended == 1 else 'rests'} ended")


def _rests(place: Path) -> Iterator[Rest]:
    question: dict[str, str | int] = {"limit": AT_ONCE}
    while True:
        page = ask(place, PATH, question)
        yield from page["items"]
        if page["next_cursor"] is None:
            return
        question["cursor"] = page["next_cursor"]


def _place(config: Path | None, data_dir: str | None) -> Path:
    place = find_data_dir(config, os.environ, options=options.said(data_dir=data_dir))
    check_place(place)
    return place

"""`sluicegate serve`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gateway import serve
from gateway.commands import options
from gateway.seeding.kept import REQUESTS


@click.command("serve")
@options.config
@options.data_dir
@click.option("--listen", metavar="HOST:PORT", help="Address and port of the public endpoint. [127.0.0.1:8080]")
@click.option("--workers", metavar="N", help="Relay worker processes. [1]")
@click.option("--demo", is_flag=True, help="With mock providers, names for their models and a key, to try things out.")
@click.option("--empty", is_flag=True, help="With --demo: nobody in it, no history, and nobody who asks.")
@click.option(
    "--history",
    type=click.IntRange(min=1),
    default=REQUESTS,
    show_default=True,
    metavar="N",
    help="With --demo: requests of thirty days that it begins with.",
)
def command(config: Path | None, demo: bool, empty: bool, history: int, **given: str | None) -> None:
    """Run the gateway until SIGTERM, which drains it. SIGHUP reads the configuration again."""
    lively = demo and not empty
    plan = serve.Plan(config=config, options=options.said(**given), demo=demo, lively=lively, history=history)
    sys.exit(serve.run(plan))

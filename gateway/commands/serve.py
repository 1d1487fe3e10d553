"""`sluicegate serve`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gateway import serve
from gateway.commands import options


@click.command("serve")
@options.config
@options.data_dir
@click.option("--listen", metavar="HOST:PORT", help="Address and port of the public endpoint. [127.0.0.1:8080]")
@click.option("--workers", metavar="N", help="Relay worker processes. [1]")
@click.option("--demo", is_flag=True, help="With mock providers, names for their models and a key, to try things out.")
@click.option("--empty", is_flag=True, help="With --demo: nobody in it, no history, and nobody who asks.")
def command(config: Path | None, demo: bool, empty: bool, **given: str | None) -> None:
    """Run the gateway until SIGTERM, which drains it. SIGHUP reads the configuration again."""
    lively = demo and not empty
    sys.exit(serve.run(serve.Plan(config=config, options=options.said(**given), demo=demo, lively=lively)))

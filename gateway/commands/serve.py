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
def command(config: Path | None, demo: bool, **given: str | None) -> None:
    """Run the gateway until SIGTERM, which drains it. SIGHUP reads the configuration again."""
    sys.exit(serve.run(serve.Plan(config=config, options=options.said(**given), demo=demo)))

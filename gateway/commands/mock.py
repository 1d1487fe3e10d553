"""`sluicegate mock`."""

from __future__ import annotations

import click

from gateway.commands.refusal import Refusal
from gateway.mock.server import run


@click.command("mock")
@click.option("--listen", default="127.0.0.1:9100", show_default=True, metavar="HOST:PORT", help="Port 0: a free one.")
def command(listen: str) -> None:
    """Run mock providers, for tests and trials: what they do is asked for in the model's name."""
    try:
        run(listen)
    except (OSError, ValueError) as error:
        raise Refusal(f"the mock cannot start: {error}") from None

"""How a command says that it cannot: one line on standard error, exit code 1."""

from __future__ import annotations

from typing import IO, Any

import click


class Refusal(click.ClickException):
    """Why a command cannot do what was asked."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line."""
        click.echo(f"sluicegate: {self.message}", file=file, err=file is None)

"""Options that more than one command takes."""

from __future__ import annotations

from pathlib import Path

import click

config = click.option(
    "--config", type=click.Path(path_type=Path), metavar="FILE", help="Configuration file (TOML). [none]"
)
data_dir = click.option("--data-dir", metavar="DIR", help="Directory of everything the gateway keeps. [./data]")


def said(**options: str | None) -> dict[str, str]:
    """Options that were given, under the names settings know them by: `data_dir` is `--data-dir`."""
    return {f"--{name.replace('_', '-')}": value for name, value in options.items() if value is not None}

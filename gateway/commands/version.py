"""`sluicegate version`."""

from __future__ import annotations

import platform
from importlib import metadata

import click

from gateway import __version__

SHOWN = ("granian", "blacksheep", "uvloop", "httptools", "orjson", "msgspec", "duckdb")
"""Packages whose version matters when something is reported."""


@click.command("version")
def command() -> None:
    """Print the version of the gateway and of what it stands on."""
    click.echo(f"sluicegate {__version__}")
    versions = [f"python {platform.python_version()}", *(f"{name} {metadata.version(name)}" for name in SHOWN)]
    click.echo(", ".join(versions))

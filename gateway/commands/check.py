"""`sluicegate check`."""

from __future__ import annotations

import os
from collections.abc import Sized
from pathlib import Path

import click

from gateway.catalog.presets import presets
from gateway.commands import options
from gateway.commands.refusal import Refusal
from gateway.errors import SettingsError
from gateway.settings.load import load
from gateway.settings.model import Settings
from gateway.settings.remarks import warnings
from gateway.usage_store import check_bucket


@click.command("check")
@options.config
def command(config: Path | None) -> None:
    """Read the configuration, as `serve` would, and say what is wrong with it."""
    try:
        settings = load(config, os.environ, presets=presets())
        check_bucket(settings)
    except SettingsError as error:
        raise Refusal(str(error)) from None
    for warning in warnings(settings, [name for name, preset in presets().items() if preset.price_list]):
        click.echo(f"warning: {warning}", err=True)
    click.echo(f"ok: {summary(settings)}")


def summary(settings: Settings) -> str:
    """What is configured, in one line."""
    providers = ", ".join(provider.id for provider in settings.providers)
    counts = (
        count(settings.client_keys, "client key"),
        count(settings.providers, "provider") + (f" ({providers})" if providers else ""),
        count(settings.aliases, "alias", "aliases"),
        count(settings.combos, "combo"),
    )
    return f"listens on {settings.server.listen}, {', '.join(counts)}"


def count(things: Sized, one: str, many: str = "") -> str:
    """`1 combo`, `2 combos`."""
    number = len(things)
    return f"{number} {one if number == 1 else many or f'{one}s'}"

"""`sluicegate rotate-key`."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.claims import InUse
from gateway.commands import options
from gateway.commands.opening import OPERATOR, Place, check_place, claimed, perform, refusing, settings_at
from gateway.commands.refusal import Refusal
from gateway.credentials.keyfile import make_file, read_file
from gateway.management import rotation
from gateway.operator import tell
from gateway.settings.model import Settings


@click.command("rotate-key")
@options.config
@options.data_dir
@click.option(
    "--new-key-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Seal with the key in FILE, which is made where there is none; `vault` must say it from then on.",
)
def command(config: Path | None, data_dir: str | None, new_key_file: Path | None) -> None:
    """Seal every secret in the database anew, under another vault key, in one transaction.

    The key file of the data directory is replaced, while the gateway runs or not. Where `vault` says the key, stop the
    gateway and give --new-key-file.
    """
    with refusing():
        place = (config, data_dir)
        settings = settings_at(place)
        check_place(Path(settings.server.data_dir))
        count = _rotate(place, settings) if new_key_file is None else _rotate_to(place, settings, new_key_file)
    then = "" if new_key_file is None else f"; from now on `vault` must say the key in {new_key_file}"
    click.echo(f"{count} secret{'' if count == 1 else 's'} sealed anew{then}")


def _rotate(place: Place, settings: Settings) -> int:
    """Have the running gateway do it; where none runs, do it here."""
    try:
        with claimed(settings):
            return perform(place, lambda office: rotation.rotate_key(office, OPERATOR, settings))
    except InUse:
        return int(tell(Path(settings.server.data_dir), "POST", "/api/vault/rotate")["sealed_anew"])


def _rotate_to(place: Place, settings: Settings, path: Path) -> int:
    try:
        with claimed(settings):
            key = read_file(path) or make_file(path)
            return perform(place, lambda office: rotation.rotate_key(office, OPERATOR, settings, key))
    except InUse as error:
        raise Refusal(f"{error}, which goes by the key it was started with: stop it first") from None

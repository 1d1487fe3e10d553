"""`sluicegate export`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import get_args

import click
import msgspec

from gateway.commands import options
from gateway.commands.opening import OPERATOR, perform
from gateway.commands.refusal import Refusal
from gateway.management import export
from gateway.management.documents import SECTIONS, SectionName
from gateway.management.export import ExportWish

sections = click.option(
    "--section",
    "sections",
    type=click.Choice(get_args(SectionName)),
    multiple=True,
    help="What of the state; repeatable. [all of it]",
)
passphrase_file = click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="File whose first line is the passphrase that seals the secrets; - reads it from standard input.",
)


@click.command("export")
@options.config
@options.data_dir
@sections
@passphrase_file
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Where to write it. [standard output]")
def command(
    config: Path | None,
    data_dir: str | None,
    sections: tuple[SectionName, ...],
    passphrase_file: Path | None,
    output: Path | None,
) -> None:
    """Write configuration, client keys and people of the database as JSON, whether the gateway runs or not.

    Secrets in it are sealed: by the gateway's vault key, or by a passphrase, so that another gateway can take it in.
    """
    wish = make_wish(sections or SECTIONS, read_passphrase(passphrase_file))
    document = perform((config, data_dir), lambda office: export.export(office, OPERATOR, wish))
    content = msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
    if output is None:
        sys.stdout.buffer.write(content)
    else:
        _write(output, content)


def make_wish(wanted: tuple[SectionName, ...], passphrase: str | None) -> ExportWish:
    """What is asked for. Raises Refusal for a passphrase that is too short."""
    try:
        return msgspec.convert({"sections": wanted, "passphrase": passphrase}, ExportWish)
    except msgspec.ValidationError as error:
        raise Refusal(f"the passphrase: {error}".partition(" - at")[0]) from None


def read_passphrase(path: Path | None) -> str | None:
    """The first line of a file; None where none is named. Raises Refusal."""
    if path is None:
        return None
    try:
        with click.open_file(str(path), encoding="utf-8") as file:
            return str(file.readline()).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(f"{path}: {getattr(error, 'strerror', None) or 'it is not text'}") from None


def _write(path: Path, content: bytes) -> None:
    """For the owner alone, and never half: it is put into place once it is whole."""
    draft = path.with_name(path.name + ".new")
    try:
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        draft.replace(path)
    except OSError as error:
        raise Refusal(f"{path}: {error.strerror}") from None

"""`sluicegate import`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
import msgspec

from gateway.catalog.presets import presets
from gateway.commands import options
from gateway.commands.export import passphrase_file, read_passphrase, sections
from gateway.commands.opening import OPERATOR, perform
from gateway.commands.refusal import Refusal
from gateway.errors import Unacceptable
from gateway.management import importing
from gateway.management.documents import SectionName
from gateway.management.importing import ImportReport, ImportWish
from gateway.management.office import Declared, Office
from gateway.settings.load import read

KINDS = ("configuration", "keys", "users", "teams")


@click.command("import")
@options.config
@options.data_dir
@sections
@passphrase_file
@click.option("--replace", is_flag=True, help="Also take away what the document does not have in its sections.")
@click.option("--dry-run", is_flag=True, help="Tell what would be done, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
def command(config: Path | None, data_dir: str | None, file: Path, as_json: bool, **said: Any) -> None:
    """Take in what `sluicegate export` wrote, whether the gateway runs or not: all of it, or nothing.

    FILE is the document; - reads it from standard input. Replaced are objects by being deleted, client keys by being
    revoked, users by being disabled, teams by losing their members.
    """
    wish = _wish(file, **said)

    async def work(office: Office) -> ImportReport:
        # What the file says counts too: aliases of the document may lead to its providers.
        loaded = read(config, os.environ, options=options.said(data_dir=data_dir), presets=presets())
        office.declared = Declared(loaded.settings, loaded.origins)
        try:
            return await importing.import_document(office, OPERATOR, wish, take_secret=True)
        except Unacceptable as error:
            raise Refusal(_complaint(error)) from None

    report = perform((config, data_dir), work, make=not wish.dry_run)
    click.echo(msgspec.json.encode(report) if as_json else _told(report))


def _wish(
    file: Path, *, sections: tuple[SectionName, ...], passphrase_file: Path | None, replace: bool, dry_run: bool
) -> ImportWish:
    try:
        with click.open_file(str(file), "rb") as source:
            document = msgspec.json.decode(source.read())
        said = {
            "document": document,
            "passphrase": read_passphrase(passphrase_file),
            "mode": "replace" if replace else "merge",
            "dry_run": dry_run,
            "sections": sections or None,
        }
        # By way of JSON, in which bytes are base64.
        return msgspec.json.decode(msgspec.json.encode(said), type=ImportWish)
    except OSError as error:
        raise Refusal(f"{file}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(f"{file}: {str(error).replace('$.document', '$')}") from None


def _complaint(error: Unacceptable) -> str:
    place = (error.param or "").removeprefix("document.")
    return f"{place}: {error.message}" if place else error.message


def _told(report: ImportReport) -> str:
    lines = [_line(kind, getattr(report, kind)) for kind in KINDS if getattr(report, kind) is not None]
    if report.secret_taken:
        lines.append("the gateway goes by the document's secret for client keys from its next start on")
    if report.dry_run:
        lines.append("nothing was changed")
    return "\n".join(lines)


def _line(kind: str, tally: Any) -> str:
    counts = ((name, getattr(tally, name)) for name in ("created", "changed", "removed", "unchanged"))
    return f"{kind}: {', '.join(f'{count} {name}' for name, count in counts)}"

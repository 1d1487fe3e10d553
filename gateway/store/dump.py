"""The whole state in one file, from which it can be made again on either engine: a backup.

A ZIP archive: `tables/<name>.ndjson` has a line of JSON for each row, bytes as `{"base64": "..."}`, and `manifest.json`
says what of, when, and how many rows with which checksum each table has. It shows one moment of the database. Knows
tables and rows; does not know what they mean, and opens nothing that is sealed.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import tempfile
import time
import zipfile
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Literal, cast

import msgspec
from msgspec import Struct

import sql
from gateway import __version__
from gateway.store.generations import Class
from gateway.store.migrate import our_tables, pending, rebuild
from gateway.store.session import DatabaseUnfit, Engine, Row, Whole
from gateway.store.state import StateUnusable, Where, engine_of

MANIFEST = "manifest.json"

FORM = 1
"""How the file is laid out."""

OLDEST_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""Of every part, so that the same state makes the same parts."""

READ_BYTES = 1024 * 1024

_NAME = re.compile(r"[a-z][a-z0-9_]*")


class TableEntry(Struct, frozen=True, kw_only=True):
    """What the manifest says of a table."""

    name: str
    rows: int
    sha256: str
    """Of its lines, hexadecimal."""


class Manifest(Struct, frozen=True, kw_only=True):
    """What a backup is of."""

    format: Literal["sluicegate-state"] = "sluicegate-state"
    form: int = FORM
    schema_version: int
    gateway_version: str
    made_at_us: int
    """Unix time in microseconds."""
    tables: tuple[TableEntry, ...]
    """Each after those that it refers to."""

    @property
    def rows(self) -> int:
        """In all tables."""
        return sum(table.rows for table in self.tables)


class DumpUnusable(Exception):
    """Why a file is no backup that can be restored, in one line."""


def backup(where: Where, path: Path) -> Manifest:
    """Write everything in a database, whether others use it or not, into a file for its owner alone: all of it or no
    file. Raises StateUnusable, DumpUnusable where the file cannot be written."""
    with _told(engine_of(where)) as engine, closing(engine.open_whole()) as database, _draft(path) as file:
        return _write(database, file)


def restore(where: Where, dump: Dump, *, replace: bool = False, above: Mapping[Class, int] | None = None) -> None:
    """Make the database what a checked backup says, and bring that up to date: all of it or nothing.

    Generations count on from where they are in backup, database and `above`, so that no process takes a new number for
    one it knows. Raises DumpUnusable; StateUnusable, also where it is not empty and not to be replaced.
    """
    with _told(engine_of(where)) as engine, closing(engine.open()) as session, closing(engine.open_whole()) as database:
        if not session.leads():
            raise StateUnusable(f"{engine.place} is used by a gateway: stop every gateway on it first")
        if not (replace or _is_empty(database)):
            raise StateUnusable(f"{engine.place} is not empty: --force replaces what is in it")
        numbers = {row["name"]: row["value"] for row in session.rows("generations/all")}
        raised = sql.statement("generations/raise")

        def fill() -> None:
            _fill(database, dump)

        def finish() -> None:
            for name, number in numbers.items():
                floor = max(number, (above or {}).get(name, 0))
                database.rows(raised, {"name": name, "floor": floor})

        rebuild(database, database.migrations, dump.manifest.schema_version, fill, finish)


class Dump:
    """A backup, opened to be read."""

    def __init__(self, path: Path) -> None:
        """Raises DumpUnusable where the file is none, or one that this version cannot read."""
        self._path = path
        with self._readable():
            self._archive = zipfile.ZipFile(path)
        try:
            with self._readable():
                self.manifest = msgspec.json.decode(self._archive.read(MANIFEST), type=Manifest)
            self._check_versions()
        except BaseException:
            self.close()
            raise

    def check(self) -> None:
        """Raises DumpUnusable unless every table is there as it was written."""
        for table in self.manifest.tables:
            count, digest = 0, hashlib.sha256()
            with self._readable():
                for line in self._lines(table.name):
                    digest.update(line)
                    count += 1
            if (count, digest.hexdigest()) != (table.rows, table.sha256):
                raise DumpUnusable(f"{self._path} is damaged: its table {table.name} is not what was written")

    def rows(self, table: str) -> Iterator[Row]:
        """Every row of a table, in order; none where there is no such table. Raises DumpUnusable."""
        if table not in {entry.name for entry in self.manifest.tables}:
            return
        with self._readable():
            for line in self._lines(table):
                yield _read_row(line)

    def close(self) -> None:
        """Let go of the file."""
        self._archive.close()

    def _lines(self, table: str) -> Iterator[bytes]:
        with io.BufferedReader(cast("io.RawIOBase", self._archive.open(_part(table))), READ_BYTES) as lines:
            yield from lines

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DumpUnusable(f"{self._path} cannot be read: {error.strerror or error}") from None
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, KeyError) as error:
            raise DumpUnusable(f"{self._path} is no backup, or a damaged one: {error}") from None
        except (msgspec.DecodeError, ValueError) as error:
            raise DumpUnusable(f"{self._path} is no backup of this gateway, or a damaged one: {error}") from None

    def _check_versions(self) -> None:
        newest = max(migration.version for migration in sql.migrations("state/sqlite"))
        said = self.manifest
        if said.form != FORM or said.schema_version > newest:
            raise DumpUnusable(
                f"{self._path} was written by a newer version ({said.gateway_version}, schema {said.schema_version}); "
                f"this one is {__version__}, schema {newest}"
            )


def _write(database: Whole, file: IO[bytes]) -> Manifest:
    with database.still(), zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        missing = {migration.version for migration in pending(database, database.migrations)}
        tables = our_tables(database, database.migrations)
        if not tables:
            raise DatabaseUnfit("there is nothing of a gateway in it")
        entries = tuple(_write_table(database, archive, table) for table in tables)
        manifest = Manifest(
            schema_version=max(each.version for each in database.migrations if each.version not in missing),
            gateway_version=__version__,
            made_at_us=time.time_ns() // 1000,
            tables=entries,
        )
        with _opened_part(archive, MANIFEST) as part:
            part.write(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    return manifest


def _write_table(database: Whole, archive: zipfile.ZipFile, table: str) -> TableEntry:
    count, digest = 0, hashlib.sha256()
    with _opened_part(archive, _part(table)) as part:
        for row in database.scan(table):
            line = _write_row(row)
            part.write(line)
            digest.update(line)
            count += 1
    return TableEntry(name=table, rows=count, sha256=digest.hexdigest())


def _opened_part(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    entry = zipfile.ZipInfo(name, OLDEST_ZIP_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    return archive.open(entry, "w", force_zip64=True)


def _part(table: str) -> str:
    return f"tables/{table}.ndjson"


def _write_row(row: Row) -> bytes:
    plain = {
        name: {"base64": b64encode(value).decode()} if isinstance(value, bytes) else value
        for name, value in row.items()
    }
    return msgspec.json.encode(plain) + b"\n"


def _read_row(line: bytes) -> Row:
    row = msgspec.json.decode(line, type=dict[str, Any])
    for name, value in row.items():
        if isinstance(value, dict):
            row[name] = b64decode(value["base64"], validate=True)
    return row


def _is_empty(database: Whole) -> bool:
    """Whether nobody has kept anything in it."""
    with database.still():
        for table in our_tables(database, database.migrations):
            for row in database.scan(table):
                if table != "generations" or row["value"]:
                    return False
    return True


def _fill(database: Whole, dump: Dump) -> None:
    tables, said = our_tables(database, database.migrations), {entry.name for entry in dump.manifest.tables}
    if said != set(tables):
        raise DumpUnusable(f"the backup has other tables than its version: {', '.join(sorted(said ^ set(tables)))}")
    for table in tables:
        database.run(f"delete from {table};")  # noqa: S608 # what the migrations have put there
        _fill_table(database, table, dump.rows(table))


def _fill_table(database: Whole, table: str, rows: Iterator[Row]) -> None:
    first = next(rows, None)
    if first is None:
        return
    columns = tuple(first)
    if not all(map(_NAME.fullmatch, columns)):
        raise DumpUnusable(f"the backup has columns of its table {table} that are none")

    def values() -> Iterator[tuple[object, ...]]:
        yield tuple(first.values())
        for row in rows:
            if tuple(row) != columns:
                raise DumpUnusable(f"the backup has rows of its table {table} that differ in their columns")
            yield tuple(row.values())

    database.fill(table, columns, values())


@contextmanager
def _draft(path: Path) -> Iterator[IO[bytes]]:
    """A file beside `path`, which takes its place once everything is in it and on disk."""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            draft = Path(file.name)
            try:
                yield file
                file.flush()
                os.fsync(file.fileno())
                draft.replace(path)
            except BaseException:
                with suppress(OSError):
                    draft.unlink()
                raise
    except OSError as error:
        raise DumpUnusable(f"{path} cannot be written: {error.strerror or error}") from None


@contextmanager
def _told(engine: Engine) -> Iterator[Engine]:
    """The engine; whatever its database is in trouble with is told in one line."""
    try:
        yield engine
    except engine.trouble as error:
        raise StateUnusable(f"{engine.place} cannot be used: {' '.join(str(error).split())}") from error

"""Backups: all of the state in one file, which either engine takes back whole or not at all."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

import sql
from gateway.store import dump as dumps
from gateway.store.dump import Dump, DumpUnusable, backup, restore
from gateway.store.state import State, StateUnusable, Where, count_pending, engine_of, make_ready, state_file
from sql import Migration
from tests.gateway.store import samples
from tests.postgres import ENGINES, fresh_database

LATER = Migration(
    len(sql.migrations("state/sqlite")) + 1,
    "later",
    "create table hats (name text primary key, size integer not null);",
)
RAISED = [{**row, "value": row["value"] + 1} for row in samples.ROWS["generations"]]
EXPECTED = {**samples.ROWS, "generations": RAISED}
"""What a database holds that was restored: numbers of generations go on."""


@pytest.fixture(params=ENGINES)
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Where:
    """A database to restore into."""
    directory = tmp_path / "other"
    directory.mkdir()
    return fresh_database(request, directory, request.param)


def saved(where: Where, path: Path) -> Path:
    """A backup of the samples."""
    samples.put(where)
    backup(where, path)
    return path


def restored(path: Path, where: Where, *, replace: bool = False) -> None:
    with closing(Dump(path)) as dump:
        dump.check()
        restore(where, dump, replace=replace)


def test_there_is_a_sample_of_every_table(where: Where) -> None:
    make_ready(where)
    assert samples.read(where).keys() == samples.ROWS.keys()


def test_what_is_backed_up_on_one_engine_is_restored_on_the_other_and_back(
    where: Where, other: Where, tmp_path: Path
) -> None:
    path, again = saved(where, tmp_path / "a.backup"), tmp_path / "b.backup"
    restored(path, other)
    assert samples.read(other) == EXPECTED
    backup(other, again)
    restored(again, where, replace=True)
    assert samples.read(where)["audit"] == samples.ROWS["audit"]
    parts = [
        {name: archive.read(name) for name in archive.namelist()} for archive in map(zipfile.ZipFile, (path, again))
    ]
    differing = {name for name in parts[0].keys() | parts[1].keys() if parts[0].get(name) != parts[1].get(name)}
    assert differing == {"manifest.json", "tables/generations.ndjson"}


def test_a_backup_is_for_its_owner_alone_and_leaves_nothing_beside_it(where: Where, tmp_path: Path) -> None:
    directory = tmp_path / "backups"
    directory.mkdir()
    path = saved(where, directory / "a.backup")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(directory.iterdir()) == [path]
    backup(where, path)
    assert list(directory.iterdir()) == [path]


def test_the_manifest_says_what_is_in_it(where: Where, tmp_path: Path) -> None:
    with zipfile.ZipFile(saved(where, tmp_path / "a.backup")) as archive:
        said = msgspec.json.decode(archive.read("manifest.json"))
        lines = archive.read("tables/server_secrets.ndjson").splitlines()
    counts = {table["name"]: table["rows"] for table in said["tables"]}
    assert counts == {name: len(rows) for name, rows in samples.ROWS.items()}
    assert (said["format"], said["form"], said["schema_version"]) == ("sluicegate-state", 1, newest())
    assert lines == [b'{"name":"keys","sealed":{"base64":"AAH/Cidc"},"created_at":5}']


def newest() -> int:
    return max(migration.version for migration in sql.migrations("state/sqlite"))


async def test_a_backup_shows_one_moment_while_others_write(
    where: Where, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples.put(where)
    state, path = State(where), tmp_path / "a.backup"
    write_table, written = dumps._write_table, []

    def interrupted(*asked: object) -> object:
        made = write_table(*asked)  # type: ignore[arg-type] # what it is called with
        with closing(engine_of(where).open()) as session, session.alone():
            written.append(session.run("generations/count", {"name": "keys"}))
            session.run("vault/forget_answers")
        return made

    monkeypatch.setattr(dumps, "_write_table", interrupted)
    backup(where, path)
    await state.close()
    with closing(Dump(path)) as dump:
        dump.check()
        assert list(dump.rows("generations")) == samples.ROWS["generations"]
        assert list(dump.rows("idempotent_answers")) == samples.ROWS["idempotent_answers"]
    assert len(written) == len(samples.ROWS)


def test_a_database_that_is_not_empty_is_left_alone_unless_told(where: Where, tmp_path: Path) -> None:
    path = saved(where, tmp_path / "a.backup")
    with pytest.raises(StateUnusable, match="is not empty: --force replaces what is in it"):
        restored(path, where)
    assert samples.read(where) == samples.ROWS
    restored(path, where, replace=True)
    assert samples.read(where) == EXPECTED


def test_numbers_of_generations_go_on_from_wherever_they_are(where: Where, other: Where, tmp_path: Path) -> None:
    path = saved(where, tmp_path / "a.backup")
    make_ready(other)
    with closing(engine_of(other).open()) as session, session.alone():
        for _ in range(100):
            session.run("generations/count", {"name": "people"})
    with closing(Dump(path)) as dump:
        restore(other, dump, replace=True, above={"configuration": 12})
    numbers = {row["name"]: row["value"] for row in samples.read(other)["generations"]}
    assert numbers == {"configuration": 13, "keys": 71, "people": 101}


def test_the_audit_log_is_as_strict_as_before(where: Where, other: Where, tmp_path: Path) -> None:
    restored(saved(where, tmp_path / "a.backup"), other)
    for statement in ("delete from audit;", "update audit set at = 0;"):
        engine = engine_of(other)
        with closing(engine.open_whole()) as database, pytest.raises(engine.trouble, match="append-only"):
            database.run(statement)
    assert samples.read(other)["audit"] == samples.ROWS["audit"]


def test_a_backup_of_an_older_schema_is_brought_forward(
    where: Where, other: Where, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(where, tmp_path / "a.backup")
    ours = sql.migrations
    monkeypatch.setattr(sql, "migrations", lambda schema: (*ours(schema), LATER))
    restored(path, other)
    assert samples.read(other) == {**EXPECTED, "hats": []}


def test_an_older_database_is_backed_up_as_it_is(
    where: Where, other: Where, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, ours = tmp_path / "a.backup", sql.migrations
    with monkeypatch.context() as past:
        past.setattr(sql, "migrations", lambda schema: ours(schema)[:1])
        make_ready(where)
    manifest = backup(where, path)
    assert (manifest.schema_version, [table.name for table in manifest.tables]) == (1, ["responses"])
    assert count_pending(where) == newest() - 1
    restored(path, other)
    assert samples.read(other).keys() == samples.ROWS.keys()


def test_a_backup_of_a_newer_version_is_refused(where: Where, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = sql.migrations
    with monkeypatch.context() as future:
        future.setattr(sql, "migrations", lambda schema: (*ours(schema), LATER))
        make_ready(where)
        backup(where, tmp_path / "a.backup")
    with pytest.raises(
        DumpUnusable, match=rf"was written by a newer version \(.*, schema {LATER.version}\); this one is"
    ):
        Dump(tmp_path / "a.backup")


def test_what_belongs_to_somebody_else_is_not_touched(where: Where, tmp_path: Path) -> None:
    path = saved(where, tmp_path / "a.backup")
    with closing(engine_of(where).open_whole()) as database:
        database.run("create table theirs (name text); insert into theirs values ('x');")
    restored(path, where, replace=True)
    with closing(engine_of(where).open_whole()) as database:
        assert [tuple(row) for row in database.rows("select * from theirs", {})] == [("x",)]
    assert samples.read(where) == EXPECTED


def test_a_restore_that_fails_half_way_changes_nothing(where: Where, other: Where, tmp_path: Path) -> None:
    path = saved(where, tmp_path / "a.backup")
    make_ready(other)
    samples.put(other)
    before = samples.read(other)

    def broken(line: bytes) -> bytes:
        return line.replace(b'"role":"member"', b'"role":"wizard"')

    rewrite(path, "tables/users.ndjson", broken)
    with closing(Dump(path)) as dump, pytest.raises(StateUnusable, match="cannot be used"):
        restore(other, dump, replace=True)
    assert samples.read(other) == before


def rewrite(path: Path, part: str, change: Callable[[bytes], bytes]) -> None:
    """Change a part of a backup; nothing in it where there is none left."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[part] = change(parts[part])
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            if content:
                archive.writestr(name, content)


DAMAGE: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "a changed row": ("tables/users.ndjson", lambda text: text.replace(b"anna", b"eve!")),
    "a lost row": ("tables/users.ndjson", lambda text: text[text.index(b"\n") + 1 :]),
    "a row more": ("tables/users.ndjson", lambda text: text + text),
    "a lost table": ("tables/users.ndjson", lambda _: b""),
    "another count": ("manifest.json", lambda text: text.replace(b'"rows": 2', b'"rows": 3')),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_backup_that_was_changed_is_refused(what: str, tmp_path: Path) -> None:
    path = saved(Where(state_file(tmp_path)), tmp_path / "a.backup")
    rewrite(path, *DAMAGE[what])
    with closing(Dump(path)) as dump, pytest.raises(DumpUnusable, match="damaged"):
        dump.check()


def test_a_backup_with_other_tables_is_refused(tmp_path: Path) -> None:
    path = saved(Where(state_file(tmp_path)), tmp_path / "a.backup")
    rewrite(path, "manifest.json", lambda text: text.replace(b'"users"', b'"people"'))
    with closing(Dump(path)) as dump, pytest.raises(DumpUnusable, match="other tables than its version: people, users"):
        restore(Where(tmp_path / "b.sqlite3"), dump)


def test_a_file_that_ends_early_is_refused(tmp_path: Path) -> None:
    path = saved(Where(state_file(tmp_path)), tmp_path / "a.backup")
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(DumpUnusable, match="no backup, or a damaged one"):
        Dump(path)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + bytes(18)])
def test_another_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(DumpUnusable, match="no backup"):
        Dump(tmp_path / "a")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DumpUnusable, match="a cannot be read: No such file or directory"):
        Dump(tmp_path / "a")


def test_a_file_that_cannot_be_written_is_said_and_nothing_is_left(tmp_path: Path) -> None:
    where = Where(state_file(tmp_path))
    make_ready(where)
    with pytest.raises(DumpUnusable, match=r"nowhere/a cannot be written: No such file or directory"):
        backup(where, tmp_path / "nowhere" / "a")
    (tmp_path / "directory").mkdir()
    with pytest.raises(DumpUnusable, match="directory cannot be written: Is a directory"):
        backup(where, tmp_path / "directory")
    assert {path.name for path in tmp_path.iterdir()} <= {"directory", "state.sqlite3", "state.lock"}


def test_where_there_is_no_database_none_is_made(tmp_path: Path) -> None:
    where = Where(state_file(tmp_path / "none"))
    with pytest.raises(StateUnusable, match="there is no such file"):
        backup(where, tmp_path / "a.backup")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.needs("postgres", "initdb")
def test_a_database_without_anything_of_a_gateway_is_no_backup(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    where = fresh_database(request, tmp_path, "postgres")
    with pytest.raises(StateUnusable, match="there is nothing of a gateway in it"):
        backup(where, tmp_path / "a.backup")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.needs("postgres", "initdb")
def test_a_database_that_a_gateway_leads_on_is_not_replaced(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    where = fresh_database(request, tmp_path, "postgres")
    path = saved(where, tmp_path / "a.backup")
    with closing(engine_of(where).open()) as leader:
        assert leader.leads()
        with pytest.raises(StateUnusable, match="is used by a gateway: stop every gateway on it first"):
            restored(path, where, replace=True)

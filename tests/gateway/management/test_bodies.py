"""Whoever may read what was said leaves a trace, and nobody else reads it; another vault key changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.captures.making import capture_of
from gateway.captures.places import folder_of, place_of
from gateway.captures.redaction import Redactor
from gateway.captures.sealed import seal
from gateway.captures.writing import write_whole
from gateway.credentials.vault import Vault
from gateway.errors import NotPermitted, StateUnavailable, Unacceptable, UnknownResource
from gateway.management import audit, bodies
from gateway.management.audit import AuditEntry, AuditFilter
from gateway.management.office import Office
from gateway.management.rotation import rotate_key
from gateway.records.captures import Capture
from gateway.settings.section import RoleName
from gateway.unlock import captures_key, make_captures_key
from tests.gateway.captures.takes import taken
from tests.gateway.management.offices import OPERATOR, office_in, somebody
from tests.postgres import ENGINES

NOBODY = "01a201cd-aa28-7977-8ca7-f6b69e9b7a76"


@pytest.fixture(params=ENGINES)
async def office(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Office]:
    url = request.getfixturevalue("postgres").fresh() if request.param == "postgres" else ""
    async with office_in(tmp_path, url) as made:
        yield made


@pytest.fixture
async def kept(office: Office, tmp_path: Path) -> Capture:
    key = await office.state.write(lambda session: make_captures_key(session, office.declared.settings))
    made = capture_of(taken(), Redactor(), 10_000)
    write_whole(place_of(folder_of(tmp_path), made.id), seal(made, Vault(key)))
    return made


async def noted(office: Office) -> list[AuditEntry]:
    entries = await audit.list_entries(office, OPERATOR, AuditFilter(target_kind="request"), after_id=None, limit=99)
    return list(reversed(entries))


async def test_each_look_leaves_a_trace(office: Office, kept: Capture) -> None:
    for actor in (OPERATOR, somebody("admin"), somebody("owner")):
        assert await bodies.read_bodies(office, actor, kept.id) == kept
    said = [(entry.actor_name, entry.action, entry.target_id) for entry in await noted(office)]
    names = ("operator", "admin@example.com", "owner@example.com")
    assert said == [(name, "bodies.read", kept.id) for name in names]


@pytest.mark.parametrize("role", ["member", "viewer", "pending"])
async def test_others_neither_read_nor_delete(office: Office, kept: Capture, role: RoleName) -> None:
    with pytest.raises(NotPermitted):
        await bodies.read_bodies(office, somebody(role), kept.id)
    with pytest.raises(NotPermitted):
        await bodies.delete_bodies(office, somebody(role), kept.id)
    assert await noted(office) == []


async def test_nothing_is_shown_where_that_cannot_be_noted(
    office: Office, kept: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise StateUnavailable("The database does not answer.")

    monkeypatch.setattr(office, "change", refuse)
    with pytest.raises(StateUnavailable):
        await bodies.read_bodies(office, OPERATOR, kept.id)
    with pytest.raises(StateUnavailable):
        await bodies.delete_bodies(office, OPERATOR, kept.id)
    monkeypatch.undo()
    assert await bodies.read_bodies(office, OPERATOR, kept.id) == kept, "it is still there"


async def test_what_is_not_there_is_not_found_and_leaves_none(office: Office, kept: Capture) -> None:
    for request_id in (NOBODY, "../../vault.key", kept.id.upper()):
        with pytest.raises(UnknownResource, match="Nothing is kept here"):
            await bodies.read_bodies(office, OPERATOR, request_id)
        with pytest.raises(UnknownResource):
            await bodies.delete_bodies(office, OPERATOR, request_id)
    assert await noted(office) == []


async def test_where_nothing_was_ever_captured_nothing_is_found(office: Office) -> None:
    with pytest.raises(UnknownResource):
        await bodies.read_bodies(office, OPERATOR, NOBODY)
    assert await office.read(lambda session: captures_key(session, office.declared.settings)) is None


async def test_what_cannot_be_read_is_told_from_what_is_not_there(
    office: Office, kept: Capture, tmp_path: Path
) -> None:
    place = place_of(folder_of(tmp_path), kept.id)
    place.write_bytes(place.read_bytes()[:-1])
    with pytest.raises(Unacceptable, match="damaged"):
        await bodies.read_bodies(office, OPERATOR, kept.id)
    assert await noted(office) == []


async def test_without_the_vault_key_nobody_reads(office: Office, kept: Capture, tmp_path: Path) -> None:
    (tmp_path / "vault.key").write_bytes(b"x" * 44)
    with pytest.raises(Unacceptable, match="cannot be read"):
        await bodies.read_bodies(office, OPERATOR, kept.id)
    (tmp_path / "vault.key").unlink()
    with pytest.raises(Unacceptable, match=r"vault\.key is missing"):
        await bodies.read_bodies(office, OPERATOR, kept.id)


async def test_what_is_deleted_is_gone_and_who_did_it_is_known(office: Office, kept: Capture, tmp_path: Path) -> None:
    await bodies.delete_bodies(office, somebody("admin"), kept.id)
    assert [(entry.actor_name, entry.action) for entry in await noted(office)] == [
        ("admin@example.com", "bodies.delete")
    ]
    assert not place_of(folder_of(tmp_path), kept.id).exists()
    with pytest.raises(UnknownResource):
        await bodies.read_bodies(office, OPERATOR, kept.id)


async def test_another_vault_key_opens_what_was_kept_before(office: Office, kept: Capture, tmp_path: Path) -> None:
    settings = office.declared.settings
    before = (tmp_path / "vault.key").read_bytes()
    assert await rotate_key(office, OPERATOR, settings) == 3, "the keys for digests, cookies and captures"
    assert (tmp_path / "vault.key").read_bytes() != before
    assert await bodies.read_bodies(office, OPERATOR, kept.id) == kept


async def test_the_key_is_made_once(office: Office) -> None:
    settings = office.declared.settings
    first = await office.state.write(lambda session: make_captures_key(session, settings))
    assert await office.state.write(lambda session: make_captures_key(session, settings)) == first
    assert await office.read(lambda session: captures_key(session, settings)) == first
    assert first not in (office.secrets.keys, office.secrets.sessions)

"""The state as a document: out of one gateway and into another, whatever engine keeps it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from gateway.access.passwords import hashed
from gateway.access.tokens import digest
from gateway.credentials import passphrase
from gateway.errors import Conflict, NotPermitted, Unacceptable
from gateway.management import audit, configuration, export, importing, keys, people, teams
from gateway.management.documents import StateDocument
from gateway.management.export import ExportWish
from gateway.management.importing import ImportReport, ImportWish
from gateway.management.keys import KeyWish
from gateway.management.office import Actor, Office
from gateway.management.people import NewUser, UserWish
from gateway.management.teams import MemberWish, TeamWish
from tests.gateway.management.offices import OPERATOR, office_in, somebody
from tests.postgres import ENGINES, fresh_database, postgres

__all__ = ["postgres"]

SECRET = "sk-canary-of-an-export"
PASSPHRASE = "correct horse battery staple"
PASSWORD_HASH = hashed("a rather long passphrase")


@pytest.fixture(autouse=True)
def quick_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Making a key of one is slow on purpose."""
    monkeypatch.setattr(passphrase, "PASSES", 1)
    monkeypatch.setattr(passphrase, "MEMORY_BYTES", 64 * 1024)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with gateway(tmp_path, "one") as office:
        yield office


@asynccontextmanager
async def gateway(tmp_path: Path, name: str, url: str = "") -> AsyncIterator[Office]:
    """A gateway of its own, with a vault key of its own."""
    directory = tmp_path / name
    directory.mkdir(exist_ok=True)
    async with office_in(directory, url) as office:
        yield office


async def fill(office: Office) -> None:
    """Something of everything."""
    for kind, values in (
        ("provider", {"id": "openai", "headers": {"x-team": SECRET}}),
        ("credential", {"provider": "openai", "name": "one", "api_key": SECRET}),
        ("alias", {"name": "fast/one", "target": "openai/gpt-4o-mini"}),
        ("combo", {"name": "both", "targets": ["openai/gpt-4o", "openai/gpt-4o-mini"]}),
        ("price", {"model": "openai/*", "input": 1.0, "output": 2.0}),
    ):
        await configuration.create_object(office, OPERATOR, kind, values)  # type: ignore[arg-type]
    await configuration.set_value(office, OPERATOR, "stream.idle_timeout_seconds", 9.0, None)
    ids = {}
    for name, role in (("ann", "owner"), ("bob", "member")):
        wish = NewUser(email=f"{name}@example.com", name=name, role=role, password_hash=PASSWORD_HASH)  # type: ignore[arg-type]
        ids[name] = (await people.create_user(office, OPERATOR, wish)).user.id
    team = await teams.create_team(office, OPERATOR, TeamWish(name="blue", description="The blue ones."))
    await teams.put_member(office, OPERATOR, team.id, MemberWish(user_id=ids["bob"], role="admin"))
    await keys.create_key(office, OPERATOR, KeyWish(name="of-bob", user_id=ids["bob"], tags=("a", "b")))
    await keys.create_key(
        office, OPERATOR, KeyWish(name="of-blue", team_id=team.id, expires_at="2099-01-01", paused=True)
    )
    gone = await keys.create_key(office, OPERATOR, KeyWish(name="gone"))
    await keys.revoke_key(office, OPERATOR, gone.key.id, None)


async def exported(office: Office, *, by: str | None = PASSPHRASE, **said: Any) -> StateDocument:
    document = await export.export(office, OPERATOR, ExportWish(passphrase=by, **said))
    return msgspec.json.decode(msgspec.json.encode(document), type=StateDocument)


async def imported(office: Office, document: StateDocument, actor: Actor = OPERATOR, **said: Any) -> ImportReport:
    taking = said.pop("take_secret", True)
    wish = ImportWish(document=document, **{"passphrase": PASSPHRASE, **said})
    return await importing.import_document(office, actor, wish, take_secret=taking)


def plain(document: StateDocument) -> dict[str, Any]:
    """What must be the same everywhere."""
    fields: dict[str, Any] = msgspec.to_builtins(document)
    return {name: fields[name] for name in ("configuration", "keys", "people")}


@pytest.mark.parametrize("engine", ENGINES)
async def test_it_goes_to_another_gateway_and_back_unchanged(
    request: pytest.FixtureRequest, tmp_path: Path, engine: str
) -> None:
    url = fresh_database(request, tmp_path, engine).url
    async with gateway(tmp_path, "first") as first, gateway(tmp_path, "second", url) as second:
        await fill(first)
        document = await exported(first)
        report = await imported(second, document)
        assert report.secret_taken
        assert [(tally.created, tally.touched) for tally in (report.configuration, report.users) if tally] == [
            (6, 6),
            (2, 2),
        ]
    async with gateway(tmp_path, "second", url) as second, gateway(tmp_path, "third") as third:
        again = await exported(second)
        assert plain(again) == plain(document)
        await imported(third, again)
        assert plain(await exported(third)) == plain(document)
        credential = await configuration.get_object(third, OPERATOR, "credential", "openai/one")
        assert credential.managed.problem is None


async def test_keys_work_where_they_were_brought(office: Office, tmp_path: Path) -> None:
    made = await keys.create_key(office, OPERATOR, KeyWish(name="travels"))
    document = await exported(office)
    async with gateway(tmp_path, "two") as other:
        await imported(other, document)
    async with gateway(tmp_path, "two") as other:  # from the next start on
        found = digest(made.secret.encode(), other.secrets.keys)
        rows = await other.read(lambda session: session.rows("transfer/keys"))
        assert [bytes(row["digest"]) for row in rows] == [found]
        async with gateway(tmp_path, "three") as third:
            await keys.create_key(third, OPERATOR, KeyWish(name="mine"))
            with pytest.raises(Unacceptable, match="another gateway's secret"):
                await imported(third, document)
            await imported(third, document, sections=("configuration",))


async def test_by_the_api_no_secret_is_taken(office: Office, tmp_path: Path) -> None:
    await keys.create_key(office, OPERATOR, KeyWish(name="travels"))
    document = await exported(office)
    async with gateway(tmp_path, "two") as other:
        with pytest.raises(Unacceptable, match="sluicegate import"):
            await imported(other, document, take_secret=False)


async def test_a_second_time_nothing_changes(office: Office) -> None:
    await fill(office)
    document = await exported(office)
    before = [office.generations.of(name) for name in ("configuration", "keys", "people")]
    for mode in ("merge", "replace"):
        report = await imported(office, document, mode=mode)
        tallies = (report.configuration, report.keys, report.users, report.teams)
        assert [tally.touched for tally in tallies if tally is not None] == [0, 0, 0, 0]
    assert [office.generations.of(name) for name in ("configuration", "keys", "people")] == before


async def test_replacing_takes_away_what_the_document_does_not_have(office: Office) -> None:
    await people.create_user(office, OPERATOR, NewUser(email="root@example.com", role="owner"))
    document = await exported(office)
    await fill(office)
    merged = await imported(office, document)
    assert merged.configuration is not None
    assert merged.configuration.touched == 0
    rehearsed = await imported(office, document, mode="replace", dry_run=True)
    report = await imported(office, document, mode="replace")
    assert report == structs.replace(rehearsed, dry_run=False)
    removed = [tally.removed for tally in (report.configuration, report.keys, report.users, report.teams) if tally]
    assert removed == [6, 2, 2, 1]
    assert await configuration.list_objects(office, OPERATOR, "alias") == []
    assert (await people.find_user(office, OPERATOR, "ann@example.com")).disabled


async def test_a_dry_run_changes_nothing(office: Office, tmp_path: Path) -> None:
    await fill(office)
    document = await exported(office)
    async with gateway(tmp_path, "two") as other:
        empty = plain(await exported(other))
        report = await imported(other, document, dry_run=True)
        assert report.configuration is not None
        assert report.configuration.created == 6
        assert plain(await exported(other)) == empty


@pytest.mark.parametrize(
    ("spoil", "place"),
    [
        (
            lambda fields: fields["configuration"][0]["spec"].update(target="nowhere/x"),
            "document.configuration.0.spec.target",
        ),
        (lambda fields: fields["configuration"].append(fields["configuration"][0]), "document.configuration.6"),
        (lambda fields: fields["configuration"][5].update(name="stream.nothing"), "document.configuration.5.spec"),
        (lambda fields: fields["keys"][0].update(user_id="nobody"), "document.keys.0.user_id"),
        (lambda fields: fields["keys"][0].update(expires_at="soon"), "document.keys.0.expires_at"),
        (lambda fields: fields["keys"][0].update(name=fields["keys"][1]["name"]), "document.keys.1"),
        (lambda fields: fields["people"]["users"][0].update(email="nobody"), "document.people.users.0.email"),
        (lambda fields: fields["people"]["users"][0].update(created_at="then"), "document.people.users.0.created_at"),
        (
            lambda fields: fields["people"]["teams"][0]["members"][0].update(user_id="nobody"),
            "document.people.teams.0.members.0.user_id",
        ),
    ],
)
async def test_a_document_that_is_wrong_says_where_and_changes_nothing(
    office: Office, tmp_path: Path, spoil: Any, place: str
) -> None:
    await fill(office)
    fields = msgspec.json.decode(msgspec.json.encode(await exported(office)))
    spoil(fields)
    document = msgspec.json.decode(msgspec.json.encode(fields), type=StateDocument)
    async with gateway(tmp_path, "two") as other:
        empty = plain(await exported(other))
        with pytest.raises(Unacceptable) as refused:
            await imported(other, document)
        assert refused.value.param == place
        assert plain(await exported(other)) == empty


async def test_an_address_of_a_document_must_be_one_to_connect_to(office: Office) -> None:
    values = {"id": "mine", "format": "openai_chat", "base_url": "https://192.0.43.8/v1"}
    await configuration.create_object(office, OPERATOR, "provider", values)
    fields = msgspec.to_builtins(await exported(office))
    fields["configuration"][0]["spec"]["base_url"] = "http://10.0.0.1/v1"
    with pytest.raises(Unacceptable, match=r"`network\.allow`") as refused:
        await imported(office, msgspec.convert(fields, StateDocument))
    assert refused.value.param == "document.configuration.0.spec.base_url"


async def test_secrets_are_sealed_by_the_vault_or_a_passphrase(office: Office, tmp_path: Path) -> None:
    await fill(office)
    own = await exported(office, by=None)
    assert own.sealed is not None
    assert (own.sealed.by, own.sealed.salt) == ("vault", None)
    carried = await exported(office)
    for document in (own, carried):
        text = msgspec.json.encode(document).decode()
        assert SECRET not in text
        assert PASSWORD_HASH not in text
    await imported(office, own)
    async with gateway(tmp_path, "two") as other:
        with pytest.raises(Unacceptable, match="Another vault key"):
            await imported(other, own)
        with pytest.raises(Unacceptable, match="passphrase does not open"):
            await imported(other, carried, passphrase="not the right one")
        with pytest.raises(Unacceptable, match="say it"):
            await imported(other, carried, passphrase=None)


async def test_only_owners_take_secrets_out_under_a_passphrase(office: Office) -> None:
    await export.export(office, somebody("admin"), ExportWish())
    with pytest.raises(NotPermitted, match="people:owner"):
        await export.export(office, somebody("admin"), ExportWish(passphrase=PASSPHRASE))
    with pytest.raises(NotPermitted):
        await export.export(office, somebody("member"), ExportWish(sections=("configuration",)))
    narrow = Actor(kind="token", name="t", permissions=frozenset({"system:write", "keys:write"}))
    await export.export(office, narrow, ExportWish(sections=("keys",)))
    with pytest.raises(NotPermitted):
        await export.export(office, narrow, ExportWish(sections=("people",)))


async def test_nobody_makes_somebody_who_may_do_more_than_they(office: Office, tmp_path: Path) -> None:
    await fill(office)
    document = await exported(office, sections=("people",))
    admin = (await people.create_user(office, OPERATOR, NewUser(email="adm@example.com", role="admin"))).user
    actor = somebody("admin", admin.id)
    ann = await people.find_user(office, OPERATOR, "ann@example.com")
    other = NewUser(email="root@example.com", role="owner")
    await people.create_user(office, OPERATOR, other)
    demoted = UserWish(email=ann.email, name=ann.name, role="member")
    await people.change_user(office, OPERATOR, ann.id, demoted, None)
    with pytest.raises(NotPermitted, match="Only an owner"):
        await imported(office, document, actor)
    with pytest.raises((NotPermitted, Conflict)):
        await imported(office, document, somebody("owner", admin.id), mode="replace")


async def test_export_and_import_stand_in_the_audit_log(office: Office) -> None:
    await fill(office)
    await imported(office, await exported(office))
    trail = await audit.list_entries(office, OPERATOR, audit.AuditFilter(), after_id=None, limit=2)
    assert [entry.action for entry in trail] == ["state.import", "state.export"]
    assert trail[0].after is not None
    assert trail[0].after["keys"] == {"created": 0, "changed": 0, "removed": 0, "unchanged": 2}

"""What somebody with some rights tries in order to have more: by documents, by races, by the database itself.

Each of these worked once, or was thought of as one that might.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Struct, structs

from gateway import logs
from gateway.access.attempts import BY_DEPARTURE
from gateway.access.keys import KeyRing
from gateway.access.roles import PERMISSIONS, permissions_of
from gateway.api.management.credentials import OPERATIONS as CREDENTIAL_OPERATIONS
from gateway.api.management.idempotency import Standing, Written
from gateway.api.management.kept_answers import KeptAnswers
from gateway.credentials.keyfile import key_file
from gateway.errors import (
    Conflict,
    InvalidKey,
    KeyPaused,
    LoginFailed,
    NotPermitted,
    NotSignedIn,
    TooManyAttempts,
    Unacceptable,
)
from gateway.management import configuration, export, importing, keys, login, openid, people, tokens
from gateway.management.configured import SettingWish
from gateway.management.documents import StateDocument
from gateway.management.export import ExportWish
from gateway.management.hashing import THREADS
from gateway.management.importing import ImportWish
from gateway.management.keys import MOST_ENTRIES, KeyWish
from gateway.management.login import OwnPassword
from gateway.management.office import Actor, Office
from gateway.management.openid import Departure, Return
from gateway.management.people import NewUser
from gateway.management.sessions import Visit
from gateway.management.tokens import NewToken
from gateway.settings.model import LoginProviderSettings, LoginSettings
from gateway.store.keys import changed_keys
from gateway.store.session import Session
from gateway.store.state import Where
from tests.gateway.management.crowd import (
    PASSWORD,
    Clock,
    actor_of,
    add,
    audit,
    begin,
    came_back,
    log_in,
    office_at,
    wish_of,
)
from tests.gateway.management.offices import OPERATOR, office_in, somebody
from tests.gateway.management.test_openid import Provider
from tests.gateway.test_freshness import watching
from tests.issuing import Issuer

OURS = {"id": "ours", "client_id": "us", "issuer": "https://192.0.43.8", "default_role": "owner"}
PLAIN = LoginProviderSettings(id="plain", client_id="us", issuer="https://plain.example")
CANARY = "sk-canary-that-is-nobodys"


@pytest.fixture
async def at(where: Where) -> AsyncIterator[tuple[Office, Clock]]:
    async with office_at(where, LoginSettings(providers=(PLAIN,))) as made:
        yield made


@pytest.fixture
def office(at: tuple[Office, Clock]) -> Office:
    return at[0]


async def document(office: Office, **parts: Any) -> StateDocument:
    """What an admin exports, with other parts in it."""
    wish = ExportWish(sections=("configuration", "keys", "people"))
    plain = msgspec.to_builtins(await export.export(office, somebody("admin"), wish))
    return msgspec.json.decode(msgspec.json.encode({**plain, **parts}), type=StateDocument)


# More rights than one's own


@pytest.mark.parametrize("setting", [("login.providers", [OURS]), ("login.insecure", True)])
async def test_a_document_is_no_way_around_what_only_owners_set(office: Office, setting: tuple[str, Any]) -> None:
    """A login provider of one's own, whose people are owners here, makes an admin one."""
    name, value = setting
    said = {"kind": "setting", "name": name, "position": 1, "spec": {"value": value}}
    made = await document(office, configuration=[said])
    with pytest.raises(NotPermitted, match="people:owner"):
        await importing.import_document(office, somebody("admin"), ImportWish(document=made))
    assert (await configuration.get_setting(office, OPERATOR, name)).managed.by == "default"
    await importing.import_document(office, somebody("owner"), ImportWish(document=made))
    assert (await configuration.get_setting(office, OPERATOR, name)).managed.by == "database"


async def test_nor_does_a_document_take_away_what_only_owners_set(office: Office) -> None:
    await configuration.set_value(office, OPERATOR, "login.idle_minutes", 5.0, None)
    nothing = ImportWish(document=await document(office, configuration=[]), mode="replace", sections=("configuration",))
    with pytest.raises(NotPermitted, match="people:owner"):
        await importing.import_document(office, somebody("admin"), nothing)
    unchanged = ImportWish(document=await document(office), mode="replace", sections=("configuration",))
    await importing.import_document(office, somebody("admin"), unchanged)
    assert (await configuration.get_setting(office, OPERATOR, "login.idle_minutes")).value == 5.0


async def test_a_document_makes_nobody_an_owner_and_changes_none(office: Office) -> None:
    owner, admin = await add(office, "olga", "owner"), await add(office, "adam", "admin")
    plain = msgspec.to_builtins((await document(office)).people)
    actor = await actor_of(office, admin)
    for user in plain["users"]:
        changed = {"role": "owner"} if user["id"] == admin.id else {"name": "Nobody", "email": "mine@example.com"}
        others = [one for one in plain["users"] if one["id"] != user["id"]]
        made = await document(office, people={**plain, "users": [*others, {**user, **changed}]})
        with pytest.raises(NotPermitted, match="Only an owner"):
            await importing.import_document(office, actor, ImportWish(document=made))
    assert (await people.get_user(office, OPERATOR, owner.id)).name == "Olga"


async def test_a_document_hides_nothing_from_the_audit_log(office: Office) -> None:
    user = await add(office, "ann")
    provider = {"id": "p", "format": "anthropic", "base_url": "https://192.0.43.8"}
    await configuration.create_object(office, OPERATOR, "provider", provider)
    plain = msgspec.to_builtins(await document(office))
    plain["configuration"][0]["spec"]["base_url"] = "https://192.0.43.9"
    plain["people"]["users"][0]["role"] = "viewer"
    await importing.import_document(office, somebody("admin"), ImportWish(document=await document(office, **plain)))
    (changed,) = await audit(office, "provider.change")
    assert [changed[side]["base_url"][-1] for side in ("before", "after")] == ["8", "9"]
    (changed,) = await audit(office, "user.change")
    assert (changed["target_id"], changed["before"]["role"], changed["after"]["role"]) == (user.id, "member", "viewer")
    nothing = ImportWish(document=await document(office, configuration=[]), mode="replace", sections=("configuration",))
    await importing.import_document(office, OPERATOR, nothing)
    assert [entry["target_name"] for entry in await audit(office, "provider.delete")] == ["p"]


async def test_the_last_owner_stays_however_many_try_at_once(where: Where) -> None:
    async with office_at(where) as (here, _), office_in(where.path.parent, where.url) as there:
        one, other = await add(here, "one", "owner"), await add(here, "other", "owner")
        actors = [await actor_of(here, user) for user in (one, other)]
        demotions = [
            people.change_user(office, actor, user.id, wish_of(user, role="member"), None)
            for office, actor, user in ((here, actors[0], other), (there, actors[1], one))
        ]
        results = await asyncio.gather(*demotions, return_exceptions=True)
        assert sum(isinstance(result, Conflict) for result in results) == 1
        left = await here.read(lambda session: session.row("people/other_owners", {"id": ""}))
        assert left == {"owners": 1}


@pytest.mark.parametrize("scopes", [("people:own",), ("*",), ("keys",), ("people:owner\n",), ("",), ("KEYS:READ",)])
async def test_there_is_no_token_for_what_there_is_not(office: Office, scopes: tuple[str, ...]) -> None:
    actor = await actor_of(office, await add(office, "olga", "owner"))
    with pytest.raises(Unacceptable, match="no permission"):
        await tokens.create_token(office, actor, NewToken(name="x", scopes=scopes))


@pytest.mark.parametrize("scope", PERMISSIONS)
async def test_a_token_makes_no_other_and_nobody_who_could(office: Office, scope: str) -> None:
    token = Actor(kind="token", name="t", id="t", user_id="u", permissions=permissions_of("owner", (scope,)))
    with pytest.raises((NotPermitted, Unacceptable)):
        await tokens.create_token(office, token, NewToken(name="x", scopes=(scope,)))
    with pytest.raises(NotPermitted):
        await people.create_user(office, token, NewUser(email="a@example.com", role="admin", invite=False))


# What must not survive


async def test_whoever_was_made_to_wait_uses_no_client_key_either(office: Office) -> None:
    user = await add(office, "ann")
    made = await keys.create_key(office, OPERATOR, KeyWish(name="of-ann", user_id=user.id))
    ring = KeyRing(office.secrets.keys)

    async def standing() -> str:
        ring.update(await office.read(lambda session: changed_keys(session, 0)), whole=True)
        shown = await keys.get_key(office, OPERATOR, made.key.id)
        listed = await keys.list_keys(
            office, OPERATOR, keys.KeyFilter(status=shown.status, user_id=user.id), after_id=None, limit=9
        )
        assert [one.id for one in listed] == [made.key.id]
        return shown.status

    assert await standing() == "active"
    assert ring.find(made.secret.encode()) is not None
    before = office.generations.of("keys")
    waiting = await people.change_user(office, OPERATOR, user.id, wish_of(user, role="pending"), None)
    assert office.generations.of("keys") == before + 1, "workers are told at once"
    assert await standing() == "suspended"
    with pytest.raises(KeyPaused):
        ring.get({b"x-api-key": made.secret.encode()})
    await people.change_user(office, OPERATOR, user.id, wish_of(waiting, role="viewer"), None)
    assert await standing() == "active"


async def test_a_password_that_was_replaced_meanwhile_replaces_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else has the password and a session; its owner is about to shut them out."""
    user = await add(office, "ann", password=PASSWORD)
    thief = await came_back(office, await log_in(office, user.email, PASSWORD))
    slow = THREADS.hashed
    kept = await slow("seven quiet herons")

    async def overtaken(password: str) -> str:
        def perform(change: Any) -> None:
            people.keep_password(change, people.found(change.session, user.id), kept)

        await office.change(OPERATOR, perform)
        return await slow(password)

    monkeypatch.setattr(THREADS, "hashed", overtaken)
    with pytest.raises((NotPermitted, NotSignedIn)):
        await login.change_password(office, thief, OwnPassword(current=PASSWORD, new="the password of a thief"))
    monkeypatch.undo()
    await log_in(office, user.email, "seven quiet herons")
    with pytest.raises(NotSignedIn):
        await log_in(office, user.email, "the password of a thief")


async def test_no_password_is_changed_in_a_session_that_is_over(office: Office) -> None:
    user = await add(office, "ann", password=PASSWORD)
    actor = await came_back(office, await begin(office, user))
    await office.state.write(lambda session: session.run("sessions/end", {"id": actor.session_id}))
    with pytest.raises(NotSignedIn):
        await login.change_password(office, actor, OwnPassword(current=PASSWORD, new="seven quiet herons"))


async def test_a_login_is_not_connected_in_a_session_that_is_over(office: Office) -> None:
    """Or whoever stole one would leave themselves another way in, to be used once they are shut out."""
    user, door = await add(office, "ann", password=PASSWORD), Provider()
    actor = await came_back(office, await begin(office, user))
    departure = Departure(provider="plain", redirect_uri="https://us/x", browser="one", connect=True)
    url = await openid.begin(office, door, actor, departure)
    await office.state.write(lambda session: session.run("sessions/end", {"id": actor.session_id}))
    back = Return(query={"state": url.partition("state=")[2], "code": "c"}, browser="one", visit=login._visit(actor))
    with pytest.raises(LoginFailed, match="is over"):
        await openid.finish(office, door, back)
    assert await openid.list_identities(office, OPERATOR, user.id) == []


async def test_a_key_that_was_revoked_is_refused_while_the_vault_cannot_be_opened(tmp_path: Path) -> None:
    """As where another machine has changed the vault key: nothing is sealed that this worker must open for that."""
    issuer, vault_key = Issuer(tmp_path), key_file(tmp_path)
    stolen, other = issuer.create("stolen"), issuer.create("other")
    async with watching(tmp_path) as worker:
        await worker.get(stolen)
        vault_key.chmod(0o644)
        issuer.configure("credential", "mock/spare", {"name": "spare"}, {"api_key": "sk-spare"})
        issuer.revoke("stolen")
        with pytest.raises(InvalidKey):
            await worker.get(stolen)
        assert (await worker.get(other)).name == "other"
        vault_key.chmod(0o600)
        await worker.ticks_until(lambda: worker.heard.configuration[1:] == [[("mock/spare", "sk-spare")]])


# Room and time that belong to all


async def test_one_address_does_not_take_all_the_room_for_logins_at_providers(at: tuple[Office, Clock]) -> None:
    office, clock = at
    door = Provider()

    async def leave(address: str) -> str:
        departure = Departure(provider="plain", redirect_uri="https://us/x", browser="one")
        url = await openid.begin(office, door, Actor(kind="anybody", name="x", address=address), departure)
        return url.partition("state=")[2]

    for _ in range(BY_DEPARTURE.free):
        await leave("2001:db8::1")
    assert 20 * BY_DEPARTURE.free < openid.MOST_FLOWS
    with pytest.raises(TooManyAttempts):
        await leave("2001:db8::ffff")
    state = await leave("192.0.2.1")
    for _ in range(300):  # whoever comes back with somebody has taken no room
        back = Return(query={"state": state, "code": "c"}, browser="one", visit=Visit("192.0.2.1"))
        await openid.finish(office, door, back)
        state = await leave("192.0.2.1")
    clock.pass_by(60)
    await leave("2001:db8::1")


@pytest.mark.parametrize("name", keys.LISTS)
async def test_a_key_has_no_lists_that_keep_a_worker_busy(office: Office, name: str) -> None:
    """Fifty thousand patterns took each worker four seconds, in which it did nothing else."""
    member = await actor_of(office, await add(office, "ann"))
    said = tuple(f"*{number}*z" for number in range(MOST_ENTRIES))
    many = structs.replace(KeyWish(name="many"), **{name: said})
    made = await keys.create_key(office, member, many)
    with pytest.raises(Unacceptable, match=f"at most {MOST_ENTRIES}"):
        await keys.change_key(office, member, made.key.id, structs.replace(many, **{name: (*said, "more")}), None)
    document_keys = msgspec.to_builtins((await document(office)).keys)
    more = await document(office, keys=[{**document_keys[0], name: [*said, "more"]}])
    with pytest.raises(Unacceptable, match=f"at most {MOST_ENTRIES}"):
        await importing.import_document(office, OPERATOR, ImportWish(document=more, sections=("keys",)))


# Secrets


async def test_an_answer_that_is_kept_is_read_by_whoever_asked_alone(office: Office) -> None:
    """Not by whoever can write the database, and puts it where their own would be."""
    answers, written = KeptAnswers(office), Written(201, (), CANARY.encode())
    for actor in ("user:victim", "user:thief"):
        assert await answers.begin(actor, "k", b"digest") is Standing.FRESH
    await answers.finish("user:victim", "k", written)
    await answers.finish("user:thief", "k", Written(201, (), b"mine"))
    assert await answers.begin("user:victim", "k", b"digest") == written
    row = await office.read(lambda session: session.row("answers/found", {"actor": "user:victim", "key": "k"}))
    assert row is not None
    moved = {"actor": "user:thief", "key": "k", "status": 201, "sealed": row["sealed"]}
    await office.state.write(lambda session: session.run("answers/finish", moved))
    assert await answers.begin("user:thief", "k", b"digest") is Standing.IN_PROGRESS


async def test_nothing_that_holds_a_secret_tells_it_when_it_is_written_down(office: Office) -> None:
    made = await keys.create_key(office, OPERATOR, KeyWish(name="shown"))
    credential = {"kind": "credential", "name": "a/b", "position": 1, "spec": {"api_key": CANARY}}
    said: list[object] = [
        made,
        Written(201, (), made.secret.encode()),
        ImportWish(document=await document(office, configuration=[credential]), passphrase=CANARY),
        SettingWish(value=[{"client_secret": CANARY}]),
    ]
    for operation in CREDENTIAL_OPERATIONS:
        values = {"provider": "p", "name": "n", "api_key": CANARY}
        for name in values.keys() - {field.name for field in structs.fields(operation.body or Struct)}:
            del values[name]
        said += [msgspec.convert(values, operation.body)] if "api_key" in values else []
    assert len(said) == 7
    told = repr(said)
    assert made.secret not in told
    assert CANARY not in told


@pytest.mark.parametrize("prefix", ["slg-api-", "slg-ses-", "slg-lnk-", "sk-slg-"])
async def test_a_secret_of_ours_in_a_log_line_is_not_told(prefix: str) -> None:
    secret = f"{prefix}{'Ab3_' * 11}"
    for line in (f"GET /setup/{secret}", f'{{"event":"it was {secret}."}}', f"\\n{secret}"):
        assert "Ab3_" not in logs.redact(line, logs.IN_JSON)
        assert "Ab3_" not in logs.redact(line)


async def test_swapped_seals_open_nothing(office: Office) -> None:
    for name in ("one", "two"):
        provider = {"id": name, "format": "anthropic", "base_url": "https://192.0.43.8", "headers": {"x-team": name}}
        await configuration.create_object(office, OPERATOR, "provider", provider)
    rows = await office.read(lambda session: session.rows("vault/sealed_objects"))

    def swap(session: Session) -> None:
        for row, other in zip(rows, rows[::-1], strict=True):
            session.run("vault/reseal_object", {**row, "sealed": other["sealed"]})

    await office.state.write(swap)
    shown = await configuration.list_objects(office, OPERATOR, "provider")
    assert all(not getattr(one, "fingerprints", None) for one in shown)


def modes_in(directory: Path) -> dict[str, int]:
    """What others may do with each file."""
    return {path.name: path.stat().st_mode & 0o077 for path in directory.iterdir()}


async def test_whatever_the_umask_the_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        async with office_in(tmp_path) as office:
            await add(office, "ann")
            modes = modes_in(tmp_path)
    finally:
        os.umask(before)
    assert {"state.sqlite3", "state.sqlite3-wal", "vault.key", "shared.mmap"} <= modes.keys()
    assert not any(modes.values()), modes

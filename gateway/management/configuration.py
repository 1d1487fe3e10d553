"""Changes of the configuration in the database: providers, credentials, aliases, combos, prices, settings.

Whatever the configuration file can say can be said here, and is held to the same rules in the same words, together with
what the file says and with everything else in the database: a change that would not work, or would break something, is
refused and leaves everything as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

import orjson

from gateway.catalog.presets import presets
from gateway.errors import Conflict, ManagedByFile, Unacceptable, UnknownResource, VersionMismatch
from gateway.management import proofs, reaching, recipients
from gateway.management.configured import NAMED, Configured, Place, SettingView, View, name_of, naming
from gateway.management.office import Actor, Change, Office, Subject
from gateway.management.stored import columns, read_object, with_kept_secrets
from gateway.settings.locate import spell
from gateway.settings.origins import path_of
from gateway.settings.overlay import check_change, overlay
from gateway.settings.shape import Wrong
from gateway.settings.stored import SETTINGS, VALUE, Kind, StoredObject, part, whole
from gateway.store.session import Session

READ, WRITE = "configuration:read", "configuration:write"
OWNERS = "people:owner"

LOGIN = "login."
"""What the paths of settings begin with by which people log in."""

LAST = 2**31
"""Behind whatever is there, for the check of something whose place is not known yet."""

_ARTICLES = {"alias": "an"}

Shown = TypeVar("Shown")


class Placed(NamedTuple):
    """An object, and the place it is to have among its kind: behind the others, or where it was, where none is said."""

    stored: StoredObject
    position: int | None = None
    kept: frozenset[str] = frozenset()
    """Places of secrets in it that it had before, and that were not given anew."""


async def list_objects(office: Office, actor: Actor, kind: Kind) -> list[View]:
    """Everything of a kind that file and database say, in its order. Raises NotPermitted."""
    return [view for _, view in await list_places(office, actor, kind)]


async def list_places(office: Office, actor: Actor, kind: Kind) -> list[tuple[Place, View]]:
    """The same, each with the place it has in that order. Raises NotPermitted."""
    return (await _configured(office, actor)).views(kind)


async def list_everything(office: Office, actor: Actor) -> dict[Kind, list[View]]:
    """Every object that file and database say, by its kind, each in its order. Raises NotPermitted."""
    now = await _configured(office, actor)
    return {kind: [view for _, view in now.views(kind)] for kind in NAMED}


async def get_object(office: Office, actor: Actor, kind: Kind, name: str) -> View:
    """What goes by this name. Raises NotPermitted, UnknownResource."""
    return _found((await _configured(office, actor)).view(kind, name), kind, name)


async def list_settings(office: Office, actor: Actor) -> list[SettingView]:
    """Every setting that is a value. Raises NotPermitted."""
    return (await _configured(office, actor)).settings()


async def get_setting(office: Office, actor: Actor, path: str) -> SettingView:
    """One of them. Raises NotPermitted, UnknownResource."""
    _check_setting(path)
    return (await _configured(office, actor)).setting(path)


async def create_object(office: Office, actor: Actor, kind: Kind, values: Mapping[str, Any]) -> View:
    """A new object with these values, in the names of the file.

    Raises NotPermitted, Conflict where there is one of this name, ManagedByFile, Unacceptable.
    """
    name = name_of(kind, values)

    def make(before: Configured) -> Placed:
        return new_object(before, kind, values)

    return await _keep(office, actor, make, lambda after: _found(after.view(kind, name), kind, name))


async def change_object(
    office: Office, actor: Actor, which: tuple[Kind, str], asked: Mapping[str, Any], version: int | None
) -> View:
    """An object with other values in the place of some (RFC 7396): `None` takes one back, and of a table in it, such as
    headers, the rest stays. So does a secret that is not among them.

    Raises NotPermitted, UnknownResource, VersionMismatch, ManagedByFile, Unacceptable.
    """

    kind, name = which

    def make(before: Configured) -> Placed:
        stored = changeable(before, kind, name, version)
        values = merged(whole(stored), asked)
        if name_of(kind, {**naming(kind, name), **values}) != name:
            raise Unacceptable(f"A {kind} keeps its name: make another one, and delete this.", param=NAMED[kind][-1])
        given = part(kind, name, asked)[1]
        return Placed(_object(kind, name, values), asked.get("position"), frozenset(stored.secrets.keys() - given))

    return await _keep(office, actor, make, lambda after: _found(after.view(kind, name), kind, name))


async def set_value(office: Office, actor: Actor, path: str, value: Any, version: int | None) -> SettingView:
    """A setting with this value from now on, unless the file says another. Raises as `change_object`."""
    _check_setting(path)
    check_may_set(actor, path)

    def make(before: Configured) -> Placed:
        if ("setting", path) in before.objects:
            changeable(before, "setting", path, version)
        elif version is not None:
            raise VersionMismatch(f"The setting `{path}` is as by default by now.")
        return Placed(
            with_kept_secrets(_object("setting", path, {VALUE: value}), before.objects.get(("setting", path)))
        )

    return await _keep(office, actor, make, lambda after: after.setting(path))


async def delete_object(office: Office, actor: Actor, which: tuple[Kind, str], version: int | None) -> None:
    """The database says nothing of it any more. Raises as `change_object`; Unacceptable where others need it."""
    kind, name = which
    actor.require(WRITE)
    if kind == "setting":
        check_may_set(actor, name)

    def perform(change: Change) -> None:
        before = configured(office, change.session)
        forget(office, change, before, [changeable(before, kind, name, version)])

    await office.change(actor, perform)


async def check_new(office: Office, before: Configured, stored: StoredObject) -> None:
    """Raises Unacceptable unless an object of a new name could be added."""
    check_placed(office, before, Placed(stored))
    await reaching.check(office.declared.settings, stored, None)


def with_object(office: Office, now: Configured, stored: StoredObject) -> Configured:
    """How it would be with one more object."""
    objects = {**now.objects, (stored.kind, stored.name): stored}
    declared = office.declared
    effective = overlay(declared.settings, declared.origins, list(objects.values()), presets=presets())
    return replace(now, objects=objects, effective=effective)


def new_object(before: Configured, kind: Kind, values: Mapping[str, Any]) -> Placed:
    """A new object with these values, not yet checked. Raises Conflict where there is one of its name, Unacceptable."""
    name = name_of(kind, values)
    if (kind, name) in before.objects:
        raise Conflict(f"There is {_ARTICLES.get(kind, 'a')} {kind} `{name}` already.", param=NAMED[kind][-1])
    return Placed(_object(kind, name, values), values.get("position"))


def forget(office: Office, change: Change, before: Configured, gone: list[StoredObject]) -> None:
    """Delete objects, once everything holds without them."""
    _check(office, before, [one for one in before.objects.values() if not any(one is each for each in gone)])
    for one in gone:
        change.session.run("configuration/delete", {"kind": one.kind, "name": one.name})
        change.note(f"{one.kind}.delete", Subject(one.kind, one.name, one.name), before=told(office, one))
    change.count("configuration")


def check_may_set(actor: Actor, path: str) -> None:
    """Raises NotPermitted. Who logs in, and as what, is for those to say who may make owners: a provider's group may
    make one."""
    actor.require(WRITE)
    if path.startswith(LOGIN):
        actor.require(OWNERS)


def merged(values: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Values after a merge patch (RFC 7396)."""
    result = dict(values)
    for name, value in asked.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            former = values.get(name)
            result[name] = merged(former if isinstance(former, Mapping) else {}, value)
        else:
            result[name] = value
    return result


def configured(office: Office, session: Session) -> Configured:
    """The configuration as it is at this moment."""
    rows = {(row["kind"], row["name"]): row for row in session.rows("configuration/all")}
    vault = office.unlock(session).vault
    objects = {key: read_object(row, vault) for key, row in rows.items()}
    declared = office.declared
    effective = overlay(declared.settings, declared.origins, list(objects.values()), presets=presets())
    return Configured(declared.settings, declared.origins, rows, objects, effective, office.fingerprint)


async def _configured(office: Office, actor: Actor) -> Configured:
    actor.require(READ)
    return await office.read(lambda session: configured(office, session))


def _object(kind: Kind, name: str, values: Mapping[str, Any]) -> StoredObject:
    apart = ("position", *(field for field in NAMED.get(kind, ())))
    spec, secrets = part(kind, name, {field: value for field, value in values.items() if field not in apart})
    check_keepable(spec)
    return StoredObject(kind, name, spec, secrets)


def check_keepable(spec: Mapping[str, Any]) -> None:
    """Raises Unacceptable for what JSON as the database keeps it cannot hold."""
    try:
        orjson.dumps(dict(spec))
    except orjson.JSONEncodeError:
        raise Unacceptable("This holds a number that is too large, or is nested too deeply.") from None


async def _keep(
    office: Office, actor: Actor, make: Callable[[Configured], Placed], show: Callable[[Configured], Shown]
) -> Shown:
    """Have an object in the database, once everything holds with it, and its addresses may be connected to."""
    actor.require(WRITE)
    # Names are looked up before the transaction, which waits for nobody, and only for what holds so far.
    before = await office.read(lambda session: configured(office, session))
    placed = make(before)
    former = check_placed(office, before, placed)
    await reaching.check(office.declared.settings, placed.stored, former)

    def perform(change: Change) -> Shown:
        before = configured(office, change.session)
        placed = make(before)
        former = check_placed(office, before, placed)
        put(change, placed, former)
        note(office, change, placed.stored, former)
        return show(configured(office, change.session))

    return await office.change(actor, perform)


def put(change: Change, placed: Placed, former: StoredObject | None) -> None:
    """Write an object, which has been checked, into the database."""
    statement = "configuration/create" if former is None else "configuration/change"
    place = {"position": placed.position, "now_us": change.now_us}
    change.session.run(statement, {**columns(placed.stored, change.vault), **place})
    change.count("configuration")


def note(office: Office, change: Change, stored: StoredObject, former: StoredObject | None) -> None:
    """Have the audit log say what an object was and is."""
    action = f"{stored.kind}.{'create' if former is None else 'change'}"
    subject = Subject(stored.kind, stored.name, stored.name)
    change.note(action, subject, before=None if former is None else told(office, former), after=told(office, stored))


def check_placed(office: Office, before: Configured, placed: Placed) -> StoredObject | None:
    """What the object was before. Raises ManagedByFile, and Unacceptable where something would not hold with it or its
    secrets would go elsewhere."""
    stored, position, _ = placed
    former = before.objects.get((stored.kind, stored.name))
    if position is None:
        position = LAST if former is None else former.position
    others = [one for one in before.objects.values() if one is not former]
    _check(office, before, [*others, replace(stored, position=position)])
    if proofs.SECRET not in placed.kept:
        proofs.check(before.effective.settings, stored)
    _check_recipients(office, before, placed, others)
    return former


def _check_recipients(office: Office, before: Configured, placed: Placed, others: list[StoredObject]) -> None:
    stored = placed.stored
    left = {place: secret for place, secret in stored.secrets.items() if place in placed.kept}
    kept = [*others, replace(stored, secrets=left)]
    moved = recipients.find_moved(office.declared.settings, before.objects.values(), [*others, stored], kept)
    if moved is not None:
        raise Unacceptable(f"{moved.reason}.", param=moved.said.path)


def _check(office: Office, before: Configured, after: list[StoredObject]) -> None:
    """Raises ManagedByFile, and Unacceptable in the words of the rules of the file."""
    declared = office.declared
    try:
        check_change(declared.settings, declared.origins, list(before.objects.values()), after, presets=presets())
    except Wrong as wrong:
        message = f"`{spell(wrong.path)}`: {wrong.message}." if wrong.path else f"{wrong.message}."
        raise Unacceptable(message, param=".".join(map(str, wrong.path)) or None) from None


def changeable(before: Configured, kind: Kind, name: str, version: int | None) -> StoredObject:
    """An object of the database. Raises ManagedByFile, UnknownResource, VersionMismatch."""
    stored = before.objects.get((kind, name))
    if stored is None:
        if origin := before.origins.get(path_of(kind, name)):
            raise ManagedByFile(f"The {kind} `{name}` is managed by {origin}: change it there.")
        raise UnknownResource(f"There is no {kind} `{name}`.")
    current = before.rows[kind, name]["version"]
    if version is not None and version != current:
        raise VersionMismatch(f"The {kind} `{name}` has version {current} by now, not {version}.")
    return stored


def _check_setting(path: str) -> None:
    if path not in SETTINGS:
        raise UnknownResource(f"There is no setting `{path}`.")


def _found(view: View | None, kind: Kind, name: str) -> View:
    if view is None:
        raise UnknownResource(f"There is no {kind} `{name}`.")
    return view


def told(office: Office, stored: StoredObject) -> dict[str, Any]:
    """What the audit log keeps of an object: its values, and fingerprints of its secrets."""
    secrets = {place: office.fingerprint(secret) for place, secret in stored.secrets.items()}
    return {**stored.spec, **({"fingerprints": secrets} if secrets else {})}

"""Changes of the configuration in the database: providers, credentials, aliases, combos, prices, settings.

Whatever the configuration file can say can be said here, and is held to the same rules in the same words, together with
what the file says and with everything else in the database: a change that would not work, or would break something, is
refused and leaves everything as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gateway.catalog.presets import presets
from gateway.errors import Conflict, ManagedByFile, Unacceptable, UnknownResource, VersionMismatch
from gateway.management.configured import NAMED, Configured, SettingView, View, name_of, naming
from gateway.management.office import Actor, Change, Office, Subject
from gateway.management.stored import columns, read_object
from gateway.settings.locate import spell
from gateway.settings.origins import path_of
from gateway.settings.overlay import check_change, overlay
from gateway.settings.shape import Wrong
from gateway.settings.stored import SETTINGS, VALUE, Kind, StoredObject, part, whole
from gateway.store.session import Session

READ, WRITE = "configuration:read", "configuration:write"

LAST = 2**31
"""Behind whatever is there, for the check of something whose place is not known yet."""


async def list_objects(office: Office, actor: Actor, kind: Kind) -> list[View]:
    """Everything of a kind that file and database say, in its order. Raises NotPermitted."""
    return (await _configured(office, actor)).views(kind)


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
    actor.require(WRITE)
    name, position = name_of(kind, values), values.get("position")

    def perform(change: Change) -> View:
        before = configured(office, change.session)
        if (kind, name) in before.objects:
            raise Conflict(f"There is a {kind} `{name}` already.", param="name")
        return _kept(office, change, before, _object(kind, name, values), position)

    return await office.change(actor, perform)


async def change_object(
    office: Office, actor: Actor, kind: Kind, name: str, asked: Mapping[str, Any], version: int | None
) -> View:
    """An object with some of its values replaced; a secret that is not among them stays as it is.

    Raises NotPermitted, UnknownResource, VersionMismatch, ManagedByFile, Unacceptable.
    """
    actor.require(WRITE)

    def perform(change: Change) -> View:
        before = configured(office, change.session)
        stored = _changeable(before, kind, name, version)
        values = {**whole(stored), **asked}
        if name_of(kind, {**naming(kind, name), **values}) != name:
            raise Unacceptable(f"A {kind} keeps its name: make another one, and delete this.", param="name")
        return _kept(office, change, before, _object(kind, name, values), asked.get("position"))

    return await office.change(actor, perform)


async def set_value(office: Office, actor: Actor, path: str, value: Any, version: int | None) -> SettingView:
    """A setting with this value from now on, unless the file says another. Raises as `change_object`."""
    actor.require(WRITE)
    _check_setting(path)

    def perform(change: Change) -> SettingView:
        before = configured(office, change.session)
        if ("setting", path) in before.objects:
            _changeable(before, "setting", path, version)
        _keep(office, change, before, _object("setting", path, {VALUE: value}), None)
        return configured(office, change.session).setting(path)

    return await office.change(actor, perform)


async def delete_object(office: Office, actor: Actor, kind: Kind, name: str, version: int | None) -> None:
    """The database says nothing of it any more. Raises as `change_object`; Unacceptable where others need it."""
    actor.require(WRITE)

    def perform(change: Change) -> None:
        before = configured(office, change.session)
        stored = _changeable(before, kind, name, version)
        _check(office, before, [one for one in before.objects.values() if one is not stored])
        change.session.run("configuration/delete", {"kind": kind, "name": name})
        change.count("configuration")
        change.note(f"{kind}.delete", Subject(kind, name, name), before=_told(office, stored))

    await office.change(actor, perform)


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
    return StoredObject(kind, name, spec, secrets)


def _kept(office: Office, change: Change, before: Configured, stored: StoredObject, position: int | None) -> View:
    _keep(office, change, before, stored, position)
    return _found(configured(office, change.session).view(stored.kind, stored.name), stored.kind, stored.name)


def _keep(office: Office, change: Change, before: Configured, stored: StoredObject, position: int | None) -> None:
    """Have an object in the database, once everything holds with it."""
    key = (stored.kind, stored.name)
    former = before.objects.get(key)
    placed = replace(stored, position=former.position if former is not None else LAST)
    if position is not None:
        placed = replace(placed, position=position)
    _check(office, before, [*(one for one in before.objects.values() if one is not former), placed])
    statement = "configuration/create" if former is None else "configuration/change"
    place = {"position": position, "now_us": change.now_us}
    change.session.run(statement, {**columns(stored, change.vault), **place})
    change.count("configuration")
    action = f"{stored.kind}.{'create' if former is None else 'change'}"
    told_before = None if former is None else _told(office, former)
    change.note(action, Subject(stored.kind, stored.name, stored.name), before=told_before, after=_told(office, stored))


def _check(office: Office, before: Configured, after: list[StoredObject]) -> None:
    """Raises ManagedByFile, and Unacceptable in the words of the rules of the file."""
    declared = office.declared
    try:
        check_change(declared.settings, declared.origins, list(before.objects.values()), after, presets=presets())
    except Wrong as wrong:
        place = spell(wrong.path)
        raise Unacceptable(
            f"`{place}`: {wrong.message}." if place else f"{wrong.message}.", param=place or None
        ) from None


def _changeable(before: Configured, kind: Kind, name: str, version: int | None) -> StoredObject:
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


def _told(office: Office, stored: StoredObject) -> dict[str, Any]:
    """What the audit log keeps of an object: its values, and fingerprints of its secrets."""
    secrets = {place: office.fingerprint(secret) for place, secret in stored.secrets.items()}
    return {**stored.spec, **({"fingerprints": secrets} if secrets else {})}

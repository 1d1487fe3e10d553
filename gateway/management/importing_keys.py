"""Client keys of a document, put into the database: found again by id, else by their digest.

A key that was revoked here stays revoked. Where the document is to replace what is there, keys that it does not have
are revoked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import structs

from gateway.errors import Unacceptable
from gateway.management import keys
from gateway.management.documents import KeyPart, Present
from gateway.management.keys import KeyWish
from gateway.management.office import Change, Subject
from gateway.management.tally import Tally, at_place, check_once, when

KEYS = "document.keys"


class KeysImport:
    """One import of client keys, within its change."""

    def __init__(self, change: Change, present: Present, *, replaces: bool) -> None:
        self._change, self._run, self._present, self._replaces = change, change.session.run, present, replaces
        self.keys = Tally()

    def put(self, wanted: Sequence[KeyPart], user_ids: Mapping[str, str], team_ids: Mapping[str, str]) -> None:
        """Make it so; users and teams of the document go by other ids here. Raises Unacceptable, Conflict."""
        check_once((key.id for key in wanted), KEYS)
        check_once((key.name for key in wanted), KEYS)
        check_once((key.digest for key in wanted), KEYS)
        by_digest = {key.digest: key for key in self._present.keys.values()}
        pairs = [(key, self._present.keys.get(key.id) or by_digest.get(key.digest)) for key in wanted]
        if self._replaces:
            self._revoke_others({former.id for _, former in pairs if former is not None})
        for at, (key, former) in enumerate(pairs):
            self._put_key(_owned(key, user_ids, team_ids), former, f"{KEYS}.{at}")

    def _put_key(self, wanted: KeyPart, former: KeyPart | None, place: str) -> None:
        if wanted.id in self._present.revoked:
            self.keys.unchanged += 1
            return
        if former is None:
            self._create(wanted, place)
            self._note(wanted, None)
            self.keys.created += 1
            return
        if wanted == structs.replace(former, created_at=wanted.created_at, id=wanted.id):
            self.keys.unchanged += 1
            return
        self._check_name(wanted, former.id, place)
        self._run("keys/change", {**self._columns(wanted, place), "locked": 1, "id": former.id})
        identity = {"digest": wanted.digest, "prefix": wanted.prefix, "last_four": wanted.last_four}
        self._run("transfer/give_digest", {**identity, "id": former.id})
        self._note(structs.replace(wanted, id=former.id), former)
        self.keys.changed += 1

    def _note(self, wanted: KeyPart, former: KeyPart | None) -> None:
        before = None if former is None else _told(former)
        self._change.note("key.import", Subject("key", wanted.id, wanted.name), before=before, after=_told(wanted))

    def _create(self, wanted: KeyPart, place: str) -> None:
        self._check_name(wanted, wanted.id, place)
        identity = {name: getattr(wanted, name) for name in ("id", "digest", "prefix", "last_four")}
        created_at = when(wanted.created_at, f"{place}.created_at")
        self._run("transfer/create_key", {**self._columns(wanted, place), **identity, "created_at": created_at})

    def _columns(self, wanted: KeyPart, place: str) -> dict[str, object]:
        wish = msgspec.convert({name: getattr(wanted, name) for name in KeyWish.__struct_fields__}, KeyWish)
        self._check_owner(wish, place)
        with at_place(place):
            columns = keys.columns(wish, self._change.now_us)
        return {**columns, "revision": self._change.count("keys"), "now_us": self._change.now_us}

    def _check_owner(self, wish: KeyWish, place: str) -> None:
        session = self._change.session
        if wish.user_id is not None and wish.team_id is not None:
            raise Unacceptable("A key belongs to a user or to a team, not to both.", param=f"{place}.team_id")
        if wish.user_id is not None and session.row("keys/user", {"id": wish.user_id}) is None:
            raise Unacceptable("There is no such user here, nor in the document.", param=f"{place}.user_id")
        if wish.team_id is not None and session.row("keys/team", {"id": wish.team_id}) is None:
            raise Unacceptable("There is no such team here, nor in the document.", param=f"{place}.team_id")

    def _check_name(self, wanted: KeyPart, key_id: str, place: str) -> None:
        taken = self._change.session.row("keys/named", {"name": wanted.name})
        if taken is not None and taken["id"] != key_id:
            raise Unacceptable(f"There is another key `{wanted.name}` here.", param=f"{place}.name")

    def _revoke_others(self, kept: set[str]) -> None:
        for key_id in self._present.keys.keys() - kept:
            stamp = {"revision": self._change.count("keys"), "now_us": self._change.now_us}
            self._run("keys/revoke", {**stamp, "id": key_id})
            self.keys.removed += 1


def _owned(key: KeyPart, user_ids: Mapping[str, str], team_ids: Mapping[str, str]) -> KeyPart:
    """The key as it belongs to those of this gateway. Of a document without people the ids are those of here."""
    user_id = None if key.user_id is None else user_ids.get(key.user_id, key.user_id)
    team_id = None if key.team_id is None else team_ids.get(key.team_id, key.team_id)
    return structs.replace(key, user_id=user_id, team_id=team_id)


def _told(key: KeyPart) -> dict[str, object]:
    """What the audit log keeps of a key."""
    return {name: value for name, value in structs.asdict(key).items() if name != "digest"}

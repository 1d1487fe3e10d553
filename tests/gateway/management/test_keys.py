from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.errors import Conflict, NotPermitted, Unacceptable, UnknownResource, VersionMismatch
from gateway.management import audit, keys
from gateway.management.keys import KeyFilter, KeyWish
from gateway.management.office import Office
from tests.gateway.management.offices import OPERATOR, office_in, somebody

ALL = KeyFilter()


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with office_in(tmp_path) as office:
        await office.state.write(
            lambda session: [
                session.run("people/create", person)
                for person in (person_of("ann", "member"), person_of("bob", "member"))
            ]
        )
        yield office


def person_of(name: str, role: str) -> dict[str, object]:
    return {
        "id": name,
        "email": f"{name}@example.com",
        "name": name,
        "role": role,
        "password_hash": None,
        "now_us": 1,
    }


async def names(office: Office, actor: object = OPERATOR, wanted: KeyFilter = ALL) -> list[str]:
    listed = await keys.list_keys(office, actor, wanted, after_id=None, limit=100)  # type: ignore[arg-type]
    return [key.name for key in listed]


async def test_a_key_is_shown_once_and_kept_as_a_digest(office: Office, tmp_path: Path) -> None:
    made = await keys.create_key(office, OPERATOR, KeyWish(name="team", models=("gpt-*",)))
    assert made.secret.startswith("sk-slg-")
    assert made.secret.startswith(made.key.prefix)
    assert made.secret.endswith(made.key.last_four)
    assert made.key.status == "active"
    assert not files_with(tmp_path, made.secret)


def files_with(directory: Path, text: str) -> list[Path]:
    """Files below a directory that have this in them."""
    return [file for file in directory.rglob("*") if file.is_file() and text.encode() in file.read_bytes()]


async def test_a_name_is_taken_until_its_key_is_revoked(office: Office) -> None:
    first = await keys.create_key(office, OPERATOR, KeyWish(name="team"))
    with pytest.raises(Conflict, match="There is a key `team` already"):
        await keys.create_key(office, OPERATOR, KeyWish(name="team"))
    await keys.revoke_key(office, OPERATOR, first.key.id, None)
    second = await keys.create_key(office, OPERATOR, KeyWish(name="team"))
    assert second.key.id != first.key.id
    with pytest.raises(Conflict, match="revoked, and that is for good"):
        await keys.change_key(office, OPERATOR, first.key.id, KeyWish(name="other"), None)


async def test_each_change_counts_the_version_and_the_generation(office: Office) -> None:
    made = await keys.create_key(office, OPERATOR, KeyWish(name="team"))
    before = office.generations.of("keys")
    changed = await keys.change_key(office, OPERATOR, made.key.id, KeyWish(name="team", paused=True), 1)
    assert (changed.version, changed.status) == (2, "paused")
    assert office.generations.of("keys") == before + 1
    with pytest.raises(VersionMismatch, match="version 2 by now, not 1"):
        await keys.change_key(office, OPERATOR, made.key.id, KeyWish(name="team"), 1)


async def test_a_key_given_anew_is_another_secret_of_the_same_key(office: Office) -> None:
    made = await keys.create_key(office, OPERATOR, KeyWish(name="team"))
    anew = await keys.rotate_key(office, OPERATOR, made.key.id, None)
    assert anew.secret != made.secret
    assert (anew.key.id, anew.key.name, anew.key.version) == (made.key.id, "team", 2)


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        (KeyWish(name="team"), "active"),
        (KeyWish(name="team", paused=True), "paused"),
        (KeyWish(name="team", expires_at="2020-01-01"), "expired"),
        (KeyWish(name="team", expires_at="2999-01-01T00:00:00+02:00"), "active"),
        (KeyWish(name="team", expires_at="2020-01-01", paused=True), "expired"),
    ],
)
async def test_a_key_says_why_it_is_refused(office: Office, wish: KeyWish, status: str) -> None:
    made = await keys.create_key(office, OPERATOR, wish)
    assert made.key.status == status
    for each in ("active", "paused", "expired", "revoked", "suspended"):
        listed = await names(office, wanted=KeyFilter(status=each))
        assert listed == (["team"] if each == status else [])


async def test_what_cannot_be_is_refused_by_name(office: Office) -> None:
    for wish, cause in (
        (KeyWish(name="team", expires_at="soon"), "expires_at"),
        (KeyWish(name="team", user_id="nobody"), "user_id"),
        (KeyWish(name="team", team_id="nowhere"), "team_id"),
        (KeyWish(name="team", team_id="t", user_id="ann"), "team_id"),
    ):
        with pytest.raises(Unacceptable) as refused:
            await keys.create_key(office, OPERATOR, wish)
        assert refused.value.param == cause
    assert await names(office) == []


async def test_members_see_and_change_their_own_keys_alone(office: Office) -> None:
    ann, bob = somebody("member", "ann"), somebody("member", "bob")
    made = await keys.create_key(office, ann, KeyWish(name="mine"))
    assert made.key.user_id == "ann"
    assert await names(office, ann) == ["mine"]
    assert await names(office, bob) == []
    with pytest.raises(UnknownResource):
        await keys.get_key(office, bob, made.key.id)
    with pytest.raises(UnknownResource):
        await keys.revoke_key(office, bob, made.key.id, None)
    with pytest.raises(NotPermitted):
        await keys.create_key(office, ann, KeyWish(name="bobs", user_id="bob"))
    with pytest.raises(NotPermitted):
        await keys.create_key(office, ann, KeyWish(name="theirs", team_id="t"))


async def test_viewers_and_the_pending_make_none(office: Office) -> None:
    for role in ("viewer", "pending"):
        with pytest.raises(NotPermitted):
            await keys.create_key(office, somebody(role), KeyWish(name="mine"))


async def test_keys_are_found_by_tag_owner_and_part_of_the_name(office: Office) -> None:
    await keys.create_key(office, OPERATOR, KeyWish(name="alpha", tags=("red", "month")))
    await keys.create_key(office, OPERATOR, KeyWish(name="beta", user_id="bob"))
    assert await names(office, wanted=KeyFilter(tag="red")) == ["alpha"]
    assert await names(office, wanted=KeyFilter(tag="month")) == ["alpha"]
    assert await names(office, wanted=KeyFilter(tag="re")) == []
    assert await names(office, wanted=KeyFilter(user_id="bob")) == ["beta"]
    assert await names(office, wanted=KeyFilter(search="LPH")) == ["alpha"]
    assert await names(office) == ["beta", "alpha"]


async def test_the_audit_log_has_each_change_before_and_after_without_the_secret(office: Office) -> None:
    made = await keys.create_key(office, OPERATOR, KeyWish(name="team"))
    await keys.change_key(office, OPERATOR, made.key.id, KeyWish(name="group"), None)
    await keys.revoke_key(office, OPERATOR, made.key.id, None)
    entries = await audit.list_entries(office, OPERATOR, audit.AuditFilter(), after_id=None, limit=10)
    assert [entry.action for entry in entries] == ["key.revoke", "key.change", "key.create"]
    change = entries[1]
    assert (change.before or {})["name"], (change.after or {})["name"] == ("team", "group")
    assert (change.actor_kind, change.target_id) == ("operator", made.key.id)
    assert made.secret not in str(entries)


async def test_what_somebody_set_who_looks_after_all_keys_its_owner_cannot_lift(office: Office) -> None:
    ann = somebody("member", "ann")
    given = (await keys.create_key(office, OPERATOR, KeyWish(name="given", user_id="ann", budget_usd=5.0))).key
    assert given.locked
    for wish in (
        KeyWish(name="given", user_id="ann"),
        KeyWish(name="given", user_id="ann", budget_usd=500.0),
        KeyWish(name="given", user_id="ann", budget_usd=5.0, expires_at="2999-01-01"),
        KeyWish(name="given", user_id="ann", budget_usd=5.0, models=("gpt-*",)),
    ):
        with pytest.raises(NotPermitted, match="set by somebody who looks after all keys"):
            await keys.change_key(office, ann, given.id, wish, None)
    renamed = KeyWish(name="mine", user_id="ann", budget_usd=5.0, tags=("red",), strict=True)
    assert (await keys.change_key(office, ann, given.id, renamed, None)).locked
    assert (await keys.rotate_key(office, ann, given.id, None)).key.locked
    assert (await keys.revoke_key(office, ann, given.id, None)).status == "revoked"


async def test_a_key_of_ones_own_making_is_ones_own_until_somebody_else_sets_its_rules(office: Office) -> None:
    ann = somebody("member", "ann")
    own = (await keys.create_key(office, ann, KeyWish(name="own"))).key
    assert not own.locked
    wish = KeyWish(name="own", user_id="ann", budget_usd=500.0)
    assert not (await keys.change_key(office, ann, own.id, wish, None)).locked
    paused = KeyWish(name="own", user_id="ann", budget_usd=500.0, paused=True)
    assert (await keys.change_key(office, OPERATOR, own.id, paused, None)).locked
    with pytest.raises(NotPermitted):
        await keys.change_key(office, ann, own.id, wish, None)


async def test_nobody_makes_keys_without_end_for_themselves(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "MOST_OWN", 2)
    ann = somebody("member", "ann")
    for name in ("one", "two"):
        await keys.create_key(office, ann, KeyWish(name=name))
    with pytest.raises(Conflict, match="There are 2 keys already"):
        await keys.create_key(office, ann, KeyWish(name="three"))
    await keys.create_key(office, OPERATOR, KeyWish(name="three", user_id="ann"))


async def test_what_no_budget_counts_is_for_others_to_allow(office: Office) -> None:
    """A budget of one's team, or one that a rule gives each user, is not one's own to pass by."""
    ann = somebody("member", "ann")
    with pytest.raises(NotPermitted, match="Requests that no budget counts") as refused:
        await keys.create_key(office, ann, KeyWish(name="own", allow_unpriced=True))
    assert refused.value.param == "allow_unpriced"
    own = (await keys.create_key(office, ann, KeyWish(name="own"))).key
    with pytest.raises(NotPermitted, match="Requests that no budget counts"):
        await keys.change_key(office, ann, own.id, KeyWish(name="own", allow_unpriced=True), None)
    allowed = KeyWish(name="own", user_id="ann", allow_unpriced=True)
    assert (await keys.change_key(office, OPERATOR, own.id, allowed, None)).allow_unpriced
    renamed = KeyWish(name="mine", user_id="ann", allow_unpriced=True)
    assert (await keys.change_key(office, ann, own.id, renamed, None)).allow_unpriced
    assert (await keys.get_client_key(office, OPERATOR, "mine")).allow_unpriced

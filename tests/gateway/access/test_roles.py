"""The table of roles says who may do what, and nobody can reach beyond it."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access import roles
from gateway.access.roles import LOOKING, PERMISSIONS, ROLES, TEAM_ROLES, RoleName, TeamRoleName
from gateway.errors import NotPermitted, Unacceptable
from gateway.settings import section

NAMES: tuple[RoleName, ...] = get_args(RoleName)
TEAM_NAMES: tuple[TeamRoleName, ...] = get_args(TeamRoleName)
role_names = st.sampled_from(NAMES)
some_permissions = st.sets(st.sampled_from(sorted(PERMISSIONS)))


def test_roles_are_those_of_the_settings() -> None:
    assert NAMES == tuple(ROLES) == get_args(section.RoleName)
    assert tuple(TEAM_ROLES) == TEAM_NAMES


def test_every_permission_is_an_area_and_a_verb_with_a_sentence() -> None:
    for permission, sentence in PERMISSIONS.items():
        area, _, verb = permission.partition(":")
        assert area
        assert verb in ("read", "write", "own", "run") or permission == "people:owner"
        assert sentence.endswith(".")


@pytest.mark.parametrize("table", [*ROLES.values(), *TEAM_ROLES.values()])
def test_roles_name_permissions_that_there_are(table: frozenset[str]) -> None:
    assert table <= PERMISSIONS.keys()


def test_the_tables_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        ROLES["pending"] = ROLES["owner"]  # type: ignore[index]


def test_an_owner_may_do_everything_and_an_admin_all_but_make_owners() -> None:
    assert ROLES["owner"] == PERMISSIONS.keys()
    assert ROLES["owner"] - ROLES["admin"] == {"people:owner"}


def test_a_pending_user_has_nothing_but_the_own_session() -> None:
    assert ROLES["pending"] == {"sessions:own"}


@pytest.mark.parametrize("role", ["member", "viewer", "pending"])
def test_others_change_nothing_but_what_is_their_own(role: RoleName) -> None:
    assert not [permission for permission in ROLES[role] if permission.endswith((":write", ":owner"))]


def test_a_member_does_not_see_other_peoples_usage_and_a_viewer_sees_everybodys() -> None:
    assert roles.reach(ROLES["member"], "usage:read") == "own"
    assert roles.reach(ROLES["viewer"], "usage:read") == "all"
    assert roles.reach(ROLES["pending"], "usage:read") == "none"


@given(role_names)
def test_whoever_may_write_may_read_and_see_their_own(role: RoleName) -> None:
    for permission in ROLES[role]:
        area, _, verb = permission.partition(":")
        if verb == "write":
            assert {f"{area}:read", f"{area}:own"} & PERMISSIONS.keys() <= ROLES[role]


def test_check_names_the_permission_that_is_missing() -> None:
    roles.check(ROLES["viewer"], "configuration:read")
    with pytest.raises(NotPermitted, match="configuration:write"):
        roles.check(ROLES["viewer"], "configuration:write")


@given(role_names, some_permissions)
def test_a_token_never_has_more_than_its_user(role: RoleName, scopes: set[str]) -> None:
    held = roles.permissions_of(role, scopes)
    assert held <= roles.permissions_of(role) == ROLES[role]
    assert scopes & ROLES[role] <= held


def test_a_token_keeps_what_its_scopes_contain_when_its_user_gets_less() -> None:
    assert roles.permissions_of("admin", ["keys:write"]) == {"keys:write", "keys:read", "keys:own"}
    assert roles.permissions_of("member", ["keys:write"]) == {"keys:own"}
    assert roles.permissions_of("pending", ["keys:write"]) == frozenset()


def test_reading_contains_nothing_that_could_change_anything() -> None:
    assert roles.permissions_of("admin", ["keys:read"]) == {"keys:read"}
    assert roles.permissions_of("admin", ["usage:read"]) == {"usage:read", "usage:own"}


def test_scopes_must_be_permissions_that_the_user_has() -> None:
    roles.check_scopes(["keys:own"], "member")
    with pytest.raises(NotPermitted, match="keys:write"):
        roles.check_scopes(["keys:write"], "member")
    with pytest.raises(Unacceptable, match="keys:fly"):
        roles.check_scopes(["keys:fly"], "owner")


@pytest.mark.parametrize("role", NAMES)
@pytest.mark.parametrize("other", NAMES)
def test_who_may_change_whom(role: RoleName, other: RoleName) -> None:
    allowed = role == "owner" or (role == "admin" and other != "owner")
    assert roles.may_change(ROLES[role], other) is allowed
    assert roles.may_change(ROLES[role], "viewer", other) is allowed


@given(role_names, some_permissions, st.lists(role_names, min_size=1))
def test_nobody_gives_away_more_than_a_member_has_without_having_it(
    role: RoleName, scopes: set[str], others: list[RoleName]
) -> None:
    held = roles.permissions_of(role, scopes)
    if roles.may_change(held, *others):
        assert all(ROLES[other] <= held | roles.EVERYDAY for other in others)


def test_refusals_to_change_somebody_say_why() -> None:
    roles.check_change(ROLES["admin"], "member", "admin")
    with pytest.raises(NotPermitted, match="Only an owner"):
        roles.check_change(ROLES["admin"], "owner", "admin")
    with pytest.raises(NotPermitted, match="no more than you"):
        roles.check_change(roles.permissions_of("owner", ["people:write"]), "admin")


@pytest.mark.parametrize(
    ("role", "in_team", "wanted", "allowed"),
    [
        ("member", "admin", "keys:write", True),
        ("member", "member", "keys:write", False),
        ("member", "member", "keys:read", True),
        ("member", None, "keys:read", False),
        ("member", "admin", "configuration:write", False),
        ("viewer", "admin", "keys:write", False),
        ("pending", "admin", "keys:read", False),
        ("admin", None, "keys:write", True),
    ],
)
def test_a_team_role_counts_within_ones_own(
    role: RoleName, in_team: TeamRoleName | None, wanted: str, allowed: bool
) -> None:
    assert roles.may_in_team(ROLES[role], in_team, wanted) is allowed


def test_a_role_is_found_by_its_name() -> None:
    assert [roles.role_named(name) for name in NAMES] == list(NAMES)
    with pytest.raises(Unacceptable, match="owner, admin"):
        roles.role_named("god")


def test_who_looks_changes_nothing() -> None:
    verbs = {permission: permission.partition(":")[2] for permission in PERMISSIONS}
    assert {each for each in PERMISSIONS if verbs[each] == "read"} <= LOOKING
    assert {verbs[each] for each in LOOKING} == {"read", "run"}

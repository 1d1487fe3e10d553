"""Roles and permissions, as tables. Who somebody is and whose a thing is are the caller's to know.

A permission is `area:verb`. `read` and `write` are of everything in the area, `own` is of what belongs to oneself: both
to see and to change it; `run` is to have something done. `write` contains `read`, and either contains what it can of
`own`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal, get_args

from gateway.errors import NotPermitted, Unacceptable

RoleName = Literal["owner", "admin", "member", "viewer", "pending"]
TeamRoleName = Literal["admin", "member"]
Reach = Literal["all", "own", "none"]

PERMISSIONS: Mapping[str, str] = MappingProxyType(
    {
        "keys:read": "See every client key, never the key itself.",
        "keys:write": "Create, change, rotate and revoke every client key, and reset its usage.",
        "keys:own": "See and change one's own client keys, and those of one's teams as the role there allows.",
        "people:read": "See all users.",
        "people:write": "Invite, change, disable and delete users, and give them roles.",
        "people:owner": "Make somebody an owner, and change those who are.",
        "teams:read": "See all teams and their members.",
        "teams:write": "Create, change and delete every team.",
        "teams:own": "See one's own teams, and lead those where one is an admin.",
        "configuration:read": "See what is configured and what of it rests: providers, models and so on; no secrets.",
        "configuration:write": "Change what is configured: providers, credentials, limits and so on; end rests.",
        "usage:read": "See everybody's usage and cost.",
        "usage:own": "See the usage and cost of one's own client keys and teams.",
        "bodies:read": "Read what was said in requests, where it is captured; each look is in the audit log.",
        "bodies:write": "Delete what was captured.",
        "sql:run": "Ask the usage tables in SQL of one's own.",
        "audit:read": "Read and export the audit log.",
        "system:read": "See health, jobs, alerts and versions.",
        "system:write": "Reload the configuration, run jobs, close and try out alerts, export and import everything.",
        "tokens:read": "See everybody's API tokens, never the token itself.",
        "tokens:write": "Revoke everybody's API tokens.",
        "tokens:own": "Create, see and revoke one's own API tokens.",
        "sessions:read": "See who is signed in, and from where.",
        "sessions:write": "End anybody's session.",
        "sessions:own": "See and end one's own sessions.",
    }
)
"""Every permission there is, and what it allows."""


def _contained(permission: str) -> frozenset[str]:
    """A permission, and those of its area that it contains."""
    area, _, verb = permission.partition(":")
    # What can be changed at all in an area, reading does not contain: `own` would change it.
    contained = {"write": ("read", "own"), "read": () if f"{area}:write" in PERMISSIONS else ("own",)}.get(verb, ())
    return frozenset({permission, *(f"{area}:{each}" for each in contained)}) & PERMISSIONS.keys()


def _with_contained(permissions: Iterable[str]) -> frozenset[str]:
    return frozenset[str]().union(*(_contained(permission) for permission in permissions))


ROLES: Mapping[RoleName, frozenset[str]] = MappingProxyType(
    {
        "owner": frozenset(PERMISSIONS),
        "admin": frozenset(PERMISSIONS) - {"people:owner"},
        "member": _with_contained(
            ("keys:own", "teams:own", "tokens:own", "sessions:own", "usage:own", "configuration:read")
        ),
        "viewer": _with_contained(("usage:read", "configuration:read", "tokens:own", "sessions:own")),
        "pending": frozenset({"sessions:own"}),
    }
)
"""What each role may do; what a permission contains is listed too."""

LOOKING = frozenset({"sql:run", *(each for each in PERMISSIONS if each.endswith(":read"))})
"""What somebody may do who may see everything and change nothing."""

TEAM_ROLES: Mapping[TeamRoleName, frozenset[str]] = MappingProxyType(
    {
        "admin": frozenset({"teams:read", "teams:write", "keys:read", "keys:write", "usage:read"}),
        "member": frozenset({"teams:read", "keys:read", "usage:read"}),
    }
)
"""What a role in a team allows with what belongs to that team, to those who have the `own` of the area. `teams:write`
is the team's description and members here: only `teams:write` of one's role makes and deletes teams."""

EVERYDAY = ROLES["member"] | ROLES["viewer"]
"""What may be given to others by whoever may change people at all."""


def permissions_of(role: RoleName, scopes: Iterable[str] | None = None) -> frozenset[str]:
    """What a role may do. With the `scopes` of an API token, what is in both: a token never has more than its user."""
    return ROLES[role] if scopes is None else ROLES[role] & _with_contained(scopes)


def may(permissions: frozenset[str], wanted: str) -> bool:
    """Whether these permissions allow something with everything in its area."""
    return wanted in permissions


def reach(permissions: frozenset[str], wanted: str) -> Reach:
    """How far an `area:read` or `area:write` goes: everything, what is one's own, or nothing."""
    if wanted in permissions:
        return "all"
    return "own" if f"{wanted.partition(':')[0]}:own" in permissions else "none"


def check(permissions: frozenset[str], wanted: str) -> None:
    """Raise NotPermitted unless these permissions allow something with everything in its area."""
    if not may(permissions, wanted):
        raise NotPermitted(f"This needs the permission {wanted}.")


def may_in_team(permissions: frozenset[str], role: TeamRoleName | None, wanted: str) -> bool:
    """Whether something is allowed with what belongs to a team in which one has this role, or none."""
    scope = reach(permissions, wanted)
    return scope == "all" or (scope == "own" and role is not None and wanted in TEAM_ROLES[role])


def check_scopes(scopes: Iterable[str], role: RoleName) -> None:
    """Raise Unacceptable for a permission that there is not, NotPermitted for one that the role does not have."""
    for scope in scopes:
        if scope not in PERMISSIONS:
            raise Unacceptable(f"There is no permission {scope!r}.", param="scopes")
        if scope not in ROLES[role]:
            raise NotPermitted(f"An API token can have the permissions of its user only, and {scope} is none of them.")


def may_change(permissions: frozenset[str], *roles: RoleName) -> bool:
    """Whether these permissions let one change somebody who has, or is to have, these roles.

    Pass the role before and the one after; for a password link, a new e-mail address or disabling, the one they have:
    whoever can become somebody else by it must already be allowed all that the other is.
    """
    beyond = frozenset[str]().union(*(ROLES[role] - EVERYDAY for role in roles))
    return "people:write" in permissions and beyond <= permissions


def check_change(permissions: frozenset[str], *roles: RoleName) -> None:
    """Raise NotPermitted unless `may_change`."""
    if may_change(permissions, *roles):
        return
    if "owner" in roles and "people:owner" not in permissions:
        raise NotPermitted("Only an owner can make somebody an owner, or change one.")
    raise NotPermitted("You can change only those who may do no more than you.")


def role_named(text: str) -> RoleName:
    """The role of this name; raises Unacceptable."""
    for role in ROLES:
        if role == text:
            return role
    raise Unacceptable(f"There is no role {text!r}. Roles are: {', '.join(get_args(RoleName))}.", param="role")

"""The company in the state: its people, teams and client keys, made as anybody makes them, unless they are there.

Made some days before the first request that they leave, so that nobody has used what was not there yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from math import ceil, floor, log10

from gateway.access.roles import TeamRoleName
from gateway.management import keys, people, teams
from gateway.management.keys import KeyFilter, KeyView, KeyWish
from gateway.management.office import Actor, Office
from gateway.management.people import NewUser, UserFilter
from gateway.management.teams import MemberWish, TeamFilter, TeamWish
from gateway.records import NANO_USD
from gateway.store.keys import ID_PREFIX, key_id_of, note_uses

from .clients import KEYS, Key, targets_of
from .history import DAY_US, Owned
from .world import DOMAIN, PEOPLE, TEAMS, UNPRICED, Person, Team

APART_US = 7 * 60 * 1_000_000
"""Between two changes."""

DAYS_BEFORE = 3

MOST = 10_000
"""Things that are there already are looked for among so many."""


@dataclass(frozen=True, slots=True)
class Use:
    """What was done with a key."""

    nano_usd: int
    """Spent in the present month."""
    last_us: int


@dataclass(frozen=True, slots=True)
class Settled:
    """Who is there now."""

    keys: Mapping[str, Owned]
    """By name."""
    secrets: Mapping[str, str]
    """Of the keys that were just made, by their names: nobody is told them again."""


def in_those_days(office: Office, since_us: int) -> Office:
    """The same office as it was before there were requests, and some minutes later with every look at the clock."""
    ticks = count((since_us - DAYS_BEFORE * DAY_US) * 1000, APART_US * 1000)
    return Office(office.state, office.generations, office.secrets, office.declared, clock=lambda: next(ticks))


async def settle(office: Office, actor: Actor) -> Settled:
    """See that they are all there. Raises StateUnavailable, Conflict."""
    users = {
        user.email: user.id for user in await people.list_users(office, actor, UserFilter(), after_id=None, limit=MOST)
    }
    here = {
        team.name: team.id for team in await teams.list_teams(office, actor, TeamFilter(), after_id=None, limit=MOST)
    }
    for person in PEOPLE:
        if person.email not in users:
            users[person.email] = await _invite(office, actor, person)
    for team in TEAMS:
        if team.name not in here:
            here[team.name] = await _form(office, actor, team, users)
    return await _issue(office, actor, users, here)


async def limit(office: Office, actor: Actor, owned: Mapping[str, Owned], used: Mapping[str, Use]) -> None:
    """Give the keys their budgets, of which they have used the part that they are said to, and say when they were used.
    Those that have a budget keep it. Raises StateUnavailable, Conflict."""
    for key in KEYS:
        if key.spent and key.name in used:
            await _give(office, actor, owned[key.name], budget_of(used[key.name].nano_usd, key.spent))
    times = {owned[name].key_id or "": use.last_us for name, use in used.items() if name in owned}
    await office.change(actor, lambda change: note_uses(change.session, times))


def budget_of(nano_usd: int, spent: float) -> float:
    """USD of which this much is about that part, as people write a budget: at most two digits that are not 0."""
    usd = max(nano_usd / spent / NANO_USD, 1.0)
    scale = 10.0 ** (floor(log10(usd)) - 1)
    return ceil(usd / scale) * scale


async def _give(office: Office, actor: Actor, owned: Owned, budget_usd: float) -> None:
    key_id = (owned.key_id or "").removeprefix(ID_PREFIX)
    key = await keys.get_key(office, actor, key_id)
    if key.budget_usd is None:
        same = {name: getattr(key, name) for name in KeyWish.__struct_fields__}
        await keys.change_key(office, actor, key_id, KeyWish(**{**same, "budget_usd": budget_usd}), key.version)


async def _invite(office: Office, actor: Actor, person: Person) -> str:
    wish = NewUser(email=person.email, name=person.called, role=person.role, invite=False)
    return (await people.create_user(office, actor, wish)).user.id


async def _form(office: Office, actor: Actor, team: Team, users: Mapping[str, str]) -> str:
    made = await teams.create_team(office, actor, TeamWish(name=team.name, description=team.description))
    for name in team.members:
        (person,) = (person for person in PEOPLE if person.name == name)
        role: TeamRoleName = "admin" if name == team.members[0] else "member"
        await teams.put_member(office, actor, made.id, MemberWish(user_id=users[person.email], role=role))
    return made.id


async def _issue(office: Office, actor: Actor, users: Mapping[str, str], here: Mapping[str, str]) -> Settled:
    found = await keys.list_keys(office, actor, KeyFilter(), after_id=None, limit=MOST)
    there = {key.name: key for key in found if key.status != "revoked"}
    secrets: dict[str, str] = {}
    for key in KEYS:
        if key.name not in there:
            made = await keys.create_key(office, actor, _wish(key, users, here))
            there[key.name], secrets[key.name] = made.key, made.secret
    return Settled({key.name: _owned(there[key.name]) for key in KEYS}, secrets)


def _wish(key: Key, users: Mapping[str, str], here: Mapping[str, str]) -> KeyWish:
    unpriced = any(target.startswith(UNPRICED) for ask in key.asks for target in targets_of(ask.name))
    return KeyWish(
        name=key.name,
        user_id=None if key.owner in here else users[f"{key.owner}@{DOMAIN}"],
        team_id=here.get(key.owner),
        models=key.models,
        tags=key.tags,
        requests_per_minute=key.per_minute,
        allow_unpriced=unpriced,
    )


def _owned(key: KeyView) -> Owned:
    return Owned(key_id_of(key.id), key.user_id, key.team_id)

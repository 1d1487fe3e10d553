"""Client keys: whose they are, what they may do, how much of their budget is used; and making one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import get_args
from urllib.parse import quote

from gateway.access.keys import refusal
from gateway.errors import LimitsUnavailable
from gateway.management import keys, limited
from gateway.management.keys import OWN, READ, WRITE, KeyFilter, KeyStatus, KeyView, MadeKey
from gateway.management.limited import LimitStanding
from gateway.records import ClientKey
from gateway.settings.instants import read_instant
from web.display import State
from web.filters import Chip, address
from web.forms import Form, Problem
from web.names import Names, names_of
from web.page import Action, Page, Shown, Site, Table, Visit
from web.pages.key_form import RULES, Owners, owner_typed, owners_for, wish_typed
from web.pages.keyed import (
    BUDGET,
    LIMITS,
    STATES,
    Standing,
    curl_of,
    limits_in_words,
    relayed,
    said_patterns,
    standing_of,
)
from web.saving import BATCH, listed
from web.tables import Column, Kind

PATH = "/keys"

ROWS = 50

LONGEST_WORD = 100

WORDS: Mapping[str, str] = MappingProxyType(
    {"status": "Status", "search": "Name", "tag": "Tag", "user": "User", "team": "Team"}
)
"""What one can filter by, by the word in the address."""

SHOWN_STATUSES: tuple[KeyStatus, ...] = get_args(KeyStatus)


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as a row."""

    link: str
    name: str
    shown: str
    owner: str
    models: str
    limits: tuple[str, ...]
    budget: Standing | None
    used_us: int | None
    state: State
    tags: tuple[str, ...]
    is_said: bool
    """Whether it stands in the configuration file."""
    key: ClientKey


@dataclass(frozen=True, slots=True)
class Keys:
    """What the template shows."""

    rows: tuple[KeyRow, ...]
    chips: tuple[Chip, ...]
    clear: str
    asked: Mapping[str, str]
    statuses: tuple[str, ...]
    older: str
    newest: str
    odd: str
    """What the address says that nobody understands; empty for nothing."""
    budgets_known: bool
    may_make: bool
    is_everybodys: bool
    owners: Owners | None
    made: MadeKey | None
    curl: str
    typed: Form
    problem: Problem | None


async def load(site: Site, visit: Visit) -> Keys:
    """The page's context."""
    actor, asked = visit.person, _asked(visit.query)
    before, most = visit.query.get("before") or None, visit.most(ROWS)
    names, found = await asyncio.gather(names_of(site), _found(site, visit, asked))
    said = () if before else _said(site, visit, asked)
    budgets = await _budgets(site, [*map(limited.counted, found[:most]), *said])
    rows = (
        *(_row(key, names, budgets or {}) for key in found[:most]),
        *(_said_row(key, visit, budgets or {}) for key in said),
    )
    made, may_make = visit.made if isinstance(visit.made, MadeKey) else None, actor.may(WRITE, OWN)
    return Keys(
        rows=rows,
        chips=_chips(asked, names),
        clear=PATH,
        asked=asked,
        statuses=SHOWN_STATUSES,
        older=address(PATH, asked, {"before": found[most - 1].id}) if len(found) > most else "",
        newest=address(PATH, asked) if before else "",
        odd="" if visit.query.get("status", "") in ("", *SHOWN_STATUSES) else visit.query["status"],
        budgets_known=budgets is not None,
        may_make=may_make,
        is_everybodys=actor.may(READ),
        owners=await owners_for(site, actor, names) if may_make else None,
        made=made,
        curl=curl_of(site, visit, relayed(made.key), made.secret) if made else "",
        typed=visit.form,
        problem=visit.problem,
    )


async def create(site: Site, visit: Visit) -> Shown:
    """A key, shown this once."""
    owner = await owner_typed(site, visit.person, visit.form)
    wish = wish_typed(visit.form, owner, RULES)
    return Shown(await keys.create_key(site.office, visit.person, wish))


def link_to(key_id: str) -> str:
    """Where a key is, by its id as usage records have it."""
    return f"{PATH}/{quote(key_id, safe=':')}"


def owner_of(key: KeyView, names: Names) -> str:
    """Whose a key is, in words; empty for nobody's."""
    return f"team {names.team(key.team_id)}" if key.team_id else names.user(key.user_id)


def _asked(query: Mapping[str, str]) -> dict[str, str]:
    """What the address asks for, as far as it is understood."""
    said = {word: query.get(word, "").strip()[:LONGEST_WORD] for word in WORDS}
    if said["status"] not in SHOWN_STATUSES:
        said["status"] = ""
    return {word: value for word, value in said.items() if value}


async def _found(site: Site, visit: Visit, asked: Mapping[str, str]) -> Sequence[KeyView]:
    status = next((each for each in SHOWN_STATUSES if each == asked.get("status")), None)
    wanted = KeyFilter(
        status=status,
        user_id=asked.get("user"),
        team_id=asked.get("team"),
        tag=asked.get("tag"),
        search=asked.get("search"),
    )

    async def part(after_id: str | None, limit: int) -> Sequence[KeyView]:
        return await keys.list_keys(site.office, visit.person, wanted, after_id=after_id, limit=limit)

    return await listed(visit, part, lambda key: key.id, shown=ROWS, after=visit.query.get("before") or None)


def _said(site: Site, visit: Visit, asked: Mapping[str, str]) -> tuple[ClientKey, ...]:
    """Those of the configuration file, which belong to nobody."""
    if not visit.person.may(READ) or "user" in asked or "team" in asked:
        return ()
    return tuple(
        key
        for key in limited.said_keys(site.office)
        if asked.get("search", "").lower() in key.name.lower()
        and asked.get("tag", "") in ("", *key.tags)
        and asked.get("status", "") in ("", status_of(key, visit.now_us))
    )


def status_of(key: ClientKey, now_us: int) -> KeyStatus:
    """What becomes of a request with a key of the configuration file."""
    if refusal(key, now_us) is None:
        return "active"
    return "expired" if key.expires_at_us is not None and key.expires_at_us <= now_us else "paused"


async def _budgets(site: Site, found: Sequence[ClientKey]) -> Mapping[str, LimitStanding] | None:
    """How it stands with their budgets; None while nobody can tell."""
    known: dict[str, LimitStanding] = {}
    try:
        for begin in range(0, len(found), BATCH):
            known |= await limited.budgets_of(found[begin : begin + BATCH], site.around.oversight)
    except LimitsUnavailable:
        return None
    return known


def _row(key: KeyView, names: Names, budgets: Mapping[str, LimitStanding]) -> KeyRow:
    counted = limited.counted(key)
    budget = budgets.get(counted.id)
    return KeyRow(
        link=link_to(counted.id),
        name=key.name,
        shown=f"{key.prefix}…{key.last_four}",
        owner=owner_of(key, names),
        models=said_patterns(key.models),
        limits=limits_in_words(counted.limits, budget=False),
        budget=None if budget is None or key.status == "revoked" else standing_of(budget),
        used_us=read_instant(key.last_used_at) if key.last_used_at else None,
        state=STATES[key.status],
        tags=key.tags,
        is_said=False,
        key=replace(counted, models=key.models, user_id=key.user_id, team_id=key.team_id),
    )


def _said_row(key: ClientKey, visit: Visit, budgets: Mapping[str, LimitStanding]) -> KeyRow:
    budget = budgets.get(key.id)
    return KeyRow(
        link=link_to(key.id),
        name=key.name,
        shown="",
        owner="",
        models=said_patterns(key.models),
        limits=limits_in_words(key.limits, budget=False),
        budget=None if budget is None else standing_of(budget),
        used_us=None,
        state=STATES[status_of(key, visit.now_us)],
        tags=key.tags,
        is_said=True,
        key=key,
    )


def _chips(asked: Mapping[str, str], names: Names) -> tuple[Chip, ...]:
    called = {"user": names.user, "team": names.team}
    return tuple(
        Chip(word, WORDS[word], called.get(word, str)(value), address(PATH, asked, {word: ""}))
        for word, value in asked.items()
    )


def _limit(name: str, kind: Kind = "whole", head: str = "Limits", field: str = "") -> Column:
    return Column(name, kind, head, lambda row: getattr(row.key.limits, field or name, None))


COLUMNS = (
    Column("id", value=lambda row: row.key.id),
    Column("name", head="Name"),
    Column("status", head="Status", value=lambda row: row.state.word),
    Column("key", head="Key", value=lambda row: row.shown),
    Column("in_file", "flag", "Key", lambda row: row.is_said),
    Column("owner", head="Belongs to"),
    Column("user_id", value=lambda row: row.key.user_id),
    Column("team_id", value=lambda row: row.key.team_id),
    Column("models", "texts", "Models", lambda row: row.key.models),
    *(_limit(name) for name in LIMITS if name != BUDGET),
    _limit("budget", "money", "Budget", BUDGET),
    _limit("budget_period", "text", "Budget"),
    Column("budget_used", "money", "Budget", lambda row: row.budget and row.budget.counted.used),
    Column("last_used_at", "moment", "Last used", lambda row: row.used_us),
    Column("tags", "texts"),
)

PAGE = Page(
    path=PATH,
    title="Keys",
    summary="What clients call with: whose it is, what it may use, and how much of it is used.",
    template="keys.html",
    load=load,
    permissions=(READ, OWN),
    group="Set up",
    icon="keys",
    letter="k",
    tables=(Table(name="keys", columns=COLUMNS, rows=lambda keys: keys.rows),),
)

ACTIONS = (Action("/keys", PAGE, create),)

"""One client key: how it stands with its limits, what it did, and everything that can be done to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from msgspec import structs

from gateway.errors import LimitsUnavailable, Unacceptable
from gateway.management import keys, limited
from gateway.management.keys import FREE, OWN, READ, WRITE, KeyView, KeyWish, MadeKey
from gateway.records import ClientKey
from gateway.settings.instants import read_instant
from gateway.store.keys import ID_PREFIX
from web.budgets import BURNS, STEPS, Budgets, Seen, budgets_of, steps_of
from web.charted import chart_table
from web.display import State
from web.filters import address
from web.forms import Form, Problem
from web.names import names_of
from web.page import Action, Page, Sent, Shown, Site, Table, Visit
from web.pages.key_form import RULES, Owners, kept_of, owner_typed, owners_for, typed_of, wish_typed
from web.pages.keyed import (
    SPAN,
    STATES,
    KeyUse,
    Standing,
    curl_of,
    limits_in_words,
    relayed,
    said_patterns,
    standings_of,
    use_of,
)
from web.pages.keys import PATH, link_to, owner_of, status_of
from web.pages.overview_tables import RECENT
from web.seeing import visible_keys
from web.tables import Column


@dataclass(frozen=True, slots=True)
class Told:
    """A key, wherever it stands."""

    id: str
    """As usage records have it."""
    name: str
    state: State
    is_said: bool
    """Whether it stands in the configuration file, and is changed there."""
    models: str
    providers: str
    credentials: str
    endpoints: str
    tags: tuple[str, ...]
    limits: tuple[str, ...]
    strict: bool
    expires_us: int | None


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of one that was made here."""

    shown: str
    owner: str
    created_us: int
    used_us: int | None
    revoked_us: int | None
    version: int
    is_locked: bool
    is_paused: bool


@dataclass(frozen=True, slots=True)
class May:
    """What whoever looks may do with it."""

    change: bool
    """Name, tags and strictness; a new secret; revoking it."""
    rule: bool
    """Whatever else is said of it."""
    count_anew: bool


@dataclass(frozen=True, slots=True)
class Key:
    """What the template shows."""

    told: Told
    kept: Kept | None
    may: May
    standings: tuple[Standing, ...] | None
    """None while nobody can tell."""
    budgets: Budgets
    """Those that its requests count against, and what was left of them over time."""
    use: KeyUse
    requests: str
    owners: Owners | None
    made: MadeKey | None
    curl: str
    typed: Form
    problem: Problem | None
    address_of_it: str


async def load(site: Site, visit: Visit) -> Key | Sent:
    """The page's context; of a key that is named by its name, where it is. Raises UnknownResource."""
    wanted, actor = visit.names["id"], visit.person
    said = next((key for key in limited.said_keys(site.office) if key.id == wanted), None)
    if said is not None and actor.may(READ):
        return await _key(site, visit, _told_said(said, visit.now_us), None)
    if not wanted.startswith(ID_PREFIX):
        return Sent(link_to((await keys.get_client_key(site.office, actor, wanted)).id))
    return await _key(site, visit, *_both(await _shown(site, visit)))


async def _shown(site: Site, visit: Visit) -> KeyView:
    return await keys.get_key(site.office, visit.person, visit.names["id"].removeprefix(ID_PREFIX))


def _both(key: KeyView) -> tuple[Told, KeyView]:
    return _told(key), key


async def _key(site: Site, visit: Visit, told: Told, key: KeyView | None) -> Key:
    names = await names_of(site)
    seen = Seen(await visible_keys(site, visit), visit.person, told.id)
    may = _may(visit, told, key)
    made = visit.made if isinstance(visit.made, MadeKey) else None
    changed = visit.problem is not None and visit.problem.action == CHANGE
    owner = "" if key is None else _owner_typed(key, await _email_of(site, key), names.team(key.team_id))
    typed = visit.form if changed else Form() if key is None else typed_of(key, owner)
    return Key(
        told=told,
        kept=None if key is None else _kept(key, owner_of(key, names)),
        may=may,
        standings=await _standings(site, visit, told),
        budgets=await budgets_of(site, visit, seen, names, link_to(told.id)),
        use=await use_of(site, visit, told.id),
        requests=address("/requests", visit.span_or(SPAN).query, {"key": told.id}),
        owners=await owners_for(site, visit.person, names) if may.rule else None,
        made=made,
        curl=curl_of(site, visit, relayed(made.key), made.secret) if made else "",
        typed=typed,
        problem=visit.problem,
        address_of_it=link_to(told.id),
    )


async def _email_of(site: Site, key: KeyView) -> str:
    if key.user_id is None:
        return ""
    row = await site.office.read(lambda session: session.row("people/found", {"id": key.user_id}))
    return row["email"] if row is not None else ""


def _owner_typed(key: KeyView, email: str, team: str) -> str:
    return team if key.team_id else email


async def _standings(site: Site, visit: Visit, told: Told) -> tuple[Standing, ...] | None:
    if told.state is STATES["revoked"]:
        return ()
    try:
        found = await limited.show_key(site.office, visit.person, told.id, site.around.oversight)
    except LimitsUnavailable:
        return None
    return standings_of(found.items)


def _may(visit: Visit, told: Told, key: KeyView | None) -> May:
    actor = visit.person
    change = key is not None and key.status != "revoked" and keys.may_change(actor, key)
    lives = told.state is not STATES["revoked"]
    return May(
        change=change,
        rule=change and key is not None and (actor.may(WRITE) or not key.locked),
        count_anew=lives and actor.may(WRITE) and bool(told.limits),
    )


def _told(key: KeyView) -> Told:
    return Told(
        id=f"{ID_PREFIX}{key.id}",
        name=key.name,
        state=STATES[key.status],
        is_said=False,
        models=said_patterns(key.models),
        providers=said_patterns(key.providers),
        credentials=said_patterns(key.credentials),
        endpoints=said_patterns(key.endpoints),
        tags=key.tags,
        limits=limits_in_words(limited.counted(key).limits),
        strict=key.strict,
        expires_us=read_instant(key.expires_at) if key.expires_at else None,
    )


def _told_said(key: ClientKey, now_us: int) -> Told:
    return Told(
        id=key.id,
        name=key.name,
        state=STATES[status_of(key, now_us)],
        is_said=True,
        models=said_patterns(key.models),
        providers=said_patterns(key.providers),
        credentials=said_patterns(key.credentials),
        endpoints=said_patterns(key.endpoints),
        tags=key.tags,
        limits=limits_in_words(key.limits),
        strict=key.strict,
        expires_us=key.expires_at_us,
    )


def _kept(key: KeyView, owner: str) -> Kept:
    return Kept(
        shown=f"{key.prefix}…{key.last_four}",
        owner=owner,
        created_us=read_instant(key.created_at or ""),
        used_us=read_instant(key.last_used_at) if key.last_used_at else None,
        revoked_us=read_instant(key.revoked_at) if key.revoked_at else None,
        version=key.version,
        is_locked=key.locked,
        is_paused=key.paused,
    )


async def change(site: Site, visit: Visit) -> Sent:
    """The key as the form has it. Whoever changed it in between is not overwritten."""
    key, actor, form = await _shown(site, visit), visit.person, visit.form
    kept = kept_of(key)
    if _may(visit, _told(key), key).rule:
        owner = await owner_typed(site, actor, form)
        wish = wish_typed(form, {**kept, **owner}, RULES)
    else:
        wish = wish_typed(form, kept, [name for name in FREE if name != "name"])
    changed = await keys.change_key(site.office, actor, key.id, wish, _version(form))
    return _back(changed, "key-changed")


async def pause(site: Site, visit: Visit) -> Sent:
    """The key is refused for now."""
    return await _set_paused(site, visit, paused=True)


async def resume(site: Site, visit: Visit) -> Sent:
    """It no longer is."""
    return await _set_paused(site, visit, paused=False)


async def _set_paused(site: Site, visit: Visit, *, paused: bool) -> Sent:
    key = await _shown(site, visit)
    wish = structs.replace(KeyWish(**kept_of(key)), paused=paused)
    changed = await keys.change_key(site.office, visit.person, key.id, wish, key.version)
    return _back(changed, "key-paused" if paused else "key-resumed")


async def rotate(site: Site, visit: Visit) -> Shown:
    """A new secret, shown this once, once the key's name was typed: the former one is refused from then on."""
    key = await _named(site, visit, "rotate")
    return Shown(await keys.rotate_key(site.office, visit.person, key.id, None))


async def revoke(site: Site, visit: Visit) -> Sent:
    """The key is gone for good, once its name was typed."""
    key = await _named(site, visit, "revoke")
    return _back(await keys.revoke_key(site.office, visit.person, key.id, None), "key-revoked")


async def _named(site: Site, visit: Visit, doing: str) -> KeyView:
    """The key whose name was typed. Raises Unacceptable where it was not."""
    key = await _shown(site, visit)
    if visit.form.text("name") != key.name:
        raise Unacceptable(f"Type the key's name, {key.name}, to {doing} it.", param="name")
    return key


async def count_anew(site: Site, visit: Visit) -> Sent:
    """What it has used so far does not count any more."""
    wanted = visit.names["id"]
    await limited.reset_key(site.office, visit.person, wanted, site.around.oversight)
    return Sent(f"{link_to(wanted)}?said=key-counted")


def _version(form: Form) -> int | None:
    text = form.raw("version")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def _back(key: KeyView, said: str) -> Sent:
    return Sent(f"{link_to(ID_PREFIX + key.id)}?said={said}")


def _of_it(name: str) -> Callable[[Visit], str]:
    return lambda visit: f"{visit.names['id']}-{name}"


LIMITS = (
    Column("limit", head="What", value=lambda one: one.counted.limit),
    Column("subject", head="Of"),
    Column("used", "whole", "How far", lambda one: one.counted.used),
    Column("most", "whole", "How far", lambda one: one.counted.most),
    Column("left", "whole", "Left", lambda one: one.counted.left),
    Column("resets_at", "moment", "Free again", lambda one: one.resets_at_us),
)
"""Budgets are nano-USD."""

TABLES = (
    Table(name="limits", columns=LIMITS, rows=lambda key: key.standings or ()),
    Table(name="budgets", columns=BURNS, rows=lambda key: key.budgets.burns),
    Table(name="budgets-over-time", columns=STEPS, rows=lambda key: steps_of(key.budgets.burns)),
    Table(name="latest", columns=RECENT, rows=lambda key: key.use.recent),
    chart_table("spend", lambda key: key.use.spend, "model", "cost", "money"),
    chart_table("outcomes", lambda key: key.use.traffic, "outcome", "requests", "whole"),
)

PAGE = Page(
    path=f"{PATH}/{{id}}",
    title="Key",
    summary="How it stands with its limits, and what it did.",
    template="key.html",
    load=load,
    permissions=(READ, OWN),
    span=SPAN,
    tables=tuple(replace(table, file=_of_it(table.name)) for table in TABLES),
)

CHANGE = "/keys/{id}/change"

ACTIONS = (
    Action(CHANGE, PAGE, change),
    Action("/keys/{id}/pause", PAGE, pause),
    Action("/keys/{id}/resume", PAGE, resume),
    Action("/keys/{id}/rotate", PAGE, rotate),
    Action("/keys/{id}/revoke", PAGE, revoke),
    Action("/keys/{id}/count-anew", PAGE, count_anew),
)

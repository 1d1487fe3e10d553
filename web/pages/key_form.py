"""The form of a client key: what is typed into it, as the wish that it means, and the other way round.

Knows fields. Whose key it is, and who may make it, is the management's to know.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import msgspec

from gateway.errors import NotPermitted, Unacceptable
from gateway.management.keys import WRITE, KeyView, KeyWish
from gateway.management.office import Actor
from gateway.settings.instants import read_instant
from gateway.store.session import Session
from web.forms import Form
from web.names import Names
from web.page import Site

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)

LONGEST = 8000
"""Characters of a list."""

MOST_OFFERED = 200
"""Owners that the field offers while one types; any other can be typed."""

LISTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"models": ("*",), "providers": ("*",), "endpoints": ("*",), "tags": ()}
)
"""Fields that are lists, and what an empty one means."""

NUMBERS = ("requests_per_minute", "tokens_per_minute", "max_parallel", "requests_per_month", "tokens_per_month")

SWITCHES = ("strict", "allow_unpriced")

RULES = (*LISTS, *NUMBERS, *SWITCHES, "budget_usd", "budget_period", "expires_at")

MOST_USD = 10**9


@dataclass(frozen=True, slots=True)
class Owners:
    """To whom a key can be made to belong."""

    own_only: bool
    """Whether whoever asks makes keys for themselves and their teams alone."""
    teams: tuple[str, ...]
    """Names of teams: those to choose from, or those to offer."""
    users: tuple[str, ...] = ()
    """E-mail addresses to offer."""


async def owners_for(site: Site, actor: Actor, names: Names) -> Owners:
    """Those whom somebody may make keys for."""
    if not actor.may(WRITE):
        return Owners(True, tuple(sorted(names.team(team) for team in actor.led_teams)))
    emails = await site.office.read(_emails)
    return Owners(False, tuple(sorted(names.teams.values())[:MOST_OFFERED]), emails)


def _emails(session: Session) -> tuple[str, ...]:
    return tuple(sorted(row["email"] for row in session.rows("people/names"))[:MOST_OFFERED])


async def owner_typed(site: Site, actor: Actor, form: Form) -> Mapping[str, str | None]:
    """`user_id` and `team_id` of whom the form names: a user's e-mail address, or a team by its name. Raises
    Unacceptable, NotPermitted."""
    said = form.text("owner")
    if not said:
        return {"user_id": None, "team_id": None}
    found = await site.office.read(lambda session: _owner(session, said))
    # Whoever may not make keys for others does not learn here who they are.
    if not actor.may(WRITE) and found["team_id"] not in actor.led_teams:
        raise NotPermitted("You may make keys for yourself, and for the teams that you lead.", param="owner")
    if found["user_id"] is None and found["team_id"] is None:
        raise Unacceptable("There is no user with this e-mail address, and no team of this name.", param="owner")
    return found


def _owner(session: Session, said: str) -> Mapping[str, str | None]:
    user = session.row("people/by_email", {"email": said.lower()})
    team = None if user is not None else session.row("teams/named", {"name": said})
    return {"user_id": None if user is None else user["id"], "team_id": None if team is None else team["id"]}


def wish_typed(form: Form, kept: Mapping[str, Any], fields: Sequence[str]) -> KeyWish:
    """The key that a form means: of these fields what was typed, and the rest as it is kept. Raises Unacceptable."""
    typed = {name: _typed(form, name) for name in fields}
    if "expires_at" in kept and kept["expires_at"][:10] == typed.get("expires_at"):
        typed["expires_at"] = kept["expires_at"]  # a form knows days, the key may know the minute
    try:
        return msgspec.convert({**kept, **typed, "name": _name(form)}, KeyWish)
    except msgspec.ValidationError as error:
        raise _unacceptable(error) from None


def kept_of(key: KeyView) -> dict[str, Any]:
    """A key as a wish says it."""
    return {name: getattr(key, name) for name in KeyWish.__struct_fields__}


def typed_of(key: KeyView, owner: str) -> Form:
    """A key as its form shows it before anybody types."""
    values = {name: _shown(getattr(key, name)) for name in RULES}
    values["expires_at"] = key.expires_at[:10]
    return Form({name: (value,) for name, value in {**values, "name": key.name, "owner": owner}.items() if value})


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return "" if value == ("*",) else ", ".join(value)
    if isinstance(value, bool):
        return "yes" if value else ""
    return "" if value is None else f"{value:.9f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _typed(form: Form, name: str) -> object:
    if name in LISTS:
        return tuple(re.split(r"[,\s]+", text)) if (text := form.text(name, LONGEST).strip(", ")) else LISTS[name]
    if name in SWITCHES:
        return form.raw(name) == "yes"
    if name in NUMBERS:
        return _number(form, name)
    if name == "budget_usd":
        return _dollars(form)
    return _day(form) if name == "expires_at" else form.text(name) or "month"


def _name(form: Form) -> str:
    name = form.text("name", 64)
    if not NAME.fullmatch(name):
        said = "Give it a name of letters, digits, dots, hyphens and underscores that begins with a letter or digit."
        raise Unacceptable(said, param="name")
    return name


def _number(form: Form, name: str) -> int | None:
    text = re.sub(r"[\s_,']", "", form.text(name, 30))
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 2**53):
        raise Unacceptable("This takes a whole number from 1 on; leave it empty for no limit.", param=name)
    return int(text)


def _dollars(form: Form) -> float | None:
    text = re.sub(r"[\s_,$]", "", form.text("budget_usd", 30))
    if not text:
        return None
    if not re.fullmatch(r"\d{1,10}(\.\d{0,9})?", text, re.ASCII) or float(text) > MOST_USD:
        raise Unacceptable(
            "This takes an amount in US dollars, such as 12.50; leave it empty for none.", param="budget_usd"
        )
    return float(text)


def _day(form: Form) -> str:
    text = form.text("expires_at", 64)
    try:
        if text:
            read_instant(text)
    except ValueError as error:
        raise Unacceptable(f"This takes a date, such as 2030-01-31: {error}.", param="expires_at") from None
    return text


def _unacceptable(error: msgspec.ValidationError) -> Unacceptable:
    said, _, place = str(error).partition(" - at `$.")
    name = re.match(r"[a-z_]*", place)
    return Unacceptable(f"{said}.", param=name[0] if name and name[0] else None)

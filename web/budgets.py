"""Budgets and quotas as pages show them: those that whoever looks may see, and what was left of each over time.

What limits count comes from whoever counts; what was spent when, from the analytics store. What is made of both is
`web.burning`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote

from gateway.management import configuration, keys, models, people, teams
from gateway.management.office import Actor
from gateway.records import Whom
from gateway.usage.chosen import Filter
from gateway.usage.figures import DAY, MINUTE, SECOND
from gateway.usage.reach import Known, known_days
from web.burning import BUDGET, Burn, Ration, burns_of, course_of, step_of
from web.filters import address
from web.names import Names
from web.page import SAVED, Site, Visit
from web.seeing import EVERYBODYS, OWN
from web.tables import Column

SHOWN, MOST = 8, 200
"""How many a page shows: at first, and where all are asked for. The rest is in the file."""

ALL = "budgets"
"""The word in an address by which all are asked for."""

NOUNS: Mapping[str, str] = MappingProxyType({"key": "client key", "user": "user", "team": "team", "model": "model"})

FIGURES: Mapping[str, str] = MappingProxyType(
    {BUDGET: "cost_nano_usd", "tokens_per_month": "tokens", "requests_per_month": "requests"}
)
"""Columns of the statements, by what is limited."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Budgets:
    """What a page shows of them."""

    burns: tuple[Burn, ...]
    """Those that are used up most, first."""
    more: int
    """How many there are besides."""
    every: str
    """Where all of them are; empty where that is here."""


class Seen(NamedTuple):
    """What somebody may see, and of what a page is."""

    key_ids: tuple[str, ...] | None
    """Keys whose requests; None for all."""
    person: Actor | None = None
    """Who looks; None for whoever has a key and is not signed in."""
    of: str = ""
    """The one key that the page is about; empty for all that may be seen."""

    @property
    def meant(self) -> tuple[str, ...] | None:
        """Keys whose budgets are told; None for all."""
        return (self.of,) if self.of else self.key_ids

    def may(self, *permissions: str) -> bool:
        """Whether whoever looks has one of these."""
        return self.person is not None and any(map(self.person.may, permissions))

    def sees(self, whom: Whom) -> bool:
        """Whether all requests are theirs to see that these are counted for."""
        if self.key_ids is None:
            return True
        if whom.per == "user":
            return bool(whom.of) and self.person is not None and whom.of == self.person.id
        return whom.per == "key" and whom.of in self.key_ids


class _Asked(NamedTuple):
    """What is told of several by one statement."""

    per: str
    since_us: int
    step_us: int
    pattern: str | None
    """Of those that are counted as one; None where each is counted by itself."""


async def budgets_of(site: Site, visit: Visit, seen: Seen, names: Names, path: str) -> Budgets:
    """Those that somebody may see, with their courses. Raises ControlUnavailable, StateUnavailable."""
    every = tuple(burns_of(await site.around.rations(seen.meant), visit.now_us))
    asks_all = visit.query.get(ALL) == "all"
    shown = every if SAVED in visit.query else every[: MOST if asks_all else SHOWN]
    courses = await _courses(site, visit, [burn.ration for burn in shown if seen.sees(burn.ration.whom)])
    where = address(path, visit.query, {ALL: "all", "block": ""}) + "#burns"
    return Budgets(
        burns=tuple(
            replace(
                burn,
                subject=_called(burn, names),
                link=_link(seen, burn.ration.whom),
                spend=_spend(visit, burn.ration, seen),
                course=courses.get(burn.ration),
                is_others=not seen.sees(burn.ration.whom),
            )
            for burn in shown
        ),
        more=len(every) - len(shown),
        every="" if asks_all else where,
    )


def _called(burn: Burn, names: Names) -> str:
    """Limits know users and teams by their ids alone."""
    whom = burn.ration.whom
    called = {"user": names.user, "team": names.team}.get(whom.per)
    if called is None or not whom.of:
        return burn.subject
    return f"{NOUNS[whom.per]} {called(whom.of)}" + (f" (rule {whom.rule})" if whom.rule else "")


# Where they lead


PLACES: Mapping[str, tuple[tuple[str, ...], Callable[[str], str]]] = MappingProxyType(
    {
        "key": ((keys.READ, keys.OWN), lambda of: f"/keys/{quote(of, safe=':')}"),
        "user": ((people.READ,), lambda of: f"/people/{quote(of, safe='')}"),
        "team": ((teams.READ, teams.OWN), lambda of: f"/people/teams/{quote(of, safe='')}"),
        "model": ((models.READ,), lambda of: address("/models", {"search": of})),
    }
)
"""By whom is counted: one of these permissions is needed to look at it, and where it is."""


def _link(seen: Seen, whom: Whom) -> str:
    """Where that is of which a budget is; where it is of several, the rule that says so."""
    if whom.of:
        permissions, place = PLACES[whom.per]
        return place(whom.of) if seen.may(*permissions) and whom.of != seen.of else ""
    return address("/configuration/objects", {"search": whom.rule}) if seen.may(configuration.READ) else ""


def _spend(visit: Visit, ration: Ration, seen: Seen) -> str:
    """Where the spend over its period is; nowhere for several that no filter means, and for those of others."""
    whom = ration.whom
    is_one = bool(whom.of) or (whom.per == "everybody")
    if not is_one or not seen.may(EVERYBODYS, OWN) or not seen.sees(whom) or not ration.since_us:
        return ""
    span = {"from": f"{datetime.fromtimestamp(ration.since_us // SECOND, visit.zone):%Y-%m-%dT%H:%M}"}
    if whom.per == "model":
        provider, _, model = whom.of.partition("/")
        return address("/spend", span, {"provider": provider, "model": model, "by": "key"})
    return address("/spend", span, {whom.per: whom.of} if whom.of else {})


# What was left of them


async def _courses(site: Site, visit: Visit, rations: Sequence[Ration]) -> Mapping[Ration, Any]:
    """The course of each."""
    if not rations:
        return {}
    since = {ration: ration.since_us for ration in rations}
    if not all(since.values()):
        (beginning,) = await site.read("usage/since", {})
        first_us = beginning["since_us"] or visit.now_us - MINUTE
        since = {ration: since_us or min(first_us, visit.now_us - MINUTE) for ration, since_us in since.items()}
    asked: dict[_Asked, list[Ration]] = {}
    for ration in rations:
        asked.setdefault(_asked(ration, since[ration]), []).append(ration)
    known = await known_days(site.read, min(since.values()), visit.now_us + DAY)
    rows = await asyncio.gather(*(_rows(site, visit, each, whose, known) for each, whose in asked.items()))
    return {
        ration: course_of(ration, _spent(found, ration), since[ration], visit.now_us)
        for found, whose in zip(rows, asked.values(), strict=True)
        for ration in whose
    }


def _asked(ration: Ration, since_us: int) -> _Asked:
    whom = ration.whom
    pattern = None if whom.of or whom.per == "everybody" else _like(whom.match)
    return _Asked(whom.per, since_us, step_of(ration), pattern)


def _like(pattern: str) -> str:
    """A pattern of a rule as `like` has it: `*` is the only sign with a meaning."""
    for sign in ("\\", "%", "_"):
        pattern = pattern.replace(sign, f"\\{sign}")
    return pattern.replace("*", "%")


async def _rows(site: Site, visit: Visit, asked: _Asked, whose: Iterable[Ration], known: Known) -> list[dict[str, Any]]:
    ids = sorted({ration.whom.of for ration in whose})
    # What comes in while the page is made is not told of: the same is asked again within the minute.
    until_us = visit.now_us // MINUTE * MINUTE + MINUTE
    chosen = Filter(since_us=asked.since_us, until_us=until_us)
    wanted: dict[str, object] = {
        "filter": chosen.parameter(),
        "per": asked.per,
        "ids": ids if any(ids) else None,
        "pattern": asked.pattern,
    }
    if asked.step_us < DAY:
        return await site.read("spend/course_by_piece", {**wanted, "step_us": asked.step_us})
    sums = known.sums_until(site.around.rolled_until_us, (asked.since_us, until_us))
    return await site.read("spend/course_by_day", {**wanted, "rolled_until_us": sums})


def _spent(rows: Iterable[Row], ration: Ration) -> Mapping[int, int]:
    figure = FIGURES[ration.field]
    return {row["piece_us"]: row[figure] for row in rows if row["id"] == ration.whom.of}


# As files


class Step(NamedTuple):
    """A point of a course as a row of a table."""

    burn: Burn
    at_us: int
    spent: int
    left: int
    is_ahead: bool


def steps_of(burns: Collection[Burn]) -> tuple[Step, ...]:
    """All points of all courses."""
    return tuple(Step(burn, *point) for burn in burns if burn.course is not None for point in burn.course.points)


BURNS = (
    Column("subject", head="Of"),
    Column("limit", head="What", value=lambda burn: burn.ration.field),
    Column("used", "whole", "Used", lambda burn: burn.ration.used),
    Column("set_aside", "whole", "Used", lambda burn: burn.ration.held),
    Column("recorded", "whole", value=lambda burn: burn.course.recorded if burn.course else None),
    Column("most", "whole", "Of", lambda burn: burn.ration.most),
    Column("left", "whole", "Left over its period", lambda burn: max(burn.ration.most - burn.ration.used, 0)),
    Column("share", "number", "How far"),
    Column("began_at", "moment", value=lambda burn: burn.ration.since_us or None),
    Column("exhausted_at", "moment", "Used up at this pace", lambda burn: burn.exhausted_at_us),
    Column("resets_at", "moment", "Begins anew", lambda burn: burn.resets_at_us or None),
)
"""Budgets are nano-USD."""

STEPS = (
    Column("subject", head="Of", value=lambda step: step.burn.subject),
    Column("limit", head="What", value=lambda step: step.burn.ration.field),
    Column("at", "moment", "Until", lambda step: step.at_us),
    Column("spent", "whole", "Used since the line before"),
    Column("left", "whole", "Left"),
    Column("expected", "flag", value=lambda step: step.is_ahead),
)
"""Likewise."""

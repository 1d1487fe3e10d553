"""Every provider that is set up: whether it is well, how fast it is, who says it. And the rest of the catalogue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.catalog.presets import Preset, presets
from gateway.management import configuration, rests
from gateway.management.configured import CredentialView, ProviderView
from gateway.management.rests import ProviderStanding
from gateway.usage import figures
from gateway.usage.chosen import Filter
from gateway.usage.figures import HOUR, MINUTE
from web.credentials import Bar, looseness, tightest_of
from web.display import State
from web.health import Count, Sign, count_columns, count_of, state_of, wholly_resting
from web.page import Page, Site, Table, Visit
from web.seeing import EVERYBODYS, visible_keys
from web.span import span_of
from web.tables import Column

PATH = "/providers"
CUSTOM = "custom"
"""Stands for a preset in the address, where somebody wants a server that is none."""

READ, WRITE = configuration.READ, configuration.WRITE

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """A provider, in one line."""

    id: str
    title: str
    """What people call it, where that is another name."""
    state: State
    note: str
    format: str
    credentials: int
    models: str
    in_flight: int
    late: Count
    day: Count
    p50_us: int | None
    late_p50_us: int | None
    cost_nano_usd: int | None
    tightest: Bar | None
    """Of all limits of its credentials that with least left; None where nobody told of any."""
    tightest_of: str
    """Whose that is; empty where no credential is asked for."""
    managed_by: str
    origin: str
    link: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A provider of the catalogue that is not set up."""

    id: str
    name: str
    format: str
    link: str


@dataclass(frozen=True, slots=True)
class Providers:
    """What the template shows."""

    lines: tuple[Line, ...]
    offers: tuple[Offer, ...]
    custom: str
    """Where a server of one's own is added."""
    may_write: bool
    is_everybodys: bool
    """Whether figures are of everybody's requests, or of one's own keys."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the store knows of the last day, by provider."""

    standing: Mapping[str, Row]
    speed: Mapping[str, Row]


async def load(site: Site, visit: Visit) -> Providers:
    """The page's context."""
    key_ids = await visible_keys(site, visit)
    known, held, seen = await asyncio.gather(
        configuration.list_objects(site.office, visit.person, "provider"),
        configuration.list_objects(site.office, visit.person, "credential"),
        _seen(site, visit, key_ids),
    )
    views = [each for each in known if isinstance(each, ProviderView) and not each.managed.hidden]
    credentials = [each for each in held if isinstance(each, CredentialView) and not each.managed.hidden]
    lines = [_line(view, standing_of(site, visit, view.id), credentials, seen) for view in views]
    lines = _sorted(lines, visit.query.get("sort", ""))
    return Providers(
        lines=tuple(lines),
        offers=_offers({view.id for view in views}),
        custom=f"{PATH}/-/{CUSTOM}",
        may_write=visit.person.may(WRITE),
        is_everybodys=visit.person.may(EVERYBODYS),
    )


def lately(visit: Visit, key_ids: tuple[str, ...] | None) -> dict[str, object]:
    """Parameters of statements about the last day, and the last hour of it: in whole minutes, so that the same is asked
    again and again."""
    span = span_of({}, visit.now_us, visit.zone)
    chosen = Filter(since_us=span.since_us, until_us=span.until_us, key_ids=key_ids)
    return {"filter": chosen.parameter(), "late_us": visit.now_us // MINUTE * MINUTE - HOUR}


def standing_of(site: Site, visit: Visit, name: str) -> ProviderStanding | None:
    """How a provider is doing on this machine; None of one that is not in use."""
    provider = next((each for each in site.around.providers if each.id == name), None)
    return None if provider is None else rests.show_provider(visit.person, provider, site.around.pools, visit.now_us)


def sign_of(view: ProviderView, standing: ProviderStanding | None, paused: Sequence[str], row: Row | None) -> Sign:
    """What its state is told by; `paused` are names of credentials."""
    found = () if standing is None else tuple(rest for each in standing.credentials for rest in each.rests)
    counted = [rest for rest in found if rest.credential not in paused]
    resting, targets = wholly_resting(counted), () if standing is None else standing.targets
    models = sum(1 for rest in counted if rest.kind == "model" and rest.hard)
    return Sign(
        problem=view.managed.problem,
        lacks=_lacks(view),
        in_use=len(set(view.credentials) - set(paused)) if view.credentials else 1,
        resting=resting,
        others=models + len(targets),
        late=count_of(row, late=True),
        day=count_of(row),
    )


def preset_of(view: ProviderView) -> Preset | None:
    """The preset of the catalogue that it is."""
    return presets().get(view.id)


async def _seen(site: Site, visit: Visit, key_ids: tuple[str, ...] | None) -> Seen:
    asked = lately(visit, key_ids)
    standing, speed = await asyncio.gather(
        site.read("providers/standing", {**asked, "provider": None}), site.read("providers/speed", asked)
    )
    return Seen(
        {row["provider"]: row for row in standing if row["credential"] is None},
        {row["provider"]: row for row in speed},
    )


def _lacks(view: ProviderView) -> str:
    preset = preset_of(view)
    is_open = preset is None or preset.auth == "none" or not preset.needs_key
    # At another address than the catalogue's nobody knows whether it asks for one.
    return "" if view.credentials or is_open or view.base_url else "no credential"


def _line(
    view: ProviderView, standing: ProviderStanding | None, credentials: Sequence[CredentialView], seen: Seen
) -> Line:
    own = [each for each in credentials if each.provider == view.id]
    paused = [each.name for each in own if each.paused]
    row, speed = seen.standing.get(view.id), seen.speed.get(view.id)
    sign, preset = sign_of(view, standing, paused, row), preset_of(view)
    whose, bar = tightest_of(() if standing is None else standing.credentials)
    return Line(
        id=view.id,
        title=preset.name if preset is not None else "",
        state=state_of(sign),
        note=_note(view, sign, paused, own),
        format=format_of(view),
        credentials=len(view.credentials),
        models=", ".join(view.models),
        in_flight=0 if standing is None else sum(each.in_flight for each in standing.credentials),
        late=sign.late,
        day=sign.day,
        p50_us=speed["p50_us"] if speed else None,
        late_p50_us=speed["late_p50_us"] if speed else None,
        cost_nano_usd=speed["cost_nano_usd"] if speed else None,
        tightest=bar,
        tightest_of=whose,
        managed_by=view.managed.by,
        origin=view.managed.origin or "",
        link=f"{PATH}/{view.id}",
    )


def format_of(view: ProviderView) -> str:
    """The format that it speaks."""
    preset = preset_of(view)
    if isinstance(view.format, str):
        return view.format
    return preset.format if preset is not None else figures.NOTHING


def _note(view: ProviderView, sign: Sign, paused: Sequence[str], own: Sequence[CredentialView]) -> str:
    """Beside its state: what else there is to know."""
    left_out = sum(1 for each in own if each.managed.problem)
    notes = (
        (view.managed.problem or "", view.managed.problem is not None),
        (f"{sign.resting} of {sign.in_use}", 0 < sign.resting < sign.in_use),
        (f"{sign.others} {'models rest' if sign.others > 1 else 'model rests'}", sign.others > 0),
        (f"{len(paused)} paused", bool(paused)),
        (f"{left_out} left out", left_out > 0),
    )
    return ", ".join(text for text, holds in notes if holds)


def _offers(known: set[str]) -> tuple[Offer, ...]:
    found = [
        Offer(name, preset.name, preset.format, f"{PATH}/-/{name}")
        for name, preset in presets().items()
        if name not in known
    ]
    return tuple(sorted(found, key=lambda offer: offer.name.lower()))


SORTS: Mapping[str, Callable[[Line], Any]] = {
    "name": lambda line: line.id.lower(),
    "flight": lambda line: line.in_flight,
    "late": lambda line: (line.late.share, line.late.attempts),
    "day": lambda line: (line.day.share, line.day.attempts),
    "attempts": lambda line: line.day.attempts,
    "p50": lambda line: line.p50_us or 0,
    "limits": lambda line: (line.tightest is None, looseness(line.tightest) if line.tightest is not None else ()),
}
"""By the word in the address."""


def _sorted(lines: list[Line], by: str) -> list[Line]:
    """As they are configured, where the address names no column."""
    key = SORTS.get(by.removeprefix("-"))
    return lines if key is None else sorted(lines, key=key, reverse=by.startswith("-"))


COLUMNS = (
    Column("provider", head="Provider", value=lambda line: line.id),
    Column("title"),
    Column("state", head="State", value=lambda line: line.state.word),
    Column("note", head="State"),
    Column("format", head="Format"),
    Column("credentials", "whole", "Credentials"),
    Column("models", head="Models"),
    Column("in_flight", "whole", "In flight"),
    *count_columns("late", "Success, 1 h", "_1h"),
    *count_columns("day", "24 h", "_24h"),
    Column("p50_first_byte_us_24h", "whole", "First byte p50", lambda line: line.p50_us),
    Column("limits_left", "number", "Limits left", lambda line: line.tightest and line.tightest.left),
    Column("tightest_limit", head="Limits left", value=lambda line: line.tightest and line.tightest.name),
    Column("limit_resets_at", "moment", "Limits left", lambda line: line.tightest and line.tightest.resets_at_us),
    Column("cost_24h", "money", value=lambda line: line.cost_nano_usd),
    Column("managed_by", head="Managed"),
    Column("origin"),
)

PAGE = Page(
    path=PATH,
    title="Providers",
    summary="Who answers: whether they are well, how fast they are, and what of them rests.",
    template="providers.html",
    load=load,
    permissions=(READ,),
    group="Set up",
    icon="providers",
    letter="p",
    refreshes=True,
    blocks=("lines",),
    tables=(Table(name="providers", columns=COLUMNS, rows=lambda providers: providers.lines),),
)

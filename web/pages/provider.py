"""One provider: how each of its credentials is doing, what rests and why, what failed, what its models did."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.management import configuration
from gateway.management.configured import CredentialView, ProviderView
from gateway.management.rests import ProviderStanding, RestView
from gateway.records import Provider
from gateway.usage import figures
from web import failing, resting
from web.charts import Chart, Frame
from web.credentials import CredentialLine, lines_of
from web.display import State
from web.failing import Kind
from web.filters import address
from web.forms import Problem
from web.headline import Figure
from web.health import Count, count_of, state_of
from web.page import Action, Page, Site, Visit
from web.pages import trying
from web.pages.provider_tables import TABLES
from web.pages.providers import PATH, READ, WRITE, format_of, lately, preset_of, sign_of, standing_of
from web.resting import Rest
from web.rotation import Loss, hands_around, loss_of
from web.seeing import EVERYBODYS, visible_keys
from web.span import Span, span_of

MODELS = 50
SUGGESTED = 100
"""Models that a form offers at most."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ModelLine:
    """What one of its models did in the last day."""

    model: str
    requests: int
    tried: Count
    p50_us: int | None
    p95_us: int | None
    p50_total_us: int | None
    input_tokens: int
    cache_read_tokens: int
    cached: str
    output_tokens: int
    cost_nano_usd: int | None
    about: bool
    link: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A word and what it is."""

    word: str
    value: str
    is_code: bool = False


@dataclass(frozen=True, slots=True)
class OneProvider:
    """What the template shows."""

    view: ProviderView
    title: str
    format: str
    url: str
    state: State
    is_in_use: bool
    is_ours: bool
    """Whether it can be changed here; if not, the file says it."""
    figures: tuple[Figure, ...]
    rests: tuple[Rest, ...]
    credentials: tuple[CredentialLine, ...]
    shows: Mapping[str, bool]
    """Columns of their table that are worth their room: where a credential is not as usual."""
    chart: Chart
    kinds: tuple[Kind, ...]
    models: tuple[ModelLine, ...]
    loss: Loss | None
    facts: tuple[Fact, ...]
    docs: str
    notes: str
    suggested: tuple[str, ...]
    """Models to ask it for."""
    choices: tuple[tuple[str, str], ...]
    """Credentials to ask it with, and what they are called."""
    chosen: str
    """The one that the form begins with."""
    model: str
    probed: trying.Probed | None
    may_write: bool
    is_everybodys: bool
    more: str
    """Where its requests are."""
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class Found:
    """What the store knows of its last day."""

    standing: Sequence[Row]
    speed: Row | None
    rested: Sequence[Row]
    failures: Sequence[Row]
    models: Sequence[Row]


async def load(site: Site, visit: Visit) -> OneProvider:
    """The page's context. Raises UnknownResource."""
    name, span = visit.names["id"], span_of({}, visit.now_us, visit.zone)
    key_ids = await visible_keys(site, visit)
    view = await configuration.get_object(site.office, visit.person, "provider", name)
    assert isinstance(view, ProviderView)
    held, found = await asyncio.gather(
        configuration.list_objects(site.office, visit.person, "credential"),
        _found(site, visit, key_ids, span),
    )
    models = tuple(_model(row, name, span) for row in found.models)
    own = [each for each in held if isinstance(each, CredentialView) and each.provider == name]
    provider = in_use(site, name)
    standing = standing_of(site, visit, name)
    lines = lines_of(own, standing, found.standing)
    return OneProvider(
        view=view,
        credentials=lines,
        shows=_shows(lines, view),
        choices=(("", "the first"), *((each.name, each.name) for each in lines if each.name)),
        rests=resting.rests_of(_every_rest(standing), found.rested),
        chart=failing.charted(Frame(span, visit.zone, visit.now_us), found.failures),
        kinds=failing.kinds_of(found.failures),
        models=models,
        loss=await _loss(site, visit, key_ids, provider, found.models),
        more=address("/requests", span.query, {"provider": name}),
        suggested=_suggested(site, provider, found.models),
        **_told(visit, view, provider),
        **_counted(view, standing, own, found),
        **_asked(visit),
    )


def in_use(site: Site, name: str) -> Provider | None:
    """The provider as requests go to it; None where it is left out."""
    return next((each for each in site.around.providers if each.id == name), None)


async def _found(site: Site, visit: Visit, key_ids: tuple[str, ...] | None, span: Span) -> Found:
    name, asked = visit.names["id"], lately(visit, key_ids)
    day = {"filter": asked["filter"], "provider": name}
    of_it = {**asked, "filter": {**_mapping(asked["filter"]), "provider": name}}
    is_whole = visit.query.get("block") is None  # what else is on the page is not fetched anew
    standing, speed, rested, failures, models = await asyncio.gather(
        site.read("providers/standing", {**asked, "provider": name}),
        site.read("providers/speed", of_it),
        site.read("providers/rested", day),
        site.read("providers/failures", {**day, **span.buckets}) if is_whole else _nothing(),
        site.read("providers/models", {**day, "limit": visit.most(MODELS)}) if is_whole else _nothing(),
    )
    return Found(standing, speed[0] if speed else None, rested, failures, models)


async def _nothing() -> list[dict[str, Any]]:
    return []


def _mapping(value: object) -> Mapping[str, object]:
    assert isinstance(value, Mapping)
    return value


def _every_rest(standing: ProviderStanding | None) -> list[RestView]:
    if standing is None:
        return []
    found = [rest for each in standing.credentials for rest in each.rests] + list(standing.targets)
    return sorted(found, key=lambda rest: rest.until)


def _shows(lines: Sequence[CredentialLine], view: ProviderView) -> dict[str, bool]:
    return {
        "priority": any(each.priority for each in lines),
        "weight": view.strategy == "weighted" or any(each.weight != 1 for each in lines),
        "models": any(each.models != "*" for each in lines),
        "token": any(each.token_until_us for each in lines),
    }


def _told(visit: Visit, view: ProviderView, provider: Provider | None) -> dict[str, Any]:
    """What the configuration says of it."""
    preset = preset_of(view)
    return {
        "title": preset.name if preset is not None else "",
        "format": format_of(view),
        "url": provider.base_url if provider is not None else view.base_url,
        "is_in_use": provider is not None,
        "is_ours": view.managed.by == "database",
        "facts": _facts(view),
        "docs": preset.docs if preset is not None else "",
        "notes": preset.notes if preset is not None else "",
        "may_write": visit.person.may(WRITE),
        "is_everybodys": visit.person.may(EVERYBODYS),
    }


def _counted(
    view: ProviderView, standing: ProviderStanding | None, own: Sequence[CredentialView], found: Found
) -> dict[str, Any]:
    """What its figures tell."""
    row = next((row for row in found.standing if row["credential"] is None), None)
    sign = sign_of(view, standing, [each.name for each in own if each.paused], row)
    in_flight = 0 if standing is None else sum(each.in_flight for each in standing.credentials)
    return {"state": state_of(sign), "figures": _figures(row, found.speed, in_flight)}


def _asked(visit: Visit) -> dict[str, Any]:
    """What was typed, and what came of it."""
    made = visit.made if isinstance(visit.made, trying.Probed) else None
    form = visit.form
    return {
        "probed": made,
        "chosen": made.credential if made else form.raw("credential") or visit.query.get("credential", ""),
        "model": made.model if made else form.raw("model") or visit.query.get("model", ""),
        "problem": visit.problem,
    }


def _figures(row: Row | None, speed: Row | None, in_flight: int) -> tuple[Figure, ...]:
    late, day = count_of(row, late=True), count_of(row)
    return (
        Figure("Success, last hour", late.success, late.exact),
        Figure("Success, 24 h", day.success, day.exact),
        _wait("First byte p50, last hour", speed["late_p50_us"] if speed else None),
        _wait("First byte p50, 24 h", speed["p50_us"] if speed else None),
        Figure("In flight", str(in_flight), "requests under way, on this machine"),
        _cost(speed["cost_nano_usd"] if speed else None),
    )


def _wait(label: str, us: int | None) -> Figure:
    if us is None:
        return Figure(label, figures.NOTHING, "nothing was answered")
    return Figure(label, figures.duration(us), figures.exact_duration(us))


def _cost(nano_usd: int | None) -> Figure:
    if nano_usd is None:
        return Figure("Cost, 24 h", figures.NOTHING, "nothing was paid for, or no price is known")
    return Figure("Cost, 24 h", figures.money(nano_usd), figures.exact_money(nano_usd))


def _model(row: Row, provider: str, span: Span) -> ModelLine:
    same = ("model", "requests", "p50_us", "p95_us", "p50_total_us")
    tokens = ("input_tokens", "cache_read_tokens", "output_tokens")
    return ModelLine(
        **{name: row[name] for name in (*same, *tokens, "cost_nano_usd")},
        tried=Count(row["attempts"], row["failed"]),
        cached=figures.share(row["cache_read_tokens"], row["input_tokens"]),
        about=row["estimated"] > 0,
        link=address("/requests", span.query, {"provider": provider, "model": row["model"]}),
    )


async def _loss(
    site: Site, visit: Visit, key_ids: tuple[str, ...] | None, provider: Provider | None, models: Sequence[Row]
) -> Loss | None:
    """What is lost where conversations are handed around; of one's own requests alone nothing is told."""
    if provider is None or key_ids is not None or not models or not hands_around(provider):
        return None
    wanted = {"filter": lately(visit, None)["filter"], "models": [row["model"] for row in models]}
    rows = await site.read("providers/cached", wanted)
    return loss_of(provider, rows, site.around.providers, site.around.price_of)


def _suggested(site: Site, provider: Provider | None, rows: Sequence[Row]) -> tuple[str, ...]:
    if provider is None:
        return ()
    listed = site.around.listed(provider)
    said = (each for each in provider.models if "*" not in each and not each.startswith("!"))
    known = dict.fromkeys((*(row["model"] for row in rows), *said, *(listed.models if listed else ())))
    return tuple(known)[:SUGGESTED]


def _facts(view: ProviderView) -> tuple[Fact, ...]:
    """What is configured, as far as it is not as usual or is asked for often."""
    affinity = (
        "stay with the credential that holds their prompt cache" if view.session_affinity else "change credentials"
    )
    secret = [f"{place.removeprefix('headers.')}" for place in view.fingerprints if place.startswith("headers.")]
    facts = (
        Fact("Models", ", ".join(view.models), is_code=True),
        Fact(
            "Strategy",
            f"{view.strategy}" + (f", {view.sticky_requests} requests in a row" if view.sticky_requests > 1 else ""),
        ),
        Fact("Conversations", affinity),
        Fact("Also called", ", ".join(view.prefixes), is_code=True),
        Fact("Variables", ", ".join(f"{name} = {value}" for name, value in view.variables.items()), is_code=True),
        Fact("Headers added", ", ".join(secret), is_code=True),
        Fact("Fields left out", ", ".join(view.drop_fields), is_code=True),
        Fact("Proxy", "one of its own" if "proxy" in view.fingerprints else ""),
        Fact("Rests", "" if view.rests else "nothing of it rests"),
        Fact("List of models", "" if view.list_models else "is not asked for"),
    )
    return tuple(fact for fact in facts if fact.value)


PAGE = Page(
    path=f"{PATH}/{{id}}",
    title="Provider",
    summary="How it is doing, credential by credential.",
    template="provider.html",
    load=load,
    permissions=(READ,),
    refreshes=True,
    blocks=("state",),
    tables=TABLES,
)

ACTIONS = (
    Action(f"{PATH}/{{id}}/probe", PAGE, trying.probe),
    Action(f"{PATH}/{{id}}/try", PAGE, trying.let_try),
    Action(f"{PATH}/{{id}}/end", PAGE, trying.end_rests),
)

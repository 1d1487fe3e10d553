"""Adding a provider, of the catalogue or one's own, with its first credential; changing one; deleting it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from gateway.catalog.presets import Preset, presets
from gateway.errors import ManagedByFile, Unacceptable, UnknownResource
from gateway.management import configuration, equipping
from gateway.management.configured import ProviderView
from gateway.settings.objects import ProviderSettings
from gateway.settings.section import FormatName, Strategy
from gateway.settings.stored import Kind
from web import wishes
from web.entries import check_typed, version
from web.forms import Form, Problem
from web.page import Action, Page, Sent, Site, Visit
from web.pages.providers import CUSTOM, PATH, WRITE, preset_of

ADD = f"{PATH}/-/{{preset}}"
CHANGE = f"{PATH}/{{id}}/change"
DELETE = f"{PATH}/{{id}}/delete"

FIELDS = (*wishes.TEXTS, *wishes.LISTS, "sticky_requests", *wishes.SWITCHES)

STRATEGIES: Mapping[Strategy, str] = {
    "round_robin": "one after another",
    "fill_first": "the first one, as long as it is available",
    "weighted": "each as often as its weight",
    "least_busy": "who has the fewest requests under way",
    "lowest_latency": "who gave the first token fastest of late",
    "lowest_cost": "the cheapest",
    "headroom": "who has most left of its rate limits",
}

USUAL = ProviderSettings(id="any")
"""What a provider is where nothing is said."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A place in a preset's address."""

    name: str
    about: str
    default: str
    value: str


@dataclass(frozen=True, slots=True)
class ProviderForm:
    """What the template shows."""

    id: str
    """Empty of one that is to be made up."""
    name: str
    is_new: bool
    action: str
    where: str
    """Where the form goes."""
    preset: Preset | None
    formats: tuple[tuple[str, str], ...]
    strategies: tuple[tuple[str, str], ...]
    variables: tuple[Variable, ...]
    values: Mapping[str, str]
    ticks: Mapping[str, bool]
    headers: tuple[str, ...]
    """Names of those that it has."""
    has_proxy: bool
    wants_key: bool
    is_document: bool
    """Whether the secret is a file rather than a word."""
    credentials: int
    edition: int | None
    """Of the object, as it is shown here."""
    beside: tuple[str, ...]
    """Fields that say themselves what is wrong with them."""
    is_open: bool
    """Whether what few need is shown at once: something there is wrong."""
    problem: Problem | None


async def load_new(site: Site, visit: Visit) -> ProviderForm:
    """The form of a provider that is not there yet. Raises UnknownResource."""
    wanted = visit.names["preset"]
    preset = _preset(wanted)
    shown = _shown(visit.form, None)
    return ProviderForm(
        id="" if preset is None else wanted,
        name="A server of your own" if preset is None else preset.name,
        is_new=True,
        action=ADD,
        where=f"{PATH}/-/{wanted}",
        preset=preset,
        variables=_variables(preset, visit.form, {}),
        wants_key=_wants_key(preset),
        credentials=0,
        edition=None,
        **shown,
        **_offered(visit, preset),
    )


async def load_change(site: Site, visit: Visit) -> ProviderForm:
    """The form of one that there is. Raises UnknownResource, ManagedByFile."""
    view = await _view(site, visit)
    if view.managed.by != "database":
        raise ManagedByFile(f"The provider `{view.id}` is managed by {view.managed.origin}: change it there.")
    preset = preset_of(view)
    return ProviderForm(
        id=view.id,
        name=preset.name if preset is not None else view.id,
        is_new=False,
        action=CHANGE,
        where=f"{PATH}/{view.id}/change",
        preset=preset,
        variables=_variables(preset, visit.form, view.variables),
        wants_key=False,
        credentials=len(view.credentials),
        edition=view.version,
        **_shown(visit.form, view),
        **_offered(visit, preset),
    )


async def create(site: Site, visit: Visit) -> Sent:
    """A new provider, with its first credential where a secret was given."""
    wanted, form = visit.names["preset"], visit.form
    preset = _preset(wanted)
    name = wanted if preset is not None else form.text("id", 64)
    if not name:
        raise Unacceptable("Give it a name: clients address its models as name/model.", param="id")
    with wishes.beside_fields():
        values = {"id": name, **_typed(form, preset), "headers": wishes.headers(form), **wishes.proxy(form)}
        credential = _first(form)
        if credential is None and _wants_key(preset):
            raise Unacceptable("It refuses requests without a secret: give one.", param="credential.api_key")
        await equipping.create_provider(site.office, visit.person, _unlike_usual(values), credential)
    return Sent(f"{PATH}/{name}?said=provider-added")


async def change(site: Site, visit: Visit) -> Sent:
    """Other values in the place of some."""
    view, form = await _view(site, visit), visit.form
    with wishes.beside_fields():
        typed = _typed(form, preset_of(view))
        asked = {name: None if name in FIELDS and value == _usual(name) else value for name, value in typed.items()}
        asked |= {"headers": wishes.headers(form), **wishes.proxy(form)}
        which: tuple[Kind, str] = ("provider", view.id)
        await configuration.change_object(site.office, visit.person, which, asked, version(form))
    return Sent(f"{PATH}/{view.id}?said=provider-changed")


async def delete(site: Site, visit: Visit) -> Sent:
    """It is gone, with its credentials."""
    name, form = visit.names["id"], visit.form
    check_typed(form, name, "confirm")
    await equipping.delete_provider(site.office, visit.person, name, version(form))
    return Sent(f"{PATH}?said=provider-deleted")


def _preset(wanted: str) -> Preset | None:
    """The one that is wanted; None for a server of one's own. Raises UnknownResource."""
    if wanted == CUSTOM:
        return None
    found = presets().get(wanted)
    if found is None:
        raise UnknownResource(f"The catalogue has no provider `{wanted}`.")
    return found


def _wants_key(preset: Preset | None) -> bool:
    return preset is not None and preset.auth != "none" and preset.needs_key


async def _view(site: Site, visit: Visit) -> ProviderView:
    view = await configuration.get_object(site.office, visit.person, "provider", visit.names["id"])
    assert isinstance(view, ProviderView)
    return view


def _typed(form: Form, preset: Preset | None) -> wishes.Values:
    """What the form says of a provider; None for what is to be as usual."""
    said = wishes.read(form, FIELDS)
    places = wishes.variables(form, tuple(preset.variables) if preset is not None else ())
    return {**said, **({"variables": places} if places else {})}


def _unlike_usual(values: wishes.Values) -> wishes.Values:
    """Of a new one, what is not as usual."""
    said = wishes.said_only(values)
    places = {name: value for name, value in said.pop("variables", {}).items() if value is not None}
    unusual = {name: value for name, value in said.items() if name == "id" or value != _usual(name)}
    return {**unusual, **({"variables": places} if places else {})}


def _usual(name: str) -> Any:
    value = getattr(USUAL, name)
    return list(value) if isinstance(value, tuple) else value


def _first(form: Form) -> wishes.Values | None:
    """The first credential; None where no secret was typed."""
    secret = form.raw("credential.api_key").strip()
    return {"name": form.text("credential.name", 64) or "main", "api_key": secret} if secret else None


def _shown(form: Form, view: ProviderView | None) -> dict[str, Any]:
    """What stands in the fields: what was typed, else what is there, else what is usual."""
    of = view if view is not None else USUAL
    values = {
        name: form.raw(name) if form.every(name) else _text(getattr(of, name))
        for name in (*wishes.TEXTS, *wishes.LISTS, "sticky_requests")
    }
    ticks = {name: form.raw(name) == "yes" if form.every(name) else bool(getattr(of, name)) for name in wishes.SWITCHES}
    places = () if view is None else tuple(view.fingerprints)
    return {
        "values": {**values, "id": form.raw("id"), "credential.name": form.raw("credential.name") or "main"},
        "ticks": ticks,
        "headers": tuple(place.removeprefix("headers.") for place in places if place.startswith("headers.")),
        "has_proxy": "proxy" in places,
    }


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value) if isinstance(value, str | int) else ""


def _variables(preset: Preset | None, form: Form, said: Mapping[str, str]) -> tuple[Variable, ...]:
    if preset is None:
        return ()
    return tuple(
        Variable(name, each.about, each.default, form.raw(f"variables.{name}") or said.get(name, ""))
        for name, each in preset.variables.items()
    )


def _offered(visit: Visit, preset: Preset | None) -> dict[str, Any]:
    """What there is to choose from, and what is wrong."""
    problem, variables = visit.problem, () if preset is None else tuple(preset.variables)
    own = ("id",) if preset is None else ()
    first = (*own, *(f"variables.{name}" for name in variables), "credential.name", "credential.api_key")
    plain = first if preset is not None else (*first, "format", "base_url")
    usual = (("", f"{preset.format}, as the catalogue has it"),) if preset is not None else ()
    return {
        "formats": (*usual, *((name, name) for name in get_args(FormatName))),
        "strategies": tuple((name, f"{name}: {words}") for name, words in STRATEGIES.items()),
        "is_document": preset is not None and preset.auth == "google",
        "beside": (*first, *FIELDS, "proxy", "headers"),
        "is_open": problem is not None and problem.field is not None and problem.field not in (*plain, "confirm"),
        "problem": problem,
    }


NEW_PAGE = Page(
    path=ADD,
    title="Add a provider",
    summary="Where it is, what it speaks, and a first credential.",
    template="provider_form.html",
    load=load_new,
    permissions=(WRITE,),
    takes_secrets=True,
)

CHANGE_PAGE = Page(
    path=CHANGE,
    title="Change a provider",
    summary="Where it is, what it speaks, how its credentials are chosen.",
    template="provider_form.html",
    load=load_change,
    permissions=(WRITE,),
    takes_secrets=True,
)

PAGES = (NEW_PAGE, CHANGE_PAGE)

ACTIONS = (
    Action(ADD, NEW_PAGE, create),
    Action(CHANGE, CHANGE_PAGE, change),
    Action(DELETE, CHANGE_PAGE, delete),
)

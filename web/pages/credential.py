"""One credential of a provider: how it is doing, what is said of it, and changing that: its secret, its place among the
others, pausing it, deleting it. And the form for another one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.errors import Unacceptable
from gateway.management import configuration
from gateway.management.configured import CredentialView, ProviderView
from gateway.settings.objects import CredentialRules
from gateway.settings.stored import Kind
from web import resting, wishes
from web.credentials import CredentialLine, line_of
from web.entries import check_typed, version
from web.forms import Form, Problem
from web.page import Action, Page, Sent, Site, Visit
from web.pages.providers import PATH, READ, WRITE, lately, preset_of, standing_of
from web.resting import Rest
from web.seeing import visible_keys

NEW = f"{PATH}/{{id}}/credentials"
ONE = f"{PATH}/{{id}}/credentials/{{name}}"

FIELDS = ("models", "priority", "weight", "max_parallel")
BESIDE = ("name", "api_key", *FIELDS, "proxy", "headers")

USUAL = CredentialRules()


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the fields of a form about a credential."""

    values: Mapping[str, str]
    headers: tuple[str, ...]
    has_proxy: bool
    is_document: bool
    """Whether the secret is a file rather than a word."""
    beside: tuple[str, ...]
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class NewCredential:
    """What the template of the form shows."""

    provider: str
    typed: Typed
    action: str


@dataclass(frozen=True, slots=True)
class OneCredential:
    """What the template of one shows."""

    provider: str
    line: CredentialLine
    view: CredentialView
    rests: tuple[Rest, ...]
    typed: Typed
    may_write: bool
    action: str
    """Of the form that changes it."""


async def load_new(site: Site, visit: Visit) -> NewCredential:
    """The form for another one. Raises UnknownResource where there is no such provider."""
    provider = await _provider(site, visit)
    return NewCredential(provider.id, _typed(visit, provider, None), NEW)


async def load_one(site: Site, visit: Visit) -> OneCredential:
    """One that there is. Raises UnknownResource."""
    provider, view = await _provider(site, visit), await _view(site, visit)
    asked = lately(visit, await visible_keys(site, visit))
    day = {"filter": asked["filter"], "provider": provider.id}
    rows = await site.read("providers/standing", {**asked, "provider": provider.id})
    known = standing_of(site, visit, provider.id)
    every = () if known is None else known.credentials
    standing = next((each for each in every if each.credential == view.name), None)
    rested = await site.read("providers/rested", day) if standing is not None and standing.rests else []
    return OneCredential(
        provider=provider.id,
        line=line_of(view, standing, next((row for row in rows if row["credential"] == view.name), None)),
        view=view,
        rests=resting.rests_of(() if standing is None else standing.rests, rested),
        typed=_typed(visit, provider, view),
        may_write=visit.person.may(WRITE),
        action=f"{ONE}/change",
    )


async def create(site: Site, visit: Visit) -> Sent:
    """Another credential."""
    form, provider = visit.form, visit.names["id"]
    name, secret = form.text("name", 64), form.raw("api_key").strip()
    if not name:
        raise Unacceptable("Give it a name: usage records and headers call it by that.", param="name")
    if not secret:
        raise Unacceptable("Give the secret.", param="api_key")
    with wishes.beside_fields():
        said = {**wishes.said_only(wishes.read(form, FIELDS)), **wishes.said_only({"headers": wishes.headers(form)})}
        values = {"provider": provider, "name": name, "api_key": secret, **said, **wishes.proxy(form)}
        await configuration.create_object(site.office, visit.person, "credential", values)
    return Sent(f"{PATH}/{provider}?said=credential-added")


async def change(site: Site, visit: Visit) -> Sent:
    """Other rules, and another secret where one was typed."""
    form = visit.form
    with wishes.beside_fields():
        asked = {**wishes.read(form, FIELDS), "headers": wishes.headers(form), **wishes.proxy(form)}
        if secret := form.raw("api_key").strip():
            asked["api_key"] = secret
        await configuration.change_object(site.office, visit.person, _which(visit), asked, version(form))
    return Sent(f"{_where(visit)}?said=credential-changed")


async def pause(site: Site, visit: Visit) -> Sent:
    """It is not used for now."""
    await configuration.change_object(site.office, visit.person, _which(visit), {"paused": True}, None)
    return Sent(f"{_where(visit)}?said=credential-paused")


async def resume(site: Site, visit: Visit) -> Sent:
    """It is used again."""
    await configuration.change_object(site.office, visit.person, _which(visit), {"paused": None}, None)
    return Sent(f"{_where(visit)}?said=credential-resumed")


async def delete(site: Site, visit: Visit) -> Sent:
    """It is gone."""
    check_typed(visit.form, visit.names["name"], "confirm")
    await configuration.delete_object(site.office, visit.person, _which(visit), version(visit.form))
    return Sent(f"{PATH}/{visit.names['id']}?said=credential-deleted")


def _which(visit: Visit) -> tuple[Kind, str]:
    return "credential", f"{visit.names['id']}/{visit.names['name']}"


def _where(visit: Visit) -> str:
    return f"{PATH}/{visit.names['id']}/credentials/{visit.names['name']}"


async def _provider(site: Site, visit: Visit) -> ProviderView:
    view = await configuration.get_object(site.office, visit.person, "provider", visit.names["id"])
    assert isinstance(view, ProviderView)
    return view


async def _view(site: Site, visit: Visit) -> CredentialView:
    kind, name = _which(visit)
    view = await configuration.get_object(site.office, visit.person, kind, name)
    assert isinstance(view, CredentialView)
    return view


def _typed(visit: Visit, provider: ProviderView, view: CredentialView | None) -> Typed:
    form, of = visit.form, view if view is not None else USUAL
    preset, places = preset_of(provider), () if view is None else tuple(view.fingerprints)
    return Typed(
        values={"name": form.raw("name"), **{name: _value(form, of, name) for name in FIELDS}},
        headers=tuple(place.removeprefix("headers.") for place in places if place.startswith("headers.")),
        has_proxy="proxy" in places,
        is_document=preset is not None and preset.auth == "google",
        beside=BESIDE,
        problem=visit.problem,
    )


def _value(form: Form, of: CredentialRules, name: str) -> str:
    """What was typed, else what is there."""
    if form.every(name):
        return form.raw(name)
    value: Any = getattr(of, name)
    return ", ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)


NEW_PAGE = Page(
    path=NEW,
    title="Add a credential",
    summary="Another secret that the provider accepts.",
    template="credential_form.html",
    load=load_new,
    permissions=(WRITE,),
    takes_secrets=True,
)

ONE_PAGE = Page(
    path=ONE,
    title="Credential",
    summary="How it is doing, and what is said of it.",
    template="credential.html",
    load=load_one,
    permissions=(READ,),
    takes_secrets=True,
    refreshes=True,
    blocks=("state",),
)

PAGES = (NEW_PAGE, ONE_PAGE)

ACTIONS = (
    Action(NEW, NEW_PAGE, create),
    Action(f"{ONE}/change", ONE_PAGE, change),
    Action(f"{ONE}/pause", ONE_PAGE, pause),
    Action(f"{ONE}/resume", ONE_PAGE, resume),
    Action(f"{ONE}/delete", ONE_PAGE, delete),
)

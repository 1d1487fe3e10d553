"""What a page is, what its forms do, and how either becomes HTML. The only module that knows jinja2.

Knows templates and blocks. Does not know what any page shows, nor how a request comes in and an answer goes out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Protocol

from blacksheep import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gateway.access.csrf import FIELD
from gateway.management.office import Actor, Office
from gateway.management.openid import Login
from gateway.settings.model import Settings
from gateway.usage import figures
from web import assets, display
from web.browser import Browser
from web.forms import Form, Problem

Group = Literal["Watch", "Money", "Set up", "Run"]

Read = Callable[[str, Mapping[str, object]], Awaitable[list[dict[str, Any]]]]
"""The rows of a named statement."""

_NOTHING: Mapping[str, str] = MappingProxyType({})


class Entrance(Protocol):
    """How the pages learn who asks."""

    async def identify(self, request: Request) -> Actor:
        """Whoever shows a session, a token or a key. Raises NotSignedIn, StateUnavailable."""

    def session_token(self, request: Request) -> str | None:
        """The token of the session that a browser shows, be it over by now; None where it shows none that we signed."""


@dataclass(frozen=True, slots=True)
class Site:
    """What pages are made from."""

    read: Read
    settings: Callable[[], Settings]
    demo: bool
    """Nothing here is private: whoever comes may look around without a login."""
    version: str
    started_at_us: int
    endpoints: tuple[str, ...]
    """Paths of the inference endpoints."""
    office: Office
    entrance: Entrance
    login: Login
    """Speaks with the OpenID providers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One look at a page, or one form sent from it."""

    browser: Browser
    now_us: int
    actor: Actor | None = None
    """None for somebody who has shown nothing."""
    query: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    names: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    """What stands in the address where its path has a name in braces."""
    form: Form = field(default_factory=Form)
    problem: Problem | None = None
    """Why that form was not carried out."""
    made: object = None
    """What that form has made, to be shown this once."""

    @property
    def is_signed_in(self) -> bool:
        """Whether there is a person with a session."""
        return self.actor is not None and self.actor.session_id is not None

    @property
    def person(self) -> Actor:
        """Who asks, on pages and forms that are for somebody only."""
        assert self.actor is not None
        return self.actor


@dataclass(frozen=True, slots=True)
class Sent:
    """The browser is sent to another page of ours."""

    to: str
    cookies: tuple[bytes, ...] = ()
    """Values of `set-cookie` headers."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """The browser is sent to somebody else's page."""

    name: str
    url: str
    cookies: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """The page that the form stands on is shown with what the form has made."""

    made: object


@dataclass(frozen=True, slots=True)
class Notice:
    """A page that says one thing: what is wrong, and what to do."""

    status: int
    title: str
    text: str


Reply = Sent | Leaving | Shown | Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of the dashboard."""

    path: str
    title: str
    summary: str
    """What it shows, in one sentence."""
    template: str
    load: Callable[[Site, Visit], Awaitable[object]]
    """Makes the page's context, a frozen dataclass whose fields are what the template may name; or a Reply."""
    permissions: tuple[str, ...] = ()
    """One of these is needed to see it. Without any it is for whoever is signed in."""
    is_public: bool = False
    """Whether it is for everybody, signed in or not."""
    takes_secrets: bool = False
    """Whether its forms ask for a password."""
    group: Group | None = None
    """Where it stands in the rail; None for a page that does not."""
    blocks: tuple[str, ...] = ()
    """Parts that can be fetched alone: `?block=<name>`."""


@dataclass(frozen=True, slots=True)
class Action:
    """What a form does, or a provider that sends a browser back."""

    path: str
    page: Page
    """On which the form stands, and which says what is wrong with it. Who may see that may send this."""
    run: Callable[[Site, Visit], Awaitable[Reply]]
    """Raises GatewayError, of which `param` names the field that is wrong."""
    method: Literal["GET", "POST"] = "POST"


SAID: Mapping[str, str] = MappingProxyType(
    {
        "signed-out": "You are signed out.",
        "password": "Your password is changed. Your other sessions have ended.",
        "ended": "The session has ended.",
        "others-ended": "All your other sessions have ended.",
        "revoked": "The token is revoked.",
        "connected": "From now on you can log in with that account too.",
        "disconnected": "That account no longer logs you in.",
    }
)
"""What a page says of a form that was carried out, by the word in its address."""

_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=StrictUndefined,
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_environment.filters.update(display.FILTERS)
_environment.globals.update(
    asset=assets.url, age=display.age, csrf_field=FIELD, moment=display.moment, nothing=figures.NOTHING
)


def render(page: Page, context: object, frame: Mapping[str, object]) -> str:
    """The whole page. `frame` is what every page has around it."""
    return _environment.get_template(page.template).render(**_names(context), page=page, **frame)


def render_block(page: Page, block: str, context: object, frame: Mapping[str, object]) -> str:
    """One block of it."""
    template = _environment.get_template(page.template)
    return "".join(template.blocks[block](template.new_context({**_names(context), "page": page, **frame})))


def render_apart(template: str, context: object, frame: Mapping[str, object]) -> str:
    """What is no page of its own: a notice, or a step on the way."""
    return _environment.get_template(template).render(**_names(context), page=None, **frame)


def _names(context: object) -> dict[str, object]:
    return {field.name: getattr(context, field.name) for field in fields(context)}  # type: ignore[arg-type] # a dataclass

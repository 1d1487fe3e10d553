"""What a page is, what its forms do, and how either becomes HTML. The only module that knows jinja2.

Knows templates and blocks. Does not know what any page shows, nor how a request comes in and an answer goes out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, tzinfo
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Protocol, get_args

from blacksheep import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.environment import TemplateModule

from gateway.access.csrf import FIELD
from gateway.management.office import Actor, Office
from gateway.management.openid import Login
from gateway.settings.model import Settings
from gateway.usage import figures
from web import assets, display
from web.around import Around
from web.browser import Browser
from web.colours import Colours
from web.filters import address
from web.forms import LONGEST_BYTES, Form, Problem
from web.icons import ICONS
from web.span import USUAL, Span, span_of
from web.tables import Column

Group = Literal["Watch", "Money", "Set up", "Run"]

GROUPS: tuple[Group, ...] = get_args(Group)
"""In the order of the rail."""

Read = Callable[[str, Mapping[str, object]], Awaitable[list[dict[str, Any]]]]
"""The rows of a named statement, up to two seconds old: many who look at the same ask once."""

SAVED = "format"
"""In an address: a table of the page is wanted as a file."""

EVERY = 2**31 - 1
"""More rows than there are."""

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
    colours: Colours
    """Of models, keys and whatever else has a colour."""
    around: Around
    """The control process."""


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One look at a page, or one form sent from it."""

    browser: Browser
    now_us: int
    actor: Actor | None = None
    """None for somebody who has shown nothing."""
    query: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    """The words of the address; of one that stands there more than once the last."""
    pairs: Sequence[tuple[str, str]] = ()
    """The same as they stand there."""
    path: str = "/"
    """Of the address."""
    names: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    """What stands in the address where its path has a name in braces."""
    zone: tzinfo = UTC
    """Where whoever looks is, as far as their browser has said."""
    form: Form = field(default_factory=Form)
    problem: Problem | None = None
    """Why that form was not carried out."""
    made: object = None
    """What that form has made, to be shown this once."""

    @cached_property
    def span(self) -> Span:
        """The time that the address asks for, or the usual."""
        return self.span_or(USUAL)

    def span_or(self, usual: str) -> Span:
        """The time that the address asks for, or the one of this name."""
        return span_of(self.query, self.now_us, self.zone, usual)

    def most(self, shown: int) -> int:
        """How many rows are wanted at most: as many as are shown, but for a file, which has all of them."""
        return EVERY if SAVED in self.query else shown

    def every(self, name: str) -> tuple[str, ...]:
        """All that the address says by this word."""
        return tuple(value for word, value in self.pairs if word == name)

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


@dataclass(frozen=True, slots=True)
class Download:
    """A file, such as the table of a page."""

    name: str
    """As the browser is to keep it: letters, digits, `.` and `-`."""
    type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Flow:
    """An event stream that goes on for as long as somebody looks."""

    parts: AsyncIterator[bytes]
    """Never an empty one: that would be the end to whoever sends them."""
    end: Callable[[], None]
    """Nobody looks any more."""


@dataclass(frozen=True, slots=True)
class Sending:
    """A file of any length, sent as it is made."""

    name: str
    """As the browser is to keep it: letters, digits, `.` and `-`."""
    type: str
    flow: Flow


Reply = Sent | Leaving | Shown | Notice | Download


Stream = Callable[["Site", Visit], Awaitable[Flow]]
"""Begins one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of a page, as files have it."""

    name: str
    """By which an address asks for it."""
    columns: tuple[Column, ...]
    rows: Callable[[Any], Sequence[Any] | None]
    """Of what `load` gives; None where whoever looks may not see them."""
    load: Callable[[Site, Visit], Awaitable[object]] | None = None
    """Where the page shows a part of it at a time: what gives all of it, or a Reply. Else the page's own gives it."""
    file: Callable[[Visit], str] | None = None
    """What the file is called, where not by this name and the page's."""
    others: Mapping[str, tuple[str, Callable[[Sequence[Any]], bytes]]] = field(default_factory=dict)
    """Beside CSV and Parquet, by the word in an address: the type of such a file, and what writes it."""


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
    icon: str = ""
    """Its picture there, of ICONS."""
    letter: str = ""
    """`g` and this go to it."""
    span: str | None = None
    """The time that it usually shows, where one can choose: a word of SPANS."""
    stream: Stream | None = None
    """What tells more of it as it happens, at `<path>/events`."""
    mark: Callable[[Site], display.State | None] | None = None
    """What stands beside it in the rail, such as `2 open`. Asks nobody."""
    refreshes: bool = False
    """Whether it has blocks that are fetched anew while somebody looks."""
    blocks: tuple[str, ...] = ()
    """Parts that can be fetched alone: `?block=<name>`."""
    tables: tuple[Table, ...] = ()
    """What of it can be had as a file: `?format=csv`, with `table=<name>` for another one than the first."""


@dataclass(frozen=True, slots=True)
class Action:
    """What a form does, or a provider that sends a browser back."""

    path: str
    page: Page
    """On which the form stands, and which says what is wrong with it. Who may see that may send this."""
    run: Callable[[Site, Visit], Awaitable[Reply | Sending | Flow]]
    """Raises GatewayError, of which `param` names the field that is wrong."""
    method: Literal["GET", "POST"] = "POST"
    most_bytes: int = LONGEST_BYTES
    """Of the form."""
    abandonable: bool = False
    """Whether it is cancelled where whoever sent it leaves before it is done."""


SAID: Mapping[str, str] = MappingProxyType(
    {
        "signed-out": "You are signed out.",
        "password": "Your password is changed. Your other sessions have ended.",
        "ended": "The session has ended.",
        "others-ended": "All your other sessions have ended.",
        "revoked": "The token is revoked.",
        "connected": "From now on you can log in with that account too.",
        "disconnected": "That account no longer logs you in.",
        "provider-added": "The provider is set up. Probe it to see whether it answers.",
        "provider-changed": "The provider is changed; the next request goes by it.",
        "provider-deleted": "The provider is deleted.",
        "credential-added": "The credential is added.",
        "credential-changed": "The credential is changed; the next request goes by it.",
        "credential-paused": "The credential is paused: it is not used until it is resumed.",
        "credential-resumed": "The credential is used again.",
        "credential-deleted": "The credential is deleted.",
        "let-try": "The next request tries what rests.",
        "rests-ended": "What rested is used again.",
        "nothing-rests": "All rests are ended.",
        "key-changed": "The key is changed. Requests go by it from now on.",
        "key-paused": "The key is paused: it is refused until it is resumed.",
        "key-resumed": "The key works again.",
        "key-revoked": "The key is revoked. What ran with it has ended.",
        "key-counted": "Usage is reset: what the key has used so far no longer counts against its own limits.",
        "key-forgotten": "This browser no longer knows the key.",
        "user-changed": "The user is changed. A new role or address counts from now on.",
        "user-disabled": "The user is disabled: signed out, and their keys are refused.",
        "user-enabled": "The user may log in again, and their keys work.",
        "user-deleted": "The user is deleted.",
        "team-made": "The team is made. Say who belongs to it.",
        "team-changed": "The team is changed.",
        "team-deleted": "The team is deleted.",
        "member-put": "The team's members are changed.",
        "member-removed": "They no longer belong to the team.",
        "object-made": "It is created. Every worker uses it within a second.",
        "object-changed": "It is saved. Every worker uses it within a second.",
        "object-deleted": "It is deleted.",
        "key-held": "Requests from here use this key now.",
        "key-lent": "A key is created. Requests from here use it for an hour; then it is revoked.",
        "key-returned": "The key that was made for this is revoked.",
        "view-saved": "The view is saved.",
        "view-changed": "The view is changed.",
        "view-deleted": "The view is deleted.",
        "bodies-deleted": "The captured bodies are deleted. The usage record stays.",
        "query-saved": "The query is saved. Its address is what stands in the bar above.",
        "query-changed": "The query is changed.",
        "query-deleted": "The query is deleted.",
        "query-cancelled": "The query is cancelled. It ends within a moment.",
        "alert-closed": "The alert is closed: nobody is told of it until it grows worse, or comes back.",
        "file-read": "The configuration file was read again, and is in force in every process.",
        "file-refused": "The configuration file is refused, and nothing has changed. The reason is below.",
        "job-begun": "The job has started. Reload the page to see how it went.",
        "compacting": "Compacting the analytics store has started. Reload the page to see how it went.",
        "refreshing": "The price list is being fetched. Reload the page to see the result.",
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
    address=address,
    age=display.age,
    asset=assets.url,
    csrf_field=FIELD,
    icons=ICONS,
    instant=display.instant,
    local=display.local,
    moment=display.moment,
    nothing=figures.NOTHING,
)


def render(page: Page, context: object, frame: Mapping[str, object]) -> str:
    """The whole page. `frame` is what every page has around it."""
    return _environment.get_template(page.template).render(_around(page, context, frame))


def render_block(page: Page, block: str, context: object, frame: Mapping[str, object]) -> str:
    """One block of it."""
    template = _environment.get_template(page.template)
    return "".join(template.blocks[block](template.new_context(_around(page, context, frame))))


def render_apart(template: str, context: object, frame: Mapping[str, object]) -> str:
    """What is no page of its own: a notice, or a step on the way."""
    return _environment.get_template(template).render(_around(None, context, frame))


def _around(page: Page | None, context: object, frame: Mapping[str, object]) -> dict[str, object]:
    """Every name that a template may use; `parts` are the macros of `parts.html`, which know the frame."""
    names = _names(context)
    assert names.keys().isdisjoint(frame), f"{names.keys() & frame.keys()} would be hidden"
    return {"parts": _parts(frame), **names, **frame, "page": page}


def _parts(frame: Mapping[str, object]) -> TemplateModule:
    return _environment.get_template("parts.html").make_module(dict(frame))


def _names(context: object) -> dict[str, object]:
    return {field.name: getattr(context, field.name) for field in fields(context)}  # type: ignore[arg-type] # a dataclass

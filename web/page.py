"""What a page is, and how one becomes HTML. The only module that knows jinja2.

Knows templates and blocks. Does not know what any page shows, nor HTTP.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gateway.settings.model import Settings
from gateway.usage import figures
from web import assets, display

Role = Literal["anyone", "viewer", "admin"]
"""Who may see a page; each of them also sees what those before may."""

Group = Literal["Watch", "Money", "Set up", "Run"]

Read = Callable[[str, Mapping[str, object]], Awaitable[list[dict[str, Any]]]]
"""The rows of a named statement."""


@dataclass(frozen=True, slots=True)
class Site:
    """What pages are made from."""

    read: Read
    settings: Callable[[], Settings]
    demo: bool
    """Nothing here is private: usage is shown without a login."""
    version: str
    started_at_us: int
    endpoints: tuple[str, ...]
    """Paths of the inference endpoints."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One look at a page."""

    origin: str
    """As the browser sees us, e.g. `http://127.0.0.1:8080`."""
    now_us: int


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the dashboard."""

    path: str
    title: str
    summary: str
    """What it shows, in one sentence."""
    group: Group
    role: Role
    template: str
    blocks: tuple[str, ...]
    """Parts that can be fetched alone: `?block=<name>`."""
    load: Callable[[Site, Visit], Awaitable[object]]
    """Makes the page's context, a frozen dataclass whose fields are what the template may name."""


_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=StrictUndefined,
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_environment.filters.update(display.FILTERS)
_environment.globals.update(asset=assets.url, age=display.age, nothing=figures.NOTHING, moment=display.moment)


def render(page: Page, context: object, frame: Mapping[str, object]) -> str:
    """The whole page. `frame` is what every page has around it."""
    return _environment.get_template(page.template).render(**_names(context), page=page, **frame)


def render_block(page: Page, block: str, context: object, frame: Mapping[str, object]) -> str:
    """One block of it."""
    template = _environment.get_template(page.template)
    return "".join(template.blocks[block](template.new_context({**_names(context), "page": page, **frame})))


def render_notice(title: str, text: str, frame: Mapping[str, object]) -> str:
    """A page that says one thing: what is wrong, and what to do."""
    return _environment.get_template("notice.html").render(title=title, text=text, page=None, **frame)


def _names(context: object) -> dict[str, object]:
    return {field.name: getattr(context, field.name) for field in fields(context)}  # type: ignore[arg-type] # a dataclass

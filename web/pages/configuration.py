"""Every setting: what holds, who said it and where, its default, what it means; and how reading the file went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from gateway.management import configuration, reloads
from gateway.management.audit import READ as HISTORY
from gateway.management.configuration import READ
from gateway.management.configured import SettingView
from gateway.management.reloads import Differing, Outcome, Pending
from gateway.settings.model import Settings
from web.differing import Difference, differences
from web.filters import Chip, address
from web.frame import Choice
from web.page import Action, Page, Sent, Site, Table, Visit
from web.settled import SOURCES, Source, said, source_of
from web.tables import Column

PATH = "/configuration"

LONGEST_WORD = 100

WORDS: Mapping[str, str] = MappingProxyType(
    {"search": "Search", "origin": "Said by", "differs": "Default", "when": "Takes effect"}
)
"""What one can filter by, by the word in the address."""

CHOICES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "origin": {source: source for source in SOURCES},
        "differs": {"yes": "differs"},
        "when": {"start": "with the next start", "now": "at once"},
    }
)
"""What such a word may say, and what is shown of it."""

BECAME: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "applied": ("goes by it", "good"),
        "refused": ("refused it", "bad"),
        "silent": ("does not answer", "warning"),
        "starting": ("was being started", "neutral"),
    }
)
"""What became of settings in a process, in words, and what that means."""


@dataclass(frozen=True, slots=True)
class SettingRow:
    """A setting."""

    path: str
    name: str
    description: str
    value: str
    default: str
    differs: bool
    source: Source
    origin: str
    next_start: bool
    reason: str
    """Why only file, environment and command line say it; empty where the database may."""
    problem: str
    """Why what the database says is left out; empty where it is not, or says nothing."""
    is_hidden: bool
    """Whether the database says something as well that does not count."""
    fingerprints: tuple[tuple[str, str], ...]
    """Of secrets, by their places."""


@dataclass(frozen=True, slots=True)
class Part:
    """A section of the configuration."""

    name: str
    about: str
    rows: tuple[SettingRow, ...]


@dataclass(frozen=True, slots=True)
class Became:
    """What became of the settings in a process."""

    process: str
    word: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Reading:
    """How reading the file went."""

    at_us: int
    generation: int
    error: str
    processes: tuple[Became, ...]
    waiting: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ahead:
    """A thing that would be another one after the next reading."""

    kind: str
    name: str
    what: str
    """`new`, `changed` or `gone`."""
    origin: str
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """What is in the file against what holds."""

    error: str
    ahead: tuple[Ahead, ...]
    waiting: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the template shows."""

    views: tuple[Choice, ...]
    sections: tuple[Part, ...]
    shown: int
    total: int
    asked: Mapping[str, str]
    choices: Mapping[str, Mapping[str, str]]
    sources: Mapping[Source, str]
    chips: tuple[Chip, ...]
    clear: str
    odd: tuple[str, ...]
    may_read: bool
    may_reload: bool
    watches: bool
    reading: Reading | None
    compare: str
    compared: Compared | None


async def load(site: Site, visit: Visit) -> Configuration:
    """The page's context. Raises ControlUnavailable where the file is to be compared and the
    supervisor does not answer."""
    asked, odd = _asked(visit.query)
    every = [_row(view) for view in await configuration.list_settings(site.office, visit.person)]
    rows = [row for row in every if _is_wanted(row, asked)]
    may_read = visit.person.may(reloads.READ)
    last = reloads.last_reload(visit.person, site.around.reloads) if may_read else None
    compares = may_read and visit.query.get("file") == "compare"
    return Configuration(
        views=views_of(visit),
        sections=_parts(rows),
        shown=len(rows),
        total=len(every),
        asked=asked,
        choices=CHOICES,
        sources=SOURCES,
        chips=tuple(
            Chip(word, WORDS[word], CHOICES.get(word, {}).get(text, text), address(PATH, asked, {word: ""}))
            for word, text in asked.items()
        ),
        clear=PATH,
        odd=odd,
        may_read=may_read,
        may_reload=visit.person.may(reloads.WRITE),
        watches=site.settings().server.watch_config,
        reading=None if last is None else _reading(last),
        compare=address(PATH, asked, {"file": "compare"}),
        compared=_compared(await reloads.pending(site.office, visit.person, site.around.reloads)) if compares else None,
    )


async def reload(site: Site, visit: Visit) -> Sent:
    """Have the file read again."""
    outcome = await reloads.reload(visit.person, site.around.reloads)
    return Sent(address(PATH, {"said": "file-refused" if outcome.error else "file-read"}))


def views_of(visit: Visit) -> tuple[Choice, ...]:
    """The pages about the configuration, those that whoever asks may see."""
    found = (("settings", "Settings", PATH), ("objects", "Objects", f"{PATH}/objects"))
    history = (("changes", "Changes", f"{PATH}/changes"),) if visit.person.may(HISTORY) else ()
    return tuple(Choice(word, title, url, url == visit.path) for word, title, url in (*found, *history))


def _asked(query: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """What the address asks for, as far as it is understood, and titles of the words that are not."""
    words = {word: query.get(word, "").strip()[:LONGEST_WORD] for word in WORDS}
    odd = [word for word, text in words.items() if text and word in CHOICES and text not in CHOICES[word]]
    return {word: text for word, text in words.items() if text and word not in odd}, tuple(WORDS[word] for word in odd)


def _is_wanted(row: SettingRow, asked: Mapping[str, str]) -> bool:
    text = f"{row.path} {row.description} {row.value} {row.origin}".lower()
    return (
        all(word in text for word in asked.get("search", "").lower().split())
        and asked.get("origin", row.source) == row.source
        and ("differs" not in asked or row.differs)
        and asked.get("when", "start" if row.next_start else "now") == ("start" if row.next_start else "now")
    )


def _row(view: SettingView) -> SettingRow:
    managed = view.managed
    return SettingRow(
        path=view.path,
        name=view.path.partition(".")[2],
        description=view.description,
        value=said(view.value),
        default=said(view.default),
        differs=said(view.value) != said(view.default) or bool(view.fingerprints),
        source=source_of(managed),
        origin=managed.origin or "",
        next_start=view.next_start,
        reason=view.reason or "",
        problem=managed.problem or "",
        is_hidden=managed.hidden,
        fingerprints=tuple(view.fingerprints.items()),
    )


def _parts(rows: Sequence[SettingRow]) -> tuple[Part, ...]:
    """By section, in the order of the documentation."""
    grouped: dict[str, list[SettingRow]] = {}
    for row in rows:
        grouped.setdefault(row.path.partition(".")[0], []).append(row)
    return tuple(Part(name, _about(name), tuple(found)) for name, found in grouped.items())


def _about(section: str) -> str:
    return " ".join((type(getattr(Settings(), section)).__doc__ or "").split())


def _reading(last: Outcome) -> Reading:
    processes = tuple(Became(name, *BECAME.get(word, (word, "neutral"))) for name, word in last.children.items())
    return Reading(last.at_us, last.generation, last.error, processes, last.waiting)


def _compared(pending: Pending) -> Compared:
    return Compared(pending.error, tuple(map(_ahead, pending.differing)), pending.waiting)


def _ahead(one: Differing) -> Ahead:
    what = "new" if one.before is None else "gone" if one.after is None else "changed"
    return Ahead(one.kind, one.name, what, one.origin, differences(one.before, one.after))


def _every_row(page: Configuration) -> list[SettingRow]:
    return [row for part in page.sections for row in part.rows]


def _value(row: SettingRow) -> str:
    return row.value or " ".join(f"fingerprint {mark}" for _, mark in row.fingerprints)


COLUMNS = (
    Column("setting", head="Setting", value=lambda row: row.path),
    Column("value", head="Value", value=_value),
    Column("default", head="Default"),
    Column("differs", "flag"),
    Column("said_by", head="Said by", value=lambda row: row.source),
    Column("where", head="Said by", value=lambda row: row.origin),
    Column("problem", head="Said by"),
    Column("changes", value=lambda row: CHOICES["when"]["start" if row.next_start else "now"]),
    Column("description", head="Meaning"),
)
"""Values are as the configuration file would have them: of settings there are many kinds."""

PAGE = Page(
    path=PATH,
    title="Configuration",
    summary="What every setting is, who said it and where, and what it would be if nobody had.",
    template="configuration.html",
    load=load,
    permissions=(READ,),
    group="Run",
    icon="configuration",
    letter="c",
    tables=(Table(name="settings", columns=COLUMNS, rows=_every_row),),
)

ACTIONS = (Action(f"{PATH}/reload", PAGE, reload),)

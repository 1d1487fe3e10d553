"""The audit log: who changed what, when and from where, and what it was before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import quote

from msgspec import json, structs

from gateway.management import audit
from gateway.management.audit import READ, AuditEntry, AuditFilter
from gateway.settings.instants import read_instant
from gateway.store.keys import ID_PREFIX
from web.differing import Difference, differences
from web.filters import Chip, address
from web.page import Page, Site, Table, Visit
from web.span import instant_said
from web.tables import Column

PATH = "/audit"

ROWS = 50

LONGEST_WORD = 100

WORDS: Mapping[str, str] = MappingProxyType(
    {
        "who": "Who",
        "by": "Kind of actor",
        "action": "Action",
        "kind": "Kind of object",
        "what": "What",
        "from": "From",
        "to": "Until",
    }
)
"""What one can filter by, by the word in the address."""

TARGETS: Mapping[str, str] = MappingProxyType({"who": "actor", "by": "actor_kind", "kind": "target_kind"})
"""What such a word is called by the log, where that is another name."""

ACTORS: Mapping[str, str] = MappingProxyType(
    {
        "user": "user",
        "token": "API token",
        "operator": "command line",
        "system": "gateway",
        "key": "client key",
        "anybody": "nobody signed in",
    }
)
"""Who changes things, in words."""

Link = Callable[[str], str]

_PLACES: Mapping[str, Link] = MappingProxyType(
    {
        "alert": lambda _: "/alerts",
        "alias": lambda name: address("/models/aliases", {"search": name}),
        "combo": lambda name: address("/models/combos", {"search": name}),
        "credential": lambda name: f"/providers/{_quoted(name, 'credentials')}",
        "key": lambda name: f"/keys/{ID_PREFIX}{quote(name, safe='')}",
        "limit": lambda name: address("/configuration/objects", {"search": name}),
        "price": lambda name: "/models/prices",
        "provider": lambda name: f"/providers/{quote(name, safe='')}",
        "request": lambda name: f"/requests/{quote(name, safe='')}",
        "rest": lambda _: "/providers",
        "setting": lambda name: address("/configuration", {"search": name}),
        "team": lambda name: f"/people/teams/{quote(name, safe='')}",
        "user": lambda name: f"/people/{quote(name, safe='')}",
    }
)
"""Where things are, by their kind."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A change as two rows: what happened, and what is different since."""

    id: str
    at_us: int
    who: str
    who_kind: str
    who_link: str
    action: str
    kind: str
    what: str
    link: str
    address: str
    is_new: bool
    """Whether there is nothing that it was before."""
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Audit:
    """What the template shows."""

    entries: tuple[Entry, ...]
    asked: Mapping[str, str]
    chips: tuple[Chip, ...]
    clear: str
    odd: tuple[str, ...]
    """Words of the address that nobody understands."""
    older: str
    newest: str
    actors: Mapping[str, str]
    kinds: tuple[str, ...]


async def load(site: Site, visit: Visit) -> Audit:
    """The page's context. Raises NotPermitted, StateUnavailable."""
    asked, odd = _asked(visit)
    wanted = _filter(asked, visit)
    before = visit.query.get("before") or None
    found = await audit.list_entries(site.office, visit.person, wanted, after_id=before, limit=ROWS + 1)
    return Audit(
        entries=tuple(map(_entry, found[:ROWS])),
        asked=asked,
        chips=tuple(
            Chip(word, WORDS[word], ACTORS.get(text, text) if word == "by" else text, address(PATH, asked, {word: ""}))
            for word, text in asked.items()
        ),
        clear=PATH,
        odd=odd,
        older=address(PATH, asked, {"before": found[ROWS - 1].id}) if len(found) > ROWS else "",
        newest=address(PATH, asked) if before else "",
        actors=ACTORS,
        kinds=tuple(_PLACES),
    )


def link_to(kind: str, name: str | None) -> str:
    """Where something is that the log names; empty where it has no page, or nobody said which one it is."""
    place = _PLACES.get(kind)
    return place(name) if place is not None and name else ""


def _quoted(name: str, between: str) -> str:
    """`openai/first` as `openai/credentials/first`."""
    provider, _, credential = name.partition("/")
    return f"{quote(provider, safe='')}/{between}/{quote(credential, safe='')}"


def _asked(visit: Visit) -> tuple[dict[str, str], tuple[str, ...]]:
    """What the address asks for, as far as it is understood, and the words that are not."""
    said = {word: visit.query.get(word, "").strip()[:LONGEST_WORD] for word in WORDS}
    odd = [word for word in ("from", "to") if said[word] and _instant(said, word, visit) is None]
    odd += [word for word in ("by",) if said[word] and said[word] not in ACTORS]
    return {word: text for word, text in said.items() if text and word not in odd}, tuple(WORDS[word] for word in odd)


def _instant(asked: Mapping[str, str], word: str, visit: Visit) -> int | None:
    return instant_said(asked.get(word, ""), visit.zone, is_end=word == "to")


def _filter(asked: Mapping[str, str], visit: Visit) -> AuditFilter:
    texts = {TARGETS.get(word, word): text for word, text in asked.items() if word not in ("what", "from", "to")}
    return AuditFilter(
        **texts,
        target=asked.get("what"),
        since_us=_instant(asked, "from", visit),
        until_us=_instant(asked, "to", visit),
    )


def _entry(entry: AuditEntry) -> Entry:
    return Entry(
        id=entry.id,
        at_us=read_instant(entry.at),
        who=entry.actor_name,
        who_kind=ACTORS.get(entry.actor_kind, entry.actor_kind),
        who_link=link_to("user", entry.actor_id) if entry.actor_kind == "user" else "",
        action=entry.action,
        kind=entry.target_kind,
        what=entry.target_name or entry.target_id or "",
        link=link_to(entry.target_kind, entry.target_id),
        address=entry.address or "",
        is_new=entry.before is None,
        differences=differences(entry.before, entry.after),
    )


# As a file


def _told(value: Mapping[str, object] | None) -> str | None:
    return None if value is None else json.encode(value).decode()


COLUMNS = (
    Column("id"),
    Column("at", "moment", "When", lambda entry: read_instant(entry.at)),
    Column("actor_kind", head="Who"),
    Column("actor_id"),
    Column("actor", head="Who", value=lambda entry: entry.actor_name),
    Column("address", head="From"),
    Column("action", head="Action"),
    Column("target_kind", head="What"),
    Column("target_id"),
    Column("target", head="What", value=lambda entry: entry.target_name),
    Column("before", head="From what to what", value=lambda entry: _told(entry.before)),
    Column("after", head="From what to what", value=lambda entry: _told(entry.after)),
)
"""What was before and after is JSON."""


async def _every(site: Site, visit: Visit) -> list[AuditEntry]:
    """All that the filters let through."""
    wanted = _filter(_asked(visit)[0], visit)
    return [entry async for entry in audit.export_entries(site.office, visit.person, wanted)]


def _lines(entries: Sequence[AuditEntry]) -> bytes:
    return b"".join(json.encode(structs.asdict(entry)) + b"\n" for entry in entries)


TABLE = Table(
    name="audit",
    columns=COLUMNS,
    rows=list,
    load=_every,
    others={"jsonl": ("application/x-ndjson", _lines)},
)

PAGE = Page(
    path=PATH,
    title="Audit",
    summary="Who changed what, when and from where, and what it was before. Secrets stand here as fingerprints.",
    template="audit.html",
    load=load,
    permissions=(READ,),
    group="Run",
    icon="audit",
    letter="a",
    tables=(TABLE,),
)

"""What happened to one request: who was asked in which order and why, how long each part took, what it used, what it
cost and by which prices, what translation lost, and the ids to quote when asking the provider about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import UUID

from gateway.errors import UnknownResource
from gateway.management import bodies, configuration, keys, people, teams
from gateway.management.office import Actor
from gateway.records import ClientKey, Price, Tokens
from gateway.usage import figures, paging
from gateway.usage.bill import lines_of
from gateway.usage.figures import HOUR
from web import course, display
from web.course import Step, Tick
from web.display import State
from web.entries import mark
from web.filters import address
from web.names import Names, names_of
from web.page import Action, Page, Sent, Site, Visit
from web.pages import aliases, combos, requests
from web.pages.said import Bodies, bodies_of
from web.seeing import EVERYBODYS, OWN, visible_keys
from web.shell import ANYBODY, CHAT, Ask, curl, model_among
from web.why import Passed, Piece, Places, Try, passed_of, sentence_of, tries_of

Row = Mapping[str, Any]

SOURCES: Mapping[str, str] = {
    "reported": "the provider's own count",
    "counted": "our own count, with the model's tokenizer: the provider gave none, or not of all",
    "estimated": "an estimate: the provider gave no count, or was cut short before it did",
    "none": "nothing was used, or nobody can tell",
}
OTHER_MODEL = "another model than the one that was asked"

COST_SOURCES: Mapping[str, str] = {
    "reported": "as the provider itself says",
    "priced": "reckoned from a price",
    "unpriced": "not known: the model has no price",
    "none": "there was nothing to pay for",
}


@dataclass(frozen=True, slots=True)
class Used:
    """Tokens of a kind, and what part of others they are."""

    kind: str
    count: int
    is_part: bool


@dataclass(frozen=True, slots=True)
class Charge:
    """A line of the bill."""

    kind: str
    count: int
    rate: str
    """Of a million tokens."""
    cost: str


@dataclass(frozen=True, slots=True)
class Bill:
    """What it cost, and why."""

    nano_usd: int | None
    source: str
    price: str | None
    lines: tuple[Charge, ...]
    """Empty where the price has changed since."""
    has_changed: bool
    """Whether the price that holds now gives another sum."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A word and what it is."""

    word: str
    value: str
    link: str = ""
    is_code: bool = False
    note: str = ""
    """What is to be said of it."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A field that the provider never heard of, or that was got by other means."""

    field: str
    is_emulated: bool


@dataclass(frozen=True, slots=True)
class Detail:
    """What the template shows."""

    id: str
    title: str
    """The model, or else what was asked."""
    started_at_us: int
    state: State
    status: int
    error: str | None
    why: tuple[Piece, ...]
    steps: tuple[Step, ...]
    ticks: tuple[Tick, ...]
    total_us: int
    ours_us: int
    theirs_us: int
    first_byte_us: int | None
    tries: tuple[Try, ...]
    passed: tuple[Passed, ...]
    passed_more: int
    """How many more were passed over."""
    used: tuple[Used, ...]
    usage_source: str
    is_estimate: bool
    speed: str
    bill: Bill
    losses: tuple[Loss, ...]
    dialects: str
    facts: tuple[Fact, ...]
    ids: tuple[Fact, ...]
    curl: str
    around: tuple[Fact, ...]
    """Where others like it are."""
    bodies: Bodies | None
    """What was said; None for whoever may not read that."""
    replay: str
    """Where it can be sent once more; empty for whoever may not."""


async def load(site: Site, visit: Visit) -> Detail:
    """The page's context. Raises UnknownResource."""
    row = await request_row(site, visit, visit.names["id"])
    names, places = await names_of(site), _places(site, visit)
    price = site.around.price_of(row["provider"], row["model"]) if row["model"] else None
    said = await bodies_of(site, visit, row["id"], is_captured=bool(row["captured"]))
    return Detail(
        id=row["id"],
        title=requests.model_of(row) or row["endpoint"] or PAGE.title,
        started_at_us=row["started_at_us"],
        state=display.ended(row["status"], row["error"]),
        status=row["status"],
        error=row["error"],
        why=sentence_of(row, places),
        steps=course.steps_of(row),
        ticks=course.ticks_of(row["total_us"]),
        total_us=row["total_us"],
        ours_us=row["overhead_us"],
        theirs_us=row["upstream_us"],
        first_byte_us=row["first_byte_us"],
        tries=tries_of(row, places),
        passed=passed_of(row, places),
        passed_more=row["passed_more"] or 0,
        used=tuple(_used(row)),
        usage_source=SOURCES.get(row["usage_source"], row["usage_source"]),
        is_estimate=row["usage_source"] == "estimated",
        speed=_speed(row),
        bill=_bill(row, price),
        losses=tuple(_loss(each) for each in row["dropped"] or ()),
        dialects=_dialects(row),
        facts=_facts(row, names, visit.person),
        ids=_ids(row),
        curl=await _curl(site, visit, row, said.asked if said is not None else ""),
        around=_around(row),
        bodies=said,
        replay=address("/playground", {"replay": row["id"]}) if visit.person.may(configuration.READ) else "",
    )


async def delete_bodies(site: Site, visit: Visit) -> Sent:
    """Nothing of what was said is kept any more. Raises NotPermitted, UnknownResource."""
    visit.person.require(bodies.WRITE)
    row = await request_row(site, visit, visit.names["id"])
    await bodies.delete_bodies(site.office, visit.person, row["id"])
    return Sent(f"/requests/{row['id']}?said=bodies-deleted")


async def request_row(site: Site, visit: Visit, wanted: str) -> Row:
    """All that is known of a request that whoever looks may see. Raises UnknownResource."""
    try:
        known = UUID(wanted)
    except ValueError:
        raise UnknownResource("This is no id of a request.") from None
    row = await paging.one(site.read, known, key_ids=await visible_keys(site, visit))
    if row is None:
        raise UnknownResource(
            "No request with this id is known. It may be older than what is kept, still be under way, or not be yours."
        )
    return row


USED = (
    ("input", "input_tokens", False),
    ("read from the cache", "cache_read_tokens", True),
    ("written to the cache", "cache_write_tokens", True),
    ("of these for an hour", "cache_write_1h_tokens", True),
    ("audio", "input_audio_tokens", True),
    ("images", "input_image_tokens", True),
    ("output", "output_tokens", False),
    ("reasoning", "reasoning_tokens", True),
    ("audio, output", "output_audio_tokens", True),
    ("images, output", "output_image_tokens", True),
)
"""Kinds of tokens, their column, and whether they are a part of the kind above."""


def _used(row: Row) -> list[Used]:
    counted = ((kind, row[column] or 0, is_part) for kind, column, is_part in USED)
    return [Used(kind, count, is_part) for kind, count, is_part in counted if count or not is_part]


def _speed(row: Row) -> str:
    """How fast tokens came once they came."""
    took = row["total_us"] - (row["first_byte_us"] or row["total_us"])
    if not row["stream"] or took < 10_000 or (row["output_tokens"] or 0) < 2:
        return ""
    return f"{row['output_tokens'] * 1e6 / took:,.0f} tokens/s"


def _bill(row: Row, price: Price | None) -> Bill:
    cost, source = row["cost_nano_usd"], row["cost_source"] or "none"
    said = COST_SOURCES.get(source, source)
    if source != "priced" or price is None or cost is None:
        return Bill(cost, said, row["price"], (), has_changed=source == "priced")
    lines = lines_of(_tokens(row), price)
    if lines.nano_usd != cost:
        return Bill(cost, said, row["price"], (), has_changed=True)
    charges = [
        Charge(line.kind, line.count, figures.exact_money(line.rate * 1000), _money(line.pico_usd))
        for line in lines.lines
    ]
    if lines.request_nano_usd:
        charges.append(Charge("the request", 1, "", figures.exact_money(lines.request_nano_usd)))
    return Bill(cost, said, row["price"], tuple(charges), has_changed=False)


def _money(pico_usd: int) -> str:
    return figures.exact_money(round(pico_usd / 1000))


def _tokens(row: Row) -> Tokens:
    kinds = ("input", "output", "cache_read", "cache_write", "reasoning", "cache_write_1h")
    more = ("input_audio", "input_image", "output_audio", "output_image")
    return Tokens(**{kind: row[f"{kind}_tokens"] or 0 for kind in (*kinds, *more)})


def _loss(said: str) -> Loss:
    field, emulated, _ = said.partition(" (emulated)")
    return Loss(field, bool(emulated))


def _dialects(row: Row) -> str:
    if not row["upstream_format"]:
        return ""
    return f"{row['endpoint']} to {row['upstream_format']}"


def _places(site: Site, visit: Visit) -> Places:
    """Where whoever looks finds what is named."""
    settings = site.settings()
    kinds = {
        combos.PATH: {each.name for each in settings.combos},
        aliases.PATH: {each.name for each in settings.aliases},
    }

    def link(name: str) -> str:
        return next((f"{path}#{mark(name)}" for path, known in kinds.items() if name in known), "")

    return Places(visit.person.may(configuration.READ), link)


def _facts(row: Row, names: Names, actor: Actor) -> tuple[Fact, ...]:
    key, user, team = row["key_id"] or row["key"] or "", row["user_id"] or "", row["team_id"] or ""
    seen = {
        "/keys/": actor.may(keys.READ, keys.OWN),
        "/people/": actor.may(people.READ),
        "/people/teams/": actor.may(teams.READ, teams.OWN),
    }

    def link(path: str, name: str) -> str:
        return f"{path}{quote(name, safe=':')}" if name and seen[path] else ""

    facts = (
        Fact("Key", row["key"] or "", link("/keys/", key)),
        Fact("User", names.user(user), link("/people/", user)),
        Fact("Team", names.team(team), link("/people/teams/", team)),
        Fact("Endpoint", row["endpoint"] or "", is_code=True),
        Fact("Asked for", row["requested_model"] or "", is_code=True),
        Fact("Sent to", requests.model_of(row) if row["model"] else "", is_code=True),
        Fact("Answered by", row["answered_model"] or "", is_code=True, note=OTHER_MODEL if row["other_model"] else ""),
        Fact("Streamed", "yes" if row["stream"] else "no"),
        Fact("Tools", {True: "offered", False: "none"}.get(row["has_tools"], "")),
        Fact("Tags", ", ".join(row["tags"] or ())),
        Fact("Client", row["user_agent"] or ""),
        Fact("Request", _size(row["request_bytes"])),
        Fact("Answer", _size(row["response_bytes"])),
        Fact("Machine", " ".join(filter(None, (row["node"], f"worker {row['worker']}")))),
    )
    return tuple(fact for fact in facts if fact.value)


def _size(size: int | None) -> str:
    return f"{figures.exact_count(size)} bytes" if size else ""


def _ids(row: Row) -> tuple[Fact, ...]:
    ids = (
        Fact("Ours", row["id"], is_code=True),
        Fact("The provider's", row["upstream_request_id"] or "", is_code=True),
        Fact("Trace", row["trace_id"] or "", is_code=True),
    )
    return tuple(each for each in ids if each.value)


def _around(row: Row) -> tuple[Fact, ...]:
    """Other requests near it, and others like it."""
    from_us = row["started_at_us"] - HOUR
    near = {"from": _minute(from_us), "to": _minute(row["started_at_us"] + HOUR)}
    found = [Fact("An hour before and after", "", address(requests.PATH, near))]
    if row["error"]:
        found.append(
            Fact(f"Others that ended with {row['error']}", "", address(requests.PATH, {"error": row["error"]}))
        )
    if row["key"]:
        found.append(Fact("Others of this key", "", address(requests.PATH, {"key": row["key_id"] or row["key"]})))
    return tuple(found)


def _minute(at_us: int) -> str:
    return display.instant(at_us)[:16]


async def _curl(site: Site, visit: Visit, row: Row, asked: str) -> str:
    """A line that sends it once more, where its body is known; else one that asks the least of the same model at the
    same endpoint, or of another one where it named none."""
    endpoint = row["endpoint"] if row["endpoint"] in site.endpoints else CHAT
    model = row["requested_model"] or model_among(
        site.around.foresight.names(await _key(site, visit, row["key"])), endpoint
    )
    return curl(visit.browser.origin, Ask(endpoint, model, bool(row["stream"]), asked))


async def _key(site: Site, visit: Visit, name: str | None) -> ClientKey:
    """The key of a request, as far as whoever looks may see it; else one that may ask for everything."""
    if not name or not visit.person.may(keys.READ, keys.OWN):
        return ANYBODY
    try:
        return await keys.get_client_key(site.office, visit.person, name)
    except UnknownResource:
        return ANYBODY


PAGE = Page(
    path="/requests/{id}",
    title="Request",
    summary="What happened to it, step by step.",
    template="request.html",
    load=load,
    permissions=(EVERYBODYS, OWN),
)

ACTIONS = (Action("/requests/{id}/delete-bodies", PAGE, delete_bodies),)

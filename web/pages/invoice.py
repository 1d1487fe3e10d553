"""A provider's invoice beside what was booked: where they agree, day by day and model by model, and where they do not.

What somebody pastes here is compared and forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from gateway.errors import Unacceptable
from gateway.usage import figures
from gateway.usage.chosen import Filter
from gateway.usage.figures import DAY, SECOND
from gateway.usage.invoice import (
    AGREES_SHARE,
    MOST_DAYS,
    Beside,
    Booked,
    Invoice,
    Standing,
    by_day,
    by_model,
    in_all,
    read_invoice,
)
from gateway.usage.reach import known_days, lack_of
from web.display import State
from web.filters import address
from web.forms import Problem
from web.page import Action, Page, Shown, Site, Visit
from web.reach import Note, notes_of
from web.seeing import EVERYBODYS
from web.span import between

PATH = "/spend/invoice"

LONGEST_BYTES = 2 * 1024 * 1024
"""Of the form: a year of some twenty models, as forms encode it."""

MOST_PROVIDERS = 200

MOST_SHOWN = 12
"""Lines that are named where they were passed over."""

STATES: Mapping[Standing, State] = {
    "agrees": State("agrees", "good"),
    "less": State("less was booked", "warning"),
    "more": State("more was booked", "warning"),
}

UNNAMED = "no model named"

EXAMPLE = "date,model,cost_usd\n2026-11-01,gpt-5,12.34\n2026-11-02,gpt-5,9.80"


@dataclass(frozen=True, slots=True)
class Line:
    """A day, a model, or all of them: both sums, and how they differ."""

    name: str
    link: str
    """To its requests; empty where it has none."""
    billed: int | None
    booked: int | None
    difference: str
    exact_difference: str
    share: str
    state: State
    requests: int
    remarks: str
    """What may be why."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What came of it."""

    provider: str
    since: str
    until: str
    """Its first and its last day."""
    whole: Line
    days: tuple[Line, ...]
    models: tuple[Line, ...]
    """None where the invoice names none."""
    left_out: str
    """Which of its lines are in no sum."""
    notes: tuple[Note, ...]
    """What the books lack."""


@dataclass(frozen=True, slots=True)
class Books:
    """What the template shows."""

    providers: tuple[tuple[str, str], ...]
    provider: str
    typed: str
    example: str
    agrees: str
    compared: Compared | None
    problem: Problem | None


async def load(site: Site, visit: Visit) -> Books:
    """The page's context."""
    return Books(
        providers=tuple((each, each) for each in await _providers(site, visit)),
        provider=visit.form.raw("provider") or visit.query.get("provider", ""),
        typed=visit.form.raw("invoice").replace("\r\n", "\n"),
        example=EXAMPLE,
        agrees=f"{AGREES_SHARE * 100:g} %",
        compared=visit.made if isinstance(visit.made, Compared) else None,
        problem=visit.problem,
    )


async def compare(site: Site, visit: Visit) -> Shown:
    """What was typed beside what was booked."""
    provider = visit.form.text("provider", 300)
    if provider not in await _providers(site, visit):
        raise Unacceptable("There is no such provider.", param="provider")
    # A year of many models takes half a second, in which others look at pages.
    invoice = await asyncio.to_thread(read_invoice, visit.form.raw("invoice"))
    booked, notes = await _booked(site, invoice, provider)
    lines = _Lines(provider, visit.zone)
    whole = (invoice.since_us, invoice.until_us)
    models = by_model(invoice, booked) if invoice.names_models else {}
    return Shown(
        Compared(
            provider=provider,
            since=_day(invoice.since_us),
            until=_day(invoice.until_us - DAY),
            whole=lines.of("All of it", in_all(invoice, booked), whole),
            days=tuple(lines.of(_day(day), both, (day, day + DAY)) for day, both in by_day(invoice, booked).items()),
            models=tuple(lines.of(model or UNNAMED, both, whole, model) for model, both in models.items()),
            left_out=_left_out(invoice.left_out),
            notes=notes,
        )
    )


async def _providers(site: Site, visit: Visit) -> Sequence[str]:
    """Those that there are, and those that there were: invoices come late."""
    asked = Filter(since_us=visit.now_us - MOST_DAYS * DAY, until_us=visit.now_us)
    parameters = {"filter": asked.parameter(), "rolled_until_us": site.around.rolled_until_us}
    rows = await site.read("overview/ranked", {**parameters, "kind": "provider", "limit": MOST_PROVIDERS})
    return sorted({row["name"] for row in rows} | {provider.id for provider in site.around.providers})


async def _booked(site: Site, invoice: Invoice, provider: str) -> tuple[list[Booked], tuple[Note, ...]]:
    """The provider's books of that time, and what they lack. Raises ControlUnavailable."""
    asked = Filter(since_us=invoice.since_us, until_us=invoice.until_us, provider=provider)
    time = (invoice.since_us, invoice.until_us)
    known, beginnings = await asyncio.gather(known_days(site.read, *time), site.read("usage/since", {}))
    sums = known.sums_until(site.around.rolled_until_us, time)
    rows = await site.read("spend/booked", {"filter": asked.parameter(), "rolled_until_us": sums})
    since_us = next((row["since_us"] for row in beginnings), None)
    notes = notes_of(lack_of(known.gone.within(*time), asked, "sums"))
    if since_us is None or since_us >= invoice.since_us + DAY:
        began = "Nothing is booked yet" if since_us is None else f"The books begin on {_day(since_us)} (UTC)"
        notes = (Note(f"{began}: of days before that there is the invoice alone."), *notes)
    return [Booked(**row) for row in rows], notes


@dataclass(frozen=True, slots=True)
class _Lines:
    """Makes lines, for whoever looks."""

    provider: str
    zone: tzinfo

    def of(self, name: str, both: Beside, time: tuple[int, int], model: str = "") -> Line:
        """One, with a link to its requests."""
        sign = "+" if both.difference > 0 else ""
        link = address("/requests", between(*time, self.zone), {"provider": self.provider, "model": model})
        return Line(
            name=name,
            link=link if both.requests else "",
            billed=both.billed,
            booked=both.booked,
            difference=sign + figures.money(both.difference),
            exact_difference=sign + figures.exact_money(both.difference),
            share="" if both.share is None else _percent(both.share),
            state=STATES[both.standing],
            requests=both.requests,
            remarks=", ".join(_remarks(both)),
        )


def _remarks(both: Beside) -> Iterator[str]:
    """What may be why they differ."""
    if both.billed is None:
        yield "not on the invoice"
    if both.booked is None:
        yield "not in the books"
    if both.unpriced:
        yield f"{figures.exact_count(both.unpriced)} without a price"
    if both.estimated:
        yield f"{figures.exact_count(both.estimated)} estimated"


def _percent(share: float) -> str:
    tenths = round(share * 1000)
    return f"{tenths / 10:+.1f} %" if tenths else "0.0 %"


def _left_out(numbers: tuple[int, ...]) -> str:
    if not numbers:
        return ""
    shown = ", ".join(map(str, numbers[:MOST_SHOWN])) + (", ..." if len(numbers) > MOST_SHOWN else "")
    are = "Line {} of the invoice has" if len(numbers) == 1 else "Lines {} of the invoice have"
    return f"{are.format(shown)} no day or no amount, such as a sum: not in these figures."


def _day(at_us: int) -> str:
    return f"{datetime.fromtimestamp(at_us // SECOND, UTC):%Y-%m-%d}"


PAGE = Page(
    path=PATH,
    title="Compare with an invoice",
    summary="What a provider charged beside what was booked here, day by day and model by model.",
    template="invoice.html",
    load=load,
    permissions=(EVERYBODYS,),
)

ACTIONS = (Action(PATH, PAGE, compare, most_bytes=LONGEST_BYTES),)

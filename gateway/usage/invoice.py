"""A provider's invoice, as a table of text: what was charged on which day and for which model. And that beside what was
booked here. Pure.

Knows the words that head such columns, and dates and amounts as they are written in them. Knows no vendor: whatever
else a table says is passed over.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Literal, TypeVar

from gateway.errors import Unacceptable

from .figures import DAY, SECOND

Place = Literal["day", "amount", "model", "currency"]

HEADS: Mapping[Place, tuple[str, ...]] = MappingProxyType(
    {
        "day": (
            *("date", "day", "usage_date", "usage_date_utc", "date_utc", "billing_date", "charge_date"),
            *("start_time_iso", "start_time", "start", "period_start", "timestamp", "time"),
        ),
        "amount": (
            *("cost_usd", "amount_usd", "usd", "cost_in_usd", "total_usd", "total_cost_usd", "amount_value"),
            *("cost", "amount", "total_cost", "total", "charge", "charges", "spend", "price"),
        ),
        "model": ("model", "model_name", "model_version", "model_id", "line_item", "sku", "description", "product"),
        "currency": ("currency", "amount_currency", "cost_currency"),
    }
)
"""What a column may be called, the likeliest first: small letters, `_` for whatever stands between words."""

NEEDED: Mapping[Place, str] = MappingProxyType({"day": "days", "amount": "amounts in US dollars"})

DELIMITERS = ",;\t"

MOST_LINES = 50_000
MOST_DAYS = 400
"""From the first to the last: a year, and a month around it."""

MOST_USD = Decimal(10) ** 9

AGREES_SHARE = 0.01
AGREES_NANO_USD = 10_000_000
"""So much, or a cent, may two sums differ that are called the same: invoices round."""

_AMOUNT = re.compile(r"\$?(-?)\$?(\d+|\d{1,3}(?:,\d{3})+)?(\.\d+)?(e-?\d{1,2})?", re.IGNORECASE)
_SECONDS = re.compile(r"\d{9,10}")

Standing = Literal["agrees", "less", "more"]
"""What was booked: as much as was charged, less or more."""

Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Charge:
    """A line of an invoice."""

    day_us: int
    """Its beginning (UTC)."""
    model: str
    """As the invoice has it; empty where it names none."""
    nano_usd: int


@dataclass(frozen=True, slots=True)
class Invoice:
    """All of them, in their order, one at least."""

    charges: tuple[Charge, ...]
    names_models: bool
    left_out: tuple[int, ...]
    """Numbers of lines without a day or without an amount, such as a sum at the end."""

    @property
    def since_us(self) -> int:
        """When its first day begins."""
        return min(charge.day_us for charge in self.charges)

    @property
    def until_us(self) -> int:
        """When its last day ends."""
        return max(charge.day_us for charge in self.charges) + DAY


@dataclass(frozen=True, slots=True)
class Booked:
    """What was booked for a model of the provider on a day."""

    day_us: int
    model: str
    requests: int
    unpriced: int
    """Requests of which nobody knows what they cost."""
    estimated: int
    """Requests whose use is an estimate."""
    nano_usd: int


@dataclass(frozen=True, slots=True)
class Beside:
    """Both, of a day, of a model or of all."""

    billed: int | None
    """Nano-USD; None where the invoice does not have it at all."""
    booked: int | None
    requests: int
    unpriced: int
    estimated: int

    @property
    def difference(self) -> int:
        """How much more was booked than charged, in nano-USD."""
        return (self.booked or 0) - (self.billed or 0)

    @property
    def share(self) -> float | None:
        """The same as a share of what was charged; None where that is nothing."""
        return self.difference / abs(self.billed) if self.billed else None

    @property
    def standing(self) -> Standing:
        """What to call that."""
        if abs(self.difference) <= max(AGREES_NANO_USD, AGREES_SHARE * abs(self.billed or 0)):
            return "agrees"
        return "more" if self.difference > 0 else "less"


def read_invoice(text: str) -> Invoice:
    """An invoice as CSV, with a line of heads. Raises Unacceptable, which says what is wrong in which line."""
    lines = text.lstrip("\N{BYTE ORDER MARK}").splitlines()
    if len(lines) > MOST_LINES:
        raise _wrong(f"This has {len(lines):,} lines; {MOST_LINES:,} can be compared at once.")
    heads = next((line for line in lines if line.strip()), "")
    delimiter = max(DELIMITERS, key=heads.count)
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise _wrong(f"Line {reader.line_num} cannot be read: {error}.") from None
    if len(rows) < 2:
        raise _wrong("Paste the table with its line of heads: one line for each charge below it.")
    places = _places(rows[0][1])
    for number, row in rows[1:]:
        if any(cell.strip() for cell in row[len(rows[0][1]) :]):  # such as 1,234.50 without quotes
            raise _wrong(f"Line {number} has {len(row)} cells below {len(rows[0][1])} heads.")
    read = [(number, _charge(number, row, places)) for number, row in rows[1:]]
    charges = tuple(charge for _, charge in read if charge is not None)
    if not charges:
        raise _wrong("No line of this has a day and an amount.")
    invoice = Invoice(charges, "model" in places, tuple(number for number, charge in read if charge is None))
    if (invoice.until_us - invoice.since_us) // DAY > MOST_DAYS:
        raise _wrong(f"This is about more than {MOST_DAYS} days from the first to the last: compare a year at a time.")
    return invoice


def by_day(invoice: Invoice, booked: Iterable[Booked]) -> Mapping[int, Beside]:
    """Both for each day that either knows, the first first."""
    return dict(sorted(_beside(invoice, booked, lambda each: each.day_us).items()))


def by_model(invoice: Invoice, booked: Iterable[Booked]) -> Mapping[str, Beside]:
    """Both for each model that either knows, whatever differs most first."""
    found = _beside(invoice, booked, lambda each: each.model)
    return dict(sorted(found.items(), key=lambda each: (-abs(each[1].difference), each[0])))


def in_all(invoice: Invoice, booked: Iterable[Booked]) -> Beside:
    """Both sums."""
    return _beside(invoice, booked, lambda each: "")[""]


def _beside(
    invoice: Invoice, booked: Iterable[Booked], named: Callable[[Charge | Booked], Name]
) -> Mapping[Name, Beside]:
    billed: dict[Name, int] = {}
    for charge in invoice.charges:
        billed[named(charge)] = billed.get(named(charge), 0) + charge.nano_usd
    books: dict[Name, list[Booked]] = {}
    for each in booked:
        books.setdefault(named(each), []).append(each)
    return {name: _both(billed.get(name), books.get(name, ())) for name in {**billed, **books}}


def _both(billed: int | None, books: Sequence[Booked]) -> Beside:
    return Beside(
        billed=billed,
        booked=sum(each.nano_usd for each in books) if books else None,
        requests=sum(each.requests for each in books),
        unpriced=sum(each.unpriced for each in books),
        estimated=sum(each.estimated for each in books),
    )


# One line


def _places(heads: Sequence[str]) -> Mapping[Place, int]:
    """Where what stands."""
    words = [re.sub(r"[^a-z0-9]+", "_", head.lower()).strip("_") for head in heads]
    found = {
        place: words.index(word)
        for place, known in HEADS.items()
        if (word := next((word for word in known if word in words), None)) is not None
    }
    for place, needed in NEEDED.items():
        if place not in found:
            known = ", ".join(f"`{word}`" for word in HEADS[place][:3])
            there = ", ".join(f"`{head.strip()[:40]}`" for head in heads[:12])
            raise _wrong(f"No column has the {needed}: call it {known} or the like. There is {there}.")
    return found


def _charge(number: int, row: Sequence[str], places: Mapping[Place, int]) -> Charge | None:
    """None for a line without a day or an amount."""
    said = {place: row[at].strip() if at < len(row) else "" for place, at in places.items()}
    if not said["day"] or not said["amount"] or said["day"].lower().strip(":") in ("total", "sum", "subtotal"):
        return None
    if said.get("currency", "").upper() not in ("", "USD"):
        raise _wrong(f"Line {number} is in {said['currency'][:10]}: what is booked here is in US dollars.")
    return Charge(_day_us(number, said["day"]), said.get("model", ""), _nano_usd(number, said["amount"]))


def _day_us(number: int, text: str) -> int:
    """The day that a date, an instant or seconds since 1970 are in (UTC). An instant without a zone is UTC."""
    try:
        if _SECONDS.fullmatch(text):
            at = datetime.fromtimestamp(int(text), UTC)
        elif len(text) == 10:
            day = date.fromisoformat(text)
            at = datetime(day.year, day.month, day.day, tzinfo=UTC)
        else:
            at = datetime.fromisoformat(text.removesuffix(" UTC"))
            at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    except (ValueError, OverflowError):
        shown = f"Line {number} has `{text[:40]}` for a day"
        raise _wrong(f"{shown}: write 2026-11-30, or an instant such as 2026-11-30T12:00:00Z.") from None
    return int(at.timestamp()) * SECOND // DAY * DAY


def _nano_usd(number: int, text: str) -> int:
    """Exactly, but for what is smaller than a nano-USD. Less than nothing for what was given back."""
    found = _AMOUNT.fullmatch(text.removesuffix("USD").strip())
    if found is None or not (found[2] or found[3]):
        raise _wrong(f"Line {number} has `{text[:40]}` for an amount: write US dollars as 1234.56.")
    whole = (found[2] or "0").replace(",", "")
    amount = Decimal(f"{found[1]}{whole}{found[3] or ''}{found[4] or ''}")
    if abs(amount) > MOST_USD:
        raise _wrong(f"Line {number} has `{text[:40]}` for an amount, which cannot be.")
    return round(amount * 10**9)


def _wrong(text: str) -> Unacceptable:
    return Unacceptable(text, param="invoice")

"""Forms of configured objects: what is asked for, how what was typed is read, how what there is stands in them. Pure.

Knows kinds of values. Which objects there are, and what may be said of each, is the office's business.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2s
from typing import Any, Literal

from gateway.errors import GatewayError, Unacceptable
from gateway.management.configured import Managed
from web.forms import Form
from web.tables import Column

LONGEST = 4000

Kind = Literal["text", "number", "whole", "signed", "lines", "words", "numbers", "choice", "switch", "tiers"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that a form asks for."""

    name: str
    """As the configuration file has it."""
    label: str
    kind: Kind = "text"
    help: str = ""
    required: bool = False
    words: tuple[str, ...] = ()
    """Of a choice; the first where nothing is chosen."""
    is_rare: bool = False
    """Whether it is put away until somebody wants it."""

    @property
    def options(self) -> tuple[tuple[str, str], ...]:
        """Its words, each with what is shown."""
        return tuple((word, word.replace("_", " ")) for word in self.words)


@dataclass(frozen=True, slots=True)
class Source:
    """Who says an object, and what is wrong with it."""

    is_changeable: bool
    text: str
    problem: str


def source_of(managed: Managed) -> Source:
    """In words."""
    if managed.by == "database":
        return Source(True, "the dashboard or the API", managed.problem or "")
    return Source(False, managed.origin or managed.by, managed.problem or "")


SAID_BY = (
    Column("said_by", head="Said by", value=lambda row: row.source.text),
    Column("read_only", "flag", "Said by", lambda row: not row.source.is_changeable),
    Column("problem", head="Said by", value=lambda row: row.source.problem),
)
"""The same in a file."""


def mark(name: str) -> str:
    """An id for the row of something, whatever it is called."""
    return f"o-{blake2s(name.encode(), digest_size=6).hexdigest()}"


def read(form: Form, entries: Sequence[Entry]) -> dict[str, Any]:
    """What was typed, by name; None for what was left empty. Raises Unacceptable."""
    found = {each.name: _read_one(form, each) for each in entries}
    for each in entries:
        if each.required and found[each.name] is None:
            raise Unacceptable(f"Say {each.label[0].lower()}{each.label[1:]}.", param=each.name)
    return found


def read_sent(form: Form, entries: Iterable[Entry]) -> dict[str, Any]:
    """The same of those that were sent at all: what a form does not ask for stays as it is. Raises Unacceptable."""
    return {each.name: _read_one(form, each) for each in entries if form.every(each.name)}


def said(form: Form, entries: Sequence[Entry]) -> dict[str, Any]:
    """The same without what was left empty, for something new. Raises Unacceptable."""
    return {name: value for name, value in read(form, entries).items() if value is not None}


def shown(view: object, entries: Sequence[Entry]) -> dict[str, str]:
    """What stands in the fields of something that there is."""
    return {each.name: _written(getattr(view, each.name), each) for each in entries}


def _written(value: Any, each: Entry) -> str:
    return "" if value is None or value == () else WRITERS.get(each.kind, str)(value)


def typed(form: Form, entries: Sequence[Entry]) -> dict[str, str]:
    """What stands in the fields of a form that was not carried out."""
    return {each.name: form.raw(each.name) for each in entries}


def empty(entries: Sequence[Entry], given: Mapping[str, str]) -> dict[str, str]:
    """What stands in those of a new one, of which this much is known."""
    return {each.name: given.get(each.name, "") for each in entries}


def beside(error: GatewayError, entries: Sequence[Entry], *, usual: str) -> Unacceptable:
    """The same mistake, beside the field of the form that it is about."""
    names = {each.name for each in entries}
    found = next((part for part in re.split(r"[.\[\]]", error.param or "") if part in names), usual)
    return Unacceptable(error.message, param=found)


def check_typed(form: Form, name: str, field: str) -> None:
    """Raises Unacceptable unless the name of what is to be deleted was typed."""
    if form.raw(field).strip() != name:
        raise Unacceptable(f"Type {name} to delete it.", param=field)


def version(form: Form) -> int | None:
    """The version that whoever filled in the form has seen."""
    said = form.text("version", 12)
    return int(said) if said.isdecimal() else None


def _read_one(form: Form, each: Entry) -> Any:
    text = form.raw(each.name).strip().replace("\r\n", "\n").replace("\t", " ")
    if len(text) > LONGEST:
        raise Unacceptable(f"This may have at most {LONGEST} characters.", param=each.name)
    if not text.replace("\n", "").isprintable():
        raise Unacceptable("This holds a character that cannot be typed.", param=each.name)
    return READERS[each.kind](text, each) if text else None


def _text(text: str, each: Entry) -> str:
    return form_line(text, each.name)


def form_line(text: str, name: str) -> str:
    """One line. Raises Unacceptable for more."""
    if "\n" in text:
        raise Unacceptable("This is one line.", param=name)
    return text


def _number(text: str, each: Entry) -> float:
    try:
        number = float(text.removeprefix("$").replace(",", "") if re.fullmatch(r"\$?[\d,]*\.?\d*", text) else text)
    except ValueError:
        raise Unacceptable(f"`{text}` is no number, such as 2.50.", param=each.name) from None
    if not 0 <= number < 1e9:
        raise Unacceptable("This is a number from 0 on.", param=each.name)
    return number


def _whole(text: str, each: Entry) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 12:
        raise Unacceptable(f"`{text}` is no whole number.", param=each.name)
    return int(text)


def _signed(text: str, each: Entry) -> int:
    return -_whole(text[1:], each) if text.startswith("-") else _whole(text, each)


def _switch(text: str, each: Entry) -> bool:
    return text == "yes"


def _lines(text: str, each: Entry) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def _words(text: str, each: Entry) -> list[str]:
    return [word for word in re.split(r"[\s,]+", text) if word]


def _numbers(text: str, each: Entry) -> list[int]:
    return [_whole(word, each) for word in _words(text, each)]


def _choice(text: str, each: Entry) -> str:
    if text not in each.words:
        raise Unacceptable(f"There is no `{text}`: choose one of the list.", param=each.name)
    return text


def _tiers(text: str, each: Entry) -> list[dict[str, float | int]]:
    return [_tier(line, each) for line in _lines(text, each)]


def _tier(line: str, each: Entry) -> dict[str, float | int]:
    above, *rest = line.split()
    tier: dict[str, float | int] = {"above": _whole(above, each)}
    for part in rest:
        name, equals, value = part.partition("=")
        if not equals:
            raise Unacceptable(f"`{line}` is no tier, such as `200000 input=2.5 output=15`.", param=each.name)
        tier[name] = _number(value, each)
    return tier


READERS: Mapping[Kind, Callable[[str, Entry], Any]] = {
    "text": _text,
    "number": _number,
    "whole": _whole,
    "signed": _signed,
    "lines": _lines,
    "words": _words,
    "numbers": _numbers,
    "choice": _choice,
    "switch": _switch,
    "tiers": _tiers,
}


def plain(number: float) -> str:
    """`2.5`, `0.075`, `3`: every digit, and none too many."""
    text = f"{number:.9f}"
    return text.rstrip("0").rstrip(".")


def _tier_line(tier: object) -> str:
    fields = {name: getattr(tier, name) for name in getattr(tier, "__struct_fields__", ()) if name != "above"}
    rates = (f"{name}={plain(value)}" for name, value in fields.items() if value is not None)
    return " ".join((str(getattr(tier, "above", "")), *rates))


WRITERS: Mapping[Kind, Callable[[Any], str]] = {
    "number": plain,
    "lines": "\n".join,
    "words": ", ".join,
    "numbers": lambda values: ", ".join(map(str, values)),
    "tiers": lambda tiers: "\n".join(map(_tier_line, tiers)),
}

"""Which requests a page is about, as its address says it: a filter for the store, and chips for whoever looks.

Pure. What an address says that cannot be read is left out, and said so: a copied link shows what it can.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlencode

from gateway.usage import figures
from gateway.usage.chosen import Filter
from web.span import Span

MOST_CHARACTERS = 200

Kind = Literal["text", "choice", "switch", "milliseconds", "dollars"]

OUTCOME_WORDS: Mapping[str, str] = {"ok": "ok", "refused": "refused", "failed": "failed", "left": "client left"}

SOURCE_WORDS: Mapping[str, str] = {
    "reported": "the provider",
    "counted": "our count",
    "estimated": "an estimate",
    "none": "nowhere",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to filter by. Its name is that in the address, and in `Filter` unless `of` says another."""

    name: str
    label: str
    kind: Kind = "text"
    of: str = ""
    words: Mapping[str, str] = field(default_factory=dict)
    """Of a choice or switch: what is shown, by what the address says."""

    @property
    def target(self) -> str:
        """The field of `Filter`."""
        return self.of or self.name


FIELDS = (
    Field("search", "Search"),
    Field("outcome", "Outcome", "choice", words=OUTCOME_WORDS),
    Field("model", "Model"),
    Field("provider", "Provider"),
    Field("key", "Key"),
    Field("user", "User"),
    Field("team", "Team"),
    Field("credential", "Credential"),
    Field("asked", "Requested model", of="requested_model"),
    Field("endpoint", "Endpoint"),
    Field("error", "Error"),
    Field("tag", "Tag"),
    Field("stream", "Streamed", "switch", words={"yes": "streamed", "no": "not streamed"}),
    Field("retried", "Retried", "switch", words={"yes": "retried", "no": "one attempt"}),
    Field("lossy", "Translation", "switch", words={"yes": "something was lost", "no": "nothing was lost"}),
    Field("tools", "Tools", "switch", words={"yes": "with tools", "no": "without tools"}),
    Field("source", "Tokens from", "choice", of="usage_source", words=SOURCE_WORDS),
    Field("other", "Answered by", "switch", of="other_model", words={"yes": "another model", "no": "the model asked"}),
    Field("slower", "Took at least", "milliseconds", of="least_total_us"),
    Field("dearer", "Cost at least", "dollars", of="least_cost"),
)
"""Everything that requests can be filtered by."""

BY_NAME = {each.name: each for each in FIELDS}


@dataclass(frozen=True, slots=True)
class Chip:
    """One thing that is filtered by, and the address without it."""

    name: str
    label: str
    value: str
    without: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for."""

    filter: Filter
    said: Mapping[str, str]
    """The words of the address that were understood, by name."""
    odd: tuple[str, ...] = ()
    """Names of those that were not."""

    def chips(self, path: str, span: Span) -> tuple[Chip, ...]:
        """Everything that is filtered by, in the order of FIELDS."""
        return tuple(
            Chip(each.name, each.label, shown(each, self.said[each.name]), self._without(path, span, each.name))
            for each in FIELDS
            if each.name in self.said
        )

    def _without(self, path: str, span: Span, name: str) -> str:
        return address(path, span.query, {other: value for other, value in self.said.items() if other != name})


def read_filter(query: Mapping[str, str], span: Span, key_ids: tuple[str, ...] | None) -> Asked:
    """What the words of an address mean, of the requests that whoever asks may see."""
    found: dict[str, Any] = {}
    said: dict[str, str] = {}
    odd = []
    for each in FIELDS:
        text = query.get(each.name, "").strip()
        if not text:
            continue
        value = READERS[each.kind](each, text)
        if value is None:
            odd.append(each.name)
        else:
            found[each.target], said[each.name] = value, text
    return Asked(Filter(since_us=span.since_us, until_us=span.until_us, key_ids=key_ids, **found), said, tuple(odd))


def address(path: str, *queries: Mapping[str, str]) -> str:
    """The address of a page with these words in it; of two that are alike the later counts, and an empty one takes the
    word away."""
    words = {name: value for query in queries for name, value in query.items()}
    kept = {name: value for name, value in words.items() if value}
    return f"{path}?{urlencode(kept)}" if kept else path


def tidied(path: str, pairs: Sequence[tuple[str, str]]) -> str | None:
    """The address of a page without the words that say nothing, as forms leave them for whatever is not filled in. None
    where there is none."""
    kept = [(name, value) for name, value in pairs if value]
    if len(kept) == len(pairs):
        return None
    return f"{path}?{urlencode(kept)}" if kept else path


def shown(of: Field, text: str) -> str:
    """A value as people read it."""
    if of.kind == "milliseconds":
        return figures.duration(round(float(text) * figures.MILLISECOND))
    if of.kind == "dollars":
        return figures.money(round(float(text) * 10**9))
    return of.words.get(text, text)


def _text(of: Field, text: str) -> str | None:
    return text[:MOST_CHARACTERS] if text.isprintable() else None


def _choice(of: Field, text: str) -> str | None:
    return text if text in of.words else None


def _switch(of: Field, text: str) -> bool | None:
    return {"yes": True, "no": False}.get(text)


def _scaled(scale: int) -> Callable[[Field, str], int | None]:
    def read(of: Field, text: str) -> int | None:
        try:
            number = float(text)
        except ValueError:
            return None
        return round(number * scale) if 0 <= number <= 10**9 else None

    return read


READERS: Mapping[Kind, Callable[[Field, str], Any]] = {
    "text": _text,
    "choice": _choice,
    "switch": _switch,
    "milliseconds": _scaled(figures.MILLISECOND),
    "dollars": _scaled(10**9),
}
"""How what an address says of each kind is read; None for what cannot be."""

"""Why a request went where it did, in a sentence or two: from the row of its usage record to words, with where what is
named is to be found. Pure: whoever looks, and what they may see, is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import quote

from gateway.usage import figures
from web import reasons
from web.display import State

Row = Mapping[str, Any]

MOST_NAMED = 3
"""So many who were passed over stand in the sentence; a table has all of them."""

VERDICTS: Mapping[str, str] = {
    "retry": "the same was tried once more",
    "next_credential": "another credential was next",
    "next_target": "another target was next",
    "stop": "no other attempt could help",
}


class Piece(NamedTuple):
    """A part of a sentence."""

    text: str
    link: str = ""
    is_name: bool = False
    at_us: int = 0
    """An instant in place of words."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where what is named is to be found by whoever looks; nowhere for those who may not see it."""

    configured: bool
    """They may see providers, credentials and combos."""
    name_link: Callable[[str], str] = lambda name: ""
    """Where a combo or an alias is shown; empty for what is neither."""

    def provider(self, provider: str) -> str:
        """The page of a provider."""
        return f"/providers/{quote(provider, safe='')}" if self.configured else ""

    def credential(self, provider: str, name: str) -> str:
        """The page of a credential."""
        return f"/providers/{quote(provider, safe='')}/credentials/{quote(name, safe='')}" if self.configured else ""

    def named(self, name: str) -> str:
        """The page of an alias or a combo."""
        return self.name_link(name) if self.configured else ""


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt, in words."""

    number: int
    target: str
    target_link: str
    credential: str
    credential_link: str
    chosen: str
    """Why this one."""
    state: State
    status: int | None
    error: str | None
    means: str
    """The error in words."""
    decided: str
    """What was made of its failure."""
    rest: str
    took_us: int


@dataclass(frozen=True, slots=True)
class Passed:
    """Somebody who was passed over."""

    target: str
    target_link: str
    credential: str
    credential_link: str
    why: str
    until_us: int | None


def sentence_of(row: Row, places: Places) -> tuple[Piece, ...]:
    """How it came to be answered by whom, and how it ended."""
    attempts: Sequence[Row] = row["attempts"] or ()
    asked = row["via"] or row["requested_model"] or ""
    begin = (
        [Piece(asked, places.named(row["via"]) if row["via"] else "", is_name=True)]
        if asked
        else [Piece("No model was named")]
    )
    return tuple(begin + (list(_asked(row, attempts, places)) if attempts else list(_unasked(row, places))))


def _unasked(row: Row, places: Places) -> Iterator[Piece]:
    yield Piece(f": no provider was asked, since {reasons.ended(row['error'])}")
    if row["passed_over"]:
        yield Piece(": ")
        yield from _passed(row, places)
    yield Piece(".")


def _asked(row: Row, attempts: Sequence[Row], places: Places) -> Iterator[Piece]:
    last = attempts[-1]
    yield Piece(" → ")
    yield Piece(f"{last['provider']}/{last['model']}", places.provider(last["provider"]), is_name=True)
    if last["credential"]:
        yield Piece(" on ")
        yield from _name(last, places)
    chosen = _chosen(row, last, len(attempts))
    if chosen:
        yield Piece(f", {chosen}")
    causes = list(_causes(row, attempts, places))
    if causes:
        yield Piece(", because ")
        yield from _joined(causes)
    elif not chosen:
        yield Piece(", at the first attempt")
    yield Piece(".")
    if ends := _end(row, last):
        yield Piece(f" {ends}")


def _chosen(row: Row, last: Row, attempts: int) -> str:
    """How the last one was chosen among several, as far as nobody had to fail for it."""
    ordered_by = row["ordered_by"]
    words = [reasons.chosen(last["chosen_by"]).was] if last["chosen_by"] else []
    if ordered_by and attempts == 1 and (not words or ordered_by == "session"):
        words.append(reasons.ordered(ordered_by).was)
    return ", ".join(words)


def _causes(row: Row, attempts: Sequence[Row], places: Places) -> Iterator[list[Piece]]:
    """Why it was nobody else: who was passed over, and who had failed."""
    others = row["passed_over"] or ()
    yield from (list(_other(each, row["started_at_us"], places)) for each in others[:MOST_NAMED])
    more = max(len(others) - MOST_NAMED, 0) + (row["passed_more"] or 0)
    if more:
        yield [Piece(f"{figures.exact_count(more)} more could not be asked")]
    for each in attempts[:-1]:
        rests = f", and rests for {figures.duration(each['rest_us'])}" if each["rest_us"] else ""
        yield [*_name(each, places), Piece(f" failed ({reasons.failed(each)}){rests}")]


def _passed(row: Row, places: Places) -> Iterator[Piece]:
    others = row["passed_over"]
    yield from _joined([list(_other(each, row["started_at_us"], places)) for each in others])
    if row["passed_more"]:
        yield Piece(f"; and {figures.exact_count(row['passed_more'])} more")


def _other(other: Row, started_at_us: int, places: Places) -> Iterator[Piece]:
    """Somebody who was passed over, and why."""
    yield from _name(other, places)
    if other["holds"]:
        yield Piece(", which holds the conversation,")
    if other["until_us"]:
        yield Piece(" rests until ")
        yield Piece("", at_us=other["until_us"])
        yield Piece(f" ({reasons.FAULTS.get(other['reason'], reasons.lacks(other['reason']))})")
    else:
        yield Piece(f" {reasons.lacks(other['reason'])}")


def _name(one: Row, places: Places) -> Iterator[Piece]:
    """A credential, or the target where it is all of them."""
    if one["credential"]:
        yield Piece(one["credential"], places.credential(one["provider"], one["credential"]), is_name=True)
    else:
        yield Piece(f"{one['provider']}/{one['model']}", places.provider(one["provider"]), is_name=True)


def _joined(clauses: Sequence[Sequence[Piece]]) -> Iterator[Piece]:
    for number, clause in enumerate(clauses):
        if number:
            yield Piece("; ")
        yield from clause


def _end(row: Row, last: Row) -> str:
    """How it ended, where that was no whole answer."""
    error = row["error"]
    if error is None:
        return ""
    if reasons.has_left(error):
        got = "while it had its answer" if row["first_byte_us"] is not None else "before there was an answer"
        return f"{_capital(reasons.ended(error))} {got}."
    if last["error"] is not None:
        return f"It failed: {reasons.failed(last)}."
    return f"It ended early: {reasons.ended(error)}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def tries_of(row: Row, places: Places) -> tuple[Try, ...]:
    """Its attempts."""
    attempts: Sequence[Row] = row["attempts"] or ()
    return tuple(_try(number, each, row, places) for number, each in enumerate(attempts, 1))


def _try(number: int, attempt: Row, row: Row, places: Places) -> Try:
    reason = attempt["reason"] or ""
    decided = VERDICTS.get(attempt["verdict"] or "", "")
    provider, credential = attempt["provider"], attempt["credential"] or ""
    return Try(
        number=number,
        target=f"{provider}/{attempt['model']}",
        target_link=places.provider(provider),
        credential=credential,
        credential_link=places.credential(provider, credential) if credential else "",
        chosen=_why_this(number, attempt, row),
        state=_state(attempt, is_last=number == len(row["attempts"]), error=row["error"]),
        status=attempt["status"],
        error=attempt["error"],
        means=reasons.failed(attempt) if attempt["error"] is not None else "",
        decided=f"{reason.replace('_', ' ')}: {decided}" if reason and decided else decided,
        rest=f"rests for {figures.duration(attempt['rest_us'])}" if attempt["rest_us"] else "",
        took_us=attempt["duration_us"],
    )


def _why_this(number: int, attempt: Row, row: Row) -> str:
    if attempt["chosen_by"]:
        return reasons.chosen(attempt["chosen_by"]).be
    if number > 1:
        return "next in line"
    return reasons.ordered(row["ordered_by"]).be if row["ordered_by"] else ""


def _state(attempt: Row, *, is_last: bool, error: str | None) -> State:
    if attempt["error"] is not None:
        return State("failed", "bad")
    if is_last and reasons.has_left(error):
        return State("client left", "warning")
    return State("answered", "good")


def passed_of(row: Row, places: Places) -> tuple[Passed, ...]:
    """Who was passed over."""
    return tuple(_passed_row(each, places) for each in row["passed_over"] or ())


def _passed_row(other: Row, places: Places) -> Passed:
    provider, credential = other["provider"], other["credential"] or ""
    held = "; it holds the conversation" if other["holds"] else ""
    return Passed(
        target=f"{provider}/{other['model']}",
        target_link=places.provider(provider),
        credential=credential,
        credential_link=places.credential(provider, credential) if credential else "",
        why=f"it {reasons.lacks(other['reason'])}{held}",
        until_us=other["until_us"],
    )

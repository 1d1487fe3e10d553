"""What was said in a request, as its page shows it to those who may read that: what the client asked beside what the
provider was sent, what that answered beside what the client got, and the attempts before.

Each look is in the audit log, so nothing is read until somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.errors import Unacceptable, UnknownResource
from gateway.management import bodies
from gateway.records.captures import Body, Capture, CapturedAnswer, CapturedAttempt, CapturedRequest, Headers
from gateway.usage import figures
from web.folding import Folded, fold
from web.page import Site, Visit

WORD = "bodies"
"""In the address: `show` has them read."""

NOT_TEXT = "It is no text, and is not shown here; the API has it."

SAME = "The same as {}."
SIDES = {"request": "what the client asked", "answer": "what the client got"}


@dataclass(frozen=True, slots=True)
class Side:
    """What one side said to another."""

    title: str
    line: str
    """Method and address, or the status."""
    headers: Headers
    body: Folded
    note: str
    """Such as that only its beginning is kept."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """Two sides that are looked at together; one that said nothing is None."""

    title: str
    left: Side | None
    right: Side | None


@dataclass(frozen=True, slots=True)
class Bodies:
    """What is shown of bodies."""

    is_captured: bool
    """Whether anything was kept, as the usage record says."""
    mode: str
    """What is captured from now on: `capture.mode`."""
    exchanges: tuple[Exchange, ...]
    """Empty until somebody asks for them."""
    trouble: str
    """Why they cannot be shown; empty where nothing is wrong."""
    may_delete: bool


async def bodies_of(site: Site, visit: Visit, request_id: str, *, is_captured: bool) -> Bodies | None:
    """What was said in a request, where the address asks for it; None for whoever may not read it. Raises
    StateUnavailable."""
    if not visit.person.may(bodies.READ):
        return None
    exchanges: tuple[Exchange, ...] = ()
    trouble = ""
    if is_captured and visit.query.get(WORD) == "show":
        try:
            exchanges = exchanges_of(await bodies.read_bodies(site.office, visit.person, request_id))
        except (UnknownResource, Unacceptable) as error:
            trouble = error.message
    mode = site.settings().capture.mode
    return Bodies(is_captured, mode, exchanges, trouble, visit.person.may(bodies.WRITE))


def exchanges_of(capture: Capture) -> tuple[Exchange, ...]:
    """A capture as it is read: the attempt that was the answer with both sides of the client, then those before it."""
    *before, last = capture.attempts or (None,)
    asked = _asked(capture, "The client asked", capture.request, "request")
    sent = None if last is None else _sent(capture, last, len(before))
    answered = None if last is None else _answered(capture, last, len(before))
    got = _got(capture, "The client got", capture.answer, "answer")
    found = [Exchange("The request", asked, sent)]
    if answered is not None or got is not None:
        found.append(Exchange("The answer", answered, got))
    for number, attempt in enumerate(before):
        if attempt is not None:
            title = f"Attempt {number + 1}: {_target(attempt)}{f', {attempt.error}' if attempt.error else ''}"
            found.append(Exchange(title, _sent(capture, attempt, number), _answered(capture, attempt, number)))
    return tuple(found)


def text_of(body: Body) -> str | None:
    """A body as text, where it is one; a character that was cut in two is left out."""
    try:
        return body.kept.decode()
    except UnicodeDecodeError as error:
        if body.cut and error.reason == "unexpected end of data":
            return body.kept[: error.start].decode()
        return None


def _target(attempt: CapturedAttempt) -> str:
    return f"{attempt.provider}/{attempt.model}"


def _sent(capture: Capture, attempt: CapturedAttempt, number: int) -> Side | None:
    title = f"{_target(attempt)} was sent"
    return _asked(capture, title, attempt.request, f"attempts.{number}.request")


def _answered(capture: Capture, attempt: CapturedAttempt, number: int) -> Side | None:
    return _got(capture, f"{_target(attempt)} answered", attempt.answer, f"attempts.{number}.answer")


def _asked(capture: Capture, title: str, said: CapturedRequest | None, place: str) -> Side | None:
    return None if said is None else _side(capture, title, f"{said.method} {said.url}", said, place)


def _got(capture: Capture, title: str, said: CapturedAnswer | None, place: str) -> Side | None:
    return None if said is None else _side(capture, title, str(said.status), said, place)


def _side(capture: Capture, title: str, line: str, said: CapturedRequest | CapturedAnswer, place: str) -> Side:
    body, notes = said.body, list[str]()
    if body.same_as:
        notes.append(SAME.format(_named(body.same_as)))
        body = _at(capture, body.same_as)
    text = text_of(body)
    if body.cut:
        notes.append(f"Only the beginning of {figures.exact_count(body.size)} bytes is kept.")
    if text is None:
        notes.append(NOT_TEXT)
    return Side(title, line, said.headers, fold(text or ""), " ".join(notes))


def _named(place: str) -> str:
    """Where a body is kept, in words."""
    if place in SIDES:
        return SIDES[place]
    _, number, side = place.split(".")
    return f"what attempt {int(number) + 1} {'was sent' if side == 'request' else 'answered'}"


def _at(capture: Capture, place: str) -> Body:
    """The body that is kept at a place."""
    names: Sequence[str] = place.split(".")
    of: Capture | CapturedAttempt = capture.attempts[int(names[1])] if len(names) == 3 else capture
    said = of.request if names[-1] == "request" else of.answer
    return said.body if said is not None else Body()

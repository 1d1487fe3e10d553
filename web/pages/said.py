"""What was said in a request, as its page shows it to those who may read that: what the client asked beside what the
provider was sent, what that answered beside what the client got, and the attempts before.

Each look is in the audit log, so nothing is read until somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.errors import Unacceptable, UnknownResource
from gateway.management import bodies
from gateway.records.captures import Body, Capture, CapturedAnswer, CapturedAttempt, CapturedRequest, Headers
from gateway.usage import figures
from web.comparing import NOTHING, Marked, Path
from web.contrast import NO_JSON, Contrast, contrasted
from web.folding import Folded, fold, value_of
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
    contrast: Contrast | None = None
    """None where there are no two sides."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What one side said to another, before it is held against the other."""

    title: str
    line: str
    headers: Headers
    text: str | None
    """None for what is no text."""
    is_cut: bool
    note: str


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
    asked: str
    """What the client asked, where that is shown, whole, and JSON."""


async def bodies_of(site: Site, visit: Visit, request_id: str, *, is_captured: bool) -> Bodies | None:
    """What was said in a request, where the address asks for it; None for whoever may not read it. Raises
    StateUnavailable."""
    if not visit.person.may(bodies.READ):
        return None
    exchanges: tuple[Exchange, ...] = ()
    trouble = asked = ""
    if is_captured and visit.query.get(WORD) == "show":
        try:
            capture = await bodies.read_bodies(site.office, visit.person, request_id)
            exchanges, asked = exchanges_of(capture), _whole(capture.request.body)
        except (UnknownResource, Unacceptable) as error:
            trouble = error.message
    mode = site.settings().capture.mode
    return Bodies(is_captured, mode, exchanges, trouble, visit.person.may(bodies.WRITE), asked)


def _whole(body: Body) -> str:
    """A body in JSON, where all of it was kept."""
    text = "" if body.cut else text_of(body) or ""
    return text if isinstance(value_of(text), dict) and not body.same_as else ""


def exchanges_of(capture: Capture) -> tuple[Exchange, ...]:
    """A capture as it is read: the attempt that was the answer with both sides of the client, then those before it."""
    *before, last = capture.attempts or (None,)
    asked = _asked(capture, "The client asked", capture.request, "request")
    sent = None if last is None else _sent(capture, last, len(before))
    answered = None if last is None else _answered(capture, last, len(before))
    got = _got(capture, "The client got", capture.answer, "answer")
    found = [_exchange("The request", asked, sent)]
    if answered is not None or got is not None:
        found.append(_exchange("The answer", answered, got))
    for number, attempt in enumerate(before):
        if attempt is not None:
            title = f"Attempt {number + 1}: {_target(attempt)}{f', {attempt.error}' if attempt.error else ''}"
            # What was asked and what came of it: they are no two sides of the same.
            found.append(_apart(title, _sent(capture, attempt, number), _answered(capture, attempt, number)))
    return tuple(found)


def answer_of(capture: Capture) -> Exchange | None:
    """What the last of those who were asked answered, and what the client got; None where nobody answered."""
    if not capture.attempts or capture.attempts[-1].answer is None:
        return None
    answered = _answered(capture, capture.attempts[-1], len(capture.attempts) - 1)
    return _exchange("The answer", answered, _got(capture, "The client got", capture.answer, "answer"))


def _exchange(title: str, left: _Said | None, right: _Said | None) -> Exchange:
    """Two sides of the same, with what differs between them."""
    if left is None or right is None:
        return _apart(title, left, right)
    if left.text is None or right.text is None:
        contrast = Contrast(note=NO_JSON)
    else:
        contrast = contrasted(left.text, right.text, is_cut=left.is_cut or right.is_cut)
    return Exchange(title, _side(left, contrast.left), _side(right, contrast.right), contrast)


def _apart(title: str, left: _Said | None, right: _Said | None) -> Exchange:
    return Exchange(title, None if left is None else _side(left), None if right is None else _side(right))


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


def _sent(capture: Capture, attempt: CapturedAttempt, number: int) -> _Said | None:
    title = f"{_target(attempt)} was sent"
    return _asked(capture, title, attempt.request, f"attempts.{number}.request")


def _answered(capture: Capture, attempt: CapturedAttempt, number: int) -> _Said | None:
    return _got(capture, f"{_target(attempt)} answered", attempt.answer, f"attempts.{number}.answer")


def _asked(capture: Capture, title: str, said: CapturedRequest | None, place: str) -> _Said | None:
    return None if said is None else _read(capture, title, f"{said.method} {said.url}", said, place)


def _got(capture: Capture, title: str, said: CapturedAnswer | None, place: str) -> _Said | None:
    return None if said is None else _read(capture, title, str(said.status), said, place)


def _side(said: _Said, marks: Mapping[Path, Marked] = NOTHING) -> Side:
    return Side(said.title, said.line, said.headers, fold(said.text or "", marks), said.note)


def _read(capture: Capture, title: str, line: str, said: CapturedRequest | CapturedAnswer, place: str) -> _Said:
    body, notes = said.body, list[str]()
    if body.same_as:
        notes.append(SAME.format(_named(body.same_as)))
        body = _at(capture, body.same_as)
    text = text_of(body)
    if body.cut:
        notes.append(f"Only the beginning of {figures.exact_count(body.size)} bytes is kept.")
    if text is None:
        notes.append(NOT_TEXT)
    return _Said(title, line, said.headers, text, body.cut, " ".join(notes))


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

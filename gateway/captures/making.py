"""From what a worker has taken down of an exchange to what is kept of it: redacted, cut, and every body once."""

from __future__ import annotations

from gateway.records.captures import (
    Body,
    Capture,
    CapturedAnswer,
    CapturedAttempt,
    CapturedRequest,
    Flow,
    Headers,
    RawHeaders,
    Taken,
    TakenTry,
)

from .redaction import Redactor


def capture_of(taken: Taken, redactor: Redactor, most: int) -> Capture:
    """What is kept, at most so many bytes of each body."""
    return _Making(taken, redactor, most).capture()


class _Making:
    """One capture in the making."""

    def __init__(self, taken: Taken, redactor: Redactor, most: int) -> None:
        self._taken, self._redactor, self._most = taken, redactor, most
        self._requests: dict[str, Flow] = {}
        self._answers: dict[str, Flow] = {}

    def capture(self) -> Capture:
        taken = self._taken
        request = CapturedRequest(
            taken.method,
            self._redactor.url(taken.target, taken.secrets),
            self._headers(taken.headers),
            self._body("request", taken.body, self._requests),
        )
        attempts = tuple(self._attempt(f"attempts.{at}", tried) for at, tried in enumerate(taken.tries))
        answer = None
        if taken.status:
            body = self._body("answer", taken.answer, self._answers)
            answer = CapturedAnswer(taken.status, self._headers(taken.answer_headers), body)
        return Capture(taken.id, taken.started_at_us, request, attempts, answer)

    def _attempt(self, place: str, tried: TakenTry) -> CapturedAttempt:
        answer = None
        if tried.status and tried.answer is not None:
            body = self._body(f"{place}.answer", tried.answer, self._answers)
            answer = CapturedAnswer(tried.status, self._headers(tried.headers), body)
        request = self._sent(place, tried, tried.body) if tried.body is not None else None
        return CapturedAttempt(tried.provider, tried.model, tried.credential, request, answer, tried.error)

    def _sent(self, place: str, tried: TakenTry, body: Flow) -> CapturedRequest:
        method, path, headers = _read(tried.head)
        host = dict(headers).get(b"host", b"").decode("latin-1")
        own = {name.lower().encode("latin-1") for name, _ in tried.own_headers}
        known = self._taken.secrets
        return CapturedRequest(
            method,
            self._redactor.url(f"{tried.scheme}://{host}{path}", known),
            self._redactor.headers(headers, known, own),
            self._body(f"{place}.request", body, self._requests),
        )

    def _headers(self, headers: RawHeaders) -> Headers:
        return self._redactor.headers(headers, self._taken.secrets)

    def _body(self, place: str, flow: Flow, others: dict[str, Flow]) -> Body:
        """The body at a place; of one that was elsewhere already only where."""
        for elsewhere, other in others.items():
            if flow.size and flow.size == other.size and flow.kept == other.kept:
                return Body(size=flow.size, same_as=elsewhere)
        others[place] = flow
        return self._redactor.body(flow, self._taken.secrets, self._most)


def _read(head: bytes) -> tuple[str, str, RawHeaders]:
    """Method, path and headers of a head that we wrote."""
    first, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    method, path, _ = first.decode("latin-1").split(" ", 2)
    return method, path, [(name.lower(), value) for name, _, value in (line.partition(b": ") for line in lines)]

"""What is kept of an exchange: four sides of it, redacted, every body once."""

from __future__ import annotations

from gateway.captures.making import capture_of
from gateway.captures.redaction import Redactor
from gateway.records.captures import Body, Capture, CapturedAnswer, CapturedAttempt, CapturedRequest, Taken
from tests.gateway.captures.takes import flow, taken, tried

MOST = 10_000


def made(one: Taken, most: int = MOST) -> Capture:
    return capture_of(one, Redactor(), most)


def test_all_four_sides_are_there() -> None:
    one = taken(tries=[tried(own_headers=(("X-Team", "blue"),))])
    sent = (("host", "api.example.com"), ("x-api-key", "[redacted]"), ("x-team", "[redacted]"))
    json = (("content-type", "application/json"),)
    assert made(one) == Capture(
        one.id,
        1,
        CapturedRequest(
            "POST",
            "/v1/chat/completions",
            (("authorization", "[redacted]"), ("accept", "*/*")),
            Body(b'{"model":"fast"}', 16),
        ),
        (
            CapturedAttempt(
                *("anthropic", "claude", "first"),
                CapturedRequest("POST", "https://api.example.com/v1/messages", sent, Body(b'{"model":"claude"}', 18)),
                CapturedAnswer(200, json, Body(b'{"type":"message"}', 18)),
            ),
        ),
        CapturedAnswer(200, json, Body(b'{"object":"chat.completion"}', 28)),
    )


def test_a_body_that_passes_is_kept_once() -> None:
    asked, answered = b'{"model":"m"}', b"data: {}\n\n"
    capture = made(
        taken(body=flow(asked), answer=flow(answered), tries=[tried(body=flow(asked), answer=flow(answered))])
    )
    (attempt,) = capture.attempts
    assert attempt.request is not None
    assert attempt.answer is not None
    assert capture.answer is not None
    assert capture.request.body == Body(asked, len(asked))
    assert attempt.request.body == Body(size=len(asked), same_as="request")
    assert attempt.answer.body == Body(answered, len(answered))
    assert capture.answer.body == Body(size=len(answered), same_as="attempts.0.answer")


def test_what_is_sent_again_is_kept_once() -> None:
    again = [tried(status=429, answer=flow(b"no")), tried(status=429, answer=flow(b"no")), tried()]
    found = made(taken(tries=again)).attempts
    said = [(one.request.body.same_as, one.answer.body.same_as) for one in found if one.request and one.answer]
    assert said == [("", ""), ("attempts.0.request", "attempts.0.answer"), ("attempts.0.request", "")]


def test_bodies_that_only_begin_alike_are_two() -> None:
    room = 8
    one = taken(answer=flow(b"12345678 and more", room), tries=[tried(answer=flow(b"12345678", room))])
    capture = made(one)
    assert capture.answer is not None
    assert capture.answer.body.same_as == ""


def test_no_bodies_are_not_the_same() -> None:
    capture = made(taken(body=flow(b""), tries=[tried(body=flow(b""))]))
    (attempt,) = capture.attempts
    assert attempt.request is not None
    assert (capture.request.body, attempt.request.body) == (Body(), Body())


def test_nobody_asked_and_nobody_answered() -> None:
    tries = [tried(head=b"", body=None, status=0, answer=None, error="upstream_unreachable"), tried(status=0)]
    capture = made(taken(status=0, tries=tries))
    unsent, unanswered = capture.attempts
    assert unsent == CapturedAttempt("anthropic", "claude", "first", error="upstream_unreachable")
    assert unanswered.request is not None
    assert (unanswered.answer, capture.answer) == (None, None)


def test_bodies_are_cut() -> None:
    capture = made(taken(body=flow(b"x" * 50)), 20)
    assert capture.request.body == Body(b"x" * 20, 50, cut=True)


def test_secrets_that_were_sent_stand_nowhere() -> None:
    known = frozenset((b"hunter2hunter2", b"blue-team"))
    said = b"hunter2hunter2 blue-team"
    one = taken(
        target="/v1/hunter2hunter2",
        headers=[(b"x-a", said)],
        body=flow(said),
        tries=[
            tried(
                head=b"POST /hunter2hunter2?q=blue-team HTTP/1.1\r\nhost: x\r\nx-b: %b\r\n\r\n" % said,
                body=flow(said + b"2"),
                headers=[(b"x-c", said)],
                answer=flow(said + b"3"),
            )
        ],
        answer_headers=[(b"x-d", said)],
        answer=flow(said + b"4"),
        secrets=known,
    )
    shown = repr(made(one))
    assert "hunter2" not in shown
    assert "blue-team" not in shown
    assert shown.count("[redacted] [redacted]") == 8

"""The same request twice."""

from __future__ import annotations

import asyncio

import pytest
import structlog

from gateway.api.management.idempotency import Repeatable, Standing, Written, digest_of, once, read_key
from gateway.errors import InvalidRequest, StateUnavailable

from .asking import Sample
from .sample import Answers

FIRST = {"title": "First"}
DONE = Written(200, (("content-type", "application/json"),), b"{}")
REQUEST = Repeatable("user:u1", "k", b"digest")


@pytest.fixture
def sample() -> Sample:
    return Sample()


async def test_the_second_time_the_first_answer_is_given_again(sample: Sample) -> None:
    first = await sample.ask("POST", "/api/notes", FIRST, idempotency_key="k-1")
    again = await sample.ask("POST", "/api/notes", FIRST, idempotency_key="k-1")
    assert first.status == again.status == 201
    assert first.body == again.body
    assert first.headers["location"] == again.headers["location"]
    assert first.headers["etag"] == again.headers["etag"]
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert len(sample.shelf.notes) == 1


async def test_another_request_with_the_same_key_is_a_mistake(sample: Sample) -> None:
    await sample.ask("POST", "/api/notes", FIRST, idempotency_key="k")
    answer = await sample.ask("POST", "/api/notes", {"title": "Second"}, idempotency_key="k")
    assert answer.status == 422
    assert answer.json()["errors"] == [{"detail": answer.json()["detail"], "header": "Idempotency-Key"}]
    assert len(sample.shelf.notes) == 1


async def test_a_key_belongs_to_whoever_sends_it(sample: Sample) -> None:
    await sample.ask("POST", "/api/notes", FIRST, idempotency_key="k")
    second = {"title": "Second"}
    answer = await sample.ask("POST", "/api/notes", second, idempotency_key="k", who="browser", origin="http://ours")
    assert answer.status == 201


async def test_a_refusal_is_given_again_too(sample: Sample) -> None:
    await sample.ask("POST", "/api/notes", FIRST)
    first = await sample.ask("POST", "/api/notes", FIRST, idempotency_key="k")
    sample.shelf.notes.clear()
    again = await sample.ask("POST", "/api/notes", FIRST, idempotency_key="k")
    assert (first.status, again.status) == (409, 409)
    assert again.headers["idempotency-replayed"] == "true"
    assert first.body == again.body


async def test_what_failed_is_tried_again(sample: Sample) -> None:
    for target in ("/api/explode", "/api/be_unavailable"):
        with structlog.testing.capture_logs():
            answers = [await sample.ask("POST", target, idempotency_key="k", who="client") for _ in range(2)]
        assert [answer.status for answer in answers] == [answers[0].status] * 2
        assert not [answer for answer in answers if "idempotency-replayed" in answer.headers]
    assert sample.answers.kept == {}


async def test_what_was_never_carried_out_leaves_no_trace(sample: Sample) -> None:
    for who, body, status in (("", FIRST, 401), ("reader", FIRST, 403), ("writer", {}, 422), ("writer", b"{", 400)):
        assert (await sample.ask("POST", "/api/notes", body, who=who, idempotency_key="k")).status == status
    assert sample.answers.kept == {}


async def test_a_request_that_is_still_running_is_waited_for() -> None:
    answers, go = Answers(), asyncio.Event()

    async def perform() -> Written:
        await go.wait()
        return DONE

    first = asyncio.create_task(once(answers, REQUEST, perform))
    await asyncio.sleep(0)
    with pytest.raises(Exception, match="still running") as raised:
        await once(answers, REQUEST, perform)
    assert (getattr(raised.value, "status", 0), getattr(raised.value, "retry_after", 0)) == (409, 1)
    go.set()
    assert await first == DONE
    assert (await once(answers, REQUEST, perform)).body == DONE.body


async def test_a_limit_is_not_remembered() -> None:
    answers = Answers()

    async def perform() -> Written:
        return DONE._replace(status=429)

    await once(answers, REQUEST, perform)
    assert await answers.begin(*REQUEST) is Standing.FRESH


async def test_what_was_done_is_answered_even_if_the_answer_cannot_be_kept() -> None:
    class Forgetful(Answers):
        async def finish(self, actor: str, key: str, answer: Written) -> None:
            raise StateUnavailable("The disk is full.")

    async def perform() -> Written:
        return DONE

    with structlog.testing.capture_logs() as lines:
        assert await once(Forgetful(), REQUEST, perform) == DONE
    assert [line["reason"] for line in lines] == ["The disk is full."]


async def test_while_answers_cannot_be_looked_up_nothing_is_done(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def begin(actor: str, key: str, digest: bytes) -> Standing:
        raise StateUnavailable("The state cannot be read.")

    monkeypatch.setattr(sample.answers, "begin", begin)
    assert await sample.refused("POST", "/api/notes", FIRST, idempotency_key="k") == (503, "state_unavailable")
    assert sample.shelf.notes == {}


@pytest.mark.parametrize("said", [[""], ["a b"], ["é"], ["x" * 256], ["a", "a"], ["tab\t"]])
def test_a_key_is_one_printable_word(said: list[str]) -> None:
    assert read_key([]) is None
    assert read_key(["x" * 255]) == "x" * 255
    with pytest.raises(InvalidRequest):
        read_key(said)


def test_a_digest_tells_requests_apart_wherever_they_differ() -> None:
    digests = {
        digest_of("POST", b"/api/notes?", b"{}"),
        digest_of("PUT", b"/api/notes?", b"{}"),
        digest_of("POST", b"/api/notes?a=1", b"{}"),
        digest_of("POST", b"/api/notes?", b"{} "),
        digest_of("POST", b"/api/notes?{", b"}"),
    }
    assert len(digests) == 5
    assert digest_of("POST", b"/", b"") == digest_of("POST", b"/", b"")

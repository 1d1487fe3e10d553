"""What is kept of requests that were made up is what their records tell, on all sides, and no key is in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

import sql
from gateway.captures.making import capture_of
from gateway.captures.redaction import Redactor
from gateway.formats.fold import fold
from gateway.formats.neutral import Reply, Text
from gateway.formats.sse import Splitter
from gateway.formats.table import FORMATS
from gateway.records.captures import Body, Capture, CapturedAttempt
from gateway.seeding.clients import SPOKEN
from gateway.seeding.history import format_between
from gateway.seeding.said import CONFIGURED, MOST_WORDS, Row, taken_of
from tests.gateway.seeding.made_up import OWNED, UNTIL_US, empty, wish

REQUESTS = 600
SECRET = b"a-key-that-nobody-may-read"
MOST = 64 * 1024


@dataclass(frozen=True)
class Made:
    """One request, and what is kept of it."""

    row: Row
    capture: Capture

    @property
    def client(self) -> str:
        return next(each.format for each in SPOKEN.values() if self.row["endpoint"] in (each.path, each.stream_path))

    @property
    def asked(self) -> dict[str, object]:
        asked: dict[str, object] = msgspec.json.decode(self.capture.request.body.kept)
        return asked

    @property
    def last(self) -> CapturedAttempt:
        return self.capture.attempts[-1]

    @property
    def got(self) -> bytes:
        assert self.capture.answer is not None
        return whole(self.capture, self.capture.answer.body)

    @property
    def is_answered(self) -> bool:
        return bool(self.row["status"] == 200 and self.row["endpoint"] != "/v1/embeddings")


def whole(capture: Capture, body: Body) -> bytes:
    """A body, wherever it is kept."""
    if not body.same_as:
        return body.kept
    *places, side = body.same_as.split(".")
    said = getattr(capture.attempts[int(places[1])] if places else capture, side)
    kept: bytes = said.body.kept
    return kept


@pytest.fixture(scope="module")
def made() -> Iterator[tuple[Made, ...]]:
    store = empty().write(wish(REQUESTS, days=1))
    key_ids = [owned.key_id for owned in OWNED.values()]
    cursor = store.connection.execute(
        sql.statement("demo/newest"), {"until_us": UNTIL_US, "key_ids": key_ids, "limit": REQUESTS}
    )
    columns = [column[0] for column in cursor.description or ()]
    rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    yield tuple(Made(row, capture_of(taken_of(row, SECRET, MOST), Redactor(), MOST)) for row in rows)
    store.connection.close()


def read(dialect: str, body: bytes, *, streamed: bool) -> Reply:
    """An answer as a client of this format reads it."""
    if not streamed:
        return FORMATS[dialect].read_reply(msgspec.json.decode(body))
    reader, splitter = FORMATS[dialect].event_reader(), Splitter()
    events = [event for data in splitter.feed(body) for event in reader.feed(data)]
    return fold([*events, *reader.close()])


def format_of(made: Made, attempt: CapturedAttempt) -> str:
    return format_between(FORMATS[made.client].name, attempt.provider)


def text_of(reply: Reply) -> str:
    return "".join(part.text for part in reply.choices[0].parts if isinstance(part, Text))


def test_both_sides_tell_the_same_answer_and_the_tokens_of_its_record(made: tuple[Made, ...]) -> None:
    formats = set()
    for each in made:
        if not each.is_answered:
            continue
        assert each.last.answer is not None
        spoken = format_of(each, each.last)
        theirs = read(spoken, each.last.answer.body.kept, streamed=each.row["stream"])
        ours = read(each.client, each.got, streamed=each.row["stream"])
        assert text_of(theirs) == text_of(ours) != ""
        assert len(text_of(ours).split()) <= MOST_WORDS
        assert theirs.usage is not None
        assert theirs.usage.input == each.row["input_tokens"]
        assert theirs.usage.output == each.row["output_tokens"]
        formats.add((each.client, spoken))
    assert len(formats) > 5, "every pair that the company has"


def test_every_attempt_is_there_with_what_came_of_it(made: tuple[Made, ...]) -> None:
    assert any(len(each.capture.attempts) > 1 for each in made)
    for each in made:
        attempts = each.row["attempts"]
        assert [(tried.provider, tried.model, tried.error) for tried in each.capture.attempts] == [
            (tried["provider"], tried["model"], tried["error"]) for tried in attempts
        ]
        assert [tried.answer.status if tried.answer else None for tried in each.capture.attempts] == [
            tried["status"] for tried in attempts
        ]
        answer = each.capture.answer
        assert (answer.status if answer else 499) == each.row["status"]


def test_what_passes_goes_to_the_same_path_with_the_model_of_the_provider(made: tuple[Made, ...]) -> None:
    passed = [each for each in made if each.row["attempts"] and each.client == format_of(each, each.last)]
    assert {each.client for each in passed} == {"openai_chat", "openai_responses", "anthropic", "gemini"}
    for each in passed:
        assert each.last.request is not None
        path = urlsplit(each.last.request.url).path
        if each.client == "gemini":
            assert f"/models/{each.last.model}:" in path
        else:
            assert path == each.row["endpoint"]
            assert msgspec.json.decode(whole(each.capture, each.last.request.body))["model"] == each.last.model


def test_what_was_dropped_was_said_and_not_sent(made: tuple[Made, ...]) -> None:
    lossy = [each for each in made if each.row["dropped"] and each.last.request is not None]
    assert lossy
    for each in lossy:
        assert each.last.request is not None
        sent = msgspec.json.decode(whole(each.capture, each.last.request.body))
        for name in (said.partition(" ")[0] for said in each.row["dropped"]):
            said = each.asked["generationConfig"] if name in CONFIGURED else each.asked
            assert isinstance(said, dict)
            assert name in said, name
            assert name not in sent, name


def test_no_key_is_in_it(made: tuple[Made, ...]) -> None:
    for each in made:
        assert SECRET not in msgspec.msgpack.encode(each.capture)
        assert dict(each.capture.request.headers)["authorization"] == "[redacted]"


def test_which_requests_are_newest_is_found_by_a_few_columns() -> None:
    # With all of them, ten million rows took more memory than a store has.
    store = empty().write(wish(1000, days=1))
    asked = {"until_us": UNTIL_US, "key_ids": [owned.key_id for owned in OWNED.values()], "limit": 10}
    ((_, plan),) = store.connection.execute(f"explain (format json) {sql.statement('demo/newest')}", asked).fetchall()
    (sorting,) = (node for node in nodes(msgspec.json.decode(plan)) if node["name"] == "TOP_N")
    (scan,) = (node for node in nodes(sorting["children"]) if node["name"] == "SEQ_SCAN")
    assert set(scan["extra_info"]["Projections"]) <= {"ts", "id", "key_id", "rowid"}
    store.connection.close()


def nodes(tree: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """All of a plan."""
    for node in tree:
        yield node
        yield from nodes(node["children"])

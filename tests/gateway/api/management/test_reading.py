"""Bodies and questions against their types."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.api.management.reading import read_query
from gateway.errors import InvalidRequest

from .asking import Sample
from .sample import NoteQuery


@pytest.fixture
def sample() -> Sample:
    return Sample()


@pytest.mark.parametrize(
    ("body", "pointer", "said"),
    [
        (b"[]", "#", "Expected `object`, got `array`."),
        (b"{}", "#", "Object missing required field `title`."),
        (b'{"title":1}', "#/title", "Expected `str`, got `int`."),
        (b'{"title":"a","stars":6}', "#/stars", "Expected `int` <= 5."),
        (b'{"title":"a","other":1}', "#", "Object contains unknown field `other`."),
        (b'{"title":"a","labels":{"x":["y",1]}}', "#/labels", "Expected `str`, got `int`."),
        (b'{"title":"a","text":"b\\u0000"}', "#/text", "A text must not have a null character."),
        (b'{"title":"a","labels":{"x":["y","\\u0000"]}}', "#/labels", ""),
        (b'{"title":"a","labels":{"\\u0000":[]}}', "#/labels", "A text must not have a null character."),
    ],
)
async def test_a_body_that_does_not_fit_is_refused_with_the_place(
    sample: Sample, body: bytes, pointer: str, said: str
) -> None:
    answer = await sample.ask("POST", "/api/notes", body)
    assert (answer.status, answer.json()["code"]) == (422, "unacceptable")
    (fault,) = answer.json()["errors"]
    assert fault["pointer"] == pointer
    assert fault["detail"].startswith(said)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b'{"title":"\xff"}', b'{"title":"\\ud800"}', b"nonsense", b'{"title":"a"} more', b'{"x":' * 9999],
)
async def test_what_is_no_json_is_refused(sample: Sample, body: bytes) -> None:
    answer = await sample.ask("POST", "/api/notes", body)
    assert answer.status in (400, 422)
    assert sample.shelf.notes == {}


async def test_a_backslash_before_what_looks_like_a_null_is_only_text(sample: Sample) -> None:
    answer = await sample.ask("POST", "/api/notes", rb'{"title":"a","text":"\\u0000"}')
    assert answer.json()["text"] == r"\u0000"


def test_a_question_is_read_by_its_types() -> None:
    assert read_query(NoteQuery, b"") == NoteQuery()
    since = b"since=2026-01-02T03:04:05Z"
    assert read_query(NoteQuery, b"limit=7&stars=0&title=a+b&title=%C3%A9&long=true&" + since) == NoteQuery(
        limit=7, stars=0, title=("a b", "é"), long=True, since=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    )


@pytest.mark.parametrize(
    ("query", "param"),
    [
        (b"other=1", "other"),
        (b"Limit=1", "Limit"),
        (b"limit", "limit"),
        (b"limit=", "limit"),
        (b"limit=0", "limit"),
        (b"limit=201", "limit"),
        (b"limit=+5", "limit"),
        (b"limit=5.0", "limit"),
        (b"limit=1e1", "limit"),
        (b"limit=%D9%A3", "limit"),
        (b"limit=5&limit=6", "limit"),
        (b"stars=null", "stars"),
        (b"long=1", "long"),
        (b"long=TRUE", "long"),
        (b"since=5", "since"),
        (b"since=2026-01-02", "since"),
        (b"title=a&title=%20", "title"),
        (b"title=%00", None),
        (b"title=%ff", None),
        (b"title=\xff", None),
        (b"&".join([b"title=a"] * 101), None),
    ],
)
def test_a_question_that_does_not_fit_names_the_parameter(query: bytes, param: str | None) -> None:
    with pytest.raises(InvalidRequest) as raised:
        read_query(NoteQuery, query)
    assert raised.value.param == param


def test_where_no_parameter_is_known_none_is_taken() -> None:
    assert read_query(None, b"") is None
    with pytest.raises(InvalidRequest, match="there are none here"):
        read_query(None, b"a=1")


async def test_a_wrong_parameter_is_told_as_one(sample: Sample) -> None:
    answer = await sample.ask("GET", "/api/notes?limit=x")
    assert answer.status == 400
    assert answer.json()["errors"] == [{"detail": "Expected `int`, got `str`.", "parameter": "limit"}]

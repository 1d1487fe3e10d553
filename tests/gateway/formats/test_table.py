"""Every dialect brings all that a dialect must bring, and stands everywhere a dialect must stand."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any, get_args

import orjson
import pytest

from gateway.errors import ProviderRefused, RequestTooLarge, UpstreamClosed
from gateway.formats.format import Format
from gateway.formats.neutral import FormatName
from gateway.formats.passing import PASSING
from gateway.formats.paths import MODELS, count_path, generate_path
from gateway.formats.table import FORMATS


def test_the_table_has_every_dialect_by_its_name() -> None:
    assert set(FORMATS) == set(PASSING) == set(MODELS) == set(get_args(FormatName))
    assert [each.name for each in FORMATS.values()] == list(FORMATS)


@pytest.mark.parametrize("dialect", FORMATS.values(), ids=lambda each: each.name)
def test_a_dialect_has_all_that_the_record_asks_for(dialect: Format) -> None:
    for field in fields(dialect):
        assert getattr(dialect, field.name) or field.default is not MISSING, field.name
    assert dialect.urls <= {"image", "document"}
    assert all(name == name.lower() for name, _ in dialect.headers)
    assert dialect.tools.name_length > 0


@pytest.mark.parametrize("dialect", FORMATS.values(), ids=lambda each: each.name)
def test_a_dialect_tells_every_error_with_a_status_and_an_object(dialect: Format) -> None:
    wrong: list[Any] = [
        RequestTooLarge("too large"),
        UpstreamClosed("gone"),
        ProviderRefused("later", category="rate_limit", code="x", retry_after=1.5),
    ]
    for error in wrong:
        status, body = dialect.write_error(error, "req_1")
        assert status == error.status
        assert error.message in orjson.dumps(orjson.loads(body)).decode()
        event = dialect.write_error_event(error, "req_1")
        assert event.endswith(b"\n\n")
        assert error.message.encode() in event


def test_a_request_goes_where_the_vendor_takes_it() -> None:
    assert [generate_path(name, "a/b?c#d e", stream=True) for name in FORMATS] == [
        "/chat/completions",
        "/responses",
        "/v1/messages",
        "/v1beta/models/a/b%3Fc%23d%20e:streamGenerateContent?alt=sse",
    ]
    assert generate_path("gemini", "g", stream=False) == "/v1beta/models/g:generateContent"


def test_tokens_are_counted_where_the_vendor_counts_them() -> None:
    assert [count_path(name, "g") for name in FORMATS] == [
        None,
        "/responses/input_tokens",
        "/v1/messages/count_tokens",
        "/v1beta/models/g:countTokens",
    ]

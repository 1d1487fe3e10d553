"""What an error answer says is found the same in every dialect."""

from __future__ import annotations

import re
from typing import Any

import pytest

from gateway.errors import ProviderFault
from gateway.formats import faults
from gateway.formats.faults import Meanings

MEANINGS: Meanings = ((re.compile("too long"), "context_too_long"), (re.compile("long"), "quota"))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":{"message":"m"}}', "m"),
        (b'[{"error":{"message":"m"}}]', "m"),
        (b'{"error":"m"}', "m"),
        (b'{"detail":"m"}', "m"),
        (b'{"detail":{"message":"m"}}', "m"),
        (b'{"message":"m"}', "m"),
        (b'{"error":{"message":"{\\"error\\":{\\"message\\":\\"m\\"}}"}}', "m"),
        (b'{"error":{"message":"{\\"message\\":\\"m\\"}"}}', "m"),
        (b'{"error":{"message":"{m"}}', "{m"),
        (b"<html>m</html>", None),
        (b"[]", None),
        (b"", None),
        (b"7", None),
    ],
)
def test_the_message_is_found_wherever_it_is(body: bytes, message: str | None) -> None:
    assert faults.error_in(body).get("message") == message


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Incorrect key: sk-abc123*****wxyz.", "Incorrect key: ***."),
        ("https://h/v1?key=AIzaShort&alt=sse", "https://h/v1?key=***&alt=sse"),
        ("AIza01234567890123456789 is wrong", "*** is wrong"),
        ("Authorization: Bearer abc.def", "Authorization: ***"),
        ("a risk-free answer", "a risk-free answer"),
        ("  ", "Upstream returned status 418"),
        (None, "Upstream returned status 418"),
        ({"a": 1}, "Upstream returned status 418"),
    ],
)
def test_the_words_of_a_provider_are_shown_without_what_looks_like_a_key(said: Any, shown: str) -> None:
    assert faults.readable(said, 418) == shown


def test_a_stream_that_says_nothing_has_no_status_to_show() -> None:
    assert faults.readable("", None) == "The provider reported an error."


@pytest.mark.parametrize(
    ("status", "category"), [(401, "auth"), (418, "bad_request"), (429, "rate_limit"), (500, "server"), (302, "server")]
)
def test_a_status_has_a_category(status: int, category: ProviderFault) -> None:
    assert faults.category_of(status) == category


@pytest.mark.parametrize(
    ("found", "message", "category"),
    [
        ("bad_request", "it is too long", "context_too_long"),
        ("bad_request", "long ago", "quota"),
        ("bad_request", "short", "bad_request"),
        ("bad_request", None, "bad_request"),
        ("server", "it is too long", "server"),
    ],
)
def test_only_a_bad_request_is_what_its_message_says(
    found: ProviderFault, message: Any, category: ProviderFault
) -> None:
    assert faults.narrowed(found, message, MEANINGS) == category


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({b"retry-after": b" 2.5 ", b"retry-after-ms": b"9"}, 2.5),
        ({b"retry-after": b"Wed, 21 Oct 2026 07:28:00 GMT", b"retry-after-ms": b"1500"}, 1.5),
        ({b"retry-after": b"-1"}, None),
        ({b"retry-after": b"1e9"}, None),
        ({}, None),
    ],
)
def test_the_time_to_wait_is_the_first_that_is_a_number(headers: dict[bytes, bytes], seconds: float | None) -> None:
    assert faults.seconds_to_wait(headers) == seconds


def test_limits_of_which_nothing_is_left_are_told_apart() -> None:
    headers = {b"left-a": b" 0", b"left-b": b"10"}
    assert faults.spent(headers, b"left-%b", (b"a", b"b", b"c")) == [b"a"]


@pytest.mark.parametrize(("code", "status"), [(429, 429), (600, None), (200, None), ("429", None), (True, None)])
def test_a_code_that_is_a_status_is_one(code: Any, status: int | None) -> None:
    assert faults.status_in({"code": code}) == status

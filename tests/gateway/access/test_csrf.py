"""A change comes from one of our own pages, or is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access import csrf
from gateway.errors import NotPermitted

OURS = "https://llm.example.com"
KEY = b"k" * 32
TOKEN = csrf.token_for("slg-ses-x", KEY)

PASSES: list[dict[bytes, bytes]] = [
    {b"sec-fetch-site": b"same-origin"},
    {b"sec-fetch-site": b"none"},
    # A proxy that gives us another host than the browser has does no harm where the browser says it all.
    {b"sec-fetch-site": b"same-origin", b"origin": b"https://public.example.com"},
    {b"sec-fetch-site": b"same-origin", b"origin": b"null"},
    {b"origin": b"https://llm.example.com"},
    {b"origin": b"https://LLM.example.com:443"},
    {b"x-csrf-token": TOKEN.encode()},
    {b"origin": b"null", b"x-csrf-token": TOKEN.encode()},
]
REFUSED: list[dict[bytes, bytes]] = [
    {},
    {b"sec-fetch-site": b"cross-site"},
    {b"sec-fetch-site": b"same-site"},
    {b"sec-fetch-site": b"same-origin, cross-site"},
    {b"sec-fetch-site": b"cross-site", b"origin": b"https://llm.example.com", b"x-csrf-token": TOKEN.encode()},
    {b"origin": b"http://llm.example.com"},
    {b"origin": b"https://llm.example.com:8443"},
    {b"origin": b"https://llm.example.com.evil.example"},
    {b"origin": b"https://llm.example.com@evil.example"},
    {b"origin": b"https://evil.example/https://llm.example.com"},
    {b"origin": b"https://evil.example", b"x-csrf-token": TOKEN.encode()},
    {b"origin": b"https://llm.example.com:port"},
    {b"origin": b"null"},
    {b"x-csrf-token": b""},
    {b"x-csrf-token": TOKEN[:-1].encode()},
    {b"x-csrf-token": b"\xff"},
]


def check(method: str, headers: dict[bytes, bytes], form_token: str = "", expected: str = TOKEN) -> None:
    csrf.check(method, headers, own_origin=OURS, expected=expected, form_token=form_token)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("headers", PASSES)
def test_a_change_from_our_own_page_passes(method: str, headers: dict[bytes, bytes]) -> None:
    check(method, headers)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "get", "MERGE"])
@pytest.mark.parametrize("headers", REFUSED)
def test_anything_else_is_refused(method: str, headers: dict[bytes, bytes]) -> None:
    with pytest.raises(NotPermitted):
        check(method, headers)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("headers", REFUSED)
def test_what_changes_nothing_passes(method: str, headers: dict[bytes, bytes]) -> None:
    check(method, headers)


def test_a_form_carries_the_token_in_a_field() -> None:
    check("POST", {}, form_token=TOKEN)
    with pytest.raises(NotPermitted):
        check("POST", {}, form_token="other")


def test_nothing_matches_where_there_is_no_cookie() -> None:
    nothing = csrf.token_for("", KEY)
    for form_token in ("", nothing, TOKEN):
        with pytest.raises(NotPermitted):
            check("POST", {}, form_token=form_token, expected=nothing)


def test_tokens_of_visitors_sessions_and_keys_are_not_each_others() -> None:
    made = {
        csrf.token_for("a", KEY),
        csrf.token_for("b", KEY),
        csrf.token_for("a", KEY, holder="visitor"),
        csrf.token_for("a", b"another"),
    }
    assert len(made) == 4


def test_the_message_names_the_setting_that_may_be_wrong() -> None:
    with pytest.raises(NotPermitted, match=r"server\.public_url"):
        check("POST", {b"origin": b"https://other.example"})


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://a", "http://a:80", True),
        ("https://a", "https://a:443", True),
        ("http://a:0", "http://a:80", False),
        ("http://a", "https://a", False),
        ("http://[::1]:8080", "http://[::1]:8080", True),
        ("http://[::1", "http://[::1", False),
        ("file://", "file://", False),
        ("", "", False),
    ],
)
def test_origins_are_compared_by_scheme_host_and_port(one: str, other: str, same: bool) -> None:
    assert csrf.is_same_origin(one, other) is csrf.is_same_origin(other, one) is same


@given(st.binary(max_size=60))
def test_no_origin_but_ours_passes(origin: bytes) -> None:
    if not csrf.is_same_origin(origin.decode("latin-1"), OURS):
        with pytest.raises(NotPermitted):
            check("POST", {b"origin": origin})


@pytest.mark.parametrize("origin", [b"https://llm.example.com", b"https://LLM.example.com:443"])
def test_a_socket_opened_by_our_own_page_passes(origin: bytes) -> None:
    csrf.check_socket({b"origin": origin}, own_origin=OURS)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {b"origin": b""},
        {b"origin": b"null"},
        {b"origin": b"https://evil.example"},
        {b"origin": b"http://llm.example.com"},
        {b"origin": b"https://llm.example.com.evil.example"},
        {b"origin": b"\xff"},
        # What only shows where a page is from, or what only our pages know, is no origin.
        {b"sec-fetch-site": b"same-origin"},
        {b"x-csrf-token": TOKEN.encode()},
    ],
)
def test_any_other_socket_is_refused(headers: dict[bytes, bytes]) -> None:
    with pytest.raises(NotPermitted):
        csrf.check_socket(headers, own_origin=OURS)

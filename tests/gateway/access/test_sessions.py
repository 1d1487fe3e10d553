"""A cookie carries a session that we signed, and nothing else gets past."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access import sessions
from gateway.access.sessions import Cookie, session_cookie, visitor_cookie
from gateway.access.tokens import make_link_token, make_session_token

KEY, OTHER_KEY = bytes(32), b"k" * 32
TOKEN = make_session_token()
VALUE = sessions.sign(TOKEN, KEY)
SECURE, PLAIN = session_cookie(secure=True), session_cookie(secure=False)

MINUTE = 60_000_000
HOUR = 60 * MINUTE


def test_what_was_signed_is_read() -> None:
    assert sessions.read(VALUE, KEY) == TOKEN


def test_a_change_of_any_character_is_noticed() -> None:
    for place in range(len(VALUE)):
        changed = VALUE[:place] + ("A" if VALUE[place] != "A" else "B") + VALUE[place + 1 :]
        assert sessions.read(changed, KEY) is None


@pytest.mark.parametrize(
    "value",
    ["", ".", TOKEN, f"{TOKEN}.", VALUE + "=", VALUE + "\n", " " + VALUE, VALUE.upper(), f"{VALUE}.{VALUE}", "é" * 95],
)
def test_malformed_values_are_no_session(value: str) -> None:
    assert sessions.read(value, KEY) is None


@given(st.text())
def test_garbage_is_no_session(value: str) -> None:
    assert sessions.read(value, KEY) is None


def test_another_key_or_another_kind_of_token_does_not_do() -> None:
    assert sessions.read(VALUE, OTHER_KEY) is None
    assert sessions.read(sessions.sign(make_link_token(), KEY), KEY) is None


def test_over_https_the_cookie_is_bound_to_the_host() -> None:
    assert SECURE.set("v", 60) == b"__Host-sluicegate=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"


def test_over_plain_http_it_has_another_name_and_is_not_secure() -> None:
    assert PLAIN.set("v", 60) == b"sluicegate=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"


@pytest.mark.parametrize("cookie", [SECURE, PLAIN, visitor_cookie(secure=True)])
def test_clearing_names_the_same_cookie_with_the_same_attributes(cookie: Cookie) -> None:
    assert cookie.clear() == cookie.set("", 0)
    assert b"Max-Age=0" in cookie.clear()


def test_a_visitor_has_another_cookie() -> None:
    assert visitor_cookie(secure=True).name != SECURE.name


@pytest.mark.parametrize(
    ("header", "pairs"),
    [
        (b"", []),
        (b"a=1", [("a", "1")]),
        (b"a=1; b=2", [("a", "1"), ("b", "2")]),
        (b'a="1";b = 2 ;c', [("a", "1"), ("b", "2")]),
        (b"a=1=2; =3; ;;a=", [("a", "1=2"), ("a", "")]),
        (b'a="', [("a", '"')]),
        (b"\xff=\xfe", [("ÿ", "þ")]),
    ],
)
def test_a_cookie_header_is_read_as_browsers_and_others_write_it(header: bytes, pairs: list[tuple[str, str]]) -> None:
    assert list(sessions.read_cookies(header)) == pairs


@given(st.binary())
def test_no_cookie_header_breaks_the_reader(header: bytes) -> None:
    assert sessions.find_token(header, SECURE, KEY) is None


def test_the_session_is_found_among_other_cookies() -> None:
    header = f'theme=dark; __Host-sluicegate="{VALUE}"; x'.encode()
    assert sessions.find_token(header, SECURE, KEY) == TOKEN
    assert sessions.find_token(header, PLAIN, KEY) is None


def test_a_forged_cookie_in_front_does_not_hide_the_real_one() -> None:
    header = f"sluicegate=forged; sluicegate={VALUE}".encode()
    assert sessions.find_token(header, PLAIN, KEY) == TOKEN


@pytest.mark.parametrize(
    ("seen_ago", "expires_in", "over"),
    [(0, 1, False), (HOUR - 1, HOUR, False), (HOUR, HOUR, True), (0, 0, True), (0, -1, True), (-MINUTE, HOUR, False)],
)
def test_a_session_ends_by_age_or_idleness(seen_ago: int, expires_in: int, over: bool) -> None:
    now = 1_000 * HOUR
    assert sessions.is_over(now - seen_ago, now + expires_in, now, idle_us=HOUR) is over


def test_use_is_noted_once_a_minute() -> None:
    assert not sessions.is_worth_noting(0, MINUTE - 1, idle_us=HOUR)
    assert sessions.is_worth_noting(0, MINUTE, idle_us=HOUR)


@given(st.integers(1, HOUR), st.integers(0, 2 * HOUR))
def test_a_session_in_use_is_noted_before_it_ends(idle: int, gap: int) -> None:
    over = sessions.is_over(0, 1_000 * HOUR, gap, idle_us=idle)
    assert sessions.is_worth_noting(0, gap, idle_us=idle) or not over

"""Cursors, pages and links."""

from __future__ import annotations

import base64
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.management.paging import PageQuery, cut, next_link, read_cursor, write_cursor
from gateway.errors import InvalidRequest

NUMBERS = st.integers(-(2**63) + 1, 2**63 - 1)
TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)


@given(TEXTS, NUMBERS)
def test_a_cursor_gives_back_what_went_in(text: str, number: int) -> None:
    cursor = write_cursor(text, number)
    assert read_cursor(cursor, (str, int)) == (text, number)
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(st.text(max_size=30))
def test_anything_else_is_refused_and_nothing_worse(cursor: str) -> None:
    with suppress(InvalidRequest):
        (value,) = read_cursor(cursor, (str,))
        assert isinstance(value, str)


@pytest.mark.parametrize(
    "content", [b"[]", b"[1]", b'["a",1]', b'{"a":1}', b"null", b"[true]", b'["\\u0000"]', b"[", b"\xff"]
)
def test_a_cursor_of_another_list_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidRequest, match="`cursor`"):
        read_cursor(base64.urlsafe_b64encode(content).decode().rstrip("="), (str,))


@pytest.mark.parametrize("number", [b"true", b"1.5", b"99999999999999999999", b'"1"'])
def test_a_number_in_a_cursor_fits_the_database(number: bytes) -> None:
    with pytest.raises(InvalidRequest):
        read_cursor(base64.urlsafe_b64encode(b"[%b]" % number).decode().rstrip("="), (int,))


@pytest.mark.parametrize(("rows", "shown", "more"), [(0, 0, False), (2, 2, False), (3, 2, True)])
def test_one_row_more_than_shown_tells_of_another_page(rows: int, shown: int, more: bool) -> None:
    query = PageQuery(limit=2)
    assert query.fetched == 3
    page = cut(range(rows), query, lambda row: (row,), lambda row: row * 10)
    assert page.items == [row * 10 for row in range(shown)]
    assert (page.next_cursor is not None) == more
    if page.next_cursor:
        assert PageQuery(cursor=page.next_cursor).after(int) == (1,)


def test_the_first_page_is_behind_nothing() -> None:
    assert PageQuery().after(str) is None


def test_a_link_asks_the_same_question_with_another_cursor() -> None:
    link = next_link(b"/api/keys", b"limit=2&cursor=old&tag=a+b&tag=%C3%A9&empty=", "new")
    assert link == '</api/keys?limit=2&tag=a+b&tag=%C3%A9&empty=&cursor=new>; rel="next"'


def test_nothing_in_an_address_ends_a_link_early() -> None:
    link = next_link(b"/api/a%2Fb<>\r\n\xff", b"q=>%0d%0a", "c")
    assert link == '</api/a%2Fb%3C%3E%0D%0A%FF?q=%3E%0D%0A&cursor=c>; rel="next"'

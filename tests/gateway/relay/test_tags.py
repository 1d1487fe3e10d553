"""Tags are a few short words, each once, whoever says them."""

from __future__ import annotations

import pytest

from gateway.relay.tags import all_tags, own_tags


def said(*values: bytes, own: tuple[str, ...] = ()) -> tuple[str, ...]:
    return all_tags(own, [(b"x-other", b"no"), *((b"x-sluicegate-tags", value) for value in values)])


@pytest.mark.parametrize(
    ("value", "tags"),
    [
        (b"a", ("a",)),
        (b"a, team=b ,c", ("a", "team=b", "c")),
        (b" ,, ,", ()),
        (b"", ()),
        (b"a,b,a", ("a", "b")),
        ("größe,模型".encode(), ("größe", "模型")),
        (b"caf\xe9", ("caf",)),
        (b"a\tb,\x7f,\xc2\x85", ("ab",)),
        ("a\u202eb,\u2028".encode(), ("ab",)),
        (b"x" * 100, ("x" * 64,)),
        (b"x" * 63 + b" y", ("x" * 63,)),
        (b"x" * 64 + b"1," + b"x" * 64 + b"2", ("x" * 64,)),
        (b",".join(b"%d" % number for number in range(40)), tuple(map(str, range(16)))),
    ],
)
def test_a_header_says_tags_with_commas_between(value: bytes, tags: tuple[str, ...]) -> None:
    assert said(value) == tags


def test_those_of_the_key_come_first_and_several_headers_are_one() -> None:
    assert said(b"b,a", b"c", own=("a",)) == ("a", "b", "c")


def test_no_request_pushes_out_the_tags_of_its_key() -> None:
    own = tuple(f"own-{number}" for number in range(16))
    assert said(b"more", own=own) == own


def test_tags_of_a_key_are_cut_like_any_other() -> None:
    assert own_tags(("a" * 100, "b", "b", *(str(number) for number in range(20)))) == (
        "a" * 64,
        "b",
        *map(str, range(14)),
    )

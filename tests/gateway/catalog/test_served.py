"""Lists of models belong to a provider at an address, and come back from a file as they went in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.catalog.served import Served, place_of, read_served, write_served
from gateway.records import ModelFacts, Provider

ONE = Provider("one", "openai_chat", "http://localhost/v1", ("*",), "round_robin", ())
TWO = replace(ONE, id="two", base_url="http://user.example/very-secret")
FACTS = ModelFacts(context=8192, images=False, effort=("low", "high"))
BOTH = Served().having(ONE, {"b": FACTS, "a": None}, 5).having(TWO, {}, 7)


def test_a_list_is_of_a_provider_and_an_address() -> None:
    assert BOTH.ids((ONE, TWO)) == {"one": ("b", "a"), "two": ()}
    assert BOTH.ids((replace(ONE, base_url="http://elsewhere/v1"),)) == {}
    assert BOTH.ids((replace(ONE, format="anthropic"),)) == {}
    assert BOTH.ids((replace(ONE, models=("a",), strategy="fill_first"),)) == {"one": ("b", "a")}
    assert Served().ids((ONE,)) == {}


def test_what_is_said_of_a_model() -> None:
    assert BOTH.facts(ONE, "b") == FACTS
    assert BOTH.facts(ONE, "a") is None
    assert BOTH.facts(ONE, "c") is None
    assert BOTH.facts(TWO, "b") is None
    assert BOTH.facts(replace(ONE, id="three"), "b") is None


def test_a_newer_list_takes_the_place_of_an_older_one() -> None:
    newer = BOTH.having(ONE, {"c": None}, 9)
    assert newer.ids((ONE, TWO)) == {"one": ("c",), "two": ()}
    assert BOTH.ids((ONE,)) == {"one": ("b", "a")}


def test_lists_of_others_can_be_forgotten() -> None:
    assert BOTH.only((TWO,)).lists.keys() == {"two"}
    assert BOTH.only((replace(ONE, base_url="http://elsewhere/v1"), TWO)).lists.keys() == {"two"}
    assert BOTH.only((ONE, TWO)) == BOTH


def test_a_file_holds_what_was_put_into_it_and_no_address() -> None:
    text = write_served(BOTH)
    assert read_served(text) == BOTH
    assert list(read_served(text).lists["one"].models) == ["b", "a"]
    assert b"secret" not in text
    assert place_of(ONE) != place_of(TWO)
    assert b"temperature" not in text, "what nobody said takes no room"


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"{}", b'{"lists": 7}', b'{"lists": {"one": {}}}', b"\xff"])
def test_what_is_no_such_file_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_served(text)

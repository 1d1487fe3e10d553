from __future__ import annotations

import duckdb
import pytest

from gateway.store.asking.words import AS_JSON, refusal, refused_at


def error_of(text: str, *, as_json: bool = True) -> duckdb.Error:
    with duckdb.connect() as connection:
        if as_json:
            connection.execute(AS_JSON)
        with pytest.raises(duckdb.Error) as found:
            connection.execute(text)
    return found.value


def test_an_error_has_its_place_in_what_was_written() -> None:
    written = "-- first\nselect nope"
    refused = refusal(error_of("select nope"), written, offset=9)
    assert (refused.line, refused.column) == (2, 8)
    assert refused.message.startswith('Line 2, column 8: Referenced column "nope"')


def test_a_place_that_is_not_in_it_is_not_told() -> None:
    for offset in (-100, 100):
        refused = refusal(error_of("select nope"), "select nope", offset=offset)
        assert refused.line is None
        assert refused.message.startswith("Referenced column")
    assert refusal(error_of("select nope"), "select nope", offset=None).line is None


def test_an_error_that_is_no_json_is_told_without_its_excerpt() -> None:
    refused = refusal(error_of("select nope", as_json=False), "select nope", offset=0)
    assert "LINE" not in refused.message
    assert "nope" in refused.message


def test_places_are_counted_in_letters() -> None:
    written = "select 'äöü',\n'€' || nope"
    position = len(written[: written.index("nope")].encode())
    refused = refused_at("What?", written, position, 0)
    assert (refused.line, refused.column) == (2, 8)
    assert written.splitlines()[1][7:] == "nope"


def test_a_place_behind_the_last_letter_is_one() -> None:
    refused = refused_at("There is more to come.", "select 1 +", len("select 1 +"), 0)
    assert (refused.line, refused.column) == (1, 11)

from __future__ import annotations

from itertools import count as counting

import orjson
import pytest

from gateway.mock.script import read_script
from gateway.mock.texts import content, count, pieces


def said(text: str) -> list[str]:
    return [orjson.loads(piece) for piece in pieces(read_script(text), lambda: 0)]


@pytest.mark.parametrize("size", [1, 7, 12, 100, 5000])
@pytest.mark.parametrize("flag", ["", "utf8"])
def test_a_piece_has_exactly_the_size_asked_for(size: int, flag: str) -> None:
    assert {len(piece.encode()) for piece in said(f"chunks=40;size={size};{flag}")} == {size}


@pytest.mark.parametrize("text", ["", "chunks=0", "chunks=100", "chunks=7;size=3", "huge=1000", "stamp;chunks=4",
                                  "text=a%20b%20c", "text=%F0%9F%98%80%3B;size=1", "text=ab;chunks=5"])  # fmt: skip
def test_as_many_pieces_come_as_are_counted(text: str) -> None:
    assert len(said(text)) == count(read_script(text))


@pytest.mark.parametrize("text", ["", "chunks=100;utf8", "chunks=7;size=3", "huge=1000", "text=a%20b%20c"])
def test_the_content_is_all_pieces_together(text: str) -> None:
    script = read_script(text)
    assert content(script, lambda: 0, most=count(script)) == "".join(said(text))


def test_own_text_comes_out_as_it_went_in() -> None:
    assert "".join(said("text=one%20%F0%9F%98%80%3B%20two")) == "one 😀; two"
    assert said("text=%F0%9F%98%80ab;size=2") == ["😀", "ab"]


def test_many_scripts_hold_what_breaks_readers() -> None:
    everything = "".join(said("utf8;chunks=50"))
    assert "😀" in everything
    assert "\u2028" in everything
    assert "漢" in everything


def test_a_stamp_is_the_time_at_which_its_piece_is_taken() -> None:
    clock = counting(1000)
    stamped = pieces(read_script("stamp;chunks=3;size=30"), lambda: next(clock))
    assert [orjson.loads(piece).strip() for piece in stamped] == ["1000", "1001", "1002"]

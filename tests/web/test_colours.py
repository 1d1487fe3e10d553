from __future__ import annotations

import re
from collections.abc import Sequence
from math import cos, radians, sin

import pytest

from tests.source import ROOT
from web.colours import EVERY, REMEMBERED_SECONDS, SERIES, Colours, drawn


class Ranks:
    """Names in the order that a test says; a clock it can turn."""

    def __init__(self, *names: str) -> None:
        self.names: Sequence[str] = names
        self.asked = 0
        self.now = 0.0

    async def rank(self, kind: str) -> Sequence[str]:
        self.asked += 1
        return [f"{kind} {name}" for name in self.names]

    def colours(self) -> Colours:
        return Colours(self.rank, clock=lambda: self.now)


async def test_the_first_eight_have_colours_of_their_own() -> None:
    ranks = Ranks(*"abcdefghij")
    given = await ranks.colours().of("model")
    assert list(given) == [f"model {name}" for name in "abcdefgh"]
    assert set(given.values()) == {f"series-{number}" for number in range(1, SERIES + 1)}


async def test_a_name_keeps_its_colour_while_others_come_and_go() -> None:
    ranks = Ranks(*"abcdefgh")
    colours = ranks.colours()
    before = await colours.of("key")
    ranks.names, ranks.now = "xhgfedcba", REMEMBERED_SECONDS + 1
    after = await colours.of("key")
    assert all(after[name] == before[name] for name in after if name in before)
    assert after["key x"] == before["key a"]


async def test_it_does_not_ask_again_and_again() -> None:
    ranks = Ranks("a")
    colours = ranks.colours()
    await colours.of("model")
    await colours.of("model")
    await colours.of("key")
    assert ranks.asked == 2


async def test_while_nobody_can_be_asked_nothing_has_a_colour() -> None:
    assert await Ranks().colours().of("model") == {}


HOUSE = {name: f"series-{number}" for number, name in enumerate("abcdefgh", 1)}


def test_what_the_house_does_not_know_takes_a_colour_that_is_free() -> None:
    here = drawn(HOUSE, {"b": 5, "x": 9, "y": 1})
    assert here["b"] == HOUSE["b"]
    assert len({here[name] for name in "bxy"}) == 3
    assert here == drawn(HOUSE, {"b": 5, "x": 1, "y": 9})


def test_where_there_is_no_room_the_smallest_has_none() -> None:
    here = drawn(HOUSE, {**dict.fromkeys("abcdefgh", 2), "x": 9, "y": 8, "a": 1})
    assert set(here) == {*"bcdefg", "x", "y"}
    assert set(here.values()) == set(EVERY)
    assert all(here[name] == HOUSE[name] for name in "bcdefg")


def test_what_comes_to_nothing_needs_none() -> None:
    assert drawn({}, {"a": 0, "b": 1}) == {"b": "series-1"}


TOKEN = re.compile(r"--([\w-]+): light-dark\(oklch\((\S+)% (\S+) (\S+)\), oklch\((\S+)% (\S+) (\S+)\)\);")
TOKENS = {
    name: {"light": tuple(map(float, numbers[:3])), "dark": tuple(map(float, numbers[3:]))}
    for name, *numbers in TOKEN.findall((ROOT / "web/static/app.css").read_text(encoding="utf-8"))
}
"""Lightness in percent, chroma and hue of every colour that has a name, by theme."""


def luminance(colour: tuple[float, ...]) -> float:
    """Relative luminance of an OKLCH colour, as WCAG has it (https://www.w3.org/TR/css-color-4/#color-conversion-code)."""
    lightness, chroma, hue = colour[0] / 100, colour[1], radians(colour[2])
    a, b = chroma * cos(hue), chroma * sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    red = 4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short
    green = -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short
    blue = -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short
    red, green, blue = (min(1.0, max(0.0, part)) for part in (red, green, blue))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    darker, lighter = sorted(map(luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("number", range(SERIES + 1))
def test_what_is_drawn_stands_out_from_what_it_is_drawn_on(number: int, theme: str) -> None:
    drawn = TOKENS[f"series-{number}"][theme]
    for ground in ("raised", "ground", "sunken"):
        assert contrast(drawn, TOKENS[ground][theme]) >= 3.1, ground  # WCAG wants 3.0

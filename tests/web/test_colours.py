from __future__ import annotations

from collections.abc import Sequence

from web.colours import REMEMBERED_SECONDS, SERIES, Colours


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

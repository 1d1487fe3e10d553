"""Every client dialect with every provider's, through a running gateway, with the official SDKs on one side and a
provider as strict as the real one on the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote

import pytest

from tests.e2e.pairs import MODELS, PAIRS, speaker
from tests.e2e.pairs import crossing as crossing  # noqa: PLC0414 # a fixture
from tests.e2e.speakers import Said, Speaker, Wish
from tests.gateway_process import GatewayProcess

NATURAL = {
    "chat": {"stop": "stop", "length": "length", "tool": "tool_calls"},
    "responses": {"stop": "completed", "length": "incomplete", "tool": "completed"},
    "messages": {"stop": "end_turn", "length": "max_tokens", "tool": "tool_use"},
    "gemini": {"stop": "STOP", "length": "MAX_TOKENS", "tool": "STOP"},
}
"""How each dialect says why an answer ended."""

every_pair = pytest.mark.parametrize("pair", PAIRS, ids=["-".join(pair) for pair in PAIRS])
both_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@contextmanager
def talking(
    gateway: GatewayProcess, pair: tuple[str, str], script: str = "", wish: Wish | None = None
) -> Iterator[Speaker]:
    made = speaker(gateway, pair, script, wish)
    try:
        yield made
    finally:
        made.close()


@every_pair
@both_ways
def test_a_chat(crossing: GatewayProcess, pair: tuple[str, str], stream: bool) -> None:
    with talking(crossing, pair, ";chunks=5;text=one%20two%20three%20four%20five", Wish(stream=stream)) as made:
        said = made.say("hello")
        assert said.text == "one two three four five"
        assert said.finish == NATURAL[pair[0]]["stop"]
        assert said.model == (unquote(made.model) if pair[0] == "gemini" else made.model)
        assert said.tokens[0] > 0
        assert said.tokens[1] > 0


@every_pair
@both_ways
def test_strange_letters_arrive_whole(crossing: GatewayProcess, pair: tuple[str, str], stream: bool) -> None:
    with talking(crossing, pair, ";utf8;split" if stream else ";utf8", Wish(stream=stream)) as made:
        said = made.say("hello")
        assert "\ufffd" not in said.text
        assert any(ord(letter) > 0xFFFF for letter in said.text)


@every_pair
@both_ways
def test_a_tool_loop_with_two_calls_at_once(crossing: GatewayProcess, pair: tuple[str, str], stream: bool) -> None:
    with talking(crossing, pair, ";toolcall=2;echo;times=1", Wish(tools=True, stream=stream)) as made:
        said = made.say("what is the weather?")
        assert [call[1] for call in said.calls] == ["weather", "weather"]
        assert pair == ("gemini", "gemini") or len({call[0] for call in said.calls}) == 2
        assert all(set(call[2]) == {"city", "days"} for call in said.calls)
        assert said.finish == NATURAL[pair[0]]["tool"]
        made.model = made.model.replace(";toolcall=2", "").replace(";times=1", "")
        heard = json.loads(made.results("rain", "sun").text)
        assert heard["results"] == ["rain", "sun"]


@every_pair
@both_ways
def test_an_image_arrives(crossing: GatewayProcess, pair: tuple[str, str], stream: bool) -> None:
    with talking(crossing, pair, ";echo", Wish(stream=stream)) as made:
        heard = json.loads(made.say("look", image=True).text)
        assert (heard["images"], heard["last"]) == (1, "look")


@every_pair
@both_ways
def test_structured_output(crossing: GatewayProcess, pair: tuple[str, str], stream: bool) -> None:
    with talking(crossing, pair, "", Wish(schema=True, stream=stream)) as made:
        assert set(json.loads(made.say("the weather, please").text)) == {"city", "days"}


@every_pair
@both_ways
def test_thinking_is_kept_over_the_turns_of_a_tool_loop(
    crossing: GatewayProcess, pair: tuple[str, str], stream: bool
) -> None:
    script = ";reasoning;toolcall=1" if pair[1] == "chat" else ";toolcall=1"
    with talking(crossing, pair, script, Wish(tools=True, thinking=True, stream=stream)) as made:
        said = made.say("think about the weather")
        assert said.reasoning or pair[1] == "chat" or MODELS[pair[1]] == "", said
        assert len(said.calls) == 1
        made.model = made.model.replace(";toolcall=1", "")
        again = made.results("rain")
        assert again.text
        assert made.say("and tomorrow?").text


def test_all_pairs_are_here() -> None:
    assert len(PAIRS) == 16


def finishes(said: Said) -> str:
    return said.finish

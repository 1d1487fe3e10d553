"""Everybody has a turn, most go well, and nobody asks for what is not theirs to ask for."""

from __future__ import annotations

from collections import Counter
from random import Random

import msgspec
import pytest

from gateway.mock.script import read_script
from gateway.seeding.clients import KEYS
from gateway.settings.demo import add_demo, may_be_asked
from gateway.settings.model import Settings
from gateway.settings.objects import ProviderSettings
from gateway.traffic.turns import FATES, FORBIDDEN, Turn, Turns

MANY = 4000

MOCK_URL = "http://127.0.0.1:9"


def taken(own: Settings | None = None, seed: int = 1, many: int = MANY) -> list[Turn]:
    turns = Turns(Random(seed), may_be_asked(add_demo(own or Settings(), MOCK_URL), MOCK_URL))
    return [turn for _ in range(many) if (turn := turns.next()) is not None]


@pytest.fixture(scope="module")
def turns() -> list[Turn]:
    return taken()


def model_of(turn: Turn) -> str:
    said = msgspec.json.decode(turn.written.body).get("model")
    return str(said) if said else turn.written.path.removeprefix("/v1beta/models/").rpartition(":")[0]


def test_every_key_has_its_turn_and_the_busy_ones_more(turns: list[Turn]) -> None:
    counts = Counter(turn.key for turn in turns)
    assert counts.keys() == {None, *(key.name for key in KEYS)}
    assert counts["search-service"] > 3 * counts["laptop-kenji"] > 0


def test_within_a_minute_every_dialect_is_heard() -> None:
    paths = {turn.written.path.partition("?")[0] for turn in taken(many=96)}
    assert {"/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/embeddings"} <= paths
    assert any("GenerateContent" in path or "generateContent" in path for path in paths)


def test_the_mock_understands_what_it_is_told(turns: list[Turn]) -> None:
    for turn in turns:
        script = read_script(turn.script)
        assert (script.input or 0) >= 8


def test_answers_are_over_before_anybody_loses_patience(turns: list[Turn]) -> None:
    longest = 0.0
    for turn in turns:
        script = read_script(turn.script)
        longest = max(longest, script.first + script.think + script.pace * (script.chunks or 0))
    assert 5 < longest < 30


def test_most_go_well_and_each_fate_befalls_somebody(turns: list[Turn]) -> None:
    badly = [turn for turn in turns if "tag=" in turn.script or turn.leaves_after or turn.key is None]
    assert 0.03 * MANY < len(badly) < 0.12 * MANY
    for fate in FATES:
        if fate.script:
            assert any(fate.script in turn.script for turn in turns), fate
    assert any(turn.leaves_after for turn in turns)
    assert any(model_of(turn) == FORBIDDEN for turn in turns)
    tags = [part for turn in turns for part in turn.script.split(";") if part.startswith("tag=")]
    assert len(set(tags)) == len(tags), "`times` counts the requests of one tag"


def test_only_those_ask_for_what_is_forbidden_to_whom_it_is(turns: list[Turn]) -> None:
    bounded = {key.name for key in KEYS if key.models != ("*",)}
    assert {turn.key for turn in turns if model_of(turn) == FORBIDDEN} <= bounded


def test_the_same_chance_makes_the_same_turns() -> None:
    assert taken(many=50) == taken(many=50)
    assert taken(many=50, seed=2) != taken(many=50)


def test_nothing_is_asked_of_a_provider_of_the_operator_s() -> None:
    own = ProviderSettings(id="anthropic", format="anthropic", base_url="https://api.anthropic.com")
    asked = {model_of(turn) for turn in taken(Settings(providers=(own,)))}
    assert asked
    assert not asked & {"smart", "flagship", "coding", "support"}
    assert not any(name.startswith("anthropic/") for name in asked)


def test_where_nothing_may_be_asked_nobody_does() -> None:
    assert Turns(Random(1), lambda name: False).next() is None

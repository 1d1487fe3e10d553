"""What the demo's clients send is what their dialects' readers take, tools and all."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from gateway.formats.table import FORMATS
from gateway.formats.translation import Translation
from gateway.records import ModelFacts
from gateway.seeding.bodies import TOOL, Question, write
from gateway.seeding.clients import SPOKEN, Dialect

DIALECTS: tuple[Dialect, ...] = get_args(Dialect)

SPEAKING = tuple(dialect for dialect in DIALECTS if dialect != "embeddings")

QUESTION = Question(model="smart", words="Why?", stream=True, tools=True)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_request_goes_to_a_path_of_its_dialect(dialect: Dialect) -> None:
    spoken = SPOKEN[dialect]
    for stream, path in ((False, spoken.path), (True, spoken.stream_path)):
        written = write(dialect, Question("a/b", "Why?", stream=stream))
        assert written.path.partition("?")[0] == path.replace("{model}", "a/b")
        assert "Why?" in written.body.decode()
        assert written.key_header.endswith((": ", "Bearer "))


@pytest.mark.parametrize("dialect", SPEAKING)
@pytest.mark.parametrize("upstream", FORMATS)
def test_it_can_be_translated_into_every_other(dialect: Dialect, upstream: str) -> None:
    translation = Translation(FORMATS[SPOKEN[dialect].format], FORMATS[upstream], ModelFacts())
    translation.read(msgspec.json.decode(write(dialect, QUESTION).body))
    assert "Why?" in str(translation.prompt)
    assert TOOL in str(translation.write("model"))


def test_nothing_of_it_is_kept() -> None:
    assert msgspec.json.decode(write("responses", QUESTION).body)["store"] is False

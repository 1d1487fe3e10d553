"""The wish for a count in each dialect, and the number that answers it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.errors import InvalidRequest, UpstreamMalformed
from gateway.formats.format import Fields, ReplyContext
from gateway.formats.neutral import Prompt
from gateway.formats.table import FORMATS
from gateway.formats.translation import Translation
from gateway.records import ModelFacts
from gateway.relay.counted import COUNTING, Counted, Wanted, renamed_inside, write_count

DIALECTS = sorted(COUNTING)
NUMBERS = {"anthropic": "input_tokens", "openai_responses": "input_tokens", "gemini": "totalTokens"}


def deep(levels: int) -> Fields:
    fields: Fields = {}
    for _ in range(levels):
        fields = {"not": fields}
    return fields


def counted(client: str, upstream: str, written: Fields, added: int = 0) -> Counted:
    translation = Translation(FORMATS[client], FORMATS[upstream], ModelFacts())
    made = Counted(translation, ReplyContext("m", "00", 0, Prompt((), ()), {}))
    made.ask("/count", Wanted(written, "m"), added)
    return made


@pytest.mark.parametrize("client", DIALECTS)
@pytest.mark.parametrize("upstream", DIALECTS)
def test_a_number_crosses(client: str, upstream: str) -> None:
    made = counted(client, upstream, {"contents": []}, added=3)
    answer = made.reply(write_count(upstream, 39))
    assert orjson.loads(answer.body)[NUMBERS[client]] == 42
    assert answer.tokens is None, "what is counted was not spent"
    assert made.estimated


@pytest.mark.parametrize("upstream", DIALECTS)
@pytest.mark.parametrize("said", ["", "[]", "{}", "null", "<html>", '{"NAME":"1"}', '{"NAME":-1}', '{"NAME":true}'])
def test_what_is_no_number_is_malformed(upstream: str, said: str) -> None:
    made = counted("anthropic", upstream, {"contents": []})
    with pytest.raises(UpstreamMalformed):
        made.reply(said.replace("NAME", NUMBERS[upstream]).encode())
    assert not made.estimated


@pytest.mark.parametrize(
    ("upstream", "kept"),
    [
        ("anthropic", {"model", "messages", "system", "tools", "thinking"}),
        ("openai_responses", {"model", "tools", "input"}),
        ("gemini", {"contents"}),
    ],
)
def test_only_what_weighs_something_is_asked_about(upstream: str, kept: set[str]) -> None:
    """A provider refuses fields its count does not know."""
    names = ("model", "messages", "system", "tools", "thinking", "input", "contents")
    steering = ("max_tokens", "max_output_tokens", "stream", "temperature", "metadata", "stop_sequences", "store")
    written: dict[str, Any] = {name: [] for name in names}
    written |= dict.fromkeys((*steering, "generationConfig", "safetySettings"), 1)
    asked = orjson.loads(counted("anthropic", upstream, written).body)
    assert set(asked) == kept


def test_a_client_of_anthropic_names_no_limit() -> None:
    wish = COUNTING["anthropic"].prompt({"model": "m", "messages": []})
    assert wish == {"model": "m", "messages": [], "max_tokens": 1}


@pytest.mark.parametrize("name", ["generateContentRequest", "generate_content_request"])
def test_the_model_inside_geminis_wish_is_the_providers(name: str) -> None:
    fields = {name: {"model": "models/fast", "contents": []}}
    edited = renamed_inside(orjson.dumps(fields), fields, "gemini-3-pro")
    assert orjson.loads(edited) == {name: {"model": "models/gemini-3-pro", "contents": []}}


def test_so_is_the_model_of_every_wish_for_embeddings() -> None:
    batch = {"requests": [{"model": "models/fast", "content": {}}, {"content": {}}, 7]}
    edited = renamed_inside(orjson.dumps(batch), batch, "embedding-1")
    assert orjson.loads(edited) == {"requests": [{"model": "models/embedding-1", "content": {}}, {"content": {}}, 7]}
    single: Fields = {"model": "models/fast", "content": {}}
    assert orjson.loads(renamed_inside(b"", single, "embedding-1"))["model"] == "models/embedding-1"


@pytest.mark.parametrize(
    "fields", [{"contents": []}, {"generateContentRequest": {"contents": []}}, {"requests": [{}, 7]}, {"model": 7}, {}]
)
def test_a_wish_that_names_none_stays_as_it_is(fields: Fields) -> None:
    assert renamed_inside(b"as it came", fields, "gemini-3-pro") == b"as it came"


def test_what_is_nested_too_deeply_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        counted("gemini", "anthropic", {"tools": [deep(300)]})
    with pytest.raises(InvalidRequest):
        renamed_inside(b"", {"generateContentRequest": {"model": "models/x", "tools": deep(300)}}, "y")

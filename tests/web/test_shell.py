"""Lines for a shell: whatever is asked, they are whole, and say the key where the dialect wants it."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.endpoints import ENDPOINTS
from web.least import FILES, OF_FILES
from web.shell import END, LONGEST_WORD, PLACEHOLDER, Ask, curl, model_among

ORIGIN = "https://gate.example"
KEY = "sk-just-made"


def words_of(line: str) -> dict[str, list[str]]:
    """The options of a line as a shell reads it, by name; the address under an empty one."""
    words = iter(shlex.split(line.replace("\\\n", "")))
    assert next(words) == "curl"
    found: dict[str, list[str]] = {}
    for word in words:
        name = word if word.startswith("-") else ""
        value = word if not name else "" if name == "-N" else next(words)
        found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.path)
@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
def test_the_least_of_every_endpoint_is_whole(endpoint: Any, is_streamed: bool) -> None:
    found = words_of(curl(ORIGIN, Ask(endpoint.path, "openai/gpt 4o", is_streamed), KEY))
    (url,) = found[""]
    in_path = "{model}" in endpoint.path
    assert url.startswith(ORIGIN + endpoint.path.replace("{model}", "openai%2Fgpt%204o"))
    assert url.endswith("?alt=sse") == ("stream" in endpoint.path)
    access = {"anthropic": f"x-api-key: {KEY}", "gemini": f"x-goog-api-key: {KEY}"}
    assert access.get(endpoint.format, f"Authorization: Bearer {KEY}") in found["-H"]
    assert ("anthropic-version: 2023-06-01" in found["-H"]) == (endpoint.format == "anthropic")
    if endpoint.body == "multipart":
        fields = dict(word.split("=", 1) for word in found["-F"])
        assert fields["model"] == "openai/gpt 4o"
        assert any(name in OF_FILES and value.startswith("@") for name, value in fields.items())
        assert "-d" not in found
        return
    body = json.loads(found["-d"][0])
    assert body.get("model", "openai/gpt 4o" if in_path else None) == "openai/gpt 4o"
    assert ("model" in body) != in_path
    assert body.get("stream", False) == (is_streamed and not in_path)
    assert len(body) > 1 or in_path


def test_every_endpoint_that_takes_files_is_known() -> None:
    assert set(FILES) == {endpoint.path for endpoint in ENDPOINTS if endpoint.body == "multipart"}


def test_without_a_secret_the_shell_knows_it() -> None:
    assert '-H "Authorization: Bearer $SLUICEGATE_KEY"' in curl(ORIGIN, Ask("/v1/embeddings", "m"))
    assert '-H "x-api-key: $SLUICEGATE_KEY"' in curl(ORIGIN, Ask("/v1/messages", "m"))


@given(st.dictionaries(st.text(), st.text()), st.text(st.characters(codec="utf-8"), min_size=1))
def test_whatever_is_said_comes_through_the_shell(fields: dict[str, str], model: str) -> None:
    body = json.dumps(fields)
    found = words_of(curl(ORIGIN, Ask("/v1/chat/completions", model, body=body), KEY))
    assert found["-d"] == [body]
    assert json.loads(words_of(curl(ORIGIN, Ask("/v1/responses", model)))["-d"][0])["model"] == model


def test_a_long_body_follows_the_line() -> None:
    body = json.dumps({"model": "m", "input": "a\n'b'" * LONGEST_WORD})
    line, _, rest = curl(ORIGIN, Ask("/v1/responses", "m", body=body), KEY).partition("\n{")
    assert line.endswith(f"--data-binary @- <<'{END}'")
    assert json.loads("{" + rest.removesuffix(f"\n{END}")) == json.loads(body)


@pytest.mark.parametrize(
    ("endpoint", "names", "chosen"),
    [
        ("/v1/chat/completions", ("embed", "openai/dall-e-3", "fast"), "fast"),
        ("/v1/embeddings", ("fast", "openai/text-embedding-3-small"), "openai/text-embedding-3-small"),
        ("/v1beta/models/{model}:embedContent", ("fast", "embed"), "embed"),
        ("/v1/audio/speech", ("whisper-1", "tts-1"), "tts-1"),
        ("/v1/audio/transcriptions", ("tts-1", "whisper-1"), "whisper-1"),
        ("/v1/rerank", ("fast", "slow"), "fast"),
        ("/v1/chat/completions", ("embed",), "embed"),
        ("/v1/chat/completions", (), PLACEHOLDER),
    ],
)
def test_a_model_is_one_for_the_endpoint_as_far_as_names_tell(
    endpoint: str, names: tuple[str, ...], chosen: str
) -> None:
    assert model_among(names, endpoint) == chosen

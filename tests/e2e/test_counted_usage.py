"""What a provider does not count we count ourselves, with the model's own tokenizer, where all of it is text and known:
the numbers are the tokenizer's of the same text. Everything else is estimated, and says so.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.e2e.limited import IN, OUT, Limited, chat_with, limited
from tests.e2e.pairs import SECRET, TOML
from tests.e2e.test_reckoning import CLIENTS, every_client
from tests.e2e.wire import CHAT, Answer, ask, connect, leave, read_until, request
from tests.gateway_process import GatewayProcess, running
from tests.providers import MockProcess

pytestmark = pytest.mark.filterwarnings("ignore:open_binary is deprecated:DeprecationWarning")  # the tokenizer's own

Fields = dict[str, Any]

MODEL = "gpt-4o-mini"
SAID = "Weirs hold back water; so do we. Größe: 12,5 m\N{SUPERSCRIPT TWO}, お誕生日おめでとう! "
SCRIPT = f"usage=off;text={quote(SAID)}"
"""How the mock is told to say that, and nothing of tokens."""

streamed = pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
OPENAI = ("chat", "responses")
"""Providers that speak as OpenAI does, and have its models."""

HEARING = TOML.replace("[[providers.credentials]]", 'forward_headers = ["x-mock"]\n\n[[providers.credentials]]')
"""The mock is told in a header how to behave: so a model's name stays as it is, however its provider does."""


@cache
def encoding() -> Callable[[str], Sequence[int]]:
    import bpe_openai  # noqa: PLC0415 # large, and not wanted in every run of tests

    encode: Callable[[str], Sequence[int]] = bpe_openai.get_encoding("o200k_base").encode_ordinary
    return encode


def tokens(text: str) -> int:
    return len(encoding()(text))


def weight(messages: Sequence[tuple[str, str]]) -> int:
    """Tokens of a prompt as section 6 of OpenAI's cookbook counts them: three for each message, three for the answer.
    https://github.com/openai/openai-cookbook/blob/main/examples/How_to_count_tokens_with_tiktoken.ipynb"""
    return 3 + sum(3 + tokens(role) + tokens(text) for role, text in messages)


async def load_tokenizer(gateway: GatewayProcess, model: str) -> None:
    """Have the tokenizer loaded: until it is, nobody waits for it. Without it a text comes to twice as much."""
    said = "hello " * 3000
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": said}]}).encode()
    for _ in range(10):
        answer = await ask(gateway.port, request("POST", "/v1/messages/count_tokens", body))
        assert answer.status == 200, answer.body
        if answer.json()["input_tokens"] < 4000:
            return
    raise AssertionError("the tokenizer is not to be had")


@pytest.fixture(scope="module")
def gateway(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with running(tmp_path_factory.mktemp("counted"), HEARING.format(mock=mock.url, secret=SECRET)) as made:
        yield made.complete()
        assert made.close() == 0, made.tail()


@pytest.fixture
async def ready(gateway: GatewayProcess) -> GatewayProcess:
    await load_tokenizer(gateway, f"chat/{MODEL}")
    return gateway


@pytest.fixture
def model(tag: str) -> str:
    """A model of which nobody knows yet what its provider tells of it."""
    return f"{MODEL}-{tag}"


def scripted(path: str, body: Fields, script: str) -> bytes:
    """A request that the mock is to treat so."""
    return request("POST", path, json.dumps(body).encode(), x_mock=script)


def asking(client: str, target: str, *, stream: bool, script: str = SCRIPT) -> bytes:
    """A request whose prompt is one message; `target` is provider and model."""
    return scripted(*CLIENTS[client](target, stream), script)


async def rows(gateway: GatewayProcess, name: str, *asked: bytes) -> list[Fields]:
    """The records of requests to a model of this name, asked one after another, in this order."""
    for each in asked:
        answer = await ask(gateway.port, each)
        assert answer.status == 200, answer.body
    return in_order(gateway.records(name, len(asked)))


def in_order(found: list[Fields]) -> list[Fields]:
    return sorted(found, key=lambda row: row["started_at"])


def figures(row: Fields) -> tuple[str, int, int]:
    return row["usage_source"], row["input_tokens"], row["output_tokens"]


def prompt_at(mock: MockProcess, tag: str) -> list[tuple[str, str]]:
    """Role and text of each message that the provider got, in either of OpenAI's dialects."""
    asked = json.loads(mock.requests(tag)[-1]["body"])
    said = asked.get("messages") or asked["input"]
    messages = [{"role": "user", "content": said}] if isinstance(said, str) else said
    return [(message["role"], text_of(message["content"])) for message in messages]


def text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    (part,) = content
    return str(part["text"])


@pytest.mark.parametrize("provider", OPENAI)
@every_client
async def test_a_whole_answer_is_counted(
    ready: GatewayProcess, mock: MockProcess, tag: str, model: str, client: str, provider: str
) -> None:
    asked = asking(client, f"{provider}/{model}", stream=False, script=f"{SCRIPT};tag={tag}")
    (row,) = await rows(ready, model, asked)
    assert figures(row) == ("counted", weight(prompt_at(mock, tag)), tokens(SAID))
    assert row["error"] is None


@pytest.mark.parametrize("provider", OPENAI)
@every_client
async def test_a_stream_is_counted_once_its_provider_is_known_to_be_silent(
    ready: GatewayProcess, mock: MockProcess, tag: str, model: str, client: str, provider: str
) -> None:
    """Until then no text is kept, for most providers tell; the first stream is estimated."""
    asked = asking(client, f"{provider}/{model}", stream=True, script=f"{SCRIPT};tag={tag}")
    first, second, third = await rows(ready, model, asked, asked, asked)
    assert first["usage_source"] == "estimated"
    assert figures(second) == figures(third) == ("counted", weight(prompt_at(mock, tag)), tokens(SAID))
    assert second["stream"] is True


async def test_what_was_silent_and_tells_again_is_believed(ready: GatewayProcess, model: str) -> None:
    silent, telling = (
        asking("chat", f"chat/{model}", stream=True, script=script) for script in (SCRIPT, "input=7;output=3")
    )
    found = await rows(ready, model, silent, silent, telling, silent, silent)
    assert [row["usage_source"] for row in found] == ["estimated", "counted", "reported", "estimated", "counted"]
    assert figures(found[2]) == ("reported", 7, 3)


@every_client
async def test_the_client_gets_the_same_whether_it_is_taken_down_or_not(
    ready: GatewayProcess, model: str, client: str
) -> None:
    asked = asking(client, f"chat/{model}", stream=True, script=f"{SCRIPT};split")
    answers: list[Answer] = [await ask(ready.port, asked) for _ in range(2)]
    said = ["".join(text_lines(answer.body)) for answer in answers]
    assert said[0] == said[1]
    assert SAID in said[0]
    assert [row["usage_source"] for row in in_order(ready.records(model, 2))] == ["estimated", "counted"]


def text_lines(body: bytes) -> Iterator[str]:
    """What the events of a stream say, without ids and times that each answer has of its own."""
    for line in body.decode().splitlines():
        if line.startswith("data: {"):
            yield from texts_of(json.loads(line.removeprefix("data: ")))


def texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in ("content", "text", "delta") and isinstance(inner, str):
                yield inner
            else:
                yield from texts_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_of(inner)


@streamed
@pytest.mark.parametrize(
    "target", ["chat/llama-3.3-70b", "responses/gpt-5.5", "messages/gpt-4o", "gemini/gemini-3-pro", "chat/gpt-4"]
)
async def test_models_of_another_family_are_estimated(
    ready: GatewayProcess, tag: str, target: str, stream: bool
) -> None:
    """So are those that think and do not say what, and those of OpenAI's with an older encoding."""
    asked = asking("chat", f"{target}-{tag}", stream=stream)
    assert [row["usage_source"] for row in await rows(ready, tag, asked, asked)] == ["estimated", "estimated"]


@pytest.mark.parametrize("script", ["cut=3", "errorevent=3", "filter"])
async def test_an_answer_that_breaks_off_is_estimated(ready: GatewayProcess, model: str, script: str) -> None:
    """Though it was taken down: nobody knows what its provider had to say beyond that."""
    whole, broken = (
        asking("chat", f"chat/{model}", stream=True, script=each) for each in (SCRIPT, f"{SCRIPT};chunks=6;{script}")
    )
    _, counted = await rows(ready, model, whole, whole)
    await ask(ready.port, broken)
    last = in_order(ready.records(model, 3))[-1]
    assert (counted["usage_source"], last["usage_source"]) == ("counted", "estimated")
    assert last["input_tokens"] > 0


async def test_what_a_client_that_leaves_has_heard_is_estimated(ready: GatewayProcess, model: str) -> None:
    whole = asking("chat", f"chat/{model}", stream=True)
    await rows(ready, model, whole, whole)
    sock = connect(ready.port)
    sock.sendall(asking("chat", f"chat/{model}", stream=True, script=f"{SCRIPT};stall=6"))
    read_until(sock, b"do ")
    leave(sock, "fin")
    last = in_order(ready.records(model, 3))[-1]
    assert (last["error"], last["usage_source"]) == ("client_disconnected", "estimated")


@streamed
@pytest.mark.parametrize(
    "more",
    [
        {"tools": [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]},
        {"response_format": {"type": "json_object"}},
        {"messages": [{"role": "user", "content": "x" * 600_000}]},
    ],
)
async def test_a_prompt_that_is_not_all_text_or_too_large_is_estimated(
    ready: GatewayProcess, model: str, stream: bool, more: Fields
) -> None:
    body = {"model": f"chat/{model}", "messages": [{"role": "user", "content": "Hello"}], "stream": stream, **more}
    asked = scripted(CHAT, body, SCRIPT)
    assert [row["usage_source"] for row in await rows(ready, model, asked, asked)] == ["estimated", "estimated"]


@streamed
async def test_a_call_of_a_tool_is_estimated(ready: GatewayProcess, model: str, stream: bool) -> None:
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    body = {"model": f"chat/{model}", "messages": [{"role": "user", "content": "Hello"}], "stream": stream}
    asked = scripted(CHAT, {**body, "tools": [tool]}, "usage=on;input=7;output=0;toolcall")
    for row in await rows(ready, model, asked, asked):
        assert figures(row)[:2] == ("estimated", 7)
        assert row["output_tokens"] > 0


@streamed
@pytest.mark.parametrize(
    ("told", "family", "source"),
    [
        ({"input": 77, "output": 0}, MODEL, "counted"),
        ({"input": 0, "output": 77}, MODEL, "counted"),
        ({"input": 77, "output": 0}, "llama-3.3-70b", "estimated"),
        ({"input": 77, "output": 7}, MODEL, "reported"),
    ],
)
async def test_a_side_that_was_told_stays_and_the_whole_is_as_certain_as_the_other(
    ready: GatewayProcess, tag: str, stream: bool, told: dict[str, int], family: str, source: str
) -> None:
    body = {"model": f"chat/{family}-{tag}", "messages": [{"role": "user", "content": "Hello"}], "stream": stream}
    script = "".join(f";{name}={number}" for name, number in told.items())
    asked = scripted(CHAT, body, f"usage=on;text={quote(SAID)}{script}")
    row = (await rows(ready, tag, asked, asked))[-1]
    assert row["usage_source"] == source
    assert all(row[f"{name}_tokens"] == number for name, number in told.items() if number)
    if source == "counted":
        assert row["input_tokens"] == (told["input"] or weight([("user", "Hello")]))
        assert row["output_tokens"] == (told["output"] or tokens(SAID))


async def test_a_response_that_is_kept_is_counted_as_well(ready: GatewayProcess, model: str) -> None:
    """Its last bytes wait for both."""
    body: Fields = {"model": f"chat/{model}", "input": "Hello"}
    first = await ask(ready.port, scripted("/v1/responses", body, SCRIPT))
    more = {**body, "input": "And?", "previous_response_id": first.json()["id"]}
    second = await ask(ready.port, scripted("/v1/responses", more, SCRIPT))
    assert second.status == 200, second.body
    one, two = in_order(ready.records(model, 2))
    assert figures(one) == ("counted", weight([("user", "Hello")]), tokens(SAID))
    conversation = [("user", "Hello"), ("assistant", SAID), ("user", "And?")]
    assert figures(two) == ("counted", weight(conversation), tokens(SAID))


@streamed
async def test_without_the_control_process_it_is_estimated_and_hardly_anybody_waits(
    mock: MockProcess, tmp_path: Path, stream: bool
) -> None:
    with running(tmp_path, HEARING.format(mock=mock.url, secret=SECRET)) as gateway:
        gateway.complete()
        await load_tokenizer(gateway, f"chat/{MODEL}")
        asked = asking("chat", f"chat/{MODEL}-x", stream=stream)
        assert (await rows(gateway, f"{MODEL}-x", asked, asked))[-1]["usage_source"] == "counted"
        control = gateway.control()
        assert control
        os.kill(control, signal.SIGSTOP)  # it takes connections, and says nothing
        try:
            answers = [await ask(gateway.port, asked) for _ in range(10)]
        finally:
            os.kill(control, signal.SIGCONT)
        assert [answer.status for answer in answers] == [200] * 10
        late = in_order(gateway.records(f"{MODEL}-x", 12))[2:]
        assert [row["usage_source"] for row in late] == ["estimated"] * 10
        assert gateway.tail().count("texts are counted without the tokenizer") < 5, "one waited, and nobody after it"
        assert gateway.close() == 0, gateway.tail()


@pytest.fixture(scope="module")
def here(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Limited]:
    with limited(tmp_path_factory.mktemp("counted"), mock.url) as made:
        yield made
        assert made.gateway.close() == 0, made.gateway.tail()


@streamed
async def test_limits_are_settled_from_the_same_figures_and_once(here: Limited, tag: str, stream: bool) -> None:
    """Of three workers each must hear for itself that the provider is silent."""
    key = here.key(budget_usd=5.0, tokens_per_month=10**9, requests_per_month=100)
    await load_tokenizer(here.gateway, f"mock/{MODEL}")
    asked = chat_with(key, f"mock/{MODEL};{SCRIPT};tag={tag}", stream=stream)
    found: list[Fields] = []
    while not any(row["usage_source"] == "counted" for row in found):
        assert len(found) < 30
        assert (await ask(here.gateway.port, asked)).status == 200
        found = here.records(key, len(found) + 1)
    (row,) = [row for row in found if row["usage_source"] == "counted"]
    assert figures(row) == ("counted", weight([("user", "Hello")]), tokens(SAID))
    assert all(row["cost_nano_usd"] == row["input_tokens"] * IN + row["output_tokens"] * OUT for row in found)
    assert {row["cost_source"] for row in found} == {"priced"}
    assert key.used == {
        "requests_per_month": len(found),
        "tokens_per_month": sum(row["input_tokens"] + row["output_tokens"] for row in found),
        "budget_nano_usd": sum(row["cost_nano_usd"] for row in found),
    }

"""What is known of vendors holds in a whole gateway, at their own addresses: names, hidden errors, usage, doors."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest

from tests.e2e.clouds import Answer as Says
from tests.e2e.clouds import Asked, Reply, World, streamed, told, world
from tests.e2e.wire import CHAT, HELLO, Answer, ask, content, events, request
from tests.gateway.outbound.proxies import listening
from tests.gateway_process import CLIENT_KEY, GatewayProcess, running

DEEPSEEK, KIMI, MINIMAX, XAI, GROQ = (
    "api.deepseek.com",
    "api.kimi.com",
    "api.minimax.io",
    "api.x.ai",
    "api.groq.com",
)
MESSAGES = "/v1/messages"
TO_CLAUDE = {"max_tokens": 50, "messages": HELLO}

CONFIGURATION = """
[[client_keys]]
name = "tester"
key  = "{key}"

[[providers]]
id = "groq"

[[providers.credentials]]
name    = "near"
api_key = "gsk-near"

[[providers.credentials]]
name    = "far"
api_key = "gsk-far"
proxy   = "http://127.0.0.1:{far}"
headers = {{ "x-team" = "far" }}
"""

TWO = """
[[providers]]
id       = "{name}"
strategy = "fill_first"

[[providers.credentials]]
name    = "first"
api_key = "sk-first"

[[providers.credentials]]
name    = "second"
api_key = "sk-second"
"""


class Vendors(NamedTuple):
    """A gateway and the vendors it asks."""

    gateway: GatewayProcess
    world: World
    far: World
    """Where only the proxy of one credential leads."""

    async def ask(self, path: str, fields: Mapping[str, Any], **headers: str) -> Answer:
        return await ask(self.gateway.port, request("POST", path, json.dumps(fields).encode(), headers=headers))

    def last(self, host: str) -> Asked:
        return self.world.of(host)[-1]


@pytest.fixture(scope="module")
def vendors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vendors]:
    directory = tmp_path_factory.mktemp("vendors")
    with world() as (earth, elsewhere):
        far = World(earth.authority)
        far.port = elsewhere.enter(listening(far.serve))
        twos = "".join(TWO.format(name=name) for name in ("deepseek", "kimi-code", "minimax", "xai"))
        toml = earth.settings(directory) + CONFIGURATION.format(key=CLIENT_KEY, far=far.port) + twos
        with running(directory, toml) as gateway:
            yield Vendors(gateway, earth, far)
            assert gateway.close() == 0, gateway.tail()


USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def completion(text: str = "Hello", finish: str = "stop", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion", "model": "m", "choices": [choice], "usage": USAGE, **more}


def chunk(delta: Mapping[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {"id": "c1", "object": "chat.completion.chunk", "model": "m", "choices": choices, **more}


def spoken(asked: Asked) -> Reply:
    """An answer of Chat, whole or in pieces."""
    if not asked.fields.get("stream"):
        return told(completion())
    return streamed(chunk({"role": "assistant"}), chunk({"content": "Hello"}), chunk({}, "stop", usage=USAGE))


def written(asked: Asked) -> Reply:
    """A whole answer of Anthropic's."""
    usage = {"input_tokens": 3, "output_tokens": 2}
    text = [{"type": "text", "text": "Hello"}]
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn"}
    return told({**message, "content": text, "usage": usage})


# Other doors, other names


async def test_an_anthropic_client_comes_in_by_deepseeks_other_door(vendors: Vendors) -> None:
    vendors.world.answers[DEEPSEEK] = written
    body = b'{ "model": "deepseek/deepseek-reasoner", "max_tokens": 50, "messages":[{"role":"user","content":"Hi"}] }'
    answer = await ask(vendors.gateway.port, request("POST", MESSAGES, body, anthropic_beta="one-2025"))
    assert answer.json()["model"] == "deepseek/deepseek-reasoner"
    asked = vendors.last(DEEPSEEK)
    assert asked.target == "/anthropic/v1/messages"
    assert asked.body == body.replace(b"deepseek/", b""), "nothing else was touched"
    assert asked.headers["authorization"] == "Bearer sk-first"
    assert (asked.headers["anthropic-beta"], asked.headers["anthropic-version"]) == ("one-2025", "2023-06-01")


async def test_others_are_translated_to_deepseeks_own_words(vendors: Vendors) -> None:
    vendors.world.answers[DEEPSEEK] = spoken
    answer = await vendors.ask("/v1/responses", {"model": "deepseek/deepseek-chat", "input": "Hi", "store": False})
    assert answer.status == 200, answer.body
    assert vendors.last(DEEPSEEK).target == "/v1/chat/completions"


async def test_requests_are_edited_only_where_they_must_be(vendors: Vendors) -> None:
    vendors.world.answers[DEEPSEEK] = spoken
    fields = {"model": "deepseek/deepseek-chat", "messages": [{"role": "developer", "content": "Be brief."}, *HELLO]}
    await vendors.ask(CHAT, {**fields, "max_completion_tokens": 9, "stream": True})
    sent = vendors.last(DEEPSEEK).fields
    assert sent["messages"][0] == {"role": "system", "content": "Be brief."}
    assert (sent["model"], sent["max_tokens"]) == ("deepseek-chat", 9)
    assert sent["stream_options"] == {"include_usage": True}
    assert "max_completion_tokens" not in sent

    plain = b'{ "model": "deepseek/deepseek-chat",   "messages": [{"role":"user","content":"Hi"}] }'
    await ask(vendors.gateway.port, request("POST", CHAT, plain))
    assert vendors.last(DEEPSEEK).body == plain.replace(b"deepseek/d", b"d")


@pytest.mark.parametrize(("path", "target"), [(CHAT, "/coding/v1/chat/completions"), (MESSAGES, "/coding/v1/messages")])
async def test_kimi_code_is_asked_for_its_models_by_its_own_names(vendors: Vendors, path: str, target: str) -> None:
    vendors.world.answers[KIMI] = spoken if path == CHAT else written
    answer = await vendors.ask(path, {"model": "kimi-code/kimi-k2.5", "temperature": 0.3, **TO_CLAUDE})
    assert answer.json()["model"] == "kimi-code/kimi-k2.5"
    asked = vendors.last(KIMI)
    assert (asked.target, asked.fields["model"]) == (target, "k2.5")
    assert ("temperature" in asked.fields) == (path == MESSAGES)


# Errors in answers that say 200


def refusing_first(refusal: Says) -> Says:
    """Says this to the first credential, and answers the second."""
    return lambda asked: refusal(asked) if asked.headers["authorization"] == "Bearer sk-first" else spoken(asked)


def limited(code: int) -> dict[str, Any]:
    return {"base_resp": {"status_code": code, "status_msg": "not now"}, "choices": None}


REFUSALS: dict[str, tuple[bool, Says]] = {
    "whole": (False, lambda _: told(limited(1002))),
    "a stream's only event": (True, lambda _: streamed(limited(1002), done=False)),
    "after who speaks": (True, lambda _: streamed(chunk({"role": "assistant"}), limited(1000), done=False)),
    "whole, though a stream was wanted": (True, lambda _: told(limited(1008))),
}


@pytest.mark.parametrize("path", [CHAT, "/v1/responses"])
@pytest.mark.parametrize("name", REFUSALS)
async def test_a_refusal_of_minimax_goes_to_the_next_credential(vendors: Vendors, name: str, path: str) -> None:
    stream, refusal = REFUSALS[name]
    vendors.world.answers[MINIMAX] = refusing_first(refusal)
    asked = {"messages": HELLO} if path == CHAT else {"input": "Hi", "store": False}
    answer = await vendors.ask(path, {"model": "minimax/MiniMax-M2", "stream": stream, **asked})
    assert answer.status == 200, answer.body
    assert (answer.header("x-sluicegate-credential"), answer.header("x-sluicegate-attempts")) == ("second", "2")
    assert b"not now" not in answer.body
    assert b"Hello" in answer.body


@pytest.mark.parametrize(
    ("code", "status", "attempts"), [(2013, 400, "1"), (1026, 400, "1"), (1002, 429, "2"), (1004, 502, "2")]
)
async def test_a_refusal_of_minimax_means_what_its_code_says(
    vendors: Vendors, code: int, status: int, attempts: str
) -> None:
    vendors.world.answers[MINIMAX] = lambda _: told(limited(code))
    answer = await vendors.ask(CHAT, {"model": "minimax/MiniMax-M2", "messages": HELLO})
    assert (answer.status, answer.header("x-sluicegate-attempts")) == (status, attempts), answer.body


async def test_an_answer_that_deepseek_breaks_off_is_asked_for_again(vendors: Vendors) -> None:
    broken = told(completion("Hel", "insufficient_system_resource"))
    vendors.world.answers[DEEPSEEK] = refusing_first(lambda _: broken)
    answer = await vendors.ask(CHAT, {"model": "deepseek/deepseek-chat", "messages": HELLO})
    assert answer.json()["choices"][0]["message"]["content"] == "Hello"
    assert answer.header("x-sluicegate-credential") == "second"


# Usage


USED = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 40}


def thought(asked: Asked) -> Reply:
    """xAI: 25 tokens of reasoning are in the total alone."""
    if not asked.fields.get("stream"):
        return told(completion(usage=USED))
    return streamed(chunk({"role": "assistant", "content": "Hello"}), chunk({}, "stop"), chunk({}, usage=USED))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", [CHAT, MESSAGES])
async def test_reasoning_of_xai_is_booked(vendors: Vendors, path: str, stream: bool) -> None:
    vendors.world.answers[XAI] = thought
    tag = f"xai-{path[-8:].replace('/', '-')}-{stream}"
    options = {"stream_options": {"include_usage": True}} if stream and path == CHAT else {}
    fields = {"model": "xai/grok-4", "stream": stream, **TO_CLAUDE, **options}
    answer = await vendors.ask(path, fields, **{"user-agent": tag})
    assert answer.status == 200, answer.body
    record = vendors.gateway.record(tag)
    assert (record["input_tokens"], record["output_tokens"]) == (10, 30)
    if path == CHAT:
        assert b'"completion_tokens": 5' in answer.body, "what passes is the provider's word"
    else:
        counts = [json.loads(event).get("usage", {}) for event in events(answer.body)] if stream else []
        told_last = counts[-2] if stream else answer.json()["usage"]
        assert told_last["output_tokens"] == 30


# Credentials of their own kind


async def test_a_credential_has_its_own_headers_and_its_own_proxy(vendors: Vendors) -> None:
    vendors.world.answers[GROQ] = vendors.far.answers[GROQ] = spoken
    fields = {"model": "groq/llama", "stream": True, "messages": HELLO}
    answers = [await vendors.ask(CHAT, fields) for _ in range(4)]
    assert [content(each.body) for each in answers] == ["Hello"] * 4
    used = [each.header("x-sluicegate-credential") for each in answers]
    assert sorted(map(str, used)) == ["far", "far", "near", "near"]
    for place, name, team in ((vendors.world, "near", None), (vendors.far, "far", "far")):
        heard = place.of(GROQ)
        assert [each.headers["authorization"] for each in heard] == [f"Bearer gsk-{name}"] * 2
        assert [each.headers.get("x-team") for each in heard] == [team] * 2

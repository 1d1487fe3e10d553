"""Whatever a provider or a client sends, a translation ends in its answer or in our error, in bounded memory."""

from __future__ import annotations

import random
import re
import tracemalloc
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import GatewayError, RequestRefused, UpstreamError, UpstreamMalformed
from gateway.formats.format import ReplyContext
from gateway.formats.passing import PASSING, PassThrough
from gateway.formats.sse import EVENT_BYTES
from gateway.formats.table import FORMATS
from gateway.formats.translate import Translate
from gateway.formats.translation import Translation
from gateway.formats.written import answer_bytes, request_bytes
from gateway.records import ModelFacts
from tests.vectors import NAMES, cases

PAIRS = [(client, upstream) for client in FORMATS for upstream in FORMATS if client != upstream]

ASKED: dict[str, dict[str, Any]] = {
    "openai_chat": {"model": "m", "messages": [{"role": "user", "content": "q"}], "stream": True},
    "openai_responses": {"model": "m", "input": "q", "stream": True},
    "anthropic": {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "q"}], "stream": True},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "q"}]}]},
}

JUNK: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    2**63,
    2**64 - 1,
    1.5,
    1e300,
    "",
    "x",
    "\u2028",
    [],
    {},
    [None],
    [{}],
    [[]],
]
JUNK += [{"a": 1}, "[DONE]", {"type": "text"}, {"type": None}, {"error": {}}, ["a"], {"text": 1}, [[["a"]]], 10**6]


def translation(client: str, upstream: str) -> Translation:
    found = Translation(FORMATS[client], FORMATS[upstream], ModelFacts())
    found.read(ASKED[client])
    found.write("up")
    return found


def pipeline(client: str, upstream: str) -> Translate:
    begun = translation(client, upstream)
    return begun.stream(ReplyContext("m", "ab" * 16, 1, begun.prompt, ASKED[client]))


def ran(client: str, upstream: str, pieces: list[bytes]) -> bytes:
    """What a client gets of a stream, to the end; an exception that is not ours fails the test."""
    through = pipeline(client, upstream)
    out = b"".join([through.feed(piece) for piece in pieces])
    through.resume()
    out += through.close()
    assert isinstance(through.complete, bool)
    assert through.tokens is None or through.tokens.input >= 0
    if through.error is not None:
        assert isinstance(through.error, UpstreamError)
        out += through.fail(through.error)
    else:
        assert through.complete
    return out


def mutated(value: Any, chance: random.Random, odds: float) -> Any:
    """A copy in which some values are others, missing, or there twice."""
    if chance.random() < odds:
        return chance.choice(JUNK)
    if isinstance(value, dict):
        return {key: mutated(inner, chance, odds) for key, inner in value.items() if chance.random() > odds / 2}
    if isinstance(value, list):
        inside = [mutated(inner, chance, odds) for inner in value if chance.random() > odds / 2]
        return inside + chance.choices(inside, k=int(bool(inside) and chance.random() < odds))
    return value


def events_of(sse: bytes) -> list[bytes]:
    blocks = sse.replace(b"\r\n", b"\n").split(b"\n\n")
    return [data for block in blocks if (data := b"".join(re.findall(rb"^data: ?(.*)$", block, re.MULTILINE)))]


def mutated_event(event: bytes, chance: random.Random, odds: float) -> bytes:
    return orjson.dumps(mutated(orjson.loads(event), chance, odds)) if event.startswith(b"{") else event


STREAMS = {
    name: [events_of(case.sse) for case in cases() if case.sse and NAMES[case.upstream] == name] for name in FORMATS
}
ANSWERS = {
    name: [
        answer["body"] for case in cases() if (answer := case.get("upstream_response")) and NAMES[case.upstream] == name
    ]
    for name in FORMATS
}
REQUESTS = {
    name: [(case.request, case.facts) for case in cases() if case.get("client_request") and NAMES[case.client] == name]
    for name in FORMATS
}

seeds = st.integers(0, 2**32)
odds = st.sampled_from([0.01, 0.05, 0.2])


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
@settings(max_examples=20)
@given(seed=seeds, often=odds)
def test_a_stream_gone_wrong_ends_in_its_answer_or_in_our_error(
    client: str, upstream: str, seed: int, often: float
) -> None:
    chance = random.Random(seed)
    events = [mutated_event(event, chance, often) for event in chance.choice(STREAMS[upstream])]
    if chance.random() < 0.3:
        events = chance.sample(events, k=chance.randint(0, len(events)))
    assert ran(client, upstream, [b"data: %b\n\n" % event for event in events])


@pytest.mark.parametrize("upstream", list(FORMATS))
@settings(max_examples=20)
@given(
    pieces=st.lists(
        st.binary(max_size=40) | st.sampled_from([b"data: ", b"\n\n", b"{}", b"[]", b"\r", b"[DONE]", b"null"])
    )
)
def test_bytes_that_mean_nothing_end_in_our_error(upstream: str, pieces: list[bytes]) -> None:
    for client in FORMATS:
        if client != upstream:
            ran(client, upstream, pieces)
    passed = PassThrough(FORMATS[upstream], PASSING[upstream], model="m", hide_usage=upstream == "openai_chat")
    assert isinstance(b"".join([passed.feed(piece) for piece in pieces]) + passed.close(), bytes)
    assert isinstance(passed.fail(UpstreamMalformed("no")), bytes)


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
@settings(max_examples=20)
@given(seed=seeds, often=odds)
def test_an_answer_gone_wrong_is_told_or_is_our_error(client: str, upstream: str, seed: int, often: float) -> None:
    chance = random.Random(seed)
    begun = translation(client, upstream)
    body = orjson.dumps(mutated(chance.choice(ANSWERS[upstream]), chance, often))
    context = ReplyContext("m", "ab" * 16, 1, begun.prompt, ASKED[client])
    try:
        answer_bytes(begun.client.write_reply(begun.reply(body), context))
    except UpstreamError:
        return


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
@settings(max_examples=20)
@given(seed=seeds, often=odds)
def test_a_request_gone_wrong_is_written_or_refused(client: str, upstream: str, seed: int, often: float) -> None:
    chance = random.Random(seed)
    fields, facts = chance.choice(REQUESTS[client])
    wrong = mutated(fields, chance, often)
    begun = Translation(FORMATS[client], FORMATS[upstream], facts)
    try:
        begun.read(wrong if isinstance(wrong, dict) else {})
        request_bytes(begun.write("up"))
    except RequestRefused as refused:
        status, body = FORMATS[client].write_error(refused, "req")
        assert (status, isinstance(orjson.loads(body), dict)) == (400, True)


@pytest.mark.parametrize("upstream", list(FORMATS))
@pytest.mark.parametrize(
    "body", [b"", b"<html>502</html>", b"\xff", b"[" * 3000, b"null", b"[]", b'{"error":null}', b'"x"']
)
def test_every_error_answer_is_an_error_every_client_can_hear(upstream: str, body: bytes) -> None:
    for status in (400, 401, 403, 404, 408, 413, 422, 429, 500, 502, 503, 529, 599):
        for wait in (b"1", b"x", b"", b"-1", b"nan", b"1e400", b"9" * 400):
            error = FORMATS[upstream].read_error(status, {b"retry-after": wait}, body)
            for client in FORMATS.values():
                told, said = client.write_error(error, "req")
                assert (400 <= told < 600, isinstance(orjson.loads(said), dict)) == (True, True)


NESTED = [b'{"a":' * depth + b"1" + b"}" * depth for depth in (150, 240, 260, 600, 1000)]
DEEP_REPLIES = {
    "openai_chat": b'{"id":"c","choices":[{"index":0,"finish_reason":"tool_calls","message":{"role":"assistant",'
    b'"tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":%b}}]}}]}',
    "openai_responses": b'{"id":"r","status":"completed","output":[{"type":"function_call","call_id":"t","name":"f",'
    b'"arguments":%b}]}',
    "anthropic": b'{"id":"m","type":"message","role":"assistant","stop_reason":"tool_use","content":['
    b'{"type":"tool_use","id":"t","name":"f","input":%b}]}',
    "gemini": b'{"candidates":[{"finishReason":"STOP","content":{"parts":[{"functionCall":{"name":"f","args":%b}}]}}]}',
}


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
@pytest.mark.parametrize("nested", NESTED, ids=lambda nested: str(nested.count(b"{")))
def test_arguments_nested_without_measure_are_told_or_are_our_error(client: str, upstream: str, nested: bytes) -> None:
    begun = translation(client, upstream)
    context = ReplyContext("m", "ab" * 16, 1, begun.prompt, ASKED[client])
    for written in (nested, orjson.dumps(nested.decode())):
        try:
            answer_bytes(begun.client.write_reply(begun.reply(DEEP_REPLIES[upstream] % written), context))
        except UpstreamError:
            continue


DEEP_REQUESTS = [
    (
        "openai_chat",
        b'{"model":"m","messages":[{"role":"user","content":"q"}],"response_format":{"type":"json_schema",'
        b'"json_schema":{"name":"n","schema":%b}}}',
    ),
    (
        "openai_chat",
        b'{"model":"m","messages":[{"role":"user","content":"q"}],"tools":[{"type":"function","function":{"name":"f",'
        b'"parameters":%b}}]}',
    ),
    ("openai_responses", b'{"model":"m","input":[{"type":"function_call","call_id":"t","name":"f","arguments":%b}]}'),
    (
        "anthropic",
        b'{"model":"m","max_tokens":9,"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t",'
        b'"name":"f","input":%b}]}]}',
    ),
    (
        "anthropic",
        b'{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"q"}],"output_config":{"format":'
        b'{"type":"json_schema","schema":%b}}}',
    ),
    ("gemini", b'{"contents":[{"role":"model","parts":[{"functionCall":{"name":"f","args":%b}}]}]}'),
    (
        "gemini",
        b'{"contents":[{"parts":[{"text":"q"}]}],"tools":[{"functionDeclarations":[{"name":"f","parameters":'
        b'{"type":%b}}]}]}',
    ),
]


@pytest.mark.parametrize(("client", "request_body"), DEEP_REQUESTS)
@pytest.mark.parametrize("nested", [*NESTED, b"[" * 600 + b"]" * 600], ids=len)
def test_a_request_nested_without_measure_is_written_or_refused(
    client: str, request_body: bytes, nested: bytes
) -> None:
    for upstream in FORMATS:
        begun = Translation(FORMATS[client], FORMATS[upstream], ModelFacts())
        try:
            begun.read(orjson.loads(request_body % nested))
            request_bytes(begun.write("up"))
        except RequestRefused:
            continue


@pytest.mark.parametrize("upstream", list(FORMATS))
@pytest.mark.parametrize("size", [255, 65_536])
def test_a_line_that_never_ends_is_refused_in_bounded_memory(upstream: str, size: int) -> None:
    client = next(name for name in FORMATS if name != upstream)
    through = pipeline(client, upstream)
    piece = b"x" * size
    fed = len(through.feed(b"data: {"))
    tracemalloc.start()
    try:
        while through.error is None and fed <= EVENT_BYTES + size:
            assert through.feed(piece) == b""
            fed += size
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(through.error, UpstreamMalformed)
    assert EVENT_BYTES - size <= fed <= EVENT_BYTES + size
    assert peak < 3 * EVENT_BYTES


@pytest.mark.parametrize("upstream", list(FORMATS))
def test_a_line_that_never_ends_passes_through_without_being_kept(upstream: str) -> None:
    passed = PassThrough(FORMATS[upstream], PASSING[upstream], model="m", hide_usage=upstream == "openai_chat")
    piece = b'"model":"a","usage":{' + b"x" * 65_536
    tracemalloc.start()
    try:
        out = len(passed.feed(b'data: {"model":"a",'))
        for _ in range(256):
            out += len(passed.feed(piece))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert out > 256 * 65_536 - 1_000_000
    assert peak < 4_000_000
    assert passed.fail(GatewayError("gone")).startswith(b"\n\n")

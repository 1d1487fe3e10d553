"""Every dialect passed through: nothing changes but the model's name, and the figures are those of the stream."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import UpstreamClosed
from gateway.formats.passing import HELD_BYTES, PASSING, PLAIN, PassThrough
from gateway.formats.table import FORMATS
from gateway.records import Tokens
from tests.cuts import cuts
from tests.vectors import NAMES, cases

NAME = 'client/\u00fc"1'

PATHS = {
    "openai_chat": ("model",),
    "openai_responses": ("response", "model"),
    "anthropic": ("message", "model"),
    "gemini": ("modelVersion",),
}


def streams() -> list[Any]:
    found = [case for case in cases() if case.get("upstream_stream") is not None]
    return [pytest.param(NAMES[case.upstream], case.sse, id=case.id) for case in found]


def passing(dialect: str, model: str = NAME) -> PassThrough:
    return PassThrough(FORMATS[dialect], PASSING[dialect], model=model)


def run(dialect: str, pieces: list[bytes], model: str = NAME) -> tuple[bytes, PassThrough]:
    pipeline = passing(dialect, model)
    out = b"".join([pipeline.feed(piece) for piece in pieces])
    return out + pipeline.close(), pipeline


def renamed(dialect: str, data: bytes) -> bytes:
    """What a slow and simple reading makes of a stream whose names stand in no other place."""
    events = re.split(rb"(?<=\n\n)|(?<=\n\r\n)", data)
    for at, event in enumerate(events):
        said = b"".join(re.findall(rb"^data: ?([^\r\n]*)", event, re.MULTILINE))
        name: Any = orjson.loads(said) if said.startswith(b"{") else None
        for step in PATHS[dialect]:
            name = name.get(step) if isinstance(name, dict) else None
        if isinstance(name, str):
            member = re.compile(rb'("%b": ?)%b' % (PATHS[dialect][-1].encode(), re.escape(orjson.dumps(name))))
            events[at], times = member.subn(lambda found: found[1] + orjson.dumps(NAME), event)
            assert times == 1
    return b"".join(events)


def named(dialect: str, data: bytes) -> str:
    """The name that the provider says, by such a reading; empty where it says none."""
    for event in re.findall(rb"^data: ?(\{[^\r\n]*)", data, re.MULTILINE):
        name: Any = orjson.loads(event)
        for step in PATHS[dialect]:
            name = name.get(step) if isinstance(name, dict) else None
        if isinstance(name, str):
            return name
    return ""


@pytest.mark.parametrize(("dialect", "data"), streams())
def test_only_the_name_of_the_model_changes_however_a_stream_is_cut(dialect: str, data: bytes) -> None:
    for dressed in (data, data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")):
        whole, pipeline = run(dialect, [dressed])
        added = b"data: [DONE]\n\n" if whole.endswith(b"[DONE]\n\n") and b"[DONE]" not in data else b""
        assert whole == renamed(dialect, dressed) + added
        for pieces in list(cuts(dressed))[:60]:
            out, again = run(dialect, pieces)
            assert out == whole
            assert (again.tokens, again.complete, again.failed) == (
                pipeline.tokens,
                pipeline.complete,
                pipeline.failed,
            )
            assert again.answered_model == named(dialect, data)


@pytest.mark.parametrize(("dialect", "data"), streams())
def test_without_a_name_to_put_in_a_stream_stays_as_it_is(dialect: str, data: bytes) -> None:
    for dressed in (data, data.replace(b"\n", b"\r"), b": a comment\n\n" + data, data.replace(b"data: ", b"data:")):
        for pieces in list(cuts(dressed))[:40]:
            assert run(dialect, pieces, model="")[0].removesuffix(b"data: [DONE]\n\n") in (
                dressed,
                dressed.removesuffix(b"data: [DONE]\n\n"),
            )


CREATED = (
    b'event: response.created\ndata: {"type":"response.created","response":{"id":"r","model":"gpt-5","output":[]}}\n\n'
)
STARTED = (
    b"event: message_start\n"
    b'data: {"type":"message_start","message":{"id":"m","model":"claude","content":[],"usage":{"input_tokens":9}}}\n\n'
)
PING = b'event: ping\ndata: {"type":"ping"}\n\n'
FAILED = {
    "openai_responses": b'data: {"type":"error","error":{"code":"server_error","message":"no"}}\n\n',
    "anthropic": b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"no"}}\n\n',
    "gemini": b'data: {"error":{"code":503,"status":"UNAVAILABLE","message":"no"}}\n\n',
}
SAID = {
    "openai_responses": b'data: {"type":"response.output_text.delta","delta":"a","output_index":0}\n\n',
    "anthropic": b'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n',
    "gemini": b'data: {"candidates":[{"content":{"parts":[{"text":"a"}]}}],"modelVersion":"g"}\n\n',
}
BEFORE = {"openai_responses": CREATED, "anthropic": STARTED + PING + b": x\n\n", "gemini": b": x\n\n"}


@pytest.mark.parametrize("dialect", list(FAILED))
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_an_error_is_an_answer_only_behind_content(dialect: str, end: bytes) -> None:
    begun = (BEFORE[dialect] + FAILED[dialect]).replace(b"\n", end)
    said = (BEFORE[dialect] + SAID[dialect] + FAILED[dialect]).replace(b"\n", end)
    for cut in (len(said), 1):
        _, pipeline = run(dialect, [begun[at : at + cut] for at in range(0, len(begun), cut)])
        assert (pipeline.opened, pipeline.error is not None and pipeline.error.message) == (False, "no")
        out, pipeline = run(dialect, [said[at : at + cut] for at in range(0, len(said), cut)], model="")
        assert (out, pipeline.opened, pipeline.error, pipeline.failed) == (said, True, None, True)


@pytest.mark.parametrize("dialect", list(SAID))
def test_a_stream_without_its_end_is_not_complete(dialect: str) -> None:
    _, pipeline = run(dialect, [BEFORE[dialect] + SAID[dialect]])
    assert not pipeline.complete
    assert pipeline.fail(UpstreamClosed("gone")).startswith((b"data: ", b"event: ", b"\n\n"))


def test_words_in_a_text_are_neither_names_nor_usage_nor_ends() -> None:
    text = orjson.dumps('"model":"gpt-5","usage":{"input_tokens":1},"type":"response.completed","finishReason":"STOP"')
    data = CREATED + b'data: {"type":"response.output_text.delta","delta":%b}\n\n' % text
    out, pipeline = run("openai_responses", [data])
    assert out == data.replace(b'"model":"gpt-5","output"', b'"model":%b,"output"' % orjson.dumps(NAME))
    assert (pipeline.tokens, pipeline.complete) == (None, False)


USAGE = b'"usage":{"input_tokens":20,"output_tokens":7,"input_tokens_details":{"cached_tokens":4},"total_tokens":27}'
LONG = 3 * HELD_BYTES


def completed(before: int, behind: int) -> bytes:
    return (
        b'event: response.completed\ndata: {"type":"response.completed","response":{"id":"r","instructions":"'
        + b"i" * before
        + b'","model":"gpt-5",%b,"metadata":{"a":"' % USAGE
        + b"m" * behind
        + b'"}}}\n\n'
    )


@pytest.mark.parametrize("before", [10, HELD_BYTES - 60, HELD_BYTES, LONG])
@pytest.mark.parametrize("size", [1000, 4093, 16_384])
def test_an_event_too_long_to_be_held_still_names_the_model_and_counts(before: int, size: int) -> None:
    data = CREATED + SAID["openai_responses"] + completed(before, 9000)
    for shift in range(0, 60, 7):
        pieces = [data[: size + shift], *(data[at : at + size] for at in range(size + shift, len(data), size))]
        out, pipeline = run("openai_responses", pieces)
        assert out == data.replace(b'"model":"gpt-5"', b'"model":%b' % orjson.dumps(NAME))
        assert (pipeline.tokens, pipeline.complete) == (Tokens(input=20, output=7, cache_read=4), True)


def test_a_picture_in_pieces_is_counted_and_its_model_renamed_wherever_it_is_cut() -> None:
    end = (
        b'"}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":6,'
        b'"totalTokenCount":11},"modelVersion":"gemini-x"}'
    )
    data = b'data: {"candidates":[{"content":{"parts":[{"inlineData":{"data":"' + b"A" * LONG
    whole = data + end + b"\r\n\r\n"
    expected = whole.replace(b'"gemini-x"', orjson.dumps(NAME))
    for at in range(1, len(end) + 4):
        out, pipeline = run("gemini", [data + end[:at], whole[len(data) + min(at, len(end)) :]])
        assert out == expected
        assert (pipeline.tokens, pipeline.complete) == (Tokens(input=5, output=6), True)
    one_by_one = [data, *((whole[at : at + 1]) for at in range(len(data), len(whole)))]
    assert run("gemini", one_by_one)[0] == expected


def test_events_behind_a_long_one_are_whole_again() -> None:
    data = b'data: {"candidates":[{"content":{"parts":[{"text":"' + b"A" * LONG + b'"}]}}],"modelVersion":"g"}'
    pipeline = passing("gemini")
    out = pipeline.feed(data)
    between = [pipeline.between_events]
    out += pipeline.feed(b"\n") + pipeline.feed(b"\n" + SAID["gemini"] + b"data: {")
    between.append(pipeline.between_events)
    assert between == [False, True]
    assert out == (data + b"\n\n" + SAID["gemini"]).replace(b'"g"', orjson.dumps(NAME))


def test_a_stream_of_unknown_events_is_finished_when_it_ends() -> None:
    pipeline = PassThrough(FORMATS["openai_chat"], PLAIN)
    data = b'data: {"type":"speech.audio.delta","audio":"AAAA"}\n\ndata: {"type":"speech.audio.done"}'
    out = b"".join([pipeline.feed(data[at : at + 1]) for at in range(len(data))]) + pipeline.close()
    assert (out, pipeline.complete, pipeline.opened) == (data + b"\n\n", True, True)


GARBAGE = [
    b"data:",
    b"event: x\n",
    b'"usage"',
    b'"model":"a"',
    b'"response":{',
    b":null",
    b"{",
    b"}",
    b",",
    b"\n",
    b"\r",
]
GARBAGE += [
    b"[]",
    b'"error"',
    b"\xff",
    b"x",
    b": c\n\n",
    b"\\",
    b'"',
    b'"finishReason":"STOP"',
    b"[DONE]",
    b'"message_',
]


@given(st.sampled_from(sorted(PASSING)), st.lists(st.sampled_from(GARBAGE)))
def test_garbage_passes_and_nothing_is_raised(dialect: str, parts: list[bytes]) -> None:
    data = b"".join(parts)
    whole, pipeline = run(dialect, [data], model="")
    done = b"data: [DONE]\n\n"
    assert data.startswith(whole.removesuffix(done).removesuffix(b"\n\n"))
    assert isinstance(pipeline.complete, bool)
    assert isinstance(pipeline.failed, bool)
    again, _ = run(dialect, [data[at : at + 1] for at in range(len(data))], model="")
    assert again.rstrip(b"\r\n") == whole.rstrip(b"\r\n")
    out, _ = run(dialect, [data])
    again, _ = run(dialect, [data[at : at + 1] for at in range(len(data))])
    assert again.rstrip(b"\r\n") == out.rstrip(b"\r\n")


def test_our_error_goes_on_counting_where_the_provider_left_off() -> None:
    through = PassThrough(FORMATS["openai_responses"], PASSING["openai_responses"])
    through.feed(b'data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1"}}\n\n')
    through.feed(b'data: {"type":"response.output_text.delta","sequence_number": 41,"delta":"a"}\n\n')
    last = through.fail(UpstreamClosed("The provider's stream ended early."))
    assert re.findall(rb'"sequence_number":(\d+)', last) == [b"42", b"43"]

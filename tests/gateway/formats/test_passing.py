"""A stream passed through gives the same bytes and figures however it is cut, and hides only what was ours to ask."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.formats.passing import HELD_BYTES, PASSING, PassThrough
from gateway.formats.table import FORMATS
from gateway.records import Tokens
from tests.cuts import cuts

END = b"data: [DONE]\n\n"


def chunk(text: str | None = None, *, finish: str | None = None, **more: object) -> bytes:
    choices = [{"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish}]
    return orjson.dumps({"id": "c", "object": "chat.completion.chunk", "choices": choices, **more})


USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 7,
    "total_tokens": 17,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
USAGE_EVENT = orjson.dumps({"id": "c", "object": "chat.completion.chunk", "choices": [], "usage": USAGE})
TOKENS = Tokens(input=10, output=7, cache_read=4, reasoning=2)
CONTENT = [chunk("Grüße"), chunk("\u2028 日本 🦫"), chunk('say "usage": {} and "[DONE]"'), chunk(finish="stop")]


def stream(*events: bytes, end: bytes = b"\n\n") -> bytes:
    return b"".join(b"data: " + event + end for event in events)


def passing(*, hide_usage: bool) -> PassThrough:
    return PassThrough(FORMATS["openai_chat"], PASSING["openai_chat"], hide_usage=hide_usage)


def run(pieces: list[bytes], *, asked: bool = False) -> tuple[bytes, PassThrough]:
    pipeline = passing(hide_usage=not asked)
    out = b"".join(pipeline.feed(piece) for piece in pieces)
    return out + pipeline.close(), pipeline


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r"])
def test_a_stream_is_the_same_however_it_is_cut(asked: bool, end: bytes) -> None:
    data = b": hello" + end + stream(*CONTENT, USAGE_EVENT, b"[DONE]", end=end)
    expected = data if asked else data.replace(b"data: " + USAGE_EVENT + end, b"")
    for pieces in cuts(data):
        out, pipeline = run(pieces, asked=asked)
        assert out == expected
        assert (pipeline.tokens, pipeline.complete, pipeline.failed) == (TOKENS, True, False)


def test_usage_null_is_taken_out_when_the_client_did_not_ask() -> None:
    data = stream(chunk("a", usage=None), chunk(finish="stop", usage=None), USAGE_EVENT, b"[DONE]")
    assert run([data])[0] == stream(chunk("a"), chunk(finish="stop"), b"[DONE]")
    assert run([data], asked=True)[0] == data


def test_usage_null_written_with_blanks_is_taken_out_too() -> None:
    assert run([b'data: {"choices": [1], "usage" : null}\n\n'])[0] == b'data: {"choices": [1]}\n\n'


def test_usage_beside_content_stays_and_is_read() -> None:
    data = stream(chunk("a", usage=USAGE), chunk(finish="stop"), b"[DONE]")
    out, pipeline = run([data])
    assert (out, pipeline.tokens) == (data, TOKENS)


def test_a_first_event_without_choices_is_not_taken_for_usage() -> None:
    data = stream(b'{"choices":[],"prompt_filter_results":[]}', chunk("a", finish="stop"), b"[DONE]")
    assert run([data])[0] == data


def test_data_over_several_lines_is_one_event() -> None:
    first, second = USAGE_EVENT[:40], USAGE_EVENT[40:]
    cut = USAGE_EVENT.index(b",", 20)
    event = b"data: " + USAGE_EVENT[: cut + 1] + b"\ndata: " + USAGE_EVENT[cut + 1 :] + b"\n\n"
    out, pipeline = run([stream(chunk("a")) + event + END])
    assert (first + second, pipeline.tokens) == (USAGE_EVENT, TOKENS)
    assert out == stream(chunk("a")) + END


def test_a_finished_stream_without_its_mark_gets_one() -> None:
    out, pipeline = run([stream(chunk("a"), chunk(finish="stop"))])
    assert out.endswith(END)
    assert pipeline.complete


def test_a_stream_that_just_stops_is_not_complete() -> None:
    out, pipeline = run([stream(chunk("a"))])
    assert END not in out
    assert not pipeline.complete


def test_an_error_event_of_the_provider_is_an_end() -> None:
    data = stream(chunk("a"), b'{"error":{"message":"overloaded"}}')
    out, pipeline = run([data])
    assert (out, pipeline.complete, pipeline.failed) == (data, True, True)


def test_an_event_is_held_until_it_is_whole() -> None:
    pipeline = passing(hide_usage=True)
    assert pipeline.feed(b"data: {") == b""
    assert pipeline.between_events
    assert pipeline.feed(b"}\n\ndata") == b"data: {}\n\n"


def test_a_huge_event_flows_and_is_never_held_whole() -> None:
    pipeline = passing(hide_usage=True)
    piece = b"x" * 10_000
    out = pipeline.feed(b'data: {"b64":"')
    for _ in range(100):
        out += pipeline.feed(piece)
    assert len(out) > 1_000_000 - HELD_BYTES
    between = [pipeline.between_events]
    out += pipeline.feed(b'"}\n\n' + stream(chunk(finish="stop"), b"[DONE]")) + pipeline.close()
    between.append(pipeline.between_events)
    assert between == [False, True]
    assert out == b'data: {"b64":"' + piece * 100 + b'"}\n\n' + stream(chunk(finish="stop"), b"[DONE]")


GARBAGE = [b"data:", b'"usage"', b":null", b"{", b"}", b"\n", b"\r", b"[]", b'"error"', b"\xff", b"x"]


@given(st.lists(st.sampled_from(GARBAGE)))
def test_garbage_passes_and_nothing_is_raised(parts: list[bytes]) -> None:
    data = b"".join(parts)
    whole, pipeline = run([data], asked=True)
    assert whole.startswith(data)
    assert isinstance(pipeline.complete, bool)
    assert run([data[at : at + 1] for at in range(len(data))], asked=True)[0].startswith(data)

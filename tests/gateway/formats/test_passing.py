"""OpenAI Chat passed through: the same bytes and figures however it is cut, and only what was ours to ask is hidden."""

from __future__ import annotations

import orjson
import pytest

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


def test_usage_is_asked_for_by_us_whatever_stands_for_no_choices() -> None:
    for event in (b'{"id":"c","choices":null,"usage":%b}', b'{"usage":%b,"id":"c"}'):
        data = stream(chunk("a"), event % orjson.dumps(USAGE), b"[DONE]")
        out, pipeline = run([data])
        assert (out, pipeline.tokens) == (stream(chunk("a"), b"[DONE]"), TOKENS)


@pytest.mark.parametrize(
    ("event", "hidden"),
    [
        (b'{"choices":[1],"usage":null,"obfuscation":"x"}', b'{"choices":[1],"obfuscation":"x"}'),
        (b'{"usage":null,"choices":[1]}', b'{"choices":[1]}'),
        (b'{ "usage" : null , "choices": [1]}', b'{ "choices": [1]}'),
        (b'{"choices": [1], "usage": null}', b'{"choices": [1]}'),
        (b'{"x":{"a":1,"usage":null},"choices":[1]}', b'{"x":{"a":1,"usage":null},"choices":[1]}'),
        (b'{"x":{"usage":null},"usage":null,"choices":[1]}', b'{"x":{"usage":null},"choices":[1]}'),
        (b'{"usage":null}', b"{}"),
    ],
)
def test_only_the_usage_of_the_event_itself_is_taken_out(event: bytes, hidden: bytes) -> None:
    for end in (b"\n\n", b"\r\n\r\n", b"\r\r"):
        data = stream(chunk("a"), event, event, end=end)
        assert run([data])[0] == stream(chunk("a"), hidden, hidden, end=end)
        assert run([data[at : at + 1] for at in range(len(data))])[0] == stream(chunk("a"), hidden, hidden, end=end)


@pytest.mark.parametrize("null", [b'"usage":null', b'"usage": null', b'"usage" :\tnull'])
def test_a_last_null_does_not_hide_the_usage_before_it(null: bytes) -> None:
    data = stream(chunk("a", usage=USAGE), b'{"choices":[],' + null + b"}", b"[DONE]")
    for pieces in cuts(data):
        out, pipeline = run(pieces, asked=True)
        assert (out, pipeline.tokens) == (data, TOKENS)


@pytest.mark.parametrize(("told", "left"), [(b',"usage":null}', b"}"), (b', "usage" : null }', b" }")])
@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n"])
def test_usage_null_is_taken_out_of_an_event_that_is_too_long_to_be_held(told: bytes, left: bytes, end: bytes) -> None:
    long = b'data: {"choices":[{"delta":{"content":"' + b"x" * HELD_BYTES + b'"}}]'
    rest = told + end + END
    for at in range(len(rest) + 1):
        pieces = [long, rest[:at], rest[at:]]
        assert run(pieces)[0] == long + left + end + END
        assert run(pieces, asked=True)[0] == long + rest


def test_an_error_with_usage_beside_it_is_not_hidden() -> None:
    data = stream(chunk("a"), b'{"error":{"message":"no"},"usage":{"prompt_tokens":1}}')
    assert run([data])[0] == data


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


def test_done_in_the_text_of_an_answer_is_not_its_end() -> None:
    out, pipeline = run([stream(chunk("say [DONE]"), chunk("\ndata: [DONE]\n\n"))])
    assert not pipeline.complete
    assert not out.endswith(END)


@pytest.mark.parametrize("end", [b"data:[DONE]\n\n", b"data: [DONE] \n\n", b"data: [DONE]\r\n\r\n", b"data: [DONE]"])
def test_done_is_known_however_it_is_written(end: bytes) -> None:
    out, pipeline = run([stream(chunk(finish="stop")) + end])
    assert pipeline.complete
    assert out.count(b"[DONE]") == 1


def test_half_an_event_at_the_end_is_not_passed_on() -> None:
    data = stream(chunk("a"))
    for at in range(1, len(data) - 2):
        out, pipeline = run([data + data[:at]])
        assert out in (data, data + data[:at] + b"\n\n")
        assert all(not event.startswith(b"data: {") or event.endswith(b"}") for event in out.split(b"\n\n"))
        assert pipeline.between_events


def test_the_last_event_counts_without_its_empty_line() -> None:
    for end in (b"", b"\n", b"\r\n"):
        out, pipeline = run([stream(chunk("a", finish="stop")) + b"data: " + USAGE_EVENT + end], asked=True)
        assert orjson.loads(out.split(b"\n\n")[1].removeprefix(b"data: ")) == orjson.loads(USAGE_EVENT)
        assert (pipeline.tokens, out.endswith(END)) == (TOKENS, True)


def test_a_long_error_is_an_end_too() -> None:
    data = stream(chunk("a"), orjson.dumps({"error": {"message": "x" * 12_000}}))
    out, pipeline = run([data])
    assert (out, pipeline.failed) == (data, True)


def role(**more: object) -> bytes:
    return orjson.dumps({"id": "c", "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}], **more})


ERROR = b'{"error":{"message":"overloaded","type":"server_error","code":"overloaded"}}'


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r"])
@pytest.mark.parametrize("before", [[], [role()], [b'{"choices":[],"model":"","prompt_filter_results":[]}', role()]])
def test_an_error_before_any_content_is_no_answer(before: list[bytes], end: bytes) -> None:
    data = b": waiting" + end + stream(*before, ERROR, end=end)
    for pieces in ([data], [data[at : at + 1] for at in range(len(data))]):
        _, pipeline = run(pieces)
        assert (pipeline.opened, pipeline.error is not None and pipeline.error.message) == (False, "overloaded")


@pytest.mark.parametrize("first", [chunk("a"), chunk(finish="stop"), USAGE_EVENT, b"[DONE]", b"[]", b"no json"])
def test_an_error_behind_content_is_passed_on_however_it_arrives(first: bytes) -> None:
    data = stream(role(), first, ERROR)
    for pieces in ([data], [data[at : at + 1] for at in range(len(data))]):
        out, pipeline = run(pieces, asked=True)
        assert (out, pipeline.opened, pipeline.error, pipeline.failed) == (data, True, None, True)

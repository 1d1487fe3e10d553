"""A Gemini stream for a client that asked for an array: the same objects, whatever came and however it ended."""

from __future__ import annotations

import orjson
import pytest

from gateway.errors import UpstreamClosed
from gateway.formats.array import ArrayFraming
from gateway.formats.passing import HELD_BYTES, PASSING, PassThrough
from gateway.formats.table import FORMATS
from gateway.records import Tokens
from tests.cuts import cuts

SAID = b'{"candidates":[{"content":{"parts":[{"text":"so, [\\"data: {"}]}}],"modelVersion":"g"}'
END = (
    b'{"candidates":[{"content":{"parts":[]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":5,'
    b'"candidatesTokenCount":6},"modelVersion":"g"}'
)
FAILED = b'{"error":{"code":503,"message":"no more","status":"UNAVAILABLE"}}'


def framing(model: str = "") -> ArrayFraming:
    return ArrayFraming(PassThrough(FORMATS["gemini"], PASSING["gemini"], model=model))


def run(pieces: list[bytes], model: str = "") -> tuple[bytes, ArrayFraming]:
    pipeline = framing(model)
    return b"".join([pipeline.feed(piece) for piece in pieces]) + pipeline.close(), pipeline


def stream(*events: bytes, end: bytes = b"\r\n\r\n") -> bytes:
    return b"".join([b"data: " + event + end for event in events])


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r"])
def test_the_objects_are_those_of_the_events_byte_for_byte_however_they_are_cut(end: bytes) -> None:
    data = b": waiting" + end + stream(SAID, SAID, END, end=end)
    for pieces in cuts(data):
        out, pipeline = run(pieces)
        assert out == b"[%b,\n%b,\n%b]" % (SAID, SAID, END)
        assert (pipeline.tokens, pipeline.complete, pipeline.failed) == (Tokens(input=5, output=6), True, False)


def test_the_model_goes_by_the_name_the_client_knows() -> None:
    out, pipeline = run([stream(SAID, END)], model="mine")
    assert [each["modelVersion"] for each in orjson.loads(out)] == ["mine", "mine"]
    assert pipeline.answered_model == orjson.loads(SAID)["modelVersion"]


def test_an_object_over_several_lines_of_data_is_one() -> None:
    out, _ = run([b'data: {"candidates":\ndata: []}\n\n' + stream(END)])
    assert len(orjson.loads(out)) == 2


def test_what_is_no_object_is_no_element() -> None:
    out, _ = run([stream(SAID, b"[DONE]", END, b"[DONE]")])
    assert orjson.loads(out) == [orjson.loads(SAID), orjson.loads(END)]


def test_an_object_too_long_to_be_held_elsewhere_is_whole() -> None:
    long = b'{"candidates":[{"content":{"parts":[{"text":"%b"}]}}],"modelVersion":"g"}' % (b"x" * 3 * HELD_BYTES)
    data = stream(long, END)
    out, pipeline = run([data[at : at + 5000] for at in range(0, len(data), 5000)], model="mine")
    assert out == b"[%b,\n%b]" % (long.replace(b'"g"', b'"mine"'), END.replace(b'"g"', b'"mine"'))
    assert pipeline.tokens == Tokens(input=5, output=6)


def test_an_error_is_the_last_element_whether_the_provider_s_or_ours() -> None:
    out, pipeline = run([stream(SAID, FAILED)])
    assert (orjson.loads(out)[1], pipeline.failed) == (orjson.loads(FAILED), True)
    for before in ([], [SAID]):
        out, pipeline = run([stream(*before) + b'data: {"cand'])
        assert not pipeline.complete
        elements = orjson.loads(out + pipeline.fail(UpstreamClosed("gone")))
        assert [len(elements), elements[-1]["error"]["message"]] == [len(before) + 1, "gone"]


def test_an_error_before_content_is_no_answer() -> None:
    _, pipeline = run([stream(FAILED)])
    assert (pipeline.opened, pipeline.error is not None and pipeline.error.message) == (False, "no more")


def test_it_never_resumes_and_begins_when_it_must() -> None:
    pipeline = framing()
    assert (pipeline.open(), pipeline.opened, pipeline.resume(), pipeline.between_events) == (b"", True, "", True)

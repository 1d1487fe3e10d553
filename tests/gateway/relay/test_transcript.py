"""What is said in a stream whose provider counts nothing is heard, and not one byte of it changes."""

from __future__ import annotations

import pytest

from gateway.errors import GatewayError
from gateway.formats.counting import Measured
from gateway.formats.passing import PASSING, PassThrough
from gateway.formats.table import FORMATS
from gateway.records import Target
from gateway.relay import transcript
from gateway.relay.enclosing import Enclosing
from gateway.relay.transcript import Silence, Transcript

CHAT = FORMATS["openai_chat"]
WORDS = ("Weirs ", "hold \\u2028", "w\\u00e4ter.")
SAID = "Weirs hold \u2028wäter."


def event(delta: str, finish: str = "null") -> bytes:
    chunk = '{"id":"c","model":"gpt-4o","choices":[{"index":0,"delta":{%s},"finish_reason":%s}]}' % (delta, finish)
    return b"data: " + chunk.encode() + b"\n\n"


STREAM = (
    event('"role":"assistant","content":""')
    + b"".join(event(f'"content":"{word}"') for word in WORDS)
    + event("", '"stop"')
    + b"data: [DONE]\n\n"
)


def passing() -> PassThrough:
    return PassThrough(CHAT, PASSING["openai_chat"], model="fast")


@pytest.mark.parametrize("step", [1, 7, 100, len(STREAM)])
def test_whatever_the_cuts_the_text_is_heard_and_the_client_gets_the_same(step: int) -> None:
    heard, plain = Transcript(passing(), CHAT), passing()
    for at in range(0, len(STREAM), step):
        piece = STREAM[at : at + step]
        assert heard.feed(piece) == plain.feed(piece)
    assert heard.close() == plain.close()
    assert heard.complete
    assert heard.text() == Measured((SAID,))


def test_a_stream_that_lacks_its_last_line_end_is_heard_all_the_same() -> None:
    heard = Transcript(passing(), CHAT)
    heard.feed(STREAM.removesuffix(b"\n\n"))
    assert heard.text() == Measured((SAID,))


@pytest.mark.parametrize(
    "said",
    [
        STREAM.replace(b'"content":"Weirs "', b'"tool_calls":[{"index":0,"id":"c","function":{"name":"f"}}]'),
        STREAM.replace(b'"content":"Weirs "', b'"reasoning_content":"Hm."'),
        STREAM.replace(b'"stop"', b'"content_filter"'),
        STREAM.replace(b'{"id"', b'{id"', 1),
        STREAM.replace(b'"stop"', b"null").replace(b"data: [DONE]\n\n", b""),
        STREAM.replace(b"data: [DONE]\n\n", b"data: nonsense"),
        STREAM[:-60],
    ],
)
def test_what_is_no_text_or_broken_is_not_kept(said: bytes) -> None:
    heard, plain = Transcript(passing(), CHAT), passing()
    assert (heard.feed(said), heard.close()) == (plain.feed(said), plain.close())
    assert heard.text() is None


def test_what_stands_around_a_pipeline_behaves_as_that() -> None:
    within = passing()
    around = Enclosing(within)
    assert (around.open(), around.opened, around.error, around.tokens) == (b"", True, None, None)
    around.feed(STREAM[:300])
    assert around.answered_model == within.answered_model == "gpt-4o"
    assert around.between_events is within.between_events is True
    assert (around.complete, around.failed, around.resume()) == (False, False, "")
    assert around.said == within.said > 0
    assert around.fail(GatewayError("x")) == within.fail(GatewayError("x"))


def test_who_is_silent_is_remembered_and_no_more_of_them_than_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transcript, "MOST_TARGETS", 2)
    silence = Silence()
    for name in ("a", "b", "b", "a"):
        silence.note(Target("p", name))
    assert silence.targets == {Target("p", "a"), Target("p", "b")}
    silence.note(Target("p", "c"))
    assert silence.targets == {Target("p", "c")}

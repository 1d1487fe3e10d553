"""Dialects as some providers speak them: hidden errors are found, wrong usage is put right, all else stays."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.errors import ProviderRefused
from gateway.formats.events import UsageReported
from gateway.formats.passing import PASSING, PassThrough
from gateway.formats.table import FORMATS
from gateway.records import Provider
from gateway.relay.dialects import dialect_of

CHAT = "openai_chat"
USED = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 40}
REFUSED = {"base_resp": {"status_code": 1008, "status_msg": "no balance"}}
FINE = {"base_resp": {"status_code": 0, "status_msg": ""}}


def provider(*quirks: str) -> Provider:
    return Provider("p", CHAT, "", (), "", (), quirks=quirks)


def reply(**more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}], **more}


def event(fields: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(fields) + b"\n\n"


def test_who_answers_as_it_should_speaks_what_all_speak() -> None:
    for quirks in ((), ("max_tokens", "developer_as_system")):
        assert dialect_of(provider(*quirks), CHAT) is FORMATS[CHAT]
    assert dialect_of(provider("xai_usage"), "openai_responses") is FORMATS["openai_responses"]
    odd = provider("xai_usage", "minimax_errors")
    assert dialect_of(odd, CHAT) is dialect_of(odd, CHAT), "made once"


def test_a_whole_answer_that_is_an_error_is_one() -> None:
    dialect = dialect_of(provider("minimax_errors"), CHAT)
    with pytest.raises(ProviderRefused, match="no balance") as found:
        dialect.read_reply(reply(**REFUSED))
    assert (found.value.said_code, found.value.category) == ("1008", "server")
    assert dialect.read_reply(reply(**FINE)) == FORMATS[CHAT].read_reply(reply())


def test_an_event_that_is_an_error_is_one() -> None:
    reader = dialect_of(provider("minimax_errors"), CHAT).event_reader()
    assert reader.feed(orjson.dumps({**FINE, "choices": [{"index": 0, "delta": {"content": "Hi"}}]}))
    with pytest.raises(ProviderRefused, match="no balance"):
        reader.feed(orjson.dumps(REFUSED))
    assert not reader.finished
    assert not reader.resume()


ROLE = {"choices": [{"index": 0, "delta": {"role": "assistant"}, "finish_reason": None}]}
TEXT = {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}]}


@pytest.mark.parametrize(
    ("told", "is_refused"),
    [([REFUSED], True), ([ROLE, REFUSED], True), ([{**ROLE, **FINE}], False), ([TEXT, REFUSED], False)],
)
def test_a_stream_is_refused_by_what_comes_before_its_content(told: list[dict[str, Any]], is_refused: bool) -> None:
    through = PassThrough(dialect_of(provider("minimax_errors"), CHAT), PASSING[CHAT], model="m")
    out = b"".join([through.feed(event(each)) for each in told])
    assert isinstance(through.error, ProviderRefused) == is_refused
    assert through.opened == (TEXT in told)
    assert b"".join(map(event, told)) == out, "whatever it means, nothing in it is changed"


def test_usage_is_put_right_wherever_it_is_told() -> None:
    dialect, plain = dialect_of(provider("xai_usage"), CHAT), FORMATS[CHAT]
    assert plain.read_usage(USED).output == 5
    assert dialect.read_usage(USED).output == 30
    whole = dialect.read_reply(reply(usage=USED))
    assert whole.usage is not None
    assert whole.usage.output == 30
    reader = dialect.event_reader()
    (said,) = [each for each in reader.feed(orjson.dumps({**TEXT, "usage": USED})) if isinstance(each, UsageReported)]
    assert said.usage.output == 30
    assert not [each for each in reader.close() if isinstance(each, UsageReported)]


@pytest.mark.parametrize("used", [USED, {"prompt_tokens": 10, "completion_tokens": 30, "total_tokens": 40}])
def test_usage_is_put_right_at_the_end_of_a_body(used: dict[str, Any]) -> None:
    tokens = dialect_of(provider("xai_usage"), CHAT).tokens_in(orjson.dumps(reply(usage=used)))
    assert tokens is not None
    assert (tokens.input, tokens.output) == (10, 30)


def test_a_body_without_usage_has_none() -> None:
    assert dialect_of(provider("xai_usage"), CHAT).tokens_in(orjson.dumps(reply())) is None


def test_what_is_no_json_is_the_readers_affair() -> None:
    reader = dialect_of(provider("minimax_errors"), CHAT).event_reader()
    assert reader.feed(orjson.dumps(TEXT))
    assert reader.feed(b"[DONE]")
    assert reader.finished

"""From a record to spans: what is said of an exchange and of its attempts."""

from __future__ import annotations

import re
from typing import Any

import pytest

from gateway.records import AttemptRecord, Closing, Parameters, Tokens, UsageRecord
from gateway.traces.context import Sent, Trace
from gateway.traces.spans import FIRST_BYTE, HEAD, Ended, Span, spans_of
from tests.gateway.observe.samples import exchange, refused
from tests.source import ROOT

TRACE = Trace("0af7651916cd43dd8448eb211c80319c", 0xA, sampled=True, passes=True, parent="b7ad6b7169203331")
SENT = Sent(0xB, "api.example.com", 443)

FAILED = AttemptRecord(
    *("openai", "gpt-4o", "first", 429, "upstream_status_429", 20_000),
    *("next_credential", 5_000_000, "rate_limit", 1_000, None, 19_000),
)
ANSWERED = AttemptRecord(
    *("openai", "gpt-4o", "second", 200, None, 700_000),
    began_us=30_000,
    connect_us=4_000,
    head_us=200_000,
)
BOTH = exchange(
    attempts=(FAILED, ANSWERED), provider="openai", model="gpt-4o", requested_model="fast", first_byte_us=250_000
)


def spans(record: UsageRecord, *sent: Sent | None, method: str = "POST") -> list[Span]:
    return list(spans_of(Ended(record, TRACE, sent, method)))


def said(span: Span) -> dict[str, Any]:
    """Its attributes; each is there once."""
    some = [(name, value) for name, value in (*span.words, *span.numbers) if value is not None]
    assert len(dict(some)) == len(some)
    return dict(some)


def test_an_exchange_and_each_attempt_have_a_span() -> None:
    whole, first, second = spans(BOTH, SENT, SENT._replace(span=0xC))
    assert [(span.name, span.kind, span.id, span.parent) for span in (whole, first, second)] == [
        ("chat fast", "server", 0xA, "b7ad6b7169203331"),
        ("chat gpt-4o", "client", 0xB, "000000000000000a"),
        ("chat gpt-4o", "client", 0xC, "000000000000000a"),
    ]


def test_times_are_those_of_the_record() -> None:
    whole, first, second = spans(BOTH, SENT, SENT)
    began = BOTH.started_at_us
    assert (whole.began_us, whole.ended_us) == (began, began + BOTH.total_us)
    assert (first.began_us, first.ended_us) == (began + 1_000, began + 21_000)
    assert (second.began_us, second.ended_us) == (began + 30_000, began + 730_000)
    assert whole.events == (("first_token", began + 250_000),)
    assert first.events == (("response_head", began + 20_000),)
    assert second.events == (("response_head", began + 230_000),)


def test_an_exchange_says_what_was_asked_and_what_became_of_it() -> None:
    record = exchange(
        user_id="u1", team_id="t1", via="fast", tags=("a", "b=c"), dropped=("top_k",), answered_model="gpt-4o-2024"
    )
    (whole, _) = spans(record, SENT)
    assert said(whole) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "mock",
        "gen_ai.request.model": "mock/gpt",
        "gen_ai.response.model": "gpt-4o-2024",
        "gen_ai.request.stream": True,
        "http.request.method": "POST",
        "http.route": "/v1/chat/completions",
        "http.response.status_code": 200,
        "user_agent.original": "OpenAI/Python 3.0",
        "http.request.body.size": 1000,
        "http.response.body.size": 5000,
        "sluicegate.request_id": record.id,
        "sluicegate.key": "team",
        "sluicegate.user_id": "u1",
        "sluicegate.team_id": "t1",
        "sluicegate.provider": "mock",
        "sluicegate.model": "gpt",
        "sluicegate.credential": "first",
        "sluicegate.via": "fast",
        "sluicegate.tags": ("a", "b=c"),
        "sluicegate.dropped": ("top_k",),
        "sluicegate.usage_source": "reported",
        "sluicegate.cost_source": "priced",
        "sluicegate.attempts": 1,
        "sluicegate.input_tokens": 120,
        "sluicegate.output_tokens": 34,
        "sluicegate.cost_usd": 1.5,
        "sluicegate.overhead_seconds": 0.0004,
        "sluicegate.upstream_seconds": 0.811,
    }
    assert not whole.failed


def test_the_attempt_that_answered_says_what_it_used() -> None:
    _, first, second = spans(BOTH, SENT, SENT)
    answered = said(second)
    assert {name: value for name, value in answered.items() if "usage" in name} == {
        "gen_ai.usage.input_tokens": 120,
        "gen_ai.usage.output_tokens": 34,
        "gen_ai.usage.cache_read.input_tokens": 100,
        "gen_ai.usage.cache_write.input_tokens": 7,
        "gen_ai.usage.reasoning.output_tokens": 5,
    }
    assert answered["gen_ai.response.time_to_first_chunk"] == 0.22
    assert answered["gen_ai.response.model"] == "gpt-4o"
    assert answered["http.request.resend_count"] == 1
    assert answered["sluicegate.upstream_request_id"] == "req_1"
    assert (answered["server.address"], answered["server.port"]) == ("api.example.com", 443)
    assert not second.failed
    assert not [name for name in said(first) if "usage" in name or "response.model" in name]


def test_tokens_of_sound_and_images_are_told_where_there_are_any() -> None:
    tokens = Tokens(100, 50, input_audio=20, input_image=30, output_audio=10, output_image=15)
    whole, only = spans(exchange(tokens=tokens), SENT)
    assert {name: value for name, value in said(only).items() if "usage" in name} == {
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 50,
        "gen_ai.usage.audio.input_tokens": 20,
        "gen_ai.usage.image.input_tokens": 30,
        "gen_ai.usage.audio.output_tokens": 10,
        "gen_ai.usage.image.output_tokens": 15,
    }
    assert not [name for name in said(whole) if "gen_ai.usage" in name]


ASKED = Parameters(
    max_tokens=100,
    temperature=0.0,
    top_p=0.9,
    top_k=40,
    frequency_penalty=0.1,
    presence_penalty=-0.2,
    seed=0,
    choices=2,
    stop=("a", "b"),
    effort="high",
    output="json",
    previous="resp_0",
)
TOLD = {
    "gen_ai.request.max_tokens": 100,
    "gen_ai.request.temperature": 0.0,
    "gen_ai.request.top_p": 0.9,
    "gen_ai.request.top_k": 40,
    "gen_ai.request.frequency_penalty": 0.1,
    "gen_ai.request.presence_penalty": -0.2,
    "gen_ai.request.seed": 0,
    "gen_ai.request.choice.count": 2,
    "gen_ai.request.stop_sequences": ("a", "b"),
    "gen_ai.request.reasoning.level": "high",
    "gen_ai.request.previous_response.id": "resp_0",
    "gen_ai.output.type": "json",
}
HOW_IT_ENDED = {
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.response.finish_reasons": ("stop", "length"),
}


def of_model(span: Span) -> dict[str, Any]:
    """What it says of request and reply beside models, tokens and times."""
    beside = r"operation|provider|usage|(?:request|response)\.(?:model|stream|time)"
    return {name: value for name, value in said(span).items() if re.match(rf"gen_ai\.(?!{beside})", name)}


def test_what_was_asked_and_how_it_ended_is_told_of_the_exchange_and_of_each_attempt() -> None:
    sent = SENT._replace(parameters=Parameters(max_tokens=50)), SENT._replace(parameters=ASKED)
    ended = Ended(BOTH, TRACE, sent, "POST", ASKED, "talk-7", lambda: Closing("chatcmpl-1", ("stop", "length")))
    whole, first, second = spans_of(ended)
    talk = {"gen_ai.conversation.id": "talk-7"}
    assert of_model(whole) == of_model(second) == TOLD | HOW_IT_ENDED | talk
    assert of_model(first) == {"gen_ai.request.max_tokens": 50} | talk, "what ended was not its reply"


def test_what_is_not_known_of_request_and_reply_is_left_out() -> None:
    for span in spans_of(Ended(BOTH, TRACE, (SENT, SENT), "POST", Parameters(choices=1), None, Closing)):
        assert of_model(span) == {}


def test_an_attempt_that_broke_off_says_how_its_reply_ended() -> None:
    broken = exchange(
        attempts=(AttemptRecord("mock", "gpt", "first", 200, "upstream_closed", 5),), error="upstream_closed"
    )
    whole, only = spans_of(Ended(broken, TRACE, [SENT], "POST", closing=lambda: Closing("chatcmpl-1", ("error",))))
    for span in (whole, only):
        assert of_model(span) == {"gen_ai.response.id": "chatcmpl-1", "gen_ai.response.finish_reasons": ("error",)}


@pytest.mark.parametrize(
    ("endpoint", "output"),
    [("/v1/images/edits", "image"), ("/v1/audio/speech", "speech"), ("/v1/audio/transcriptions", None)],
)
def test_what_an_endpoint_answers_with_is_told(endpoint: str, output: str | None) -> None:
    assert [said(span).get("gen_ai.output.type") for span in spans(exchange(endpoint=endpoint), SENT)] == [output] * 2


def test_an_attempt_that_failed_says_why_and_what_was_made_of_it() -> None:
    _, first, _ = spans(BOTH, SENT, SENT)
    assert first.failed
    assert said(first) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.request.stream": True,
        "server.address": "api.example.com",
        "server.port": 443,
        "http.request.method": "POST",
        "http.response.status_code": 429,
        "error.type": "upstream_status_429",
        "sluicegate.provider": "openai",
        "sluicegate.credential": "first",
        "sluicegate.verdict": "next_credential",
        "sluicegate.reason": "rate_limit",
        "sluicegate.rest_seconds": 5.0,
    }


def test_an_attempt_that_was_never_sent_is_told_only_where_it_failed() -> None:
    unsent = AttemptRecord("openai", "gpt-4o", "first", None, "upstream_rejected", 5)
    _, only = spans(exchange(attempts=(unsent,)), None)
    assert (only.failed, "server.address" in said(only), only.id != 0) == (True, False, True)
    reckoned = AttemptRecord("openai", "gpt-4o", "", None, None, 5)
    assert len(spans(exchange(attempts=(reckoned,)), None)) == 1


def test_a_provider_on_a_socket_has_no_port() -> None:
    _, only = spans(exchange(), Sent(1, "/run/llm.sock", 0))
    assert said(only)["server.address"] == "/run/llm.sock"
    assert "server.port" not in said(only)


def test_a_request_that_was_refused_has_a_span_without_a_name_of_the_client_s_making() -> None:
    (whole,) = spans(refused(404, "unknown_model", requested_model="made-up-4711"), method="POST")
    assert (whole.name, whole.failed, whole.events) == ("chat", False, ())
    words = said(whole)
    assert (words["error.type"], words["http.response.status_code"]) == ("unknown_model", 404)
    assert words["gen_ai.request.model"] == "made-up-4711"
    assert "gen_ai.provider.name" not in words


def test_what_fails_on_our_side_of_the_request_is_a_failure() -> None:
    for status, error, failed in (
        (200, None, False),
        (200, "upstream_closed", True),
        (401, "invalid_key", False),
        (499, "client_disconnected", False),
        (502, "upstream_unreachable", True),
    ):
        assert spans(exchange(status=status, error=error, attempts=()))[0].failed is failed


def test_without_usage_nothing_is_said_of_it() -> None:
    nothing = exchange(usage_source="none", tokens=Tokens(), cost_nano_usd=None, stream=False)
    whole, only = spans(nothing, SENT)
    assert not [name for name in (*said(whole), *said(only)) if "tokens" in name or "cost_usd" in name]
    assert "gen_ai.response.time_to_first_chunk" not in said(only), "it was no stream"
    assert said(only)["sluicegate.upstream_request_id"] == "req_1", "it has nothing to do with tokens"


def test_providers_go_by_the_names_of_the_conventions() -> None:
    attempt = AttemptRecord("vertex", "gemini-3", "first", 200, None, 5)
    whole, only = spans(exchange(provider="vertex", attempts=(attempt,)), SENT)
    assert said(whole)["gen_ai.provider.name"] == said(only)["gen_ai.provider.name"] == "gcp.vertex_ai"
    assert said(whole)["sluicegate.provider"] == "vertex"


def test_every_attribute_is_documented_and_no_other() -> None:
    prefixes = r"(?:gen_ai|http|server|error|user_agent|sluicegate)\.[a-z_.]+[a-z]"
    written = set(re.findall(rf'"({prefixes})"', (ROOT / "gateway/traces/spans.py").read_text(encoding="utf-8")))
    page = (ROOT / "docs/traces.md").read_text(encoding="utf-8")
    assert set(re.findall(rf"`({prefixes})`", page[page.index("| Attribute") :])) == written
    assert all(f"`{name}`" in page for name in (FIRST_BYTE, HEAD))

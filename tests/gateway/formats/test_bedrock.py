"""Bedrock around a model's dialect: its stream is Anthropic's once unwrapped, its errors are said in neutral words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.errors import InvalidRequest, ProviderFault, UpstreamMalformed
from gateway.formats.bedrock import METRICS, Unwrapping, fault_of, invoke_path, read_error
from gateway.formats.sse import event_data, split_events
from tests.bedrock_server import EVENTS, chunk_of, exception, framed, stream_of, string_header
from tests.cuts import cuts


def unwrapped(chunks: list[bytes]) -> tuple[bytes, str]:
    """The events, and what was wrong behind them."""
    unwrapping = Unwrapping()
    out = b"".join([unwrapping.feed(chunk) for chunk in chunks])
    unwrapping.close()
    return out, unwrapping.error.message if unwrapping.error is not None else ""


def events_in(out: bytes) -> list[Any]:
    return [json.loads(event_data(event)) for event in split_events(out)]


def test_a_stream_becomes_anthropics_however_it_is_cut() -> None:
    data = stream_of()
    out, wrong = unwrapped([data])
    assert not wrong
    *most, last = events_in(out)
    assert most == list(EVENTS[:-1])
    assert last == {"type": "message_stop"}
    assert [event.split(b"\n")[0] for event in split_events(out)] == [
        b"event: " + str(event["type"]).encode() for event in EVENTS
    ]
    assert all(unwrapped(chunks) == (out, "") for chunks in cuts(data))


def test_the_bytes_of_an_event_stay_as_they_are() -> None:
    event = b'{"type":"ping", "odd" :1.50}'
    assert unwrapped([chunk_of(event)]) == (b"event: ping\ndata: " + event + b"\n\n", "")


def test_figures_that_a_model_speaks_of_are_not_taken_out() -> None:
    event = json.dumps({"type": "content_block_delta", "delta": {"text": METRICS}}).encode()
    assert unwrapped([chunk_of(event)])[0] == b"event: content_block_delta\ndata: " + event + b"\n\n"


def test_an_event_on_several_lines_is_put_on_one() -> None:
    assert (
        unwrapped([chunk_of(b'{\r\n"type": "ping",\n"a":\r1}')])[0] == b'event: ping\ndata: {"type":"ping","a":1}\n\n'
    )


@pytest.mark.parametrize("kind", ['"x\\ny: z"', '""', "7", '"Big"'])
def test_a_type_that_is_no_word_names_no_event(kind: str) -> None:
    out, _ = unwrapped([chunk_of(b'{"type":' + kind.encode() + b"}")])
    assert out.startswith(b'data: {"type":')
    assert out.count(b"\n") == 2


def test_other_events_are_left_out() -> None:
    other = framed(string_header(":message-type", "event") + string_header(":event-type", "initial-response"), b"{}")
    assert unwrapped([other]) == (b"", "")


EXCEPTIONS: list[tuple[str, dict[str, Any], str]] = [
    ("throttlingException", {"message": "Too many requests"}, "rate_limit_error"),
    ("throttlingException", {"message": "Too many tokens per day, please wait."}, "billing_error"),
    ("serviceUnavailableException", {"message": "Bedrock is unable to process your request."}, "overloaded_error"),
    ("modelTimeoutException", {"message": "Model has timed out"}, "timeout_error"),
    ("internalServerException", {"message": "oops"}, "api_error"),
    ("modelStreamErrorException", {"message": "oops"}, "api_error"),
    ("modelStreamErrorException", {"message": "oops", "originalStatusCode": 429}, "rate_limit_error"),
    ("modelStreamErrorException", {"originalMessage": "busy", "originalStatusCode": 529}, "overloaded_error"),
    ("validationException", {"message": "bad field"}, "invalid_request_error"),
    ("somethingNewException", {"message": "oops"}, "api_error"),
]


@pytest.mark.parametrize(("kind", "payload", "told"), EXCEPTIONS)
def test_an_exception_is_anthropics_error(kind: str, payload: dict[str, Any], told: str) -> None:
    begin = chunk_of(b'{"type":"ping"}')
    data = begin + exception(kind, **payload) + begin
    out, wrong = unwrapped([data])
    error = events_in(out)[-1]
    message = payload.get("message", payload.get("originalMessage"))
    assert not wrong
    assert out.endswith(b"\n\n")
    assert b"\n\nevent: error\ndata: " in out
    assert error == {"type": "error", "error": {"type": told, "message": message}}
    assert all(unwrapped(chunks) == (out, "") for chunks in cuts(data))


def test_a_prompt_too_long_is_said_as_clients_know_it() -> None:
    out, _ = unwrapped([exception("validationException", message="Input is too long for requested model.")])
    assert events_in(out)[0]["error"]["message"] == "prompt is too long: Input is too long for requested model."


def test_an_error_that_no_model_of_the_interface_has() -> None:
    headers = [(":message-type", "error"), (":error-code", "InternalServerException"), (":error-message", "It broke.")]
    out, _ = unwrapped([framed(b"".join(string_header(*each) for each in headers), b"")])
    assert events_in(out) == [{"type": "error", "error": {"type": "api_error", "message": "It broke."}}]


def test_what_came_before_the_damage_comes_out() -> None:
    good = chunk_of(b'{"type":"ping"}')
    data = good + good[:-1] + bytes((good[-1] ^ 1,))
    expected = (
        b'event: ping\ndata: {"type":"ping"}\n\n',
        "The provider's stream has a message that fails its checksum.",
    )
    assert all(unwrapped([*chunks, good]) == expected for chunks in cuts(data))


def test_a_stream_cut_off_within_a_message_is_told() -> None:
    good = chunk_of(b'{"type":"ping"}')
    out, wrong = unwrapped([good + good[:-1]])
    assert (events_in(out), wrong) == ([{"type": "ping"}], "The provider's stream ended within a message.")


CHUNK = string_header(":message-type", "event") + string_header(":event-type", "chunk")


@pytest.mark.parametrize(
    "payload", [b"", b"{}", b"[]", b'{"bytes":7}', b'{"bytes":"a"}', b'{"bytes":"\xc3\xa4"}', b"\xff"]
)
def test_a_chunk_without_an_event_is_malformed(payload: bytes) -> None:
    assert unwrapped([framed(CHUNK, payload)]) == (b"", "The provider's stream has a chunk without an event.")


@pytest.mark.parametrize("event", [b"hello", b"[1]", b"{}", b'"type"'])
def test_an_event_that_is_no_object_is_malformed(event: bytes) -> None:
    assert unwrapped([chunk_of(event)]) == (b"", "The provider's stream has an event that is no JSON object.")


def test_the_error_is_one_that_verdicts_know() -> None:
    unwrapping = Unwrapping()
    unwrapping.feed(bytes(100))
    assert isinstance(unwrapping.error, UpstreamMalformed)


@pytest.mark.parametrize(
    ("error_type", "fault"),
    [
        ("ThrottlingException", "rate_limit"),
        ("throttlingException", "rate_limit"),
        ("ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/", "rate_limit"),
        ("com.amazon.coral.service#UnrecognizedClientException", "auth"),
        ("AccessDeniedException", "forbidden"),
        ("ModelNotReadyException", "overloaded"),
        ("ServiceQuotaExceededException", "quota"),
        ("ResourceNotFoundException", "not_found"),
        ("", "server"),
        ("NobodyKnowsException", "server"),
    ],
)
def test_what_an_error_means_by_its_name(error_type: str, fault: ProviderFault) -> None:
    assert fault_of(error_type) == fault


ANSWERS: list[tuple[int, str, Any, ProviderFault]] = [
    (400, "ValidationException", {"message": "Malformed input request"}, "bad_request"),
    (400, "ValidationException", {"message": "Input is too long for requested model."}, "context_too_long"),
    (400, "ValidationException", {"message": "The provided model identifier is invalid."}, "not_found"),
    (400, "ServiceQuotaExceededException", {"message": "quota"}, "quota"),
    (403, "ExpiredTokenException", {"message": "The security token included in the request is expired"}, "auth"),
    (403, "AccessDeniedException", {"Message": "You don't have access to the model."}, "forbidden"),
    (424, "ModelErrorException", {"message": "bad", "originalStatusCode": 400}, "bad_request"),
    (424, "ModelErrorException", {"message": "bad", "originalStatusCode": True}, "server"),
    (429, "ModelNotReadyException", {"message": "wait"}, "overloaded"),
    (429, "", {"message": "Too many requests"}, "rate_limit"),
    (404, "NewException", {"message": "gone"}, "not_found"),
]


@pytest.mark.parametrize(("status", "kind", "body", "fault"), ANSWERS)
def test_an_error_answer_in_neutral_words(status: int, kind: str, body: Any, fault: ProviderFault) -> None:
    headers = {b"x-amzn-errortype": f"{kind}:http://internal.amazon.com/".encode()} if kind else {}
    error = read_error(status, headers, json.dumps(body).encode())
    assert (error.category, error.said_code) == (fault, kind or None)
    assert error.message == body.get("message", body.get("Message"))


def test_an_error_answer_may_say_its_type_in_its_body_only() -> None:
    body = b'{"__type":"com.amazon#ThrottlingException","message":"slow"}'
    error = read_error(400, {b"retry-after": b"3"}, body)
    assert (error.category, error.said_code, error.retry_after) == ("rate_limit", "ThrottlingException", 3.0)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null"])
def test_an_error_answer_that_says_nothing_goes_by_its_status(body: bytes) -> None:
    error = read_error(503, {}, body)
    assert (error.category, error.message) == ("overloaded", "Upstream returned status 503")


@pytest.mark.parametrize(
    ("model", "segment"),
    [
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", "anthropic.claude-3-5-sonnet-20241022-v2%3A0"),
        (
            "arn:aws:bedrock:us-east-1:1:inference-profile/us.x-v1:0",
            "arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.x-v1%3A0",
        ),
        ("a b/../ü?#", "a%20b%2F..%2F%C3%BC%3F%23"),
    ],
)
def test_a_models_id_is_one_segment_of_the_path(model: str, segment: str) -> None:
    assert invoke_path(model, stream=False) == f"/model/{segment}/invoke"
    assert invoke_path(model, stream=True) == f"/model/{segment}/invoke-with-response-stream"


@pytest.mark.parametrize("model", ["", ".", ".."])
def test_an_id_that_leads_elsewhere_is_refused(model: str) -> None:
    with pytest.raises(InvalidRequest):
        invoke_path(model, stream=True)

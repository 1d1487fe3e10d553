"""What a request asks for is read once, and only the bytes that must change do."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidRequest
from gateway.formats import ask

NAME = "mock/gpt-4o"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["model", "stream", "a", 'q"', "usage", "é"]), inner, max_size=3)
    ),
    max_leaves=8,
)


def edited(body: bytes, *, ask_usage: bool = True, default: str | None = None) -> bytes:
    return ask.edit_body(body, ask.read_ask(body, default), "gpt-4o", ask_usage=ask_usage)


@given(st.dictionaries(st.sampled_from(["messages", "metadata", "x", "ü"]), json_values), st.booleans(), st.booleans())
def test_only_model_and_usage_change(more: dict[str, Any], stream: bool, spaced: bool) -> None:
    fields = {**more, "model": NAME, "stream": stream}
    body = orjson.dumps(fields, option=orjson.OPT_INDENT_2 if spaced else None)
    expected: dict[str, Any] = {**fields, "model": "gpt-4o"}
    if stream:
        expected["stream_options"] = {"include_usage": True}
    assert orjson.loads(edited(body)) == expected


@pytest.mark.parametrize("blank", [b"", b" "])
def test_everything_else_stays_byte_for_byte(blank: bytes) -> None:
    body = b'{"temperature":1.0,"model":' + blank + b'"mock/gpt-4o" , "big":123456789012345678901234567890}'
    assert edited(body) == body.replace(b"mock/gpt-4o", b"gpt-4o")
    streamed = b'{"stream":true,"model":"mock/gpt-4o","x":1e2}'
    assert edited(streamed) == (b'{"stream_options":{"include_usage":true},"stream":true,"model":"gpt-4o","x":1e2}')


@pytest.mark.parametrize(
    "body",
    [
        b'{"mod\\u0065l":"mock/gpt-4o","metadata":{"model":"mock/gpt-4o"}}',
        b'{"model":"other","model":"mock/gpt-4o"}',
        b'{"metadata":{"model":"mock/gpt-4o"},"model":"mock/gpt-4o"}',
        b'{"model":"mock\\/gpt-4o"}',
    ],
)
def test_a_name_in_a_doubtful_place_is_changed_where_it_counts(body: bytes) -> None:
    assert orjson.loads(edited(body)) == {**orjson.loads(body), "model": "gpt-4o"}


def test_stream_options_of_the_client_are_kept() -> None:
    body = b'{"model":"mock/gpt-4o","stream":true,"stream_options":{"include_obfuscation":false}}'
    assert orjson.loads(edited(body))["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    asked = b'{"model":"gpt-4o","stream":true,"stream_options":{"include_usage":true}}'
    assert edited(asked) is asked


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (b'{"include_usage":false,"x":1e2}', b'{"include_usage":true,"x":1e2}'),
        (b'{ "x" : 12345678901234567890123 }', b'{"include_usage":true, "x" : 12345678901234567890123 }'),
        (b"{ }", b'{"include_usage":true }'),
        (b"null", b'{"include_usage":true}'),
        (b'{"include_usage":null,"include_usage":false}', b'{"include_usage":true,"include_usage":true}'),
        (b'{"include\\u005fusage":0}', b'{"include\\u005fusage":true}'),
    ],
)
def test_stream_options_change_byte_for_byte_too(options: bytes, expected: bytes) -> None:
    body = b'{"big":123456789012345678901234567890,"model":"gpt-4o","stream":true,"stream_options":%b, "f":1.0}'
    assert edited(body % options) == body % expected


def test_every_member_that_could_be_taken_for_the_model_is_changed() -> None:
    body = b'{"model":"dear","x":{"model":"other"},"mod\\u0065l":"mock/gpt-4o","f":1e2}'
    assert edited(body) == b'{"model":"gpt-4o","x":{"model":"other"},"mod\\u0065l":"gpt-4o","f":1e2}'


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"mock/gpt-4o","x":%b%b}' % (b"[" * 1000, b"]" * 1000),
        b'{"x":%b{"model":"a"}%b,"model":"mock/gpt-4o"}' % (b'{"a":' * 1000, b"}" * 1000),
        b'{"x":"%b","model":"mock/gpt-4o","y":{"model":""}}' % (b"\\\\" * 100_000),
    ],
)
def test_neither_depth_nor_length_of_a_body_is_a_trouble(body: bytes) -> None:
    streamed = b'{"stream":true,"stream_options":null,' + body[1:]
    assert edited(body) == body.replace(b"mock/gpt-4o", b"gpt-4o")
    assert edited(streamed) == streamed.replace(b"mock/gpt-4o", b"gpt-4o").replace(
        b"null", b'{"include_usage":true}', 1
    )


def test_a_body_nested_beyond_reading_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        ask.read_ask(b'{"model":"m","x":%b%b}' % (b"[" * 1100, b"]" * 1100), None)


def test_usage_is_asked_for_in_streams_only() -> None:
    assert edited(b'{"model":null,"x":1}', default="omni") == b'{"model":"gpt-4o","x":1}'
    assert edited(b'{"model": null ,"stream":true}', default="omni", ask_usage=False) == (
        b'{"model": "gpt-4o" ,"stream":true}'
    )


def test_a_body_whose_path_names_the_model_must_be_an_object() -> None:
    assert ask.read_body_ask(b'{"contents":[]}', "m", stream=True)[:4] == ("m", False, True, False)
    for body in (b"", b"[]", b"{", b"\xff"):
        with pytest.raises(InvalidRequest):
            ask.read_body_ask(body, "m", stream=False)


def test_a_model_nobody_named_is_put_in() -> None:
    assert edited(b'{"input":"x"}', default="omni") == b'{"model":"gpt-4o","input":"x"}'
    assert edited(b"{}", default="omni") == b'{"model":"gpt-4o"}'
    assert orjson.loads(edited(b'{"model":null,"input":"x"}', default="omni"))["model"] == "gpt-4o"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b"{", None),
        (b"[]", None),
        (b"\xff", None),
        (b"{}", "model"),
        (b'{"model":""}', "model"),
        (b'{"model":7}', "model"),
        (b'{"model":"m","stream":"yes"}', "stream"),
    ],
)
def test_what_cannot_be_read_is_refused(body: bytes, param: str | None) -> None:
    with pytest.raises(InvalidRequest) as refused:
        ask.read_ask(body, None)
    assert refused.value.param == param

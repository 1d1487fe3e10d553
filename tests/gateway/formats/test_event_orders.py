"""Any order of events that a provider may send is a stream that the official SDK of the client's dialect understands.

What it then holds is exactly what the provider said: text, thoughts, calls with whole arguments, one finish, one usage.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.formats.table import FORMATS

from .crossings import check_whole, crossed
from .orders import Chance, Stream, framed, in_pieces
from .orders_anthropic import anthropic_streams
from .orders_chat import chat_streams
from .orders_gemini import gemini_streams
from .orders_responses import responses_streams

alike = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

CLIENTS = {upstream: [client for client in FORMATS if client != upstream] for upstream in FORMATS}


def hears(data: st.DataObject, client: str, upstream: str, stream: Stream) -> None:
    chance = Chance(data.draw)
    body = framed(stream.events, chance)
    check_whole(client, stream, crossed(client, upstream, in_pieces(body, chance)))


@pytest.mark.parametrize("client", CLIENTS["openai_chat"])
@alike
@given(data=st.data(), stream=chat_streams())
def test_a_chat_stream_is_heard_as_it_was_said(client: str, data: st.DataObject, stream: Stream) -> None:
    hears(data, client, "openai_chat", stream)


@pytest.mark.parametrize("client", CLIENTS["anthropic"])
@alike
@given(data=st.data(), stream=anthropic_streams())
def test_a_messages_stream_is_heard_as_it_was_said(client: str, data: st.DataObject, stream: Stream) -> None:
    hears(data, client, "anthropic", stream)


@pytest.mark.parametrize("client", CLIENTS["gemini"])
@alike
@given(data=st.data(), stream=gemini_streams())
def test_a_gemini_stream_is_heard_as_it_was_said(client: str, data: st.DataObject, stream: Stream) -> None:
    hears(data, client, "gemini", stream)


@pytest.mark.parametrize("client", CLIENTS["openai_responses"])
@alike
@given(data=st.data(), stream=responses_streams())
def test_a_responses_stream_is_heard_as_it_was_said(client: str, data: st.DataObject, stream: Stream) -> None:
    hears(data, client, "openai_responses", stream)

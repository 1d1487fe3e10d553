"""Any order of events that a provider may send is a stream that the official SDK of the client's dialect understands.

What it then holds is exactly what the provider said: text, thoughts, calls with whole arguments, one finish, one usage.
"""

from __future__ import annotations

from collections.abc import Callable

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
    max_examples=35,
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

STREAMS: dict[str, Callable[[], st.SearchStrategy[Stream]]] = {
    "openai_chat": chat_streams,
    "openai_responses": responses_streams,
    "anthropic": anthropic_streams,
    "gemini": gemini_streams,
}
CLIENTS = {upstream: [client for client in FORMATS if client != upstream] for upstream in FORMATS}


def hears(data: st.DataObject, client: str, upstream: str, stream: Stream) -> None:
    chance = Chance(data.draw)
    body = b"".join(framed(stream.events, chance))
    check_whole(client, stream, crossed(client, upstream, in_pieces(body, chance)))


@pytest.mark.parametrize(
    ("client", "upstream"), [(client, upstream) for upstream in CLIENTS for client in CLIENTS[upstream]]
)
@settings(alike, max_examples=40)
@given(data=st.data())
def test_a_stream_is_heard_as_it_was_said(client: str, upstream: str, data: st.DataObject) -> None:
    hears(data, client, upstream, data.draw(STREAMS[upstream]()))


@pytest.mark.parametrize("client", CLIENTS["gemini"])
@alike
@given(data=st.data())
def test_a_stream_that_is_one_array_is_heard_as_it_was_said(client: str, data: st.DataObject) -> None:
    chance, stream = Chance(data.draw), data.draw(gemini_streams())
    between = chance.one(b",\r\n", b",", b"\n,\n", b" , ")
    body = b"[" + between.join(stream.events) + chance.one(b"]", b"]\n", b"\n]\r\n")
    check_whole(client, stream, crossed(client, "gemini", in_pieces(body, chance), array=True))

"""Text in answers whose providers tell no usage."""

from __future__ import annotations

import pytest

from gateway.formats.said import said_in, share_said

EVENTS = {
    "openai_chat": b'data: {"choices":[{"delta":{"content":"%b"}}],"object":"chat.completion.chunk"}\n\n',
    "openai_responses": b'event: response.output_text.delta\ndata: {"type":"x","item_id":"i","delta":"%b"}\n\n',
    "anthropic": b'event: content_block_delta\ndata: {"delta":{"type":"text_delta","text":"%b"}}\n\n',
    "gemini": b'data: {"candidates":[{"content":{"parts":[{"text":"%b"}]}}],"modelVersion":"m"}\n\n',
}


@pytest.mark.parametrize("dialect", EVENTS)
def test_the_end_of_a_stream_stands_for_all_of_it(dialect: str) -> None:
    event = EVENTS[dialect] % (b"weir " * 5)
    stream = event * 1000
    assert round(share_said(stream, dialect) * len(stream)) == 25_000
    assert share_said(stream[-4096:], dialect) * len(stream) == pytest.approx(25_000, rel=0.1)
    assert share_said(b"", dialect) == 0


def test_a_whole_answer_is_read_by_its_texts() -> None:
    assert said_in(b'{"choices":[{"message":{"content":"a\\"b","reasoning_content":null}}]}', "openai_chat") == 4
    assert said_in(b'{"output":[{"content":[{"text":"abc"}]},{"arguments":"{}"}]}', "openai_responses") == 5
    assert said_in(b'{"content":[{"type":"text","text":"abc"}]}', "anthropic") == 3

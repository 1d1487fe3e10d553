"""Summaries instead of conversations: ours are plain, those of others stay theirs."""

from __future__ import annotations

import pytest
from openai.types.responses import CompactedResponse

from gateway.errors import InvalidRequest, UnsupportedParameter, UpstreamMalformed
from gateway.formats.neutral import Choice, Finish, Reasoning, Reply, Text, Turn, Usage
from gateway.formats.openai_responses.compaction import write_compacted, write_compaction

from .scene import context, read_input


def test_a_summary_of_ours_is_read_by_any_model() -> None:
    prompt = read_input(write_compaction("We agreed on Ü.", "cmp_1"), {"role": "user", "content": "go on"})
    assert prompt.turns == (
        Turn("user", (Text("Summary of the conversation so far:\nWe agreed on Ü."),)),
        Turn("user", (Text("go on"),)),
    )


def test_a_summary_of_a_provider_is_refused() -> None:
    with pytest.raises(UnsupportedParameter) as caught:
        read_input({"type": "compaction", "encrypted_content": "gAAA"})
    assert caught.value.param == "input[0]"


@pytest.mark.parametrize("content", ["gw1.compaction.!", "gw1.compaction./w=="])
def test_a_damaged_summary_is_an_error(content: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_input({"type": "compaction", "encrypted_content": content})
    assert caught.value.param == "input[0].encrypted_content"


def test_a_compacted_conversation_is_one_item() -> None:
    reply = Reply("x", "m", (Choice((Reasoning("hm"), Text("All "), Text("said.")), Finish("stop")),), Usage(fresh=3))
    compacted = write_compacted(reply, context())
    CompactedResponse.model_validate(compacted, strict=True)
    assert compacted["output"] == [write_compaction("All said.", "cmp_ab12")]
    assert compacted["usage"]["input_tokens"] == 3


@pytest.mark.parametrize("choices", [(), (Choice((), Finish("stop")),), (Choice((Text(" "),), Finish("stop")),)])
def test_no_summary_is_an_error(choices: tuple[Choice, ...]) -> None:
    with pytest.raises(UpstreamMalformed):
        write_compacted(Reply("", "", choices), context())

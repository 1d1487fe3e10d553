"""Whatever clients and providers send, nothing comes out but our own errors."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import GatewayError, ProviderRefused, UpstreamError
from gateway.formats.events import ReplyFailed
from gateway.formats.fold import unfold
from gateway.formats.format import ReplyContext
from gateway.formats.gemini.dialect import FORMAT
from gateway.formats.losses import Losses
from gateway.formats.neutral import Prompt
from gateway.formats.repair import repaired
from gateway.formats.settle import Settle
from gateway.formats.tool_names import ToolNames
from gateway.formats.tooling import fit_tools
from gateway.records import ModelFacts

CONTEXT = ReplyContext("gemini-x", "0198f0c0ffee", 1790000000, Prompt((), ()), {})

SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False, allow_infinity=False) | st.text()


def mixed(*names: str) -> st.SearchStrategy[Any]:
    """JSON in which these names occur, mostly in the wrong places."""
    words = st.sampled_from(
        ("STOP", "OTHER", "user", "model", "QQ==", "image/png", "$.a[0].b", "ANY", "gs://a", *names)
    )
    keys = st.sampled_from(names) | st.text(max_size=3)
    return st.recursive(
        SCALARS | words,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5),
        max_leaves=25,
    )


PARTS = mixed(
    *("text", "thought", "thoughtSignature", "functionCall", "functionResponse", "inlineData", "fileData", "args"),
    *("name", "id", "response", "parts", "mimeType", "data", "fileUri", "executableCode", "code", "partialArgs"),
    *("jsonPath", "stringValue", "willContinue", "codeExecutionResult", "output", "mediaResolution", "toolCall"),
)
BESIDE = mixed(
    *("finishReason", "groundingMetadata", "groundingChunks", "groundingSupports", "segment", "web", "uri", "text"),
    *(
        "startIndex",
        "endIndex",
        "groundingChunkIndices",
        "logprobsResult",
        "chosenCandidates",
        "token",
        "logProbability",
    ),
)
CANDIDATE = st.fixed_dictionaries(
    {"content": st.fixed_dictionaries({"parts": st.lists(PARTS, max_size=4) | PARTS})},
    optional={
        "index": SCALARS,
        "finishReason": st.sampled_from(("STOP", "SAFETY", "CONTINUATION", "MALFORMED_FUNCTION_CALL")) | SCALARS,
        "groundingMetadata": BESIDE,
        "logprobsResult": BESIDE,
        "continuationToken": SCALARS,
    },
)
REPLY = st.fixed_dictionaries(
    {"candidates": st.lists(CANDIDATE | PARTS, max_size=2) | PARTS},
    optional={"promptFeedback": mixed("blockReason"), "usageMetadata": mixed("promptTokenCount"), "error": PARTS},
)
REQUEST = st.fixed_dictionaries(
    {"contents": st.lists(st.fixed_dictionaries({"parts": st.lists(PARTS, max_size=3)}) | PARTS, max_size=3) | PARTS},
    optional={
        "systemInstruction": PARTS,
        "generationConfig": mixed(
            "thinkingConfig", "thinkingBudget", "responseSchema", "stopSequences", "responseFormat"
        ),
        "tools": mixed("functionDeclarations", "name", "parameters", "googleSearch"),
        "toolConfig": mixed("functionCallingConfig", "mode", "allowedFunctionNames"),
        "safetySettings": mixed("category", "threshold"),
    },
)


@settings(max_examples=150, deadline=None)
@given(REQUEST)
def test_a_request_is_read_and_written_again_or_refused(fields: dict[str, Any]) -> None:
    losses = Losses(FORMAT.field_names)
    try:
        prompt, _ = fit_tools(repaired(FORMAT.read_prompt(fields, losses)), FORMAT.tools, ModelFacts(), losses)
        orjson.dumps(FORMAT.write_prompt(prompt, "gemini-x", ModelFacts(), losses))
    except GatewayError:
        pass


@settings(max_examples=150, deadline=None)
@given(REPLY)
def test_a_reply_is_read_and_written_again_or_is_a_failure(fields: dict[str, Any]) -> None:
    try:
        reply = FORMAT.read_reply(fields)
    except UpstreamError:
        return
    orjson.dumps(FORMAT.write_reply(reply, CONTEXT))
    writer = FORMAT.event_writer(CONTEXT)
    for event in unfold(reply):
        writer.write(event)


@settings(max_examples=150, deadline=None)
@given(st.lists(REPLY | PARTS, max_size=4))
def test_a_stream_is_told_on_or_fails(pieces: list[Any]) -> None:
    reader, settle, writer = FORMAT.event_reader(), Settle(ToolNames()), FORMAT.event_writer(CONTEXT)
    try:
        events = [event for piece in pieces for event in reader.feed(orjson.dumps(piece))]
        events += reader.close()
    except UpstreamError:
        return
    settled = [each for event in events for each in settle.feed(event)]
    for event in (*settled, *settle.close()):
        if not isinstance(event, ReplyFailed):
            writer.write(event)


@settings(max_examples=150, deadline=None)
@given(st.integers(400, 599), mixed("error", "message", "details", "status", "code", "retryDelay") | st.none())
def test_an_error_is_told_whatever_it_looks_like(status: int, body: Any) -> None:
    found = FORMAT.read_error(status, {b"retry-after": b"soon"}, b"<html>" if body is None else orjson.dumps(body))
    assert isinstance(found, ProviderRefused)
    assert found.message
    assert orjson.loads(FORMAT.write_error(found, "r")[1])["error"]["code"] in range(400, 600)

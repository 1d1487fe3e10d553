"""What Gemini's answers look like on the wire, whole, in events and in a list."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.gateway.mock.dialects import CONTENTS, SCHEMA, gemini, get, parts, post, spoken
from tests.providers import MockProcess

STREAM = "streamGenerateContent"
TOOLS = [{"functionDeclarations": [{"name": "weather", "parametersJsonSchema": SCHEMA}, {"name": "clock"}]}]
ALOUD = {"thinkingConfig": {"includeThoughts": True}}


def calling(**config: Any) -> dict[str, Any]:
    return {"tools": TOOLS, "toolConfig": {"functionCallingConfig": config}}


async def test_an_answer_has_all_its_fields(mock: MockProcess) -> None:
    answer = await gemini(mock, "gemini-2.5-pro;chunks=3")
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    document = answer.json
    assert document["candidates"] == [
        {"content": {"parts": [{"text": "Hello from the "}], "role": "model"}, "finishReason": "STOP", "index": 0}
    ]
    usage = document["usageMetadata"]
    assert usage["candidatesTokenCount"] == 3
    assert usage["totalTokenCount"] == usage["promptTokenCount"] + 3
    assert document["modelVersion"] == "gemini-2.5-pro"
    assert document["responseId"]


async def test_a_stream_ends_with_an_empty_text_and_the_reason(mock: MockProcess) -> None:
    answer = await gemini(mock, "gemini-2.5-pro;chunks=3", action=STREAM)
    assert b"event:" not in answer.body
    assert [part["text"] for part in parts(answer)] == ["Hello ", "from ", "the ", ""]
    reasons = [event["candidates"][0].get("finishReason") for event in answer.events]
    assert reasons == [None, None, None, "STOP"]
    counted = [event["usageMetadata"]["candidatesTokenCount"] for event in answer.events]
    assert counted == [1, 2, 3, 3]
    assert len({event["responseId"] for event in answer.events}) == 1


async def test_without_events_a_stream_is_one_list(mock: MockProcess) -> None:
    path = f"/v1beta/models/gemini-2.5-pro;chunks=3;comments;multi;thinking=1:{STREAM}"
    answer = await post(mock, path, {"contents": CONTENTS})
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    assert [part["text"] for part in parts(answer)] == ["Nobody ", "Hello ", "from ", "the ", ""]
    for script in ("chunks=0", "blocked", "usage=late"):
        listed = await post(mock, f"/v1beta/models/gemini-2.5-pro;{script}:{STREAM}", {"contents": CONTENTS})
        assert isinstance(listed.json, list)
    for number in (0, 2):
        path = f"/v1beta/models/gemini-2.5-pro;errorevent={number}:{STREAM}"
        failed = (await post(mock, path, {"contents": CONTENTS})).json
        assert len(failed) == number + 1
        assert failed[-1]["error"]["status"] == "INTERNAL"
    refused = await post(mock, f"/v1beta/models/gemini-2.5-pro:{STREAM}", {})
    assert refused.json[0]["error"]["code"] == 400


@pytest.mark.parametrize("version", ["v1", "v1beta"])
@pytest.mark.parametrize("colon", [":", "%3A", "%3a"])
async def test_both_versions_and_spellings_of_a_path_are_known(mock: MockProcess, version: str, colon: str) -> None:
    path = f"/{version}/models/gemini-2.5-pro%3Bchunks%3D2{colon}generateContent"
    assert spoken(await post(mock, path, {"contents": CONTENTS})) == "Hello from "


@pytest.mark.parametrize("action", ["generateContent", STREAM])
async def test_thoughts_come_when_they_are_asked_for(mock: MockProcess, action: str) -> None:
    answer = await gemini(mock, "gemini-2.5-pro;chunks=2", action=action, generationConfig=ALOUD)
    thoughts = "".join(part["text"] for part in parts(answer) if part.get("thought"))
    assert (thoughts, spoken(answer)) == ("Nobody asked me to ", "Hello from ")
    usage = (answer.json if action != STREAM else answer.events[-1])["usageMetadata"]
    assert (usage["thoughtsTokenCount"], usage["candidatesTokenCount"]) == (4, 2)
    assert usage["totalTokenCount"] == usage["promptTokenCount"] + 6
    silent = {"thinkingConfig": {"thinkingBudget": 0}}
    assert len(parts(await gemini(mock, "gemini-2.5-flash", generationConfig=silent))) == 1
    scripted = await gemini(mock, "gemini-2.5-flash;thinking=1", action=action)
    assert parts(scripted)[0] == {"text": "Nobody ", "thought": True}


@pytest.mark.parametrize("action", ["generateContent", STREAM])
async def test_calls_come_whole_and_the_first_is_signed(mock: MockProcess, action: str) -> None:
    answer = await gemini(mock, "gemini-3-pro;toolcall=3", action=action, tools=TOOLS)
    calls = [part for part in parts(answer) if "functionCall" in part]
    assert [call["functionCall"] for call in calls] == [
        {"name": "weather", "args": {"city": "Zürich 🏔", "days": 7}},
        {"name": "clock"},
        {"name": "weather", "args": {"city": "Zürich 🏔", "days": 7}},
    ]
    assert [sorted(call) for call in calls] == [
        ["functionCall", "thoughtSignature"], ["functionCall"], ["functionCall"],
    ]  # fmt: skip
    last = answer.json if action != STREAM else answer.events[-1]
    assert last["candidates"][0]["finishReason"] == "STOP"
    older = await gemini(mock, "gemini-2.5-pro;toolcall", action=action, tools=TOOLS)
    assert "thoughtSignature" not in parts(older)[0]


async def test_a_text_is_signed_at_its_end(mock: MockProcess) -> None:
    streamed = parts(await gemini(mock, "gemini-3-pro;chunks=2", action=STREAM))
    assert [sorted(part) for part in streamed] == [["text"], ["text"], ["text", "thoughtSignature"]]
    assert streamed[-1]["text"] == ""
    assert "thoughtSignature" in parts(await gemini(mock, "gemini-3-pro;chunks=2"))[0]


@pytest.mark.parametrize(
    ("config", "called"),
    [
        ({"mode": "ANY"}, ["weather"]),
        ({"mode": "ANY", "allowedFunctionNames": ["clock"]}, ["clock"]),
        ({"mode": "VALIDATED", "allowedFunctionNames": ["clock"]}, []),
        ({"mode": "AUTO"}, []),
        ({"mode": "NONE"}, []),
    ],
)
async def test_a_forced_choice_is_obeyed(mock: MockProcess, config: dict[str, Any], called: list[str]) -> None:
    answer = await gemini(mock, **calling(**config))
    assert [part["functionCall"]["name"] for part in parts(answer) if "functionCall" in part] == called


async def test_limits_stops_and_several_candidates(mock: MockProcess) -> None:
    limited = (await gemini(mock, generationConfig={"maxOutputTokens": 2})).json["candidates"][0]
    assert limited["finishReason"] == "MAX_TOKENS"
    stopped = await gemini(mock, generationConfig={"stopSequences": ["mock"]})
    assert (spoken(stopped), stopped.json["candidates"][0]["finishReason"]) == ("Hello from the ", "STOP")
    several = await gemini(mock, "gemini-mock;chunks=2", action=STREAM, generationConfig={"candidateCount": 2})
    assert [event["candidates"][0]["index"] for event in several.events] == [0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize("action", ["generateContent", STREAM])
async def test_refusals_and_blocked_prompts(mock: MockProcess, action: str) -> None:
    refused = await gemini(mock, "gemini-mock;refusal;chunks=1", action=action)
    last = refused.events[-1] if action == STREAM else refused.json
    assert last["candidates"][0]["finishReason"] == "SAFETY"
    assert last["candidates"][0]["safetyRatings"][0]["blocked"]
    blocked = await gemini(mock, "gemini-mock;blocked;toolcall", action=action, tools=TOOLS)
    only = blocked.events[0] if action == STREAM else blocked.json
    assert only["promptFeedback"]["blockReason"] == "SAFETY"
    assert "candidates" not in only
    assert "candidatesTokenCount" not in only["usageMetadata"]
    ended = await gemini(mock, "gemini-mock;finish=MALFORMED_FUNCTION_CALL")
    assert ended.json["candidates"][0]["finishReason"] == "MALFORMED_FUNCTION_CALL"


async def test_an_answer_in_json_fits_its_schema(mock: MockProcess) -> None:
    schema = {"type": "object", "properties": {"when": {"type": "array", "items": {"type": "integer", "minimum": 9}}}}
    config: dict[str, Any] = {"responseMimeType": "application/json", "responseJsonSchema": schema}
    assert spoken(await gemini(mock, generationConfig=config)) == '{"when":[9]}'
    own = {"type": "OBJECT", "properties": {"sort": {"type": "STRING", "enum": ["weir"]}}}
    config = {"response_mime_type": "application/json", "response_schema": own}
    assert spoken(await gemini(mock, generation_config=config, action=STREAM)) == '{"sort":"weir"}'
    config = {"responseMimeType": "application/json"}
    assert json.loads(spoken(await gemini(mock, generationConfig=config)))
    config = {"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["weir", "lock"]}}
    assert spoken(await gemini(mock, generationConfig=config)) == "weir"


async def test_citations_are_grounding(mock: MockProcess) -> None:
    grounding = (await gemini(mock, "gemini-mock;citations")).json["candidates"][0]["groundingMetadata"]
    assert grounding["groundingSupports"][0]["segment"] == {"endIndex": 6, "text": "Hello "}


async def test_usage_says_what_the_script_says(mock: MockProcess) -> None:
    usage = (await gemini(mock, "gemini-mock;usage=cached;input=100;output=40")).json["usageMetadata"]
    assert (usage["promptTokenCount"], usage["cachedContentTokenCount"]) == (100, 50)
    assert (usage["candidatesTokenCount"], usage["thoughtsTokenCount"], usage["totalTokenCount"]) == (30, 10, 140)


async def test_the_echo_tells_what_was_received(mock: MockProcess) -> None:
    image = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
    pdf = {"file_data": {"mime_type": "application/pdf", "file_uri": "gs://bucket/a.pdf"}}
    responses = [
        {"functionResponse": {"name": "f", "response": {"output": "warm"}, "parts": [image]}},
        {"functionResponse": {"name": "g", "response": {"a": 1, "b": "c"}}},
    ]
    asked: list[Any] = [
        {"role": "user", "parts": [{"text": "one"}, image, pdf, {"text": "two"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "f"}}, {"functionCall": {"name": "g"}}]},
        {"role": "user", "parts": responses},
    ]
    system = {"parts": [{"text": "be"}, {"text": "brief"}]}
    for action in ("generateContent", STREAM):
        answer = await gemini(mock, "gemini-mock;echo", action=action, contents=asked, systemInstruction=system)
        assert json.loads(spoken(answer)) == {
            "system": "be\nbrief",
            "last": "one\ntwo",
            "images": 2,
            "documents": 1,
            "results": ["warm", '{"a":1,"b":"c"}'],
            "turns": 3,
        }


async def test_tokens_are_counted(mock: MockProcess) -> None:
    alone = (await gemini(mock, action="countTokens")).json["totalTokens"]
    request = {"model": "models/gemini-mock", "contents": CONTENTS, "systemInstruction": {"parts": [{"text": "Be"}]}}
    whole = await post(mock, "/v1beta/models/gemini-mock:countTokens", {"generateContentRequest": request})
    assert whole.json["totalTokens"] > alone > 0


async def test_embeddings_stay_the_same(mock: MockProcess) -> None:
    path = "/v1beta/models/gemini-embedding-001"
    content = {"parts": [{"text": "weir"}]}
    one = await post(mock, f"{path}:embedContent", {"content": content, "outputDimensionality": 8})
    request = {"model": "models/gemini-embedding-001", "content": content, "outputDimensionality": 8}
    several = await post(mock, f"{path}:batchEmbedContents", {"requests": [request, request]})
    assert several.json["embeddings"] == [{"values": one.json["embedding"]["values"]}] * 2
    assert sum(number * number for number in one.json["embedding"]["values"]) == pytest.approx(1)
    for single in ({}, {"content": content, "outputDimensionality": -1}, {"content": content, "input": "a"}):
        assert (await post(mock, f"{path}:embedContent", single)).status == 400
    for many in ({}, {"requests": [{"content": content}]}):
        assert (await post(mock, f"{path}:batchEmbedContents", many)).status == 400


async def test_models_come_in_pages(mock: MockProcess) -> None:
    first = (await get(mock, "/v1beta/models?pageSize=2")).json
    rest = (await get(mock, f"/v1beta/models?pageToken={first['nextPageToken']}")).json
    assert len(first["models"]) == 2
    assert "nextPageToken" not in rest
    assert all(model["name"].startswith("models/") for model in rest["models"])
    assert (await get(mock, "/v1beta/models?pageSize=few")).status == 400
    assert (await get(mock, "/v1beta/models/gemini-2.5-pro")).json["thinking"]
    assert (await get(mock, "/v1beta/models/missing-x")).json["error"]["status"] == "NOT_FOUND"

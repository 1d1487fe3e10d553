"""The official client against the mock: if it is content, so are programs written with it."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.providers import MockProcess

HELLO: list[Any] = [{"role": "user", "content": "Hi"}]
WEATHER: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "unit": {"enum": ["C", "F"]}},
            },
        },
    },
    {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}},
]


@pytest.fixture
def client(mock: MockProcess) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{mock.url}/v1", api_key="sk-test", max_retries=0) as made:
        yield made


def test_chat(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="gpt-4o;chunks=3", messages=HELLO)
    assert answer.model == "gpt-4o"
    assert answer.choices[0].message.content == "Hello from the "
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 3
    assert answer._request_id is not None
    assert answer._request_id.startswith("req_")


def test_chat_streamed_with_usage(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="gpt-4o;chunks=3;pace=1ms", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert said == "Hello from the "
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 4
    assert len({chunk.id for chunk in chunks}) == 1


async def test_chat_streamed_asynchronously(mock: MockProcess) -> None:
    async with openai.AsyncOpenAI(base_url=f"{mock.url}/v1", api_key="sk-test") as client:
        stream = await client.chat.completions.create(model="gpt-4o;utf8;chunks=30", messages=HELLO, stream=True)
        said = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert "😀" in said
    assert "\u2028" in said


def test_a_token_limit_cuts_the_answer(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="gpt-4o;chunks=9", messages=HELLO, max_completion_tokens=2)
    assert answer.choices[0].finish_reason == "length"
    assert answer.choices[0].message.content == "Hello from "


def test_several_choices(client: openai.OpenAI) -> None:
    assert len(client.chat.completions.create(model="gpt-4o", messages=HELLO, n=3).choices) == 3
    with client.chat.completions.stream(model="gpt-4o;chunks=2", messages=HELLO, n=2) as stream:
        final = stream.get_final_completion()
    assert [choice.message.content for choice in final.choices] == ["Hello from ", "Hello from "]


def test_tools_are_called_when_required(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="gpt-4o", messages=HELLO, tools=WEATHER, tool_choice="required")
    (call,) = answer.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert call.function.name == "weather"
    assert set(json.loads(call.function.arguments)) == {"city", "days", "unit"}
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.choices[0].message.content is None


def test_tools_are_called_in_pieces_and_in_parallel(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="gpt-4o;toolcall=2", messages=HELLO, tools=WEATHER) as stream:
        final = stream.get_final_completion()
    calls: list[Any] = list(final.choices[0].message.tool_calls or [])
    assert [call.function.name for call in calls] == ["weather", "clock"]
    assert json.loads(calls[0].function.arguments)["unit"] == "C"
    assert len({call.id for call in calls}) == 2


def test_tools_are_left_alone_when_nobody_asks(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="gpt-4o", messages=HELLO, tools=WEATHER)
    assert answer.choices[0].message.tool_calls is None
    chosen: Any = {"type": "function", "function": {"name": "clock"}}
    named = client.chat.completions.create(model="gpt-4o", messages=HELLO, tools=WEATHER, tool_choice=chosen)
    calls: list[Any] = list(named.choices[0].message.tool_calls or [])
    assert calls[0].function.name == "clock"


def test_an_error_inside_a_stream_is_raised(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(model="gpt-4o;errorevent=1", messages=HELLO, stream=True)
    with pytest.raises(openai.APIError, match="server had an error"):
        list(stream)


@pytest.mark.parametrize(
    ("model", "error"),
    [
        ("missing-model", openai.NotFoundError),
        ("gpt-4o;status=429;retry=7", openai.RateLimitError),
        ("gpt-4o;status=503", openai.InternalServerError),
        ("gpt-4o;status=401", openai.AuthenticationError),
        ("gpt-4o;status=400", openai.BadRequestError),
    ],
)
def test_errors_are_those_of_openai(client: openai.OpenAI, model: str, error: type[openai.APIStatusError]) -> None:
    with pytest.raises(error) as raised:
        client.chat.completions.create(model=model, messages=HELLO)
    assert raised.value.request_id is not None


def test_a_wrong_key_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.AuthenticationError) as raised:
        client.with_options(api_key="sk-wrong").models.list()
    assert raised.value.code == "invalid_api_key"


def test_a_client_that_retries_succeeds_in_the_end(client: openai.OpenAI) -> None:
    model = "gpt-4o;status=500;retry=0.01;times=2;tag=sdk-retries"
    assert client.with_options(max_retries=3).chat.completions.create(model=model, messages=HELLO).id


def test_legacy_completions(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="gpt-3.5-turbo-instruct;chunks=3", prompt="Once")
    assert answer.choices[0].text == "Hello from the "
    stream = client.completions.create(
        model="gpt-3.5;chunks=3", prompt=["Once"], stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == "Hello from the "
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 3


def test_embeddings_are_the_same_in_both_encodings(client: openai.OpenAI) -> None:
    floats = client.embeddings.create(model="text", input=["a", "b"], encoding_format="float", dimensions=8)
    decoded = client.embeddings.create(model="text", input=["a", "b"], dimensions=8)
    assert [row.embedding for row in floats.data] == [pytest.approx(row.embedding) for row in decoded.data]
    assert floats.data[0].embedding != floats.data[1].embedding
    assert sum(number * number for number in floats.data[0].embedding) == pytest.approx(1)
    raw = client.embeddings.with_raw_response.create(model="text", input=[1, 2, 3], encoding_format="base64")
    encoded = json.loads(raw.text)["data"][0]["embedding"]
    assert len(struct.unpack("<64f", base64.b64decode(encoded))) == 64


def test_models(client: openai.OpenAI) -> None:
    assert "gpt-4o-mini" in [model.id for model in client.models.list()]
    assert client.models.retrieve("anything").id == "anything"


def test_moderations(client: openai.OpenAI) -> None:
    results = client.moderations.create(model="omni-moderation-latest", input=["violence", "peace"]).results
    assert [result.flagged for result in results] == [True, False]


def test_images(client: openai.OpenAI) -> None:
    drawn = client.images.generate(model="gpt-image-1", prompt="a weir", n=2)
    edited = client.images.edit(model="gpt-image-1", prompt="a weir", image=("a.png", b"1", "image/png"))
    for answer in (drawn, edited):
        assert answer.data is not None
        assert base64.b64decode(answer.data[0].b64_json or "").startswith(b"\x89PNG")
    assert len(drawn.data or []) == 2


def test_speech_is_binary_and_chunked(client: openai.OpenAI) -> None:
    with client.audio.speech.with_streaming_response.create(
        model="tts-1;chunks=5;size=1000;pace=1ms", input="Hi", voice="alloy", response_format="wav"
    ) as answer:
        assert answer.headers["content-type"] == "audio/wav"
        assert answer.headers["transfer-encoding"] == "chunked"
        assert len(answer.read()) == 5000


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
def test_transcriptions_and_translations(client: openai.OpenAI) -> None:
    file = ("a.wav", b"RIFF" * 100, "audio/wav")
    heard = client.audio.transcriptions.create(model="whisper-1;chunks=2", file=file)
    assert heard.text == "Hello from "
    assert client.audio.transcriptions.create(model="whisper-1", file=file, response_format="text").startswith("Hello")
    assert client.audio.translations.create(model="whisper-1;chunks=2", file=file).text == "Hello from "


def test_rerank(client: openai.OpenAI) -> None:
    asked = {"model": "rerank-1", "query": "blue gate", "documents": ["red", "blue gate", "gate"], "top_n": 2}
    answer = client.post("/rerank", body=asked, cast_to=object)
    assert isinstance(answer, dict)
    assert [row["index"] for row in answer["results"]] == [1, 2]

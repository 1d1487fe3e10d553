"""The official OpenAI client at every endpoint that is not chat."""

from __future__ import annotations

import base64
import json
import struct

import openai
import pytest

from tests.e2e.conftest import NARROW_KEY
from tests.e2e.wire import ask, request
from tests.gateway_process import GatewayProcess
from tests.providers import MockProcess


def test_legacy_completions(client: openai.OpenAI, gateway: GatewayProcess, tag: str) -> None:
    answer = client.completions.create(model="mock/gpt-3.5-turbo-instruct;chunks=3", prompt="Once")
    assert answer.choices[0].text == "Hello from the "
    stream = client.completions.create(
        model=f"mock/gpt-3.5-turbo-instruct;chunks=3;tag={tag}", prompt="Once", stream=True
    )
    assert "".join(chunk.choices[0].text for chunk in stream) == "Hello from the "
    assert gateway.record(tag)["output_tokens"] == 3


def test_embeddings_are_the_same_in_both_encodings(client: openai.OpenAI, gateway: GatewayProcess, tag: str) -> None:
    model = f"mock/text-embedding-3-small;tag={tag}"
    floats = client.embeddings.create(model=model, input=["a", "b"], encoding_format="float", dimensions=8)
    decoded = client.embeddings.create(model=model, input=["a", "b"], dimensions=8)
    assert [row.embedding for row in floats.data] == [pytest.approx(row.embedding) for row in decoded.data]
    raw = client.embeddings.with_raw_response.create(model=model, input=[1, 2, 3], encoding_format="base64")
    assert len(struct.unpack("<64f", base64.b64decode(json.loads(raw.text)["data"][0]["embedding"]))) == 64
    records = gateway.records(tag, 3)
    assert {record["endpoint"] for record in records} == {"/v1/embeddings"}
    assert all(record["input_tokens"] > 0 for record in records)


def test_moderations_need_no_model(client: openai.OpenAI, gateway: GatewayProcess) -> None:
    answer = client.moderations.create(input="violence")
    assert answer.model == "omni-moderation-latest"
    assert answer.results[0].flagged
    assert gateway.records("omni-moderation-latest")[0]["model"] == "omni-moderation-latest"


def test_moderations(client: openai.OpenAI) -> None:
    results = client.moderations.create(model="mock/omni-moderation-latest", input=["violence", "peace"]).results
    assert [result.flagged for result in results] == [True, False]


def test_images(client: openai.OpenAI, gateway: GatewayProcess, tag: str) -> None:
    model = f"mock/gpt-image-1;tag={tag}"
    drawn = client.images.generate(model=model, prompt="a weir", n=2)
    edited = client.images.edit(model=model, prompt="a weir", image=("a.png", b"\x89PNG\0\r\n--\xff", "image/png"))
    for answer, count in ((drawn, 2), (edited, 1)):
        assert len(answer.data or []) == count
        assert base64.b64decode((answer.data or [])[0].b64_json or "").startswith(b"\x89PNG")
    assert {record["output_tokens"] for record in gateway.records(tag, 2)} == {544, 272}


def test_a_large_image_passes(client: openai.OpenAI) -> None:
    answer = client.images.generate(model=f"mock/gpt-image-1;huge={3 * 2**20}", prompt="a weir")
    picture = base64.b64decode((answer.data or [])[0].b64_json or "")
    assert picture.endswith(b"\0" * 3 * 2**20)


def test_speech_is_binary_and_flows(client: openai.OpenAI) -> None:
    with client.audio.speech.with_streaming_response.create(
        model="mock/tts-1;chunks=50;size=1000;pace=1ms", input="Hi", voice="alloy", response_format="wav"
    ) as answer:
        assert answer.headers["content-type"] == "audio/wav"
        assert answer.headers["x-sluicegate-provider"] == "mock"
        assert answer.read() == (bytes(range(256)) * 200)[:50_000]


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
def test_transcriptions_and_translations(
    client: openai.OpenAI, gateway: GatewayProcess, mock: MockProcess, tag: str
) -> None:
    sound = bytes(range(256)) * 100 + b"\r\n--almost-a-boundary\r\n"
    file = ("a.wav", sound, "audio/wav")
    model = f"mock/whisper-1;chunks=2;tag={tag}"
    assert client.audio.transcriptions.create(model=model, file=file).text == "Hello from "
    assert client.audio.transcriptions.create(model=model, file=file, response_format="text").startswith("Hello")
    assert client.audio.translations.create(model=model, file=file).text == "Hello from "
    assert [each["body_bytes"] > len(sound) for each in mock.requests(tag)] == [True] * 3
    assert {record["status"] for record in gateway.records(tag, 3)} == {200}


async def test_rerank(gateway: GatewayProcess, tag: str) -> None:
    asked = {"model": f"mock/rerank-1;tag={tag}", "query": "blue gate", "documents": ["red", "blue gate", "gate"]}
    answer = await ask(gateway.port, request("POST", "/v1/rerank", json.dumps(asked).encode()))
    assert [row["index"] for row in answer.json()["results"]] == [1, 2, 0]
    assert gateway.record(tag)["endpoint"] == "/v1/rerank"


def test_models_are_those_the_key_may_use(client: openai.OpenAI) -> None:
    everything = {model.id for model in client.models.list()}
    assert {"fast", "mock/gpt-4o", "mock/gpt-4o-mini", "third/twin"} <= everything
    narrow = client.with_options(api_key=NARROW_KEY)
    assert {model.id for model in narrow.models.list()} == {"fast", "mock/gpt-4o-mini"}
    assert client.models.retrieve("mock/gpt-4o").id == "mock/gpt-4o"
    assert client.models.retrieve("fast").owned_by == "sluicegate"
    with pytest.raises(openai.NotFoundError):
        narrow.models.retrieve("mock/gpt-4o")

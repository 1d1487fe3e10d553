"""Gemini's models, embeddings and its count of tokens. Pure."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import parse_qs, unquote

import orjson

from gateway.mock import gemini, tokens
from gateway.mock.answers import Call, Refused, Reply
from gateway.mock.gemini_contents import check_contents
from gateway.mock.gemini_messages import COUNT, EMBED, EMBED_MANY
from gateway.mock.gemini_models import find_abilities
from gateway.mock.gemini_request import check_request, read_message

MODELS = ("gemini-3-pro-preview", "gemini-3-flash-preview", "gemini-2.5-pro", "gemini-2.5-flash",
          "gemini-embedding-001")  # fmt: skip
DIMENSIONS = 64
"""Numbers of an embedding when the request names no dimensions: fewer than real ones, so that tests stay small."""


def list_models(call: Call) -> Reply:
    """`GET /v1beta/models`, in pages of `pageSize` from `pageToken` on. Raises `Refused`."""
    query = {name: values[0] for name, values in parse_qs(call.query).items()}
    size, start = query.get("pageSize", "50"), query.get("pageToken", "0")
    if not (size.isdigit() and start.isdigit()):
        raise gemini.refuse("Invalid page size or page token.")
    after = int(start) + (int(size) or 50)
    document: dict[str, Any] = {"models": [_model(name) for name in MODELS[int(start) : after]]}
    if after < len(MODELS):
        document["nextPageToken"] = str(after)
    return Reply(orjson.dumps(document))


def find_model(call: Call) -> Reply:
    """`GET /v1beta/models/{model}`: every model exists but `missing-*`. Raises `Refused`."""
    name = unquote(call.path.rpartition("/")[2])
    if name.startswith("missing-"):
        raise Refused(gemini.write_error(404, name))
    return Reply(orjson.dumps(_model(name)))


def _model(name: str) -> dict[str, Any]:
    embeds = "embedding" in name
    actions = ["embedContent", "batchEmbedContents"] if embeds else ["generateContent", "countTokens"]
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name.replace("-", " ").title(),
        "description": "A model of the mock.",
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": actions,
        "temperature": 1,
        "maxTemperature": 2,
        "topP": 0.95,
        "topK": 64,
        "thinking": find_abilities(name).thinking and not embeds,
    }


def count_tokens(call: Call) -> Reply:
    """`POST /v1beta/models/{model}:countTokens`, of contents or of a whole request. Raises `Refused`."""
    document = read_message(COUNT, call.document)
    request = document.get("generateContentRequest")
    if request is not None:
        asked = check_request(request, call.model)
        counted = tokens.count([asked.contents, asked.system])
    else:
        contents = document.get("contents", [])
        check_contents(contents, model=call.model, abilities=find_abilities(call.model))
        counted = tokens.count(contents)
    counted = counted if call.script.input is None else call.script.input
    details = [{"modality": "TEXT", "tokenCount": counted}]
    return Reply(orjson.dumps({"totalTokens": counted, "promptTokensDetails": details}))


def embed(call: Call) -> Reply:
    """`POST /v1beta/models/{model}:embedContent`. Raises `Refused`."""
    return Reply(orjson.dumps({"embedding": {"values": _embedding(read_message(EMBED, call.document), "")}}))


def embed_many(call: Call) -> Reply:
    """`POST /v1beta/models/{model}:batchEmbedContents`. Raises `Refused`."""
    requests = read_message(EMBED_MANY, call.document).get("requests", [])
    if not requests:
        raise gemini.refuse("* BatchEmbedContentsRequest.requests: requests is not specified")
    for index, request in enumerate(requests):
        if request.get("model", "").removeprefix("models/").partition(";")[0] != call.model:
            said = "model must match the one specified in the batch request."
            raise gemini.refuse(f"* BatchEmbedContentsRequest.requests[{index}].model: {said}")
    values = [_embedding(request, f"requests[{index}].") for index, request in enumerate(requests)]
    return Reply(orjson.dumps({"embeddings": [{"values": numbers} for numbers in values]}))


def _embedding(request: dict[str, Any], where: str) -> list[float]:
    """The same content always has the same unit vector."""
    parts = request.get("content", {}).get("parts")
    if not parts:
        raise gemini.refuse(f"* EmbedContentRequest.{where}content: contents is not specified")
    config = request | request.get("embedContentConfig", {})
    dimensions = config.get("outputDimensionality", DIMENSIONS)
    if not 0 < dimensions <= 4096:
        raise gemini.refuse(f"* EmbedContentRequest.{where}output_dimensionality: must be between 1 and 4096")
    seed = hashlib.shake_128(orjson.dumps(parts)).digest(dimensions)
    numbers = [byte - 127.5 for byte in seed]
    norm = sum(number * number for number in numbers) ** 0.5
    return [number / norm for number in numbers]

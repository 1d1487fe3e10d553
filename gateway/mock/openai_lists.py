"""OpenAI endpoints that answer with a list: embeddings, models, moderations, and Cohere's rerank. Pure."""

from __future__ import annotations

import base64
import hashlib
import struct
from typing import Any

import orjson

from gateway.mock import openai
from gateway.mock.answers import Call, Refused, Reply

MODELS = ("gpt-4o", "gpt-4o-mini", "gpt-3.5-turbo-instruct", "text-embedding-3-small", "gpt-image-1", "tts-1",
          "whisper-1", "omni-moderation-latest", "rerank-1")  # fmt: skip
CREATED = 1_700_000_000
DIMENSIONS = 64
"""Numbers of an embedding when the request names no dimensions: fewer than real ones, so that tests stay small."""


def embed(call: Call) -> Reply:
    """`POST /v1/embeddings`: the same input always has the same unit vector. Raises `Refused`."""
    openai.require(call.document, "input")
    inputs = _inputs(call.document["input"])
    dimensions = call.document.get("dimensions") or DIMENSIONS
    if not isinstance(dimensions, int) or not 0 < dimensions <= 4096:
        raise openai.refuse("Invalid value for 'dimensions'.", param="dimensions", code="invalid_value")
    as_base64 = call.document.get("encoding_format") == "base64"
    rows = [
        {"object": "embedding", "index": index, "embedding": _vector(text, dimensions, as_base64=as_base64)}
        for index, text in enumerate(inputs)
    ]
    tokens = call.script.input or sum(len(text) // 4 + 1 for text in inputs)
    document: dict[str, Any] = {"object": "list", "data": rows, "model": call.model}
    if call.script.usage != "off":
        document["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens}
    return Reply(orjson.dumps(document))


def _inputs(given: object) -> list[str]:
    """One text per embedding; tokens stand for themselves."""
    items = given if isinstance(given, list) else [given]
    if not items or given == "":
        raise openai.refuse("Invalid 'input': it must not be empty.", param="input", code="invalid_value")
    if all(isinstance(item, int) for item in items):
        return [str(items)]
    return [item if isinstance(item, str) else str(item) for item in items]


def _vector(text: str, dimensions: int, *, as_base64: bool) -> str | list[float]:
    seed = hashlib.shake_128(text.encode("utf-8", "surrogatepass")).digest(dimensions)
    numbers = [byte - 127.5 for byte in seed]
    norm = sum(number * number for number in numbers) ** 0.5
    packed = struct.pack(f"<{dimensions}f", *(number / norm for number in numbers))
    # Both encodings go through float32, as they do at OpenAI: they agree to the last bit.
    return base64.b64encode(packed).decode() if as_base64 else list(struct.unpack(f"<{dimensions}f", packed))


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "mock"}


def list_models(call: Call) -> Reply:
    """`GET /v1/models`."""
    return Reply(orjson.dumps({"object": "list", "data": [_model(name) for name in MODELS]}))


def find_model(call: Call) -> Reply:
    """`GET /v1/models/{model}`: every model exists but `missing-*`. Raises `Refused`."""
    name = call.path.rpartition("/")[2]
    if name.startswith("missing-"):
        raise Refused(openai.write_error(404, name))
    return Reply(orjson.dumps(_model(name)))


_CATEGORIES = ("harassment", "hate", "illicit", "self-harm", "sexual", "violence")


def moderate(call: Call) -> Reply:
    """`POST /v1/moderations`: flagged is what says `violence`. Raises `Refused`."""
    openai.require(call.document, "input")
    results = [_judge(text) for text in _inputs(call.document["input"])]
    return Reply(orjson.dumps({"id": f"modr-{call.number:024x}", "model": call.model, "results": results}))


def _judge(text: str) -> dict[str, Any]:
    flagged = {category: category in text for category in _CATEGORIES}
    return {
        "flagged": any(flagged.values()),
        "categories": flagged,
        "category_scores": {category: 0.9 if hit else 0.001 for category, hit in flagged.items()},
        "category_applied_input_types": {category: ["text"] for category in _CATEGORIES},
    }


def rerank(call: Call) -> Reply:
    """`POST /v1/rerank`: a document is as relevant as the words it shares with the query. Raises `Refused`."""
    openai.require(call.document, "query", "documents")
    query, documents = str(call.document["query"]), _inputs(call.document["documents"])
    words = set(query.lower().split())
    scores = [len(words & set(text.lower().split())) / (len(words) or 1) for text in documents]
    order = sorted(range(len(documents)), key=lambda index: -scores[index])
    most = call.document.get("top_n")
    order = order[:most] if isinstance(most, int) else order
    rows: list[dict[str, Any]] = [{"index": index, "relevance_score": scores[index]} for index in order]
    if call.document.get("return_documents"):
        rows = [row | {"document": {"text": documents[row["index"]]}} for row in rows]
    meta = {"billed_units": {"search_units": 1}, "api_version": {"version": "2"}}
    return Reply(orjson.dumps({"id": f"rerank-{call.number:024x}", "model": call.model, "results": rows, "meta": meta}))

"""A gateway that keeps responses, before the mock in four dialects, with two client keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import openai
from openai.types.responses import Response

from tests.e2e.pairs import MODELS, SECRET, TOML
from tests.gateway_process import GatewayProcess, running

OTHER_KEY = "sk-other-key-of-the-tests"

WEATHER: Any = {
    "type": "function",
    "name": "weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city", "days"],
        "additionalProperties": False,
    },
    "strict": True,
}

MORE = f"""
[[client_keys]]
name = "other"
key  = "{OTHER_KEY}"
"""

FOREIGN = [provider for provider in MODELS if provider != "responses"]
"""Providers that keep nothing themselves."""


def toml(mock_url: str, more: str = "") -> str:
    """The settings of such a gateway."""
    return TOML.format(mock=mock_url, secret=SECRET) + MORE + more


@contextmanager
def keeping(directory: Path, mock_url: str, more: str = "", *, workers: int = 1) -> Iterator[GatewayProcess]:
    """Such a gateway, until the end of the block."""
    with running(directory, toml(mock_url, more), workers=workers) as gateway:
        yield gateway


@contextmanager
def sdk(gateway: GatewayProcess, key: str = "") -> Iterator[openai.OpenAI]:
    """The official client of a gateway; it does not try again."""
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=key or gateway.key, max_retries=0) as made:
        yield made


def model_of(provider: str, script: str = "") -> str:
    """A model of a provider, and how the mock is to behave."""
    return f"{provider}/{MODELS[provider]}{script}"


def say(client: openai.OpenAI, model: str, said: Any, *, stream: bool = False, **more: Any) -> Response:
    """The response to an input, plainly or at the end of a stream that the client reads."""
    if not stream:
        return cast(Response, client.responses.create(model=model, input=said, **more))
    events = list(client.responses.create(model=model, input=said, stream=True, **more))
    return cast(Response, events[-1].response)


def is_stored(response: Response) -> bool:
    """Whether a response says that it is kept; the SDK knows no such field, but shows it."""
    return bool(response.to_dict()["store"])


def heard(response: Response) -> dict[str, Any]:
    """What the mock was told, from the answer of one that echoes."""
    told: dict[str, Any] = json.loads(response.output_text)
    return told


def call_of(response: Response) -> str:
    """The id of the one call in a response."""
    (call_id,) = [item.call_id for item in response.output if item.type == "function_call"]
    return call_id


def result(call_id: str, said: str) -> dict[str, str]:
    """What came of a call."""
    return {"type": "function_call_output", "call_id": call_id, "output": said}


def texts(items: Any) -> list[str]:
    """What listed items say, one each: texts, outputs, and the names of calls."""
    return [_text(item) for item in items]


def _text(item: Any) -> str:
    if item.type == "message":
        return "".join(part.text for part in item.content)
    return str(item.output) if item.type == "function_call_output" else str(getattr(item, "name", item.type))

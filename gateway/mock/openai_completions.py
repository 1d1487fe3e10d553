"""OpenAI's legacy text completions: a request into a reply or a stream. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import orjson

from gateway.mock import openai, texts
from gateway.mock.answers import Answer, Call, Reply, Stream


def answer(call: Call) -> Answer:
    """`POST /v1/completions`. Raises `Refused`."""
    openai.require(call.document, "prompt")
    wanted = texts.count(call.script)
    most = openai.limit(call.document, "max_tokens")
    chunks = wanted if most is None else min(wanted, most)
    finish = "stop" if chunks == wanted else "length"
    usage = openai.usage(call.script, prompt=_prompt_tokens(call.document["prompt"]), completion=chunks)
    if call.document.get("stream"):
        return _stream(call, chunks, finish=finish, usage=usage)
    text = texts.content(call.script, call.clock, most=chunks)
    document = _frame(call) | {"choices": [{"text": text, "index": 0, "logprobs": None, "finish_reason": finish}]}
    if call.script.usage != "off":
        document["usage"] = usage
    return Reply(orjson.dumps(document))


def _prompt_tokens(prompt: object) -> int:
    """A token for four characters; a list of numbers is tokens already."""
    if isinstance(prompt, str):
        return len(prompt) // 4 + 1
    if isinstance(prompt, list):
        return sum(len(item) // 4 + 1 if isinstance(item, str | list) else 1 for item in prompt)
    return 1


def _frame(call: Call) -> dict[str, Any]:
    return {
        "id": f"cmpl-{call.number:024x}",
        "object": "text_completion",
        "created": call.created,
        "model": call.model,
        "system_fingerprint": "fp_mock",
    }


def _stream(call: Call, chunks: int, *, finish: str, usage: dict[str, Any]) -> Stream:
    wish = call.script.usage
    asked = wish in ("on", "late") or (wish != "off" and openai.usage_asked(call.document))
    start = b"data: " + orjson.dumps(_frame(call))[:-1] + b',"choices":['
    stop = b'],"usage":null}\n\n' if asked and wish != "last" else b"]}\n\n"
    last = start + b'{"text":"","index":0,"logprobs":null,"finish_reason":"%b"}' % finish.encode()
    counted = b'],"usage":%b}\n\n' % orjson.dumps(usage)
    reported = start + counted if asked and wish != "last" else b""
    late = reported if wish == "late" else b""
    return Stream(
        opening=b"",
        contents=_contents(call, chunks, around=(start, stop)),
        closing=last + (counted if wish == "last" else stop) + (b"" if late else reported),
        late=late,
        end=openai.DONE,
        error=openai.error_event(call),
    )


def _contents(call: Call, chunks: int, *, around: tuple[bytes, bytes]) -> Iterator[bytes]:
    before = around[0] + b'{"text":'
    after = b',"index":0,"logprobs":null,"finish_reason":null}' + around[1]
    for piece in islice(texts.pieces(call.script, call.clock), chunks):
        yield before + piece + after

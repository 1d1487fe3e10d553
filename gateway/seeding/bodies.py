"""Requests as clients of each dialect write them. Pure: what is asked for in, a path, headers and a body out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import msgspec

from .clients import Dialect

MOST_TOKENS = 2000
"""Of an answer, as clients of Anthropic must say it."""

TOOL = "find_order"
WHAT_FOR = "Finds an order by its number."
TAKES = MappingProxyType({"type": "object", "properties": {"number": {"type": "string"}}, "required": ["number"]})

SYSTEM = "You are part of a shop's software. Be brief."

WORDS = (
    "Summarise what changed in this pull request, and say what a reviewer should look at first.",
    "Where is my order 4711? It was to be here on Tuesday.",
    "Rewrite this query so that it finds trail shoes for women under a hundred euros.",
    "Why does this test fail only on machines with more than eight processors?",
    "Translate the return policy into Portuguese, and keep it polite.",
    "Which of these log lines belong to the outage of this morning?",
    "Write a product description of forty words for a rain jacket with sealed seams.",
    "Explain what this migration does to rows that are written while it runs.",
    "Is the customer in this conversation angry, and about what?",
    "List three hypotheses for the drop in recall between the two runs.",
)
"""What is asked."""


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants to know."""

    model: str
    words: str
    stream: bool = False
    tools: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """A request on its way, but for who asks."""

    path: str
    key_header: str
    """What goes in front of the client key."""
    body: bytes


def write(dialect: Dialect, question: Question) -> Written:
    """A request in the words of a dialect."""
    written = BODIES[dialect](question)
    path = PATHS[dialect](question)
    return Written(path, KEY_HEADERS.get(dialect, "authorization: Bearer "), msgspec.json.encode(written))


def _chat(question: Question) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": question.model,
        "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question.words}],
    }
    if question.stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    if question.tools:
        function = {"name": TOOL, "description": WHAT_FOR, "parameters": dict(TAKES)}
        body["tools"] = [{"type": "function", "function": function}]
    return body


def _responses(question: Question) -> dict[str, Any]:
    body: dict[str, Any] = {"model": question.model, "input": question.words, "instructions": SYSTEM, "store": False}
    if question.stream:
        body["stream"] = True
    if question.tools:
        body["tools"] = [{"type": "function", "name": TOOL, "description": WHAT_FOR, "parameters": dict(TAKES)}]
    return body


def _messages(question: Question) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": question.model,
        "max_tokens": MOST_TOKENS,
        "system": SYSTEM,
        "messages": [{"role": "user", "content": question.words}],
    }
    if question.stream:
        body["stream"] = True
    if question.tools:
        body["tools"] = [{"name": TOOL, "description": WHAT_FOR, "input_schema": dict(TAKES)}]
    return body


def _gemini(question: Question) -> dict[str, Any]:
    body: dict[str, Any] = {
        "systemInstruction": {"parts": [{"text": SYSTEM}]},
        "contents": [{"role": "user", "parts": [{"text": question.words}]}],
    }
    if question.tools:
        declared = {"name": TOOL, "description": WHAT_FOR, "parameters": dict(TAKES)}
        body["tools"] = [{"functionDeclarations": [declared]}]
    return body


def _embeddings(question: Question) -> dict[str, Any]:
    return {"model": question.model, "input": question.words}


BODIES: Mapping[Dialect, Callable[[Question], dict[str, Any]]] = MappingProxyType(
    {
        "chat": _chat,
        "responses": _responses,
        "messages": _messages,
        "gemini": _gemini,
        "embeddings": _embeddings,
    }
)


def _gemini_path(question: Question) -> str:
    verb = "streamGenerateContent?alt=sse" if question.stream else "generateContent"
    return f"/v1beta/models/{question.model}:{verb}"


PATHS: Mapping[Dialect, Callable[[Question], str]] = MappingProxyType(
    {
        "chat": lambda question: "/v1/chat/completions",
        "responses": lambda question: "/v1/responses",
        "messages": lambda question: "/v1/messages",
        "gemini": _gemini_path,
        "embeddings": lambda question: "/v1/embeddings",
    }
)

KEY_HEADERS: Mapping[Dialect, str] = MappingProxyType({"messages": "x-api-key: ", "gemini": "x-goog-api-key: "})
"""Where it is not a bearer token."""

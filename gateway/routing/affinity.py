"""Which conversation a request is part of, so that it can stay with the credential that holds its prompt cache.

Clients say so in headers or in the body, each in its own way; where none does, what never changes between the turns of
a conversation tells it: its instructions and the first words of the user. Nothing is kept here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

Fields = Mapping[str, Any]
Said = Mapping[bytes, bytes]
"""Headers by name."""
Source = Callable[[Said, Fields], str | None]

SIZE = 16
"""Bytes of the name of a session."""
LEAST_BYTES = 4000
"""Shorter requests are not told apart by their words: providers cache no prompt below 1,024 tokens."""
WORDS = 1000
"""Characters looked at from each end of a text."""
DEEPEST = 8
"""A message has parts, a part may have parts of its own; JSON may be nested a thousand levels deep."""

_HEADERS = frozenset(
    {
        b"x-sluicegate-session",
        b"x-claude-code-session-id",
        b"session-id",
        b"session_id",
        b"x-session-id",
        b"x-session-affinity",
    }
)
_SESSION_OF_USER = re.compile(r"session_([0-9a-fA-F-]{36})")


def _header(name: bytes) -> Source:
    return lambda said, _: said[name].decode("latin-1") if said.get(name) else None


def _field(name: str) -> Source:
    return lambda _, fields: _word(fields.get(name))


def _session_of_user(_: Said, fields: Fields) -> str | None:
    """Claude Code names its session within `metadata.user_id`: `user_…_session_<uuid>`, or JSON with `session_id`."""
    metadata = fields.get("metadata")
    user = metadata.get("user_id") if isinstance(metadata, dict) else None
    if not isinstance(user, str):
        return None
    if user.startswith("{"):
        return _session_in(user)
    found = _SESSION_OF_USER.search(user)
    return found[1] if found is not None else None


def _conversation(_: Said, fields: Fields) -> str | None:
    """OpenAI's conversations: an id, or an object with one."""
    conversation = fields.get("conversation")
    return _word(conversation.get("id") if isinstance(conversation, dict) else conversation)


CACHE_KEY = "field `prompt_cache_key`"

SOURCES: tuple[tuple[str, Source], ...] = (
    ("header `x-sluicegate-session`", _header(b"x-sluicegate-session")),
    ("header `x-claude-code-session-id` (Claude Code)", _header(b"x-claude-code-session-id")),
    ("a session in `metadata.user_id` (Claude Code)", _session_of_user),
    ("header `session-id` (Codex)", _header(b"session-id")),
    ("header `session_id` (Codex)", _header(b"session_id")),
    ("header `x-session-id`", _header(b"x-session-id")),
    ("header `x-session-affinity` (OpenCode)", _header(b"x-session-affinity")),
    ("field `session_id`", _field("session_id")),
    ("field `sessionId`", _field("sessionId")),
    (CACHE_KEY, _field("prompt_cache_key")),
    ("field `conversation`, or its `id`", _conversation),
    ("field `conversation_id`", _field("conversation_id")),
)
"""Where clients name their session, the first that does counts."""

_FIELDS = frozenset({"conversation", "conversation_id", "metadata", "prompt_cache_key", "sessionId", "session_id"})
"""The fields among them: most requests have none of these, and are not asked for each."""

BY_WORDS = "its instructions and the first words of the user"
"""What tells a conversation where no client names it."""


class Session(NamedTuple):
    """A conversation."""

    name: bytes
    """16 bytes."""
    source: str
    """What tells that a request is part of it, for people."""


def find_session(
    headers: Said | Iterable[tuple[bytes, bytes]], fields: Fields, *, key_id: str, body_bytes: int
) -> Session | None:
    """The conversation that a request is part of; None where nothing tells.

    Header names are lower-case. The key is part of the name: no client can join the session of another's key.
    """
    said = dict(headers)
    if not (_HEADERS.isdisjoint(said) and _FIELDS.isdisjoint(fields)):
        for place, source in SOURCES:
            session = source(said, fields)
            if session:
                return Session(_named(key_id, session), place)
    opening = _opening(fields) if body_bytes >= LEAST_BYTES else None
    return Session(_named(key_id, *opening), BY_WORDS) if opening is not None else None


def named_conversation(headers: Said, fields: Fields) -> str | None:
    """What a client calls the conversation that a request is part of, in its own words; None where it does not say.
    What only steers a cache is no name."""
    if _HEADERS.isdisjoint(headers) and _FIELDS.isdisjoint(fields):
        return None
    names = (source(headers, fields) for place, source in SOURCES if place != CACHE_KEY)
    return next(filter(None, names), None)


def pooled(session: bytes, provider: str) -> bytes:
    """The name under which a session is bound in the pool of a provider: one client may talk with several at a time."""
    return (int.from_bytes(session) ^ _number_of(provider)).to_bytes(SIZE)


@lru_cache(maxsize=1024)
def _number_of(provider: str) -> int:
    return int.from_bytes(blake2b(provider.encode(), digest_size=SIZE, person=b"pool").digest())


def _named(*words: str) -> bytes:
    return blake2b("\0".join(words).encode(errors="replace"), digest_size=SIZE, person=b"session").digest()


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _session_in(text: str) -> str | None:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return _word(found.get("session_id")) if isinstance(found, dict) else None


# What every turn of a conversation begins with


def _opening(fields: Fields) -> tuple[str, str] | None:
    """The instructions and the first words of the user, in any dialect; None where the user said nothing in words."""
    if fields.get("previous_response_id"):
        return None  # the beginning is elsewhere
    given = fields.get("messages", fields.get("contents", fields.get("input")))
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    if not isinstance(items, list):
        return None
    user = next((item for item in items if isinstance(item, dict) and item.get("role", "user") == "user"), None)
    words = _ends(_text(user))
    return (_ends(_instructions(fields, items)), words) if words else None


def _instructions(fields: Fields, items: list[Any]) -> str:
    for name in ("system", "instructions", "systemInstruction", "system_instruction"):
        if fields.get(name):
            return _text(fields[name])
    first = items[0]
    return _text(first) if isinstance(first, dict) and first.get("role") in ("system", "developer") else ""


def _text(said: Any, depth: int = DEEPEST) -> str:
    """The words of a message, of a list of parts, of a part; none of what is nested deeper than any dialect has it."""
    if isinstance(said, str):
        return said
    if not depth:
        return ""
    if isinstance(said, list):
        return "\n".join(filter(None, (_text(each, depth - 1) for each in said)))
    if not isinstance(said, dict):
        return ""
    return _text(said.get("text") or said.get("content") or said.get("parts"), depth - 1)


def _ends(text: str) -> str:
    """A text that is long by its length and both its ends."""
    return text if len(text) <= 2 * WORDS else f"{len(text)} {text[:WORDS]} {text[-WORDS:]}"

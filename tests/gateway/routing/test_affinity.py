"""Every turn of a conversation has one name, in whatever dialect and by whatever client; no two have the same."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.routing.affinity import LEAST_BYTES, SIZE, SOURCES, WORDS, find_session, named_conversation, pooled

Headers = list[tuple[bytes, bytes]]
Fields = dict[str, Any]

ID = "0b5c1f7e-3c1d-4a55-9b0a-2f6f0e6d9a11"


def named(
    headers: Headers | None = None, fields: Fields | None = None, *, key: str = "k", size: int = 0
) -> bytes | None:
    found = find_session(headers or [], fields or {}, key_id=key, body_bytes=size)
    return found.name if found is not None else None


@pytest.mark.parametrize(
    ("headers", "fields"),
    [
        ([(b"x-sluicegate-session", ID.encode())], {}),
        ([(b"x-claude-code-session-id", ID.encode())], {}),
        ([], {"metadata": {"user_id": f"user_abc_account__session_{ID}"}}),
        ([], {"metadata": {"user_id": orjson.dumps({"device_id": "d", "session_id": ID}).decode()}}),
        ([(b"session-id", ID.encode())], {}),
        ([(b"session_id", ID.encode())], {}),
        ([(b"x-session-id", ID.encode())], {}),
        ([(b"x-session-affinity", ID.encode())], {}),
        ([], {"session_id": ID}),
        ([], {"sessionId": ID}),
        ([], {"prompt_cache_key": ID}),
        ([], {"conversation": ID}),
        ([], {"conversation": {"id": ID}}),
        ([], {"conversation_id": ID}),
    ],
)
def test_clients_name_their_session_in_many_places(headers: Headers, fields: Fields) -> None:
    session = named([(b"accept", b"*/*"), *headers], {"model": "m", **fields})
    assert session is not None
    assert session == named([(b"x-session-id", ID.encode())])
    assert len(session) == SIZE


@pytest.mark.parametrize(
    ("headers", "fields"),
    [
        ([(b"x-session-id", b""), (b"x-client-request-id", b"1")], {}),
        ([], {"session_id": "", "conversation": {"id": 7}, "prompt_cache_key": 7}),
        ([], {"conversation": None, "metadata": "text"}),
        ([], {"metadata": {"user_id": "user_of_no_session"}}),
        ([], {"metadata": {"user_id": "{not json"}}),
        ([], {"metadata": {"user_id": '{"session_id":1}'}}),
        ([], {"metadata": {"user_id": 7}}),
    ],
)
def test_what_names_no_session_is_none(headers: Headers, fields: Fields) -> None:
    assert named(headers, fields) is None


def test_the_first_of_the_table_counts() -> None:
    headers = [(b"x-session-id", b"late"), (b"x-sluicegate-session", b"early")]
    assert named(headers, {"session_id": "later"}) == named([(b"x-session-id", b"early")])
    assert next(name for name, _ in SOURCES) == "header `x-sluicegate-session`"


def test_no_key_can_join_the_session_of_another() -> None:
    headers = [(b"x-session-id", b"one")]
    assert named(headers, key="k") != named(headers, key="l")


def test_a_session_has_a_name_of_its_own_in_every_pool() -> None:
    session = named([(b"x-session-id", b"one")])
    assert session is not None
    names = {pooled(session, provider) for provider in ("a", "b", "c")}
    assert len(names | {session}) == 4
    assert {len(name) for name in names} == {SIZE}
    assert pooled(session, "a") == pooled(session, "a")


# Where no client says so

SYSTEM = "You are an assistant. " * 100
CHAT = {
    "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "Hello"}],
}
DEVELOPER = {
    "messages": [
        {"role": "developer", "content": [{"type": "text", "text": SYSTEM}]},
        {"role": "user", "content": [{"type": "image_url", "image_url": {}}, {"type": "text", "text": "Hello"}]},
    ]
}
ANTHROPIC = {
    "system": [{"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral"}}],
    "messages": [{"role": "user", "content": "Hello"}],
}
RESPONSES = {
    "instructions": SYSTEM,
    "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}],
}
PLAIN = {"instructions": SYSTEM, "input": "Hello"}
GEMINI = {"systemInstruction": {"parts": [{"text": SYSTEM}]}, "contents": [{"parts": [{"text": "Hello"}]}]}
SNAKE = {
    "system_instruction": {"parts": [{"text": SYSTEM}]},
    "contents": [{"role": "user", "parts": [{"text": "Hello"}]}],
}

OPENINGS = [CHAT, DEVELOPER, ANTHROPIC, RESPONSES, PLAIN, GEMINI, SNAKE]


@pytest.mark.parametrize("fields", OPENINGS)
def test_a_conversation_is_known_by_how_it_begins(fields: Fields) -> None:
    first = named(fields=fields, size=LEAST_BYTES)
    assert first is not None
    assert first == named(fields=CHAT, size=LEAST_BYTES)  # whatever the dialect


@pytest.mark.parametrize("fields", [CHAT, ANTHROPIC, RESPONSES, GEMINI])
def test_further_turns_change_nothing(fields: Fields) -> None:
    name = next(name for name in ("messages", "input", "contents") if name in fields)
    later = {**fields, name: [*fields[name], {"role": "assistant", "content": "Hi"}, {"role": "user", "content": "Go"}]}
    assert named(fields=later, size=9 * LEAST_BYTES) == named(fields=fields, size=LEAST_BYTES)


@pytest.mark.parametrize("fields", OPENINGS)
def test_what_is_too_short_to_be_cached_is_no_conversation(fields: Fields) -> None:
    assert named(fields=fields, size=LEAST_BYTES - 1) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "Hallo"}]},
        {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]},
        {"messages": [{"role": "user", "content": "Hello"}]},
    ],
)
def test_other_words_are_another_conversation(fields: Fields) -> None:
    found = named(fields=fields, size=LEAST_BYTES)
    assert found is not None
    assert found != named(fields=CHAT, size=LEAST_BYTES)


def test_long_texts_differ_by_their_ends_and_their_length() -> None:
    def asked(text: str) -> bytes | None:
        return named(fields={"messages": [{"role": "user", "content": text}]}, size=LEAST_BYTES)

    template, middle = "t" * WORDS, "m" * WORDS
    texts = [template + middle + end for end in ("one", "two", "longer")]
    assert len({asked(text) for text in texts}) == 3


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"messages": []},
        {"input": 7},
        {"messages": [7, None]},
        {"messages": [{"role": "assistant", "content": "Hi"}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
        {"messages": [{"role": "user", "content": None}]},
        {"input": "Hello", "previous_response_id": "resp_1"},
    ],
)
def test_where_the_user_said_nothing_in_words_nothing_is_known(fields: Fields) -> None:
    assert named(fields=fields, size=LEAST_BYTES) is None


def test_words_that_are_nested_beyond_all_sense_do_no_harm() -> None:
    words: Any = "hello"
    for _ in range(1000):  # as deep as a JSON reader goes
        words = [words]
    fields = {"system": {"content": words}, "messages": [{"role": "user", "content": words}]}
    assert named(None, fields, size=LEAST_BYTES) is None


@pytest.mark.parametrize(
    ("headers", "fields", "name"),
    [
        ({b"x-sluicegate-session": b"a"}, {"conversation": "b"}, "a"),
        ({b"x-claude-code-session-id": ID.encode()}, {}, ID),
        ({}, {"metadata": {"user_id": f"user_abc_account__session_{ID}"}}, ID),
        ({}, {"conversation": {"id": "conv_1"}}, "conv_1"),
        ({}, {"conversation_id": "c"}, "c"),
        ({}, {"conversation": None, "session_id": ""}, None),
        ({}, {"prompt_cache_key": "k"}, None),
        ({}, {"metadata": {"user_id": "somebody"}, "user": "somebody"}, None),
        ({}, {"messages": [{"role": "user", "content": "word " * LEAST_BYTES}]}, None),
    ],
)
def test_a_conversation_is_called_what_its_client_calls_it_or_nothing(
    headers: dict[bytes, bytes], fields: Fields, name: str | None
) -> None:
    """Neither what its beginning comes to nor the key of a cache, which many have, is a name."""
    assert named_conversation(headers, fields) == name

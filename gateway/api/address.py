"""What a request says in its address: Gemini's model and key, and the few query parameters that matter."""

from __future__ import annotations

from urllib.parse import parse_qs

from gateway.records import Endpoint
from gateway.relay.caller import Address

from .endpoints import Asked

PASSED_QUERY = "beta=true"
"""Anthropic's beta clients say so in the query; nothing else of it crosses."""


MISPLACED = ("key", "api_key", "apikey", "api-key", "access_token")


def read_address(asked: Asked, query: bytes) -> Address:
    """The model of the path, and whether a Gemini stream is wanted as events or as an array."""
    said = query.decode("latin-1")
    array = _streams(asked.endpoint) and parse_qs(said).get("alt") != ["sse"]
    passed = asked.endpoint.format == "anthropic" and PASSED_QUERY in said.split("&")
    return Address(asked.model, PASSED_QUERY if passed else "", array)


def query_key(query: bytes) -> bytes:
    """The key that Gemini's clients may put into the query; empty when there is none."""
    key = parse_qs(query.decode("latin-1")).get("key")
    return key[0].encode("latin-1", "replace") if key else b""


def query_secrets(query: bytes) -> list[bytes]:
    """What somebody may have taken for the place of a key, on paths that have none there."""
    said = parse_qs(query.decode("latin-1")) if query else {}
    return [value.encode("latin-1", "replace") for name in MISPLACED for value in said.get(name, ())]


def _streams(endpoint: Endpoint) -> bool:
    return endpoint.upstream_path == "streamGenerateContent"

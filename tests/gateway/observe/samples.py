"""Usage records and attempts for these tests: an ordinary exchange, and whatever a test changes about it."""

from __future__ import annotations

from msgspec.structs import replace

from gateway.records import AttemptRecord, Tokens, UsageRecord

ENDPOINTS = ("/v1/chat/completions", "/v1/embeddings")

ORDINARY = UsageRecord(
    id="01890a5d-ac96-774b-bcce-b302099a8057",
    started_at_us=1_750_000_000_000_000,
    key="team",
    endpoint="/v1/chat/completions",
    requested_model="mock/gpt",
    provider="mock",
    model="gpt",
    credential="first",
    status=200,
    error=None,
    stream=True,
    tokens=Tokens(input=120, output=34, cache_read=100, cache_write=7, reasoning=5),
    usage_source="reported",
    cost_nano_usd=1_500_000_000,
    attempts=(AttemptRecord("mock", "gpt", "first", 200, None, 800_000),),
    total_us=812_345,
    first_byte_us=30_000,
    upstream_us=811_000,
    overhead_us=400,
    request_bytes=1000,
    response_bytes=5000,
    upstream_request_id="req_1",
    user_agent="OpenAI/Python 3.0",
    worker=0,
    cost_source="priced",
)


def exchange(**changes: object) -> UsageRecord:
    """An ordinary exchange, but for `changes`."""
    return replace(ORDINARY, **changes)


def tried(model: str = "gpt", *, error: str | None = None, reason: str | None = None) -> AttemptRecord:
    """One try at the provider `mock`."""
    return AttemptRecord("mock", model, "first", 200 if error is None else 500, error, 1000, reason=reason)


def refused(status: int = 401, error: str = "invalid_key", **changes: object) -> UsageRecord:
    """An exchange that was refused before a provider was known."""
    nobody: dict[str, object] = {"provider": None, "model": None, "credential": None, "key": None, "attempts": ()}
    nothing: dict[str, object] = {
        "tokens": Tokens(),
        "usage_source": "none",
        "cost_nano_usd": None,
        "cost_source": "none",
    }
    return exchange(status=status, error=error, **{**nobody, **nothing, **changes})

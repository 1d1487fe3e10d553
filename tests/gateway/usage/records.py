"""Usage records for tests: valid ones, any of whose fields can be said."""

from __future__ import annotations

import secrets
import time
import uuid
from typing import Any

from msgspec.structs import replace

from gateway.records import AttemptRecord, PassedOver, Tokens, UsageRecord

EXAMPLE = UsageRecord(
    id="0192f0e1-0000-7000-8000-000000000001",
    started_at_us=1_795_219_200_000_000,
    key="team",
    endpoint="/v1/chat/completions",
    requested_model="mock/gpt-4o",
    provider="mock",
    model="gpt-4o",
    credential="first",
    status=200,
    error=None,
    stream=True,
    tokens=Tokens(
        input=10,
        output=20,
        cache_read=3,
        cache_write=1,
        reasoning=4,
        cache_write_1h=1,
        input_audio=2,
        input_image=1,
        output_audio=5,
        output_image=6,
    ),
    usage_source="reported",
    cost_nano_usd=3_100_000,
    attempts=(
        AttemptRecord(
            "mock",
            "gpt-4o",
            "spare",
            500,
            "upstream_error",
            1_500,
            verdict="next_credential",
            rest_us=30_000_000,
            reason="server",
            began_us=60,
            connect_us=700,
            head_us=1_400,
            rest_by="retry-after",
            chosen_by="weighted 3/4",
        ),
        AttemptRecord("mock", "gpt-4o", "first", 200, None, 400_000, began_us=1_600, head_us=29_000),
    ),
    total_us=420_000,
    first_byte_us=31_000,
    upstream_us=401_500,
    overhead_us=90,
    request_bytes=512,
    response_bytes=4_096,
    upstream_request_id="req_1",
    user_agent="OpenAI/Python 3.52.0",
    worker=0,
    cost_source="priced",
    price="override mock/*",
    tags=("batch", "team=blue"),
    via="fast",
    answered_model="gpt-4o-2024-08-06",
    node="here",
    has_tools=True,
    admitted_us=50,
    waited_us=20,
    trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
    ordered_by="fallback",
    passed_over=(
        PassedOver("second", "llama", None, "no images"),
        PassedOver("mock", "gpt-4o", "third", "rate_limit", 1_795_219_260_000_000, holds=True),
    ),
    passed_more=1,
)


def uuid7() -> str:
    """An id as the relay gives them: its first 48 bits are milliseconds."""
    milliseconds = time.time_ns() // 1_000_000
    bits = (milliseconds << 80) | secrets.randbits(80)
    return str(uuid.UUID(int=(bits & ~(0xF << 76) | 7 << 76) & ~(0b11 << 62) | 0b10 << 62))


def usage_record(**changes: Any) -> UsageRecord:
    """`EXAMPLE` with a fresh id, started now, and with these fields."""
    return replace(EXAMPLE, **{"id": uuid7(), "started_at_us": time.time_ns() // 1000, **changes})

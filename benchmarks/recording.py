"""Usage records, thousands a second, as a worker would leave them in a spool.

`python -m benchmarks.recording SPOOL RATE` runs until it is ended.
"""

from __future__ import annotations

import secrets
import sys
import time
from itertools import count
from pathlib import Path

from msgspec.structs import replace

from gateway.records import AttemptRecord, Tokens, UsageRecord
from gateway.settings.model import UsageSettings
from gateway.usage.meter import uuid7
from gateway.usage.spool import Spool, encode

WORKER = 63
"""Its number: the last that a worker can have."""

TICK_SECONDS = 0.05

MODELS = (("openai", "gpt-5.4-mini"), ("anthropic", "claude-haiku-4-5"), ("gemini", "gemini-3.5-flash"))


def samples() -> list[UsageRecord]:
    """One for each model: when it was, and its id, are put in later."""
    return [_sample(provider, model) for provider, model in MODELS]


def _sample(provider: str, model: str) -> UsageRecord:
    return UsageRecord(
        id="",
        started_at_us=0,
        key="bench",
        key_id="bench",
        endpoint="/v1/chat/completions",
        requested_model=f"{provider}/{model}",
        provider=provider,
        model=model,
        credential="first",
        status=200,
        error=None,
        stream=True,
        tokens=Tokens(input=900, output=120),
        usage_source="reported",
        cost_nano_usd=1_234_000,
        cost_source="priced",
        attempts=(AttemptRecord(provider, model, "first", 200, None, 900_000),),
        total_us=900_700,
        first_byte_us=300_000,
        upstream_us=900_000,
        overhead_us=700,
        request_bytes=3600,
        response_bytes=9000,
        upstream_request_id="req_1",
        user_agent="benchmarks",
        worker=WORKER,
        upstream_format="openai_chat",
    )


def main(spool: Path, rate: float) -> None:
    """Leave so many a second, until ended."""
    settings = UsageSettings()
    ours, made, written, begun = Spool(spool, WORKER, settings), samples(), 0, time.monotonic()
    for _ in count():
        due = round((time.monotonic() - begun) * rate)
        for number in range(written, due):
            now_us = time.time_ns() // 1000
            identity = uuid7(now_us // 1000, secrets.randbits(74))
            ours.append(encode(replace(made[number % len(made)], id=identity, started_at_us=now_us)))
        written = due
        ours.tick()
        time.sleep(TICK_SECONDS)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))

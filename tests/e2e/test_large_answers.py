"""An answer too large to be held goes out as it comes, and its usage is counted all the same."""

from __future__ import annotations

import orjson

from gateway.relay.attempt import COLLECTED_BYTES
from tests.e2e.wire import dialled, request
from tests.gateway_process import GatewayProcess


async def test_usage_at_the_end_of_a_large_answer_is_counted(gateway: GatewayProcess, tag: str) -> None:
    asked = {"model": "mock/text-embedding-3-small", "input": ["x"] * 200, "dimensions": 256}
    async with dialled(gateway.port) as wire:
        answer = await wire.ask(request("POST", "/v1/embeddings", orjson.dumps(asked), user_agent=tag))
    assert len(answer.body) > 2 * COLLECTED_BYTES
    usage = orjson.loads(answer.body)["usage"]
    assert usage["prompt_tokens"] > 0
    record = gateway.record(tag)
    assert (record["input_tokens"], record["usage_source"]) == (usage["prompt_tokens"], "reported")
    assert record["response_bytes"] == len(answer.body)

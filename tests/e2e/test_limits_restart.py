"""What limits count over the end of a gateway: what was spent stays spent, and nothing is held for nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.limited import chat_with, flowing, limited, spent_of, toml_of
from tests.gateway_process import GatewayProcess, is_alive
from tests.providers import MockProcess
from tests.waiting import auntil

ENDLESS = "mock/gpt;chunks=2000;size=8;pace=100ms"


@pytest.mark.parametrize("whom", ["the supervisor", "all of them"])
async def test_after_a_kill_and_a_restart_nothing_is_held_and_what_was_spent_is(
    mock: MockProcess, tmp_path: Path, whom: str
) -> None:
    """Workers without a supervisor end their streams in order; those that are killed leave behind what they held."""
    with limited(tmp_path, mock.url, workers=2) as here:
        key = here.key(max_parallel=9, budget_usd=10_000.0, requests_per_month=1000)
        assert (await here.chat(key)).status == 200
        recorded = here.records(key, 1)
        children = here.gateway.pids()
        async with flowing(here.gateway.port, [chat_with(key, ENDLESS, stream=True, max_tokens=5000)] * 9):
            (here.gateway.kill if whom == "all of them" else here.gateway.process.kill)()
            assert key.used["max_parallel"] == 9
        await auntil(lambda: not any(map(is_alive, children)), 15)
    again = GatewayProcess(tmp_path, toml_of(mock.url), workers=2)
    try:
        assert key.used["max_parallel"] == 0
        assert key.used["requests_per_month"] == 10
        rows = here._replace(gateway=again.complete()).records(key, 1 if whom == "all of them" else 10)
        assert key.used["budget_nano_usd"] == spent_of(rows) >= spent_of(recorded) > 0
        assert again.close() == 0, again.tail()
    finally:
        again.kill()

"""What was spent stays spent: a gateway that has lost its shared memory, or its Redis, counts what its usage records
say, within seconds; and one that has lost nothing counts no more than was spent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from gateway import operator
from gateway.store.generations import shared_file
from tests.e2e.wire import Answer, ask, chat_body, request
from tests.gateway_process import GatewayProcess, configuration, running
from tests.providers import MockProcess
from tests.redis_server import RedisServer, needs_redis
from tests.waiting import auntil, until

MODEL = "mock/gpt-4o-mini;chunks=1;input=100;output=20"
TOKENS = 120
COST = 100 * 1000 + 20 * 5000
"""Nano-USD of one such request."""

BUDGET = 5 * COST
"""Of every key here: the sixth request is refused."""

REFUSED = {"day": 429, "total": 403, "month": 429}
"""As OpenAI says that there is no money left; what never begins anew is forbidden."""

KEY = "sk-key-with-a-budget-"
KINDS = {
    "day": 'budget_period = "day"',
    "total": 'budget_period = "total"',
    "month": 'budget_period = "month"\ntokens_per_month = 1000000\nrequests_per_month = 1000',
}

SETTINGS = """
[limits]
time_zone = "Pacific/Auckland"
redis_url = "{redis}"
redis_timeout_seconds = 5

[[limits.rules]]
name = "house"
per  = "everybody"
budget_usd = 1000

[[limits.rules]]
name = "mocks"
per  = "model"
match = "mock/*"
requests_per_month = 100000
budget_usd = 1000

[[limits.rules]]
name = "keys"
per  = "key"
together = true
tokens_per_month = 100000000

[[prices]]
model  = "mock/*"
input  = 1.0
output = 5.0
"""
KEYS = """
[[client_keys]]
name = "{name}"
key  = "{key}{name}"
budget_usd = {budget}
{more}
"""

Lose = Callable[[], None]


def toml(mock: MockProcess, redis: str = "") -> str:
    keys = "".join(KEYS.format(name=name, key=KEY, budget=BUDGET / 1e9, more=more) for name, more in KINDS.items())
    return configuration(mock.url, SETTINGS.format(redis=redis) + keys)


async def chat(gateway: GatewayProcess, name: str, model: str = MODEL) -> Answer:
    return await ask(gateway.port, request("POST", "/v1/chat/completions", chat_body(model), key=KEY + name))


def used(gateway: GatewayProcess, path: str) -> dict[tuple[str, str], int]:
    path, _, question = path.partition("?")
    items: list[dict[str, Any]] = operator.ask(gateway.data_dir, path, dict(parse_qsl(question)))["items"]
    return {(one["subject"].split(" (")[0], one["limit"]): one["used"] for one in items}


def spent(gateway: GatewayProcess, name: str) -> int | None:
    """Of the budget of a key; None where it has none."""
    return used(gateway, f"/api/keys/{name}/limits").get((f"client key `{name}`", "budget_nano_usd"))


async def spend(gateway: GatewayProcess) -> None:
    """Use up the budget of every key, and have it in the usage records."""
    for name in KINDS:
        for number in range(1, 6):
            assert (await chat(gateway, name, f"{MODEL};tag=of-{name}")).status == 200
            # With Redis it settles a moment after it was answered; until then all that is left is set aside.
            await auntil(lambda name=name, total=number * COST: spent(gateway, name) == total)  # type: ignore[misc]
        assert (await chat(gateway, name, f"{MODEL};tag=of-{name}")).status == REFUSED[name]
        gateway.records(f"tag=of-{name}", 6)


def everything(gateway: GatewayProcess) -> dict[str, dict[tuple[str, str], int]]:
    """What is counted for whom."""
    model = f"/api/limits/mocks/standing?{urlencode({'subject': f'{MODEL};tag=of-day'})}"
    return {name: used(gateway, f"/api/keys/{name}/limits") for name in KINDS} | {"model": used(gateway, model)}


def run_ledger(gateway: GatewayProcess) -> None:
    """Have the ledger posted once more, from beginning to end."""

    def found() -> dict[str, Any]:
        jobs = operator.ask(gateway.data_dir, "/api/jobs", {})["items"]
        (one,) = (one for one in jobs if one["name"] == "raise-spent")
        return dict(one)

    before = found()["runs"]
    operator.tell(gateway.data_dir, "POST", "/api/jobs/raise-spent/run")
    until(lambda: found()["runs"] > before and found()["finished_at"] is not None)
    assert found()["error"] is None


async def prove(directory: Path, text: str, lose: Lose) -> None:
    """Spend, lose the counts between two runs, and see that nothing can be spent again."""
    with running(directory, text, workers=2) as gateway:
        await spend(gateway.complete())
        before = everything(gateway)
        assert before["month"]["client key `month`", "budget_nano_usd"] == BUDGET
        assert before["day"]["everybody", "budget_nano_usd"] == 3 * BUDGET
        assert before["day"]["all client keys of rule `keys`", "tokens_per_month"] == 15 * TOKENS
        assert before["model"][f"model `{MODEL};tag=of-day`", "requests_per_month"] == 5
        run_ledger(gateway)
        assert everything(gateway) == before, "what was lost by nobody is not raised"
        assert gateway.close() == 0, gateway.tail()
    lose()
    with running(directory, text, workers=2) as gateway:
        gateway.complete()
        await auntil(lambda: all(spent(gateway, name) == BUDGET for name in KINDS), 10.0)
        assert [(await chat(gateway, name)).status for name in KINDS] == list(REFUSED.values())
        assert everything(gateway) == before
        assert gateway.close() == 0, gateway.tail()


async def test_a_budget_is_not_given_again_with_a_new_memory(mock: MockProcess, tmp_path: Path) -> None:
    await prove(tmp_path, toml(mock), lambda: shared_file(tmp_path / "data").unlink())


@needs_redis
async def test_a_budget_is_not_given_again_by_a_redis_that_was_lost(
    mock: MockProcess, redis: RedisServer, tmp_path: Path
) -> None:
    def lose() -> None:
        shared_file(tmp_path / "data").unlink()
        with redis.client() as client:
            client.flushall()

    await prove(tmp_path, toml(mock, redis.url()), lose)


async def test_a_budget_that_begins_later_counts_what_was_spent_before(mock: MockProcess, tmp_path: Path) -> None:
    text, name = toml(mock), "month"
    budget = f"budget_usd = {BUDGET / 1e9}\n{KINDS[name]}"
    assert budget in text
    with running(tmp_path, text.replace(budget, "")) as gateway:
        gateway.complete()
        for _ in range(6):
            assert (await chat(gateway, name, f"{MODEL};tag=before")).status == 200
        gateway.records("tag=before", 6)
        gateway.reload(text)
        await auntil(lambda: spent(gateway, name) is not None)
        run_ledger(gateway)
        assert spent(gateway, name) == 6 * COST
        assert (await chat(gateway, name)).status == REFUSED[name]
        assert gateway.close() == 0, gateway.tail()

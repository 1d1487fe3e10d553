"""What runs under a key ends when the key does, in every worker, and its client hears why in its own dialect."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.keyed import CLIENTS, Keyed, complaint, hello, keyed, streaming
from tests.e2e.wire import ask, chat, dialled
from tests.gateway_process import configuration, running
from tests.providers import MockProcess
from tests.waiting import auntil

STREAMS = 100
ENDLESS = "mock/gpt;chunks=600;size=8;pace=100ms"

Change = Callable[[Keyed, str, str], object]
"""Something done to a key: the gateway, the key's name, and the id of the user whom it belongs to."""


@pytest.fixture(scope="module")
def both(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keyed]:
    with keyed(tmp_path_factory.mktemp("revoked"), mock.url, workers=2) as made:
        yield made
        assert made.gateway.close() == 0, made.gateway.tail()


async def test_revocation_ends_a_hundred_streams_on_three_workers(mock: MockProcess, tmp_path: Path, tag: str) -> None:
    with keyed(tmp_path, mock.url, workers=3) as (gateway, issuer):
        key, other = issuer.create("leaving"), issuer.create("staying")
        requests = [hello("chat", f"{ENDLESS};tag={tag}", key, stream=True) for _ in range(STREAMS)]
        kept = hello("chat", f"mock/gpt;chunks=30;pace=100ms;tag=kept{tag}", other, stream=True)
        async with streaming(gateway, [*requests, kept]) as (*answers, staying):
            issuer.revoke("leaving")
            revoked_at = time.monotonic()
            late = await asyncio.gather(*(ask(gateway.port, hello("chat", "fast", key)) for _ in range(30)))
            assert {answer.status for answer in late} == {401}, "once it is acknowledged nobody gets in"
            await asyncio.wait_for(asyncio.gather(*answers), 5)
            assert time.monotonic() - revoked_at <= 1
            for answer in answers:
                assert complaint(answer.result().body)["code"] == "api_key_revoked"
            await auntil(lambda: len(mock.disconnects(tag)) == STREAMS)
            assert (await staying).body.endswith(b"[DONE]\n\n"), "nobody else is harmed"
        records = gateway.records(tag, STREAMS + 1, seconds=20)
        errors = [record["error"] for record in records if record["key"] == "leaving"]
        assert errors == ["api_key_revoked"] * STREAMS
        assert len({record["worker"] for record in records}) == 3


@pytest.mark.parametrize("client", CLIENTS)
async def test_every_dialect_hears_why(both: Keyed, mock: MockProcess, client: str, tag: str) -> None:
    """Within a stream as its last event; before the first byte as a status."""
    name = f"told-{client}"
    key = both.issuer.create(name)
    flowing = hello(client, f"{ENDLESS};tag={tag}", key, stream=True)
    async with streaming(both.gateway, [flowing]) as (stream,), dialled(both.gateway.port) as waiting:
        waiting.send(hello(client, f"mock/gpt;first=60s;tag=waiting{tag}", key))
        await auntil(lambda: mock.requests(f"waiting{tag}"))
        both.issuer.revoke(name)
        cut = await asyncio.wait_for(stream, 5)
        refused = await asyncio.wait_for(waiting.answer(), 5)
    assert cut.status == 200
    assert "revoked" in complaint(cut.body)["message"]
    assert refused.status == 401
    assert "revoked" in refused.json()["error"]["message"]
    await auntil(lambda: mock.disconnects(tag) and mock.disconnects(f"waiting{tag}"))


CHANGES: dict[str, tuple[Change, str]] = {
    "paused": (lambda both, name, user: both.issuer.change(name, paused_at=1), "api_key_paused"),
    "rotated": (lambda both, name, user: both.issuer.rotate(name), "api_key_revoked"),
    "expired": (
        lambda both, name, user: both.issuer.change(name, expires_at=time.time_ns() // 1000 + 300_000),
        "api_key_expired",
    ),
    "user disabled": (lambda both, name, user: both.issuer.disable(user), "api_key_paused"),
    "not for this model": (lambda both, name, user: both.issuer.respecify(name, models=["x"]), "model_not_allowed"),
    "not for this provider": (
        lambda both, name, user: both.issuer.respecify(name, providers=["free"]),
        "model_not_allowed",
    ),
    "not for this credential": (
        lambda both, name, user: both.issuer.respecify(name, credentials=["mock/none"]),
        "model_not_allowed",
    ),
    "not for this endpoint": (
        lambda both, name, user: both.issuer.respecify(name, endpoints=["/v1/messages"]),
        "endpoint_not_allowed",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_whatever_takes_the_right_away_ends_it(both: Keyed, mock: MockProcess, change: str, tag: str) -> None:
    act, code = CHANGES[change]
    name, user = re.sub("[^a-z]", "-", change), both.issuer.add_user()
    key = both.issuer.create(name, user_id=user)
    requests = [hello("chat", f"{ENDLESS};tag={tag}", key, stream=True)] * 4
    async with streaming(both.gateway, requests) as answers:
        act(both, name, user)
        for answer in await asyncio.wait_for(asyncio.gather(*answers), 3):
            assert complaint(answer.body)["code"] == code
    await auntil(lambda: len(mock.disconnects(tag)) == 4)
    assert {record["error"] for record in both.gateway.records(tag, 4)} == {code}


async def test_a_change_that_leaves_the_right_leaves_the_stream(both: Keyed) -> None:
    key = both.issuer.create("narrower")
    flowing = hello("chat", "mock/gpt;chunks=15;pace=100ms", key, stream=True)
    async with streaming(both.gateway, [flowing] * 4) as answers:
        both.issuer.respecify("narrower", models=["mock/gpt*"], providers=["mock"], credentials=["mock/*"])
        for answer in await asyncio.gather(*answers):
            assert answer.body.endswith(b"[DONE]\n\n")


async def test_the_next_attempt_goes_by_the_key_as_it_is_by_then(both: Keyed, mock: MockProcess, tag: str) -> None:
    """While one provider is asked, the right to the next one is taken away; the answer of the first is what it was."""
    key = both.issuer.create("on-the-way")
    both.issuer.configure(
        "combo", "slowly", {"targets": [f"free/gpt;first=1s;status=500;tag={tag}", f"mock/gpt;tag=next{tag}"]}
    )
    async with dialled(both.gateway.port) as wire:
        wire.send(hello("chat", "slowly", key))
        await auntil(lambda: mock.requests(tag))
        both.issuer.respecify("on-the-way", providers=["free"])
        assert (await wire.answer()).status == 500
    assert not mock.requests(f"next{tag}")


async def test_keys_of_the_configuration_file_end_with_it(mock: MockProcess, tmp_path: Path) -> None:
    def toml(*keys: str) -> str:
        tables = (f'[[client_keys]]\nname = "k{number}"\nkey = "{key}"\n' for number, key in enumerate(keys))
        return configuration(mock.url, "".join(tables))

    with running(tmp_path, toml("sk-to-be-changed", "sk-to-go")) as gateway:
        changed = hello("chat", ENDLESS, "sk-to-be-changed", stream=True)
        gone = hello("chat", ENDLESS, "sk-to-go", stream=True)
        staying = chat("gpt;chunks=30;pace=100ms", stream=True)
        async with streaming(gateway, [changed, gone, staying]) as answers:
            gateway.reload(toml("sk-changed"))
            for answer in await asyncio.wait_for(asyncio.gather(*answers[:2]), 5):
                assert complaint(answer.body)["code"] == "api_key_revoked"
            assert (await answers[2]).body.endswith(b"[DONE]\n\n")
        assert (await ask(gateway.port, hello("chat", "mock/gpt", "sk-changed"))).status == 200
        assert (await ask(gateway.port, hello("chat", "mock/gpt", "sk-to-go"))).status == 401

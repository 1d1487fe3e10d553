from __future__ import annotations

import asyncio
import socket

import pytest

from gateway.leash import (
    Drain,
    Drained,
    Failed,
    Leash,
    Order,
    Ready,
    Refused,
    Reload,
    Reloaded,
    ReloadOutcome,
    ReloadWanted,
    Report,
    Start,
    hold_as_child,
    hold_as_supervisor,
)
from gateway.settings.model import Settings
from gateway.settings.objects import ClientKeySettings

SETTINGS = Settings(client_keys=(ClientKeySettings(name="a", key="sk-canary"),))

OUTCOME = ReloadOutcome(generation=2, at_us=5, error="no", children={"worker-0": "refused"}, tickets=("a",))

ORDERS: tuple[Order, ...] = (
    Start(settings=SETTINGS, index=1, demo=True, host="::1", port=8, uds="/s", started_at_us=5),
    Start(settings=SETTINGS, origins={"client_keys.a": "a.toml:1"}, generation=3, outcome=OUTCOME),
    Reload(settings=SETTINGS, generation=2),
    Reload(settings=SETTINGS, origins={"client_keys.a": "a.toml:1"}, generation=2),
    OUTCOME,
    Drain(),
)
REPORTS: tuple[Report, ...] = (
    Ready(),
    Ready(url="http://h"),
    Reloaded(generation=2),
    Refused(generation=2, error="no"),
    ReloadWanted("a"),
    Failed(error="no"),
    Drained(),
)


async def both_ends() -> tuple[Leash[Order, Report], Leash[Report, Order]]:
    ours, theirs = socket.socketpair()
    return await hold_as_supervisor(ours), await hold_as_child(theirs.detach())


async def test_every_word_arrives_as_it_was_said() -> None:
    supervisor, child = await both_ends()
    for order in ORDERS:
        await supervisor.say(order)
        assert await child.hear() == order
    for report in REPORTS:
        await child.say(report)
        assert await supervisor.hear() == report
    supervisor.drop()
    child.drop()


async def test_words_are_lines_of_json() -> None:
    ours, theirs = socket.socketpair()
    leash = await hold_as_supervisor(ours)
    await leash.say(Drain())
    assert theirs.recv(100) == b'{"do":"drain"}\n'
    leash.drop()
    theirs.close()


async def test_an_end_that_is_gone_is_heard_and_no_error_to_speak_to() -> None:
    supervisor, child = await both_ends()
    child.drop()
    assert await supervisor.hear() is None
    await supervisor.say(Drain())
    assert await supervisor.hear() is None
    supervisor.drop()
    await supervisor.say(Drain())


async def test_half_a_word_is_none() -> None:
    ours, theirs = socket.socketpair()
    leash = await hold_as_supervisor(ours)
    theirs.send(b'{"is":"rea')
    theirs.close()
    assert await leash.hear() is None
    leash.drop()


@pytest.mark.timeout(20)
async def test_settings_with_very_many_keys_fit_in_one_word() -> None:
    keys = tuple(ClientKeySettings(name=f"key-{index}", key=f"sk-{index:08}") for index in range(20_000))
    supervisor, child = await both_ends()
    order = Reload(settings=Settings(client_keys=keys), generation=2)
    # Longer than any socket buffer: saying it waits for the other end to listen.
    heard, _ = await asyncio.gather(child.hear(), supervisor.say(order))
    assert heard == order
    supervisor.drop()
    child.drop()


def test_no_word_shows_a_secret() -> None:
    assert "canary" not in repr(ORDERS)

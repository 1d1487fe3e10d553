"""Errands end with the client they are run for, at whatever moment that leaves."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import ClientDisconnected
from gateway.relay.errand import Errand


async def silence() -> None:
    await asyncio.Event().wait()


async def word() -> str:
    return "word"


async def test_an_errand_brings_what_it_was_run_for() -> None:
    errand = Errand()
    assert await errand.run(word()) == "word"
    errand.give_up()


async def test_an_errand_that_is_under_way_is_given_up() -> None:
    errand = Errand()
    running = asyncio.create_task(errand.run(silence()))
    await asyncio.sleep(0)
    errand.give_up()
    with pytest.raises(ClientDisconnected):
        await running


async def test_no_errand_is_begun_for_a_client_that_has_left() -> None:
    errand = Errand()
    errand.give_up()
    with pytest.raises(ClientDisconnected):
        await errand.run(silence())


async def test_what_is_brought_as_the_client_leaves_is_for_nobody() -> None:
    errand, brought = Errand(), asyncio.Event()

    async def bring() -> str:
        brought.set()
        return "word"

    running = asyncio.create_task(errand.run(bring()))
    await brought.wait()  # it is over, and whoever waits for it has not been told
    errand.give_up()
    with pytest.raises(ClientDisconnected):
        await running


async def test_whoever_is_cancelled_otherwise_hears_that() -> None:
    running = asyncio.create_task(Errand().run(silence()))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

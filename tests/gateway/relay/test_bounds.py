"""What a target can use at most is worked out once, and anew when more is known of models and prices."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from gateway.catalog.known import Known
from gateway.catalog.prices import PriceList
from gateway.records import Credential, Price, Provider, Rates, Target
from gateway.relay.relay import REMEMBERED, Relay, Setup, Shared
from gateway.routing.resolve import Resolver
from gateway.settings.model import Settings

PROVIDER = Provider(
    "p",
    "openai_chat",
    "http://127.0.0.1:1",
    models=("*",),
    strategy="round_robin",
    credentials=(Credential("p", "c", "s"),),
)
TARGET = Target("p", "m")
NOBODY: Any = SimpleNamespace()
BOARD: Any = SimpleNamespace(note_token=None)


def priced(rate: int) -> PriceList:
    return PriceList([("p/*", Price(Rates(input=rate, output=rate)))])


def relay() -> Relay:
    made = Relay(NOBODY, asyncio.get_running_loop(), lambda _: None, Shared(BOARD, NOBODY))
    made.reload(Setup(Settings(), (PROVIDER,), Resolver((), {}, ()), priced(1), "us"))
    return made


async def test_another_price_is_gone_by_at_once() -> None:
    made = relay()
    assert made.weigh(PROVIDER, TARGET).dearest == ((-1, 1, 1),)
    assert TARGET in made.bounds
    made.prices = priced(2)
    made.learn(Resolver((), {}, ()), Known())
    assert TARGET not in made.bounds
    assert made.weigh(PROVIDER, TARGET).dearest == ((-1, 2, 2),)
    made.reload(Setup(Settings(), (PROVIDER,), Resolver((), {}, ()), priced(3), "us"))
    assert made.weigh(PROVIDER, TARGET).dearest == ((-1, 3, 3),)


async def test_names_that_clients_make_up_do_not_gather() -> None:
    made = relay()
    for number in range(REMEMBERED + 5):
        made.weigh(PROVIDER, Target("p", f"m{number}"))
    assert len(made.bounds) <= REMEMBERED

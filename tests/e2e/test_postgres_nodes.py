"""Two gateways on one database: what is done at one of them holds at the other within a second, streams included."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.e2e.keyed import answered, hello
from tests.e2e.nodes import Node, Nodes, nodes
from tests.e2e.test_revocation import ENDLESS, complaint, streaming
from tests.e2e.wire import ask, request
from tests.postgres import Server, needs_postgres
from tests.providers import MockProcess
from tests.waiting import auntil, until

pytestmark = needs_postgres

MODEL = "mock/gpt-4o-mini"


@pytest.fixture(scope="module")
def both(mock: MockProcess, postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with nodes(tmp_path_factory.mktemp("nodes"), postgres.fresh(), mock.url, workers=2) as made:
        yield made
        for node in (made.one, made.other):
            assert node.gateway.close() == 0, node.gateway.tail()


async def test_smoke(both: Nodes) -> None:
    key_id, secret = both.one.new_key("first")
    print(await answered(both.one.gateway, "chat", MODEL, secret))

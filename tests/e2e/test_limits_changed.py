"""A limit that is changed holds for the next request on every worker; of the file, once it is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.e2e.limited import at_once
from tests.e2e.people import People, live
from tests.e2e.wire import chat
from tests.gateway_process import configuration
from tests.providers import MockProcess
from tests.waiting import auntil

FILE_KEY = "sk-of-the-file-with-limits"
MANY = 30
CHILDREN = 4
"""Workers, and the control process."""

OF_FILE = """
[[client_keys]]
name = "of-the-file"
key  = "{key}"
{limits}
"""
EVERYBODY = """
[[limits.rules]]
name = "all"
per  = "everybody"
max_parallel = 1
requests_per_minute = 1
"""


@pytest.fixture(scope="module")
def everybody(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    with live(tmp_path_factory.mktemp("changed"), mock.url, of_file("requests_per_month = 5"), workers=3) as made:
        yield made
        assert made.gateway.close() == 0, made.gateway.tail()


def of_file(limits: str, more: str = "") -> str:
    return OF_FILE.format(key=FILE_KEY, limits=limits) + more


async def statuses(everybody: People, secret: str, count: int = MANY) -> Counter[int]:
    """Of so many requests at once: they come to every worker."""
    asked = chat("mock/gpt;chunks=1").replace(everybody.gateway.key.encode(), secret.encode())
    return Counter(answer.status for answer in await at_once(everybody.gateway.port, [asked] * count))


async def test_what_the_api_changes_holds_for_the_next_request(everybody: People) -> None:
    key_id, secret = everybody.new_key("owner", name="changing", requests_per_month=MANY)
    path = f"/api/keys/{key_id}"
    assert await statuses(everybody, secret, 2 * MANY) == {200: MANY, 429: MANY}
    assert everybody.change("owner", path, {"requests_per_month": 2 * MANY}).status_code == 200
    assert await statuses(everybody, secret, 2 * MANY) == {200: MANY, 429: MANY}, "what it used before counts"
    assert everybody.change("owner", path, {"requests_per_month": None}).status_code == 200
    assert await statuses(everybody, secret) == {200: MANY}
    assert everybody.change("owner", path, {"budget_usd": 0, "allow_unpriced": True}).status_code == 200
    assert await statuses(everybody, secret) == {429: MANY}
    assert everybody.change("owner", path, {"budget_usd": None, "requests_per_month": 1}).status_code == 200
    assert await statuses(everybody, secret) == {429: MANY}


async def test_what_the_file_changes_holds_once_the_workers_have_heard_of_it(
    everybody: People, mock: MockProcess
) -> None:
    async def holds(limits: str, expected: dict[int, int], more: str = "") -> None:
        before = reloaded(everybody)
        everybody.gateway.reload(configuration(mock.url, of_file(limits, more)))
        await auntil(lambda: reloaded(everybody) == before + CHILDREN)
        assert await statuses(everybody, FILE_KEY) == expected

    assert await statuses(everybody, FILE_KEY, 8) == {200: 5, 429: 3}
    await holds("requests_per_month = 10", {200: 5, 429: MANY - 5})
    await holds("", {200: MANY})
    await holds("", {200: 1, 429: MANY - 1}, EVERYBODY)
    await holds("requests_per_month = 1", {429: MANY})


def reloaded(everybody: People) -> int:
    return everybody.gateway.said().count("child goes by new settings")

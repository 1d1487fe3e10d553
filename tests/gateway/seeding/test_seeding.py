"""People, keys, requests and budgets, one after the other; and going on where it was left."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import sql
from gateway.access.roles import permissions_of
from gateway.management import bodies, keys
from gateway.management.office import Actor
from gateway.seeding import seeding
from gateway.seeding.clients import KEYS
from gateway.seeding.history import Wish
from gateway.seeding.seeding import Places, count, month_us, seed, write
from gateway.usage.ingest import Task
from tests.gateway.management.offices import OPERATOR, office_in
from tests.gateway.seeding.made_up import UNTIL_US, Store, empty, wish


class Written:
    """A store that is written to and asked in this thread."""

    def __init__(self, store: Store) -> None:
        self.store, self.tasks = store, 0

    async def write(self, task: Task[None]) -> None:
        self.tasks += 1
        task(self.store.connection)

    async def read(self, name: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
        cursor = self.store.connection.execute(sql.statement(name), dict(parameters))
        columns = [column[0] for column in cursor.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


READER = Actor(kind="system", name="reader", permissions=permissions_of("owner"))

WISH: Wish = wish(2000, days=10, at_once=500)


async def test_records_name_the_keys_that_were_made(tmp_path: Path) -> None:
    written, told = Written(empty()), list[int]()
    async with office_in(tmp_path) as office:
        settled = await seed(Places(office, OPERATOR, written, written.read), WISH, told.append)
        assert (told, written.tasks) == (sorted(told), len(told) + 1), "and once for what was said"
        assert told[-1] == await count(written.read) == 2000
        pairs = written.store.ask("select distinct key, key_id, user_id, team_id from requests where key is not null")
        assert {name: (key_id, user, team) for name, key_id, user, team in pairs} == {
            name: (owned.key_id, owned.user_id, owned.team_id) for name, owned in settled.keys.items()
        }
        (bot,) = [key for key in KEYS if key.name == "support-bot"]
        spent = written.store.one(
            "select sum(cost_nano_usd) / 1e9 from requests where key = 'support-bot' and ts >= '2026-11-01'"
        )
        key = await keys.get_client_key(office, OPERATOR, "support-bot")
        assert key.limits is not None
        budget = key.limits.budget_nano_usd
        assert budget is not None
        assert bot.spent - 0.12 < max(spent, 0.5) / (budget / 1e9) <= bot.spent or spent < 1
    written.store.connection.close()


async def test_what_was_written_before_is_not_written_again(tmp_path: Path) -> None:
    whole, half = Written(empty()), Written(empty())
    async with office_in(tmp_path) as office:
        places = Places(office, OPERATOR, whole, whole.read)
        owned = (await seed(places, WISH, print)).keys

        class Dies(Exception):
            pass

        def dies(requests: int) -> None:
            if requests > 900:
                raise Dies

        halved = Places(office, OPERATOR, half, half.read)
        with pytest.raises(Dies):
            await write(halved, WISH, owned, dies)
        there = await count(half.read, UNTIL_US)
        assert 900 < there < 2000
        # Somebody was quick, and asked something of their own before the rest of it was there.
        await write(halved, WISH, owned, print, there=there + 3)
        ids = "select id from requests order by rowid"
        assert half.store.column(ids) == whole.store.column(ids)
    whole.store.connection.close()
    half.store.connection.close()


async def test_what_was_said_in_the_newest_is_kept_sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeding, "MOST_SAID", 40)
    written = Written(empty())
    async with office_in(tmp_path) as office:
        await seed(Places(office, OPERATOR, written, written.read), WISH, print)
        named = "select cast(id as varchar) from requests where key is not null order by ts desc, id desc"
        newest = written.store.column(named)[:40]
        assert set(written.store.column("select cast(id as varchar) from requests where captured")) == set(newest)
        for request_id in newest:
            assert (await bodies.read_bodies(office, READER, request_id)).id == request_id
    written.store.connection.close()


def test_a_month_begins_at_midnight() -> None:
    assert month_us(UNTIL_US) == 1_793_491_200_000_000
    assert month_us(1_793_491_200_000_000) == 1_793_491_200_000_000

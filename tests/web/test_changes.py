"""What was changed stands in charts, for those who may read of it."""

from __future__ import annotations

import html
import re
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.management.office import Change, Subject
from tests.gateway.management.crowd import add
from tests.gateway.management.offices import OPERATOR
from tests.web.markup import assert_well_formed
from tests.web.store import Store, store_in
from tests.web.visiting import PASSWORD, House, house_in


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with store_in(tmp_path) as made:
        yield made


@pytest.fixture
async def house(tmp_path: Path, store: Store) -> AsyncIterator[House]:
    async with house_in(tmp_path, store=store) as made:
        store.add({"started_at_us": time.time_ns() // 1000 - 60_000_000})
        yield made


async def note(house: House, *actions: str) -> None:
    """Have these be in the audit log, of things named `<i>`."""

    def perform(change: Change) -> None:
        for action in actions:
            kind = action.partition(".")[0]
            change.note(action, Subject(kind, "<i>", "<i>"))

    await house.office.change(OPERATOR, perform)


@pytest.mark.parametrize("path", ["/", "/spend", "/latency"])
async def test_they_stand_in_every_chart_and_lead_to_the_log(house: House, path: str) -> None:
    await add(house.office, "olga", "owner", password=PASSWORD)
    olga = await house.signed_in("olga@example.com")
    await note(house, "price.change", "provider.create", "provider.test", "key.create", "sql.run")
    answer = await olga.get(path)
    assert_well_formed(answer.text)
    text = html.unescape(answer.text)
    said = set(re.findall(r"(?:price|provider|key|sql) <i> \w+ by [\w ]+", text))
    assert {line.split(" by ")[0] for line in said} == {"price <i> changed", "provider <i> made"}
    assert text.count(">2 changes</a>") == text.count('class="plot') > 0
    link = re.search(r'href="([^"]+)">2 changes</a>', answer.text)
    assert link is not None
    log = await olga.get(html.unescape(link[1]))
    assert "price.change" in log.text


async def test_the_start_of_the_gateway_is_one_which_the_log_does_not_have(house: House) -> None:
    await add(house.office, "olga", "owner", password=PASSWORD)
    olga = await house.signed_in("olga@example.com")
    object.__setattr__(house.site, "started_at_us", time.time_ns() // 1000 - 60_000_000)
    text = (await olga.get("/spend?range=24h")).text
    assert "Sluicegate 1.2.3 began" in text
    assert re.search(r"</svg>1 change</li>", text)


async def test_who_may_not_read_the_log_sees_none(house: House) -> None:
    await add(house.office, "vera", "viewer", password=PASSWORD)
    vera = await house.signed_in("vera@example.com")
    await note(house, "price.change")
    assert (await vera.get("/audit")).status == 403
    assert "1 change" not in (await vera.get("/")).text

"""An invoice beside the books: where both agree, where they do not and what may be why; nothing of it is kept."""

from __future__ import annotations

import html
import re
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.records import Provider
from gateway.upkeep import rolling
from gateway.upkeep.rolling import Beginnings
from gateway.usage import reach
from gateway.usage.figures import DAY, HOUR, NOTHING
from tests.gateway.management.crowd import add
from tests.web.markup import assert_well_formed
from tests.web.store import Store, store_in
from tests.web.test_hostile import CORPUS, assert_harmless
from tests.web.visiting import PASSWORD, House, Person, house_in

TODAY = time.time_ns() // 1000 // DAY * DAY
DOLLAR = 1_000_000_000


def day(ago: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime((TODAY - ago * DAY) // 10**6))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with store_in(tmp_path) as made:
        yield made


@pytest.fixture
async def house(tmp_path: Path, store: Store) -> AsyncIterator[House]:
    async with house_in(tmp_path, store=store) as made:
        made.around.providers = tuple(
            Provider(id=name, format="openai_chat", base_url="", models=("*",), strategy="", credentials=())
            for name in ("mock", "other")
        )
        yield made


@pytest.fixture
async def owner(house: House) -> Person:
    await add(house.office, "olga", "owner", password=PASSWORD)
    return await house.signed_in("olga@example.com")


def fill(store: Store) -> None:
    store.add(
        {"started_at_us": TODAY - 3 * DAY + HOUR, "cost_nano_usd": 3 * DOLLAR, "model": "mini"},
        {"started_at_us": TODAY - 3 * DAY + HOUR, "cost_nano_usd": DOLLAR, "model": "large"},
        {"started_at_us": TODAY - 2 * DAY - 1, "cost_nano_usd": DOLLAR, "model": "mini", "usage_source": "estimated"},
        {"started_at_us": TODAY - 2 * DAY, "cost_nano_usd": None, "cost_source": "unpriced", "model": "odd"},
        {"started_at_us": TODAY - 2 * DAY, "cost_nano_usd": 9 * DOLLAR, "model": "mini", "provider": "other"},
        {"started_at_us": TODAY - DAY, "cost_nano_usd": 7 * DOLLAR, "model": "mini"},
    )


async def compared(person: Person, invoice: str, provider: str = "mock") -> str:
    await person.get("/spend/invoice")
    answer = await person.submit("/spend/invoice", provider=provider, invoice=invoice)
    assert answer.status == 200, answer.text
    assert_well_formed(answer.text)
    return html.unescape(answer.text)


def lines(text: str, section: str) -> list[list[str]]:
    """The cells of a table, as somebody sees them."""
    table = text.partition(f'aria-labelledby="{section}"')[2].partition("</tbody>")[0].partition("<tbody>")[2]
    rows = [row.partition(">")[2].partition("</tr>")[0] for row in table.split("<tr")[1:]]
    return [[" ".join(re.sub("<[^>]*>", " ", f"<{cell}").split()) for cell in row.split("<td")[1:]] for row in rows]


async def test_it_asks_for_a_provider_and_a_table(owner: Person) -> None:
    text = (await owner.get("/spend/invoice?provider=other")).text
    assert_well_formed(text)
    assert '<option value="other" selected>' in text
    assert "/spend/invoice" in (await owner.get("/spend")).text


async def test_a_provider_that_is_gone_can_still_send_an_invoice(owner: Person, store: Store) -> None:
    assert '<option value="gone">' not in (await owner.get("/spend/invoice")).text
    store.add({"started_at_us": TODAY - 40 * DAY, "cost_nano_usd": 2 * DOLLAR, "provider": "gone"})
    assert '<option value="gone">' in (await owner.get("/spend/invoice")).text
    text = await compared(owner, f"date,cost\n{day(40)},2", "gone")
    assert [row[-1] for row in lines(text, "days")] == ["agrees"]


async def test_without_a_provider_there_is_nothing_to_compare(house: House, owner: Person) -> None:
    house.around.providers = ()
    text = (await owner.get("/spend/invoice")).text
    assert_well_formed(text)
    assert "There is no provider." in text
    assert 'name="invoice"' not in text


@pytest.mark.parametrize("rolled", [False, True])
async def test_days_and_models_are_compared(
    house: House, owner: Person, store: Store, monkeypatch: pytest.MonkeyPatch, *, rolled: bool
) -> None:
    fill(store)
    if rolled:  # the same from sums of days
        monkeypatch.setattr(reach, "MANY", 1)
        for ago in (3, 2, 1):
            at = (datetime.fromtimestamp(TODAY / 1e6, UTC) - timedelta(days=ago)).date()
            rolling.catch_up(store.connection, at, Beginnings(), TODAY + HOUR)
        house.around.rolled_until_us = TODAY
    text = await compared(
        owner, f"date,model,cost\n{day(3)},mini,4.00\n{day(3)},large,2\n{day(2)},gone,0.25\nTotal,,6.25"
    )
    assert lines(text, "days") == [
        [day(3), "$6.00", "$5.00", "-$1.00", "-16.7 %", "3", "less was booked 1 estimated"],
        [day(2), "$0.25", "$0.00", "-$0.25", "-100.0 %", "1", "less was booked 1 without a price"],
    ]
    assert lines(text, "models") == [
        ["large", "$2.00", "$1.00", "-$1.00", "-50.0 %", "1", "less was booked"],
        ["gone", "$0.25", NOTHING, "-$0.25", "-100.0 %", "0", "less was booked not in the books"],
        ["mini", "$4.00", "$4.00", "$0.00", "0.0 %", "2", "agrees 1 estimated"],
        ["odd", NOTHING, "$0.00", "$0.00", NOTHING, "1", "agrees not on the invoice, 1 without a price"],
    ]
    assert f"mock, {day(3)} to {day(2)} (UTC)" in text
    assert "Line 5 of the invoice has no day or no amount, such as a sum" in text


async def test_what_is_booked_and_not_on_the_invoice_is_more(owner: Person, store: Store) -> None:
    fill(store)
    text = await compared(owner, f"day;usd\n{day(3)};5\n{day(1)};1")
    assert [row[-1] for row in lines(text, "days")] == [
        "agrees 1 estimated",
        "agrees not on the invoice, 1 without a price",
        "more was booked",
    ]
    assert not lines(text, "models"), "it names none"


async def test_a_day_leads_to_its_requests_wherever_one_looks_from(house: House, owner: Person, store: Store) -> None:
    fill(store)
    owner.cookies["sluicegate-zone"] = "Asia/Kolkata"
    text = await compared(owner, f"date,model,cost\n{day(2)},odd,5")
    assert f"/requests?from={day(2)}T05%3A30&to={day(1)}T05%3A30&provider=mock" in text
    assert f"/requests?from={day(2)}T05%3A30&to={day(1)}T05%3A30&provider=mock&model=odd" in text


async def test_before_there_were_books_there_is_the_invoice_alone(owner: Person, store: Store) -> None:
    assert "Nothing is booked yet" in await compared(owner, f"date,cost\n{day(9)},5")
    fill(store)
    text = await compared(owner, f"date,cost\n{day(9)},5")
    assert f"The books begin on {day(3)} (UTC): of days before that there is the invoice alone." in text
    assert "not in the books" in text
    assert "The books begin" not in await compared(owner, f"date,cost\n{day(3)},5")


async def test_what_cannot_be_read_stays_in_the_form_with_what_is_wrong(owner: Person) -> None:
    await owner.get("/spend/invoice")
    typed = "date,cost\n2026-11-01,<many>"
    answer = await owner.submit("/spend/invoice", provider="mock", invoice=typed)
    assert answer.status == 422
    assert_well_formed(answer.text)
    text = html.unescape(answer.text)
    assert "Line 2 has <many> for an amount" in text.replace("<code>", "").replace("</code>", "").replace("`", "")
    assert typed in text
    answer = await owner.submit("/spend/invoice", provider="nobody", invoice=typed)
    assert answer.status == 422
    assert "There is no such provider." in answer.text


async def test_a_year_of_many_models_fits_and_more_is_refused_in_words(owner: Person, store: Store) -> None:
    fill(store)
    rows = [f"{day(ago)},model-{model},{ago}.{model:02}" for ago in range(1, 366) for model in range(60)]
    text = await compared(owner, "date,model,cost\n" + "\n".join(rows))
    assert len(lines(text, "days")) == 365
    answer = await owner.submit("/spend/invoice", provider="mock", invoice="x" * 3_000_000)
    assert answer.status == 413
    assert "A form may have 2048 KiB." in html.unescape(answer.text)


async def test_it_is_for_whoever_may_see_what_all_of_them_spend(house: House) -> None:
    await add(house.office, "mia", "member", password=PASSWORD)
    member = await house.signed_in("mia@example.com")
    assert (await member.get("/spend/invoice")).status == 403
    assert "/spend/invoice" not in (await member.get("/spend")).text


@pytest.mark.parametrize("hostile", CORPUS)
async def test_nothing_in_it_runs(owner: Person, store: Store, hostile: str) -> None:
    store.add({"started_at_us": TODAY - DAY, "model": hostile})
    cell = hostile.replace('"', '""').replace("\n", " ").replace("\r", " ")
    await owner.get("/spend/invoice")
    answer = await owner.submit("/spend/invoice", provider="mock", invoice=f'date,model,cost\n{day(1)},"{cell}",3')
    assert answer.status == 200
    assert_harmless(answer.text)

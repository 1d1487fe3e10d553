"""Alerts as a page: what is open, what was, what was told to whom and arrived, closing, trying out, thresholds."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs

from gateway.alerts import kept
from gateway.alerts.course import Moment
from gateway.alerts.deliveries import Ears
from gateway.alerts.rules import MINUTE_US, Condition, Judged
from gateway.settings.alerting import ALERT_KINDS, AlertSettings, EmailSettings, WebhookSettings
from gateway.usage.figures import DAY
from tests.gateway.alerts.scenes import condition
from tests.gateway.management.crowd import add
from tests.web.markup import assert_well_formed
from tests.web.saved import Links, csv_rows
from tests.web.test_hostile import CORPUS, assert_harmless
from tests.web.visiting import PASSWORD, House, Person, house_in
from web.alerting import as_seen, course_of, link_of, thresholds_of

_ids = count(1)

HOOK = WebhookSettings(
    name="ops", url="https://chat.example/secret-path", secret="canary-of-a-signature", format="slack"
)
MAIL = EmailSettings(host="mail.example", sender="gate@example.com", to=("ops@example.com",), kinds=("disk",))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_in(tmp_path) as made:
        yield made


@pytest.fixture
async def owner(house: House) -> Person:
    await add(house.office, "olga", "owner", password=PASSWORD)
    return await house.signed_in("olga@example.com")


async def find(house: House, *found: Condition, to: tuple[str, ...] = ("webhook/ops",), minutes: float = 0) -> None:
    """Have it kept that this is wrong, so many minutes from now, and who is to be told."""
    ears = Ears(AlertSettings(calm_minutes=0.0), lambda kind: to, lambda: f"{next(_ids):036d}")
    moment = Moment(house.office.now_us + round(minutes * MINUTE_US), "")
    judged = Judged(found, frozenset(ALERT_KINDS), frozenset())
    await house.office.state.write(lambda session: kept.settle(session, judged, ears, moment))


def wrong(house: House, name: str = "app", **more: Any) -> Condition:
    return condition(fingerprint=name, since_us=house.office.now_us, **more)


def say(house: House, **said: Any) -> None:
    house.office.settings = structs.replace(house.office.settings, alerts=AlertSettings(**said))


async def test_only_those_see_it_who_look_after_the_gateway(house: House) -> None:
    for role, status in (("viewer", 403), ("member", 403), ("admin", 200)):
        await add(house.office, role, role, password=PASSWORD)  # type: ignore[arg-type] # one of them
        person = await house.signed_in(f"{role}@example.com")
        assert (await person.get("/alerts")).status == status
        token = person.last.forms  # type: ignore[union-attr] # it was just answered
        fields = next((fields for _, fields in token), {})
        for path in ("/alerts/close", "/alerts/test"):
            assert (await person.post(path, {**fields, "id": "x", "receiver": "x"})).status in (403, 404, 422)
        if status == 403:
            assert (await person.post("/alerts/close", fields)).status == 403
    assert house.around.alerts.told == []


async def test_before_and_after_the_first_look_it_says_so(house: House, owner: Person) -> None:
    page = await owner.get("/alerts")
    assert_well_formed(page.text)
    assert "Nobody has looked yet." in page.text
    assert "Nothing was wrong yet." in page.text
    house.around.alerts.open_now = 0
    page = await owner.get("/alerts")
    assert "Nothing is wrong." in page.text
    assert "mark-word" not in page.text


async def test_what_is_open_is_told_with_what_to_do_the_worst_first(house: House, owner: Person) -> None:
    house.around.alerts.open_now = 2
    await find(
        house,
        wrong(house, "disk", kind="disk", severity="critical", subject="/data", text="the disk is 98 % full"),
        wrong(house, "app"),
    )
    page = await owner.get("/alerts")
    assert_well_formed(page.text)
    assert page.text.index("The disk is 98 % full") < page.text.index("Client key app has used 83 % of its budget")
    assert 'href="/keys?search=app"' in page.text
    assert "83.1 %; threshold 80 %" in page.text
    assert "See what is spent on." in page.text
    assert '<b class="mark-word warning">2 open</b>' in page.text
    house.around.alerts.critical_now = True
    assert '<b class="mark-word bad">2 open</b>' in (await owner.get("/alerts")).text
    assert "1 told" in page.text
    block = await owner.get("/alerts?block=now")
    assert "The disk is 98 % full" in block.text
    assert "<h1>" not in block.text


async def test_one_is_closed_by_hand(house: House, owner: Person) -> None:
    await find(house, wrong(house))
    await owner.get("/alerts")
    done = await owner.submit("/alerts/close")
    assert done.to == "/alerts?said=alert-closed"
    page = await owner.follow()
    assert "closed by hand" in page.text
    assert '"/alerts/close"' not in page.text
    assert house.around.alerts.counted == 1
    gone = await owner.post("/alerts/close", {**owner.last.forms[0][1], "id": "nothing"})  # type: ignore[union-attr]
    assert gone.status == 404
    assert "There is no alert" in gone.text


async def test_what_did_not_arrive_says_why_and_when_it_is_tried_again(house: House, owner: Person) -> None:
    await find(house, wrong(house), to=("webhook/ops", "email", "webhook/pager"))
    now_us = house.office.now_us

    def fail(session: Any) -> None:
        ops, mail, _ = session.rows("alerts/due", {"now_us": now_us + DAY, "limit": 9})
        session.run("alerts/undelivered", {"id": ops["id"], "error": "it answered 503", "next_us": now_us + MINUTE_US})
        session.run("alerts/undelivered", {"id": mail["id"], "error": "given up after a day", "next_us": None})

    await house.office.state.write(fail)
    page = await owner.get("/alerts")
    assert "3 told, 2 not arrived" in page.text
    for shown in ("it answered 503", "given up after a day", "on its way"):
        assert shown in page.text


async def test_what_is_not_told_any_more_says_why_and_is_no_failure(house: House, owner: Person) -> None:
    await find(house, wrong(house), to=("webhook/ops", "email"))
    await owner.get("/alerts")
    await owner.submit("/alerts/close")
    page = await owner.follow()
    assert_well_formed(page.text)
    assert "0 told, 2 not told any more" in page.text
    assert page.text.count("it was closed by hand") == 2
    assert "given up" not in page.text


async def test_what_is_over_is_history_by_kind_and_page(house: House, owner: Person) -> None:
    for number in range(27):
        await find(house, wrong(house, f"a{number}", text=f"budget {number}"), minutes=number)
    await find(house, wrong(house, "d", kind="disk", text="the disk is full"), minutes=28)
    await find(house, minutes=29)
    first = await owner.get("/alerts?kind=budget")
    assert len(re.findall(r">Budget \d+</a>", first.text)) == 25
    older = re.search(r'href="([^"]+)" rel="next"', first.text)
    assert older is not None
    second = await owner.get(html.unescape(older[1]))
    assert re.findall(r">(Budget \d+)</a>", second.text) == ["Budget 1", "Budget 0"]
    assert ">Newest</a>" in second.text
    assert "The disk is full" in (await owner.get("/alerts?kind=disk")).text
    assert "Nothing of the kind was wrong." in (await owner.get("/alerts?kind=prices")).text


async def test_alerts_come_as_files(house: House, owner: Person) -> None:
    for number in range(27):
        await find(house, wrong(house, f"a{number}", text=f"budget {number}"), minutes=number)
    await find(house, wrong(house, "d", kind="disk", severity="critical", text="the disk is full"), minutes=28)
    now = csv_rows((await owner.get("/alerts?format=csv&table=now")).text.encode())
    assert [(row["title"], row["kind"], row["severity"], row["closed_at"]) for row in now] == [
        ("the disk is full", "disk", "critical", "")
    ]
    assert (now[0]["figure"], now[0]["threshold"], now[0]["unit"], now[0]["told"]) == ("83.1", "80.0", "%", "1")
    past = csv_rows((await owner.get("/alerts?format=csv&kind=budget&before=0")).text.encode())
    assert [row["title"] for row in past] == [f"budget {number}" for number in reversed(range(27))]
    assert all(row["closed_at"] > row["since"] for row in past)
    offered = {(link.said("table"), link.said("format")) for link in Links((await owner.get("/alerts")).text).found}
    assert offered == {(name, form) for name in ("now", "past", "thresholds") for form in ("csv", "parquet")}


async def test_who_is_told_is_tried_out_and_their_addresses_stay_secret(house: House, owner: Person) -> None:
    say(house, webhooks=(HOOK,), email=MAIL)
    telling = house.around.alerts
    telling.names, telling.errors = ("webhook/ops", "email"), {"email": "the server refuses the sender"}
    page = await owner.get("/alerts")
    assert_well_formed(page.text)
    assert "POST, slack, signed" in page.text
    assert "mail to ops@example.com by mail.example" in page.text
    one = await owner.submit("/alerts/test", receiver="webhook/ops")
    assert (one.status, telling.told) == (200, ["webhook/ops"])
    assert 'aria-label="How the test went"' in one.text
    every = await owner.submit("/alerts/test", receiver="")
    assert telling.told == ["webhook/ops", "webhook/ops", "email"]
    assert "the server refuses the sender" in every.text
    assert_well_formed(every.text)
    for text in (page.text, one.text, every.text):
        assert "secret-path" not in text
        assert "canary" not in text
    unknown = await owner.submit("/alerts/test", receiver="webhook/other")
    assert unknown.status == 404
    assert "no receiver" in unknown.text


async def test_without_anybody_it_says_how_to_have_somebody_told(house: House, owner: Person) -> None:
    page = await owner.get("/alerts")
    assert "[[alerts.webhooks]]" in page.text
    nobody = await owner.post("/alerts/test", owner.last.forms[0][1])  # type: ignore[union-attr] # it was just answered
    assert nobody.status == 422
    assert "There is nobody to tell" in nobody.text


async def test_thresholds_are_those_that_hold(house: House, owner: Person) -> None:
    say(house, credential_minutes=0, disk_percent=(70,), repeat_hours=0)
    page = await owner.get("/alerts")
    for shown in ("70 % of it is used", "80 % or 100 % of one is used", "never", "not again while it lasts"):
        assert shown in page.text


@pytest.mark.parametrize("text", CORPUS)
async def test_what_strangers_wrote_is_text(house: House, owner: Person, text: str) -> None:
    more = {"subject": text, "text": text, "detail": text, "advice": text, "node": text}
    await find(house, *(wrong(house, f"{kind}{text}", kind=kind, **more) for kind in ALERT_KINDS), to=(text,))
    house.around.alerts.names = (f"webhook/{text}", text)
    house.around.alerts.errors = {text: text}
    say(house, webhooks=(HOOK,), email=structs.replace(MAIL, to=(text,)))
    page = await owner.get("/alerts")
    assert_harmless(page.text)
    assert_well_formed(page.text)
    assert text.replace("`", "") in html.unescape(page.text)
    assert_harmless((await owner.submit("/alerts/test", receiver=text)).text)
    await find(house, minutes=1)
    assert_harmless((await owner.get("/alerts")).text)


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        ("`app` has 8.31 USD of 1,010.00 USD left", "App has $8.31 of $1,010.00 left"),
        ("it begins anew at 2026-12-01 00:00 UTC", "It begins anew at 2026-12-01 01:00"),
        ("the price list is 4,459 hours old", "The price list is 186 days old"),
        ("for 40 hours", "For 40 hours"),
        ("", ""),
    ],
)
def test_an_alert_is_told_on_the_page_as_everything_is_there(told: str, seen: str) -> None:
    assert as_seen(told, ZoneInfo("Europe/Berlin")) == seen


def test_where_an_alert_leads() -> None:
    assert link_of("budget", "client key `app`") == "/keys?search=app"
    assert link_of("budget", "team `x`") == "/spend"
    assert link_of("credential", "openai/first") == "/providers/openai/credentials/first"
    assert link_of("credential", "ollama") == "/providers/ollama"
    assert link_of("errors", "openai") == "/requests?outcome=failed&provider=openai"
    assert link_of("errors", "all requests") == "/requests?outcome=failed"
    assert link_of("disk", "/data") == "/system"


def test_what_is_switched_off_is_told_as_never() -> None:
    off = AlertSettings(
        budget_percent=(), credential_minutes=0, error_percent=0, price_hours=0, doubted_prices=False, record_minutes=0,
        disk_percent=(), recovery=False, calm_minutes=0,
    )  # fmt: skip
    assert {each.when for each in thresholds_of(off)} == {"never"}
    assert course_of(off)[1] == "Over as soon as it is well."
    assert not any(each.is_off for each in thresholds_of(AlertSettings()))

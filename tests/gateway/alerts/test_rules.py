"""What is wrong, by figures: each rule as a table, and what is not known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from gateway.alerts.figures import Figures, Ration
from gateway.alerts.rules import HOUR_US, MINUTE_US, RULES, Condition, judge, provider_of
from gateway.settings.alerting import ALERT_KINDS, AlertKind, AlertSettings
from tests.gateway.alerts.scenes import NOON, disk, failing, prices, ration, refused, spool, well

USUAL = AlertSettings()


def found(figures: Figures, **said: Any) -> list[Condition]:
    return list(judge(figures, structs.replace(USUAL, **said), NOON).conditions)


def test_there_is_a_rule_for_every_kind() -> None:
    assert tuple(RULES) == ALERT_KINDS


def test_nothing_is_wrong_where_all_is_well() -> None:
    judged = judge(well(), USUAL, NOON)
    assert judged.conditions == ()
    assert judged.known == frozenset(ALERT_KINDS)
    assert judged.off == frozenset()


def test_of_what_nobody_can_tell_nothing_is_known() -> None:
    assert judge(Figures(), USUAL, NOON).known == frozenset()


@pytest.mark.parametrize("kind", ALERT_KINDS)
def test_in_no_figures_nothing_is_found(kind: AlertKind) -> None:
    assert list(RULES[kind].find(Figures(), USUAL, NOON)) == []


def test_what_is_switched_off_is_not_looked_for() -> None:
    off = {"budget_percent": (), "disk_percent": (), "credential_minutes": 0.0, "error_percent": 0.0}
    off |= {"price_hours": 0.0, "doubted_prices": False, "record_minutes": 0.0}
    wrong = well(
        rations=[ration(10)], refused=[refused(60)], failing=[failing(99)], prices=prices(999, "no answer", ("a",)),
        spool=spool(999), disk=disk(99),
    )  # fmt: skip
    assert {one.kind for one in found(wrong)} == set(ALERT_KINDS)
    judged = judge(wrong, structs.replace(USUAL, **off), NOON)
    assert judged.conditions == ()
    assert judged.off == frozenset(ALERT_KINDS)


@pytest.mark.parametrize(
    ("used", "level", "severity"),
    [(7.99, None, None), (8.0, 80, "warning"), (9.99, 80, "warning"), (10.0, 100, "critical"), (25.0, 100, "critical")],
)
def test_a_budget_is_told_by_the_highest_threshold_it_has_reached(
    used: float, level: int | None, severity: str | None
) -> None:
    conditions = found(well(rations=[ration(used)]))
    assert [(one.level, one.severity) for one in conditions] == ([(level, severity)] if level else [])


def test_what_is_told_of_a_budget() -> None:
    (one,) = found(well(rations=[ration(8.31)._replace(resets_at_us=NOON + HOUR_US)]))
    assert one.fingerprint == "budget/app/budget_nano_usd"
    assert one.text == "client key `app` has used 83 % of its budget"
    assert one.detail == "8.31 USD of 10.00 USD; it begins anew at 2026-05-28 21:26 UTC."
    assert (one.figure, one.threshold, one.unit) == (83.1, 80, "%")
    (spent,) = found(well(rations=[ration(10)]))
    assert spent.advice.startswith("Its requests are refused from now on")


@pytest.mark.parametrize(
    ("field", "text", "detail"),
    [
        ("tokens_per_month", "has used 90 % of its quota of tokens", "900,000 tokens of 1,000,000 tokens."),
        ("requests_per_month", "has used 90 % of its quota of requests", "900,000 requests of 1,000,000 requests."),
    ],
)
def test_quotas_are_told_in_their_own_words(field: str, text: str, detail: str) -> None:
    (one,) = found(well(rations=[Ration("x", "team `crew`", field, 900_000, 1_000_000, 0)]))
    assert one.text == f"team `crew` {text}"
    assert one.detail == detail


def test_a_budget_of_another_period_is_another_thing() -> None:
    one, other = (found(well(rations=[ration(10, began_us=began)]))[0] for began in (NOON, NOON + HOUR_US))
    assert one.fingerprint == other.fingerprint
    assert (one.edition, other.edition) == (NOON, NOON + HOUR_US)
    (reset,) = found(well(rations=[ration(10, began_us=NOON)._replace(reset_at_us=NOON + MINUTE_US)]))
    assert reset.edition == NOON + MINUTE_US


def test_who_may_spend_nothing_is_meant_to() -> None:
    assert found(well(rations=[ration(0, 0)])) == []


def test_thresholds_may_be_any() -> None:
    (one,) = found(well(rations=[ration(6)]), budget_percent=(50, 60, 70))
    assert (one.level, one.severity) == (60, "warning")
    (one,) = found(well(rations=[ration(15)]), budget_percent=(150,))
    assert (one.level, one.severity) == (150, "critical")


@pytest.mark.parametrize(("minutes", "opens"), [(14.9, False), (15, True), (600, True), (None, False)])
def test_a_credential_must_rest_for_long_to_open_an_alert(minutes: float | None, opens: bool) -> None:
    (one,) = found(well(refused=[refused(minutes)]))
    assert one.opens is one.is_certain is opens
    assert one.fingerprint == "credential/openai/first"


@pytest.mark.parametrize("models", [(), ("gpt",)])
def test_a_limited_credential_is_told_when_no_other_is_left(models: tuple[str, ...]) -> None:
    limited = refused(600, reason="rate_limit", models=models)
    (one,) = found(well(refused=[limited]))
    assert not one.opens, "others answer"
    (one,) = found(well(refused=[limited._replace(is_last=True)]))
    assert one.opens


def test_what_is_told_of_a_credential() -> None:
    (one,) = found(well(refused=[refused(20, reason="quota")]))
    assert one.text == "the credential `openai/first` is refused: quota"
    assert (one.severity, one.figure, one.unit) == ("warning", 20, "minutes")
    assert one.advice.startswith("Top up the account")
    (one,) = found(well(refused=[refused(20, is_last=True)]))
    assert one.severity == "critical"
    assert one.detail == "No other credential of the provider is left."
    names = tuple(f"m{number}" for number in range(7))
    (one,) = found(well(refused=[refused(20, models=names, is_last=True, reason="rate_limit")]))
    assert (
        one.text == "the credential `openai/first` is refused for `m0`, `m1`, `m2`, `m3`, `m4` and 2 more: rate_limit"
    )
    assert one.severity == "warning", "others are served"
    (one,) = found(well(refused=[refused(20, credential="", reason="server")]))
    assert one.text == "the provider `openai` is refused: server"
    assert one.fingerprint == "credential/openai"


@pytest.mark.parametrize(
    ("failed", "requests", "is_told"),
    [(19, 100, False), (20, 100, True), (19, 19, False), (4, 20, True), (0, 0, False)],
)
def test_errors_are_told_from_a_share_and_a_number_on(failed: int, requests: int, is_told: bool) -> None:
    assert any(one.opens for one in found(well(failing=[failing(failed, requests)]))) is is_told


@pytest.mark.parametrize(
    ("failed", "requests", "is_found", "is_well"),
    [(15, 15, True, False), (1, 1, True, False), (1, 19, False, False), (0, 0, False, False), (0, 20, False, True)],
)
def test_too_few_requests_tell_that_it_goes_on_but_not_that_it_is_over(
    failed: int, requests: int, is_found: bool, is_well: bool
) -> None:
    judged = judge(well(failing=[failing(failed, requests)]), USUAL, NOON)
    assert [(one.opens, one.is_certain) for one in judged.conditions] == ([(False, True)] if is_found else [])
    assert judged.well["errors"] == (frozenset({"errors/openai"}) if is_well else frozenset())


def test_all_requests_since_it_last_failed_tell_together_that_it_is_over() -> None:
    few = failing(0, 15)
    judged = judge(well(failing=[few], since_failing=[failing(3, 40), failing(30, 40, "mistral")]), USUAL, NOON)
    assert judged.conditions == ()
    assert judged.well == {"errors": frozenset({"errors/openai"})}
    assert [provider_of(name) for name in judged.well["errors"]] == ["openai"]


def test_what_is_told_of_errors() -> None:
    of_one, of_all = found(well(failing=[failing(35), failing(50, provider="")]))
    assert of_one.text == "35 % of requests to `openai` fail"
    assert of_one.detail == "35 of 100 in 10 minutes, most for `server`."
    assert (of_one.severity, of_one.since_us) == ("warning", NOON - 10 * MINUTE_US)
    assert of_all.text == "50 % of all requests fail"
    assert (of_all.severity, of_all.fingerprint) == ("critical", "errors/")


@pytest.mark.parametrize(
    ("hours", "error", "is_told"), [(71, "no answer", False), (72, "no answer", True), (500, "", False)]
)
def test_an_old_price_list_is_told_where_it_cannot_be_fetched(hours: float, error: str, is_told: bool) -> None:
    assert bool(found(well(prices=prices(hours, error)))) is is_told


def test_what_is_told_of_prices() -> None:
    (one,) = found(well(prices=prices(75, "no answer")))
    assert one.text == "the price list is 75 hours old and cannot be fetched"
    assert (one.detail, one.since_us) == ("no answer.", NOON - 75 * HOUR_US)
    (one,) = found(well(prices=prices(doubted=("a/b: 1 to 10",))))
    assert one.text == "1 new price is not believed, and the former stay"
    (one,) = found(well(prices=prices(doubted=tuple("abcdefg"))))
    assert one.text == "7 new prices are not believed, and the former stay"
    assert one.detail == "a; b; c; d; e and 2 more."
    assert found(well(prices=prices(75, "no answer", ("a",))), doubted_prices=False)[0].fingerprint == "prices/age"
    assert found(well(prices=prices(75, "no answer", ("a",))), price_hours=0.0)[0].fingerprint == "prices/doubted"


def test_right_after_the_start_an_old_list_is_about_to_be_fetched() -> None:
    assert "prices" not in judge(well(prices=prices(100, is_tried=False)), USUAL, NOON).known
    assert "prices" in judge(well(prices=prices(10, is_tried=False)), USUAL, NOON).known


@pytest.mark.parametrize(
    ("minutes", "size", "text"),
    [
        (None, 79, None),
        (9, 0, None),
        (10, 0, "usage records have been waiting for 10 minutes to get into the analytics store"),
        (60, 80, "the spool is 80 % full, and beyond that usage records are dropped"),
        (None, 100, "the spool is 100 % full, and beyond that usage records are dropped"),
    ],
)
def test_records_that_wait_are_told(minutes: float | None, size: int, text: str | None) -> None:
    conditions = found(well(spool=spool(minutes, size)))
    assert [one.text for one in conditions] == ([text] if text else [])


def test_what_keeps_records_waiting_is_told() -> None:
    (one,) = found(well(spool=spool(12, trouble="the disk is full")))
    assert one.detail == "the disk is full."
    (worse,) = found(well(spool=spool(12, 90)))
    assert (one.severity, worse.severity) == ("warning", "critical")
    assert worse.level > one.level


@pytest.mark.parametrize(("used", "level", "severity"), [(89, None, None), (90, 90, "warning"), (97, 97, "critical")])
def test_a_disk_is_told_as_it_fills(used: int, level: int | None, severity: str | None) -> None:
    conditions = found(well(disk=disk(used)))
    assert [(one.level, one.severity) for one in conditions] == ([(level, severity)] if level else [])


def test_what_is_about_a_machine_says_which_where_there_are_several() -> None:
    wrong = well(disk=disk(95), spool=spool(99), rations=[ration(9)])
    alone = {one.kind: one for one in found(wrong)}
    assert {kind: one.fingerprint for kind, one in alone.items() if kind != "budget"} == {
        "records": "records",
        "disk": "disk",
    }
    among = {one.kind: one for one in found(replace(wrong, node="a"))}
    assert (among["records"].fingerprint, among["disk"].fingerprint) == ("records@a", "disk@a")
    assert (among["disk"].node, among["budget"].node) == ("a", "")
    assert among["budget"].fingerprint == alone["budget"].fingerprint, "the same for whoever finds it"

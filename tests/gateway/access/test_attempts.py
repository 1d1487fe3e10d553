"""Guessing is slow for attackers, and nobody is locked out for good."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access import attempts
from gateway.access.attempts import (
    BY_ACCOUNT,
    BY_ACCOUNT_AND_ADDRESS,
    BY_ADDRESS,
    BY_EVERYBODY,
    MINUTE_US,
    NOTHING,
    SECOND_US,
    Limits,
    Record,
    Subject,
)
from gateway.errors import TooManyAttempts

HOUR_US = 60 * MINUTE_US
START = 1_800_000_000 * SECOND_US
ALL = (BY_ACCOUNT_AND_ADDRESS, BY_ACCOUNT, BY_ADDRESS, BY_EVERYBODY)


@dataclass
class Gate:
    """What a login does with these functions: check and count, then take back."""

    records: dict[str, Record] = field(default_factory=dict)

    def lets_in(self, who: tuple[Subject, ...], now_us: int, *, right: bool = False) -> bool:
        try:
            attempts.check(who, self.records, now_us)
        except TooManyAttempts:
            return False
        self.records |= attempts.count(who, self.records, now_us)
        if right:
            self.records |= attempts.take_back(who, self.records, now_us)
        return True


def address(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def test_five_wrong_guesses_cost_nothing_and_then_the_wait_doubles() -> None:
    record, waits = NOTHING, []
    for _ in range(17):
        wait = attempts.wait_us(record, BY_ACCOUNT_AND_ADDRESS, record.last_at_us)
        waits.append(wait // SECOND_US)
        record = attempts.after_failure(record, BY_ACCOUNT_AND_ADDRESS, record.last_at_us + wait)
    assert waits == [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_one_account_takes_at_most_100_guesses_an_hour_from_many_addresses() -> None:
    gate, guesses = Gate(), []
    known = attempts.subjects("a@example.com", "192.0.2.1", known=True)
    for second in range(3 * 3600):
        now = START + second * SECOND_US
        # As many addresses as an attacker likes, a new one every time, and one from which the owner once logged in.
        strangers = [attempts.subjects("a@example.com", address(second * 40 + nth)) for nth in range(40)]
        guesses += [second] * sum(gate.lets_in(who, now) for who in (*strangers[: 40 if second < 3 else 2], known))
    assert len(guesses) > 150, "the attacker was not even trying"
    assert busiest_hour(guesses) <= 100


def busiest_hour(guesses: list[int]) -> int:
    return max(sum(start <= guess < start + 3600 for guess in guesses) for start in guesses)


def test_waiting_between_bursts_does_not_give_more_than_100_an_hour() -> None:
    for pause in (1, 5, 20, 30, 59):
        gate, guesses = Gate(), []
        for second in range(0, 3 * 3600, 5):
            if second // 60 % 60 >= pause:
                who = attempts.subjects("a@example.com", address(second))
                guesses += [second] * sum(gate.lets_in(who, START + second * SECOND_US) for _ in range(30))
        assert busiest_hour(guesses) <= 100


def test_the_owner_gets_in_from_a_known_address_during_a_siege() -> None:
    gate = Gate()
    for second in range(7200):
        now = START + second * SECOND_US
        gate.lets_in(attempts.subjects("a@example.com", address(second)), now)
        if second % 600 == 599:
            assert gate.lets_in(attempts.subjects("a@example.com", "192.0.2.1", known=True), now, right=True)


def test_the_owner_gets_in_from_a_new_address_a_minute_after_a_siege() -> None:
    gate = Gate()
    end = START + 24 * HOUR_US
    for now in range(START, end, 10 * SECOND_US):
        gate.lets_in(attempts.subjects("a@example.com", address(now // SECOND_US)), now)
    assert gate.lets_in(attempts.subjects("a@example.com", "192.0.2.7"), end + MINUTE_US, right=True)


def test_a_right_password_forgets_the_own_mistakes() -> None:
    gate, who = Gate(), attempts.subjects("a@example.com", "192.0.2.7")
    for _ in range(3):
        for _ in range(4):
            assert gate.lets_in(who, START)
        assert gate.lets_in(who, START, right=True)
    assert gate.records[who[0].name].failures == 0
    assert gate.records["account:a@example.com"].failures == 12


def test_logins_to_an_account_of_ones_own_buy_no_guesses_at_others() -> None:
    gate, guesses = Gate(), 0
    for second in range(3600):
        now = START + second * SECOND_US
        gate.lets_in(attempts.subjects("mine@example.com", "192.0.2.7"), now, right=True)
        guesses += gate.lets_in(attempts.subjects(f"{second}@example.com", "192.0.2.7"), now)
    assert guesses <= 50 + 3600 // 30


def test_a_thousand_guesses_at_once_are_not_all_let_through() -> None:
    gate, who = Gate(), attempts.subjects("a@example.com", "192.0.2.7")
    assert sum(gate.lets_in(who, START) for _ in range(1000)) == 5


def test_many_addresses_on_many_accounts_are_slowed_down_together() -> None:
    gate = Gate()
    passed = sum(gate.lets_in(attempts.subjects(f"{n}@example.com", address(n)), START) for n in range(3000))
    assert passed == 1000
    assert gate.lets_in(attempts.subjects("a@example.com", "192.0.2.1", known=True), START)


def test_refusals_say_how_long_to_wait_and_are_not_counted() -> None:
    who = attempts.subjects("a@example.com", "192.0.2.7")
    records = {who[0].name: Record(6, START)}
    with pytest.raises(TooManyAttempts, match="2 seconds") as refused:
        attempts.check(who, records, START)
    assert refused.value.retry_after == 2
    with pytest.raises(TooManyAttempts, match="15 minutes"):
        attempts.check(who, {who[0].name: Record(15, START)}, START)
    attempts.check(who, records, START + 2 * SECOND_US)


@pytest.mark.parametrize("limits", ALL)
@given(record=st.builds(Record, st.integers(0, 10_000), st.integers(0, 10**18)), now_us=st.integers(0, 10**18))
def test_no_wait_is_longer_than_the_longest_whatever_the_clock_did(limits: Limits, record: Record, now_us: int) -> None:
    wait = attempts.wait_us(record, limits, now_us)
    assert 0 <= wait <= limits.longest_us
    after = attempts.after_failure(record, limits, now_us)
    assert 1 <= after.failures <= limits.most
    assert attempts.wait_us(after, limits, now_us + limits.longest_us) == 0


@pytest.mark.parametrize("limits", ALL)
def test_failures_are_forgiven_one_after_another(limits: Limits) -> None:
    record = Record(limits.most, START)
    assert attempts.failures_now(record, limits, START + limits.forgive_us - 1) == limits.most
    assert attempts.failures_now(record, limits, START + limits.forgive_us) == limits.most - 1
    assert not attempts.is_forgotten(record, limits, START + (limits.most - 1) * limits.forgive_us)
    assert attempts.is_forgotten(record, limits, START + limits.most * limits.forgive_us)
    assert attempts.is_forgotten(record, limits, START + attempts.FORGOTTEN_AFTER_US)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("unix", "", False),
    ],
)
def test_an_address_is_what_one_customer_has(one: str, other: str, same: bool) -> None:
    assert (attempts.subjects("a@b.c", one) == attempts.subjects("a@b.c", other)) is same


def test_an_account_is_named_by_its_address_however_it_was_typed() -> None:
    assert attempts.account_name(" Ann@Example.COM ") == "ann@example.com"


@given(st.text())
def test_what_is_no_email_address_is_kept_as_a_digest(text: str) -> None:
    name = attempts.account_name(text)
    assert len(name) <= 254
    assert name.isprintable()
    if "@" not in text:
        assert len(name) == 32


def test_a_password_in_the_wrong_field_is_not_kept() -> None:
    assert "correct horse" not in str(attempts.subjects("correct horse battery", "192.0.2.1"))
    assert len(attempts.account_name("a" * 500_000 + "@example.com")) == 32


def test_wrong_tokens_do_not_count_against_logins() -> None:
    (token,) = attempts.token_subjects("192.0.2.1")
    assert token.name not in {subject.name for subject in attempts.subjects("a@b.c", "192.0.2.1")}
    assert token.limits is BY_ADDRESS

"""What the statement writes: as orderly, as whole and as likely as what workers write."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from uuid import UUID

import pytest

from gateway.records import Tokens
from gateway.seeding.clients import KEYS
from gateway.seeding.history import price_of
from gateway.seeding.incidents import incidents
from gateway.seeding.world import MODELS
from gateway.usage.meter import bill_of
from tests.gateway.seeding.made_up import UNTIL_US, Store, empty, wish

REQUESTS = 50_000

NEVER_NULL = {
    "ts", "id", "endpoint", "status", "stream", "input_tokens", "output_tokens", "cache_read_tokens",
    "cache_write_tokens", "reasoning_tokens", "usage_source", "attempts", "total_us", "upstream_us", "overhead_us",
    "request_bytes", "response_bytes", "user_agent", "worker", "dropped", "cost_source", "cache_write_1h_tokens",
    "input_audio_tokens", "input_image_tokens", "output_audio_tokens", "output_image_tokens", "tags", "node",
    "waited_us", "captured", "tries", "lossy", "passed_over", "passed_more",
}  # fmt: skip
"""Whatever became of a request."""


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    made = empty().write(wish(REQUESTS))
    yield made
    made.connection.close()


def test_there_are_as_many_as_were_wanted_each_once(store: Store) -> None:
    assert store.ask("select count(*), count(distinct id) from requests") == [(REQUESTS, REQUESTS)]


def test_they_lie_in_the_order_of_time_and_so_do_their_ids(store: Store) -> None:
    rows = store.ask("select epoch_us(ts), id from requests order by rowid")
    assert rows == sorted(rows)
    first, last = rows[0][0], rows[-1][0]
    assert wish().since_us <= first < last < UNTIL_US
    assert last - first > 0.999 * 30 * 24 * 3600 * 1_000_000
    for at_us, id_ in rows[::5000]:
        assert isinstance(id_, UUID)
        assert (id_.version, id_.int >> 80) == (7, at_us // 1000)


@pytest.mark.parametrize(("at_once", "threads"), [(1_000_000, 1), (7_000, 2)])
def test_the_same_seed_makes_the_same_however_it_is_written(store: Store, at_once: int, threads: int) -> None:
    other = empty(threads=threads).write(wish(REQUESTS, at_once=at_once))
    columns = ", ".join(f'"{name}"' for name in store.columns())
    query = f"select hash({columns}) from requests order by rowid"
    assert other.column(query) == store.column(query)
    other.connection.close()


def test_another_seed_makes_others(store: Store) -> None:
    other = empty().write(wish(2000, seed=2))
    assert not set(other.column("select total_us from requests")) <= set(store.column("select total_us from requests"))


def test_every_column_is_filled_wherever_something_belongs_there(store: Store) -> None:
    columns = store.columns()
    counts = ", ".join(f'count("{name}")' for name in columns)
    (found,) = store.ask(f"select {counts} from requests")
    filled = dict(zip(columns, found, strict=True))
    assert all(filled.values()), {name for name, count in filled.items() if not count}
    assert {name for name, count in filled.items() if count == REQUESTS} == NEVER_NULL


def test_an_answer_says_who_gave_it_and_how_long_that_took(store: Store) -> None:
    wanted = [
        *("key", "key_id", "requested_model", "provider", "model", "credential", "upstream_format"),
        *("first_byte_us", "admitted_us", "upstream_request_id"),
    ]
    answered = "error is null"
    for name in wanted:
        assert store.one(f"select count(*) from requests where {answered} and {name} is null") == 0, name
    assert store.one("select count(*) from requests where error is null and status <> 200") == 0
    assert store.one("select count(*) from requests where first_byte_us > total_us") == 0
    assert store.one("select count(*) from requests where upstream_us + waited_us > total_us") == 0
    assert store.one("select count(*) from requests where admitted_us > overhead_us") == 0
    assert (
        store.one("select count(*) from requests where (user_id is null) = (team_id is null) and key is not null") == 0
    )


def test_attempts_agree_with_what_came_of_them(store: Store) -> None:
    assert store.one("select count(*) from requests where len(attempts) <> tries") == 0
    last = "attempts[-1]"
    for name in ("provider", "model", "credential"):
        count = f"select count(*) from requests where tries > 0 and {last}.{name} <> {name}"
        assert store.one(count) == 0
    assert (
        store.one("select count(*) from requests where upstream_us <> list_sum([a.duration_us for a in attempts])") == 0
    )
    each = "from (select unnest(attempts, recursive := true) from requests)"
    assert store.one(f"select count(*) {each} where began_us is null or duration_us is null or provider is null") == 0
    assert store.one(f"select count(*) {each} where (error is null) <> (verdict is null)") == 0
    assert store.one(f"select count(*) {each} where head_us > duration_us") == 0
    tried = store.ask("select [a.credential for a in attempts][:2] from requests where tries > 1 and status = 200")
    assert all(first != second for ((first, second),) in tried)
    ended = "attempts[1].began_us + attempts[1].duration_us"
    assert store.one(f"select count(*) from requests where tries > 1 and attempts[2].began_us < {ended}") == 0


def test_money_is_what_the_meter_would_reckon(store: Store) -> None:
    prices = {(model.provider, model.name): price_of(model) for model in MODELS}
    names = "input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens"
    rows = store.ask(
        f"select provider, model, cost_nano_usd, cost_source, price, {names} from requests where usage_source <> 'none'"
    )
    assert len(rows) > 0.95 * REQUESTS
    for provider, model, cost, source, price, *counts in rows:
        bill = bill_of(Tokens(*counts), prices[provider, model])
        assert (cost, source, price) == (bill.cost_nano_usd, bill.source, bill.price)
    assert store.one("select count(*) from requests where usage_source = 'none' and cost_source <> 'none'") == 0


def test_tokens_are_parts_of_each_other(store: Store) -> None:
    assert store.one("select count(*) from requests where cache_read_tokens + cache_write_tokens > input_tokens") == 0
    assert store.one("select count(*) from requests where reasoning_tokens > output_tokens") == 0
    (row,) = store.ask(
        "select sum(cache_read_tokens) / sum(input_tokens), sum(reasoning_tokens) / sum(output_tokens) from requests"
    )
    assert 0.1 < row[0] < 0.6
    assert 0.1 < row[1] < 0.7


def test_most_goes_well_and_whatever_may_happen_does(store: Store) -> None:
    found = dict(store.ask("select coalesce(error, 'none'), count(*) from requests group by error"))
    assert found["none"] > 0.95 * REQUESTS
    assert found.keys() >= {
        "client_disconnected", "invalid_key", "rate_limit_exceeded", "model_not_found", "upstream_closed",
        "upstream_status_400", "upstream_status_429", "upstream_status_502", "upstream_status_503",
        "upstream_timeout", "all_resting",
    }  # fmt: skip
    assert dict(store.ask("select outcome(status, error), count(*) from requests group by all")).keys() == {
        "ok", "refused", "failed", "left",
    }  # fmt: skip
    assert (
        store.one("select count(*) from requests where error = 'invalid_key' and (key is not null or tries > 0)") == 0
    )
    sources = dict(store.ask("select usage_source, count(*) from requests group by all"))
    assert sources.keys() == {"reported", "counted", "estimated", "none"}
    assert sources["counted"] + sources["estimated"] < 0.1 * sources["reported"]
    assert store.column("select distinct model from requests where usage_source = 'counted'") == ["gpt-4o-mini"]
    assert store.one("select count(*) from requests where usage_source = 'counted' and cache_read_tokens > 0") == 0
    assert set(store.column("select distinct cost_source from requests")) == {"priced", "unpriced", "none"}
    assert store.one("select count(*) from requests where via is not null") > 0.3 * REQUESTS
    assert store.one("select count(*) from requests where lossy") > 0.05 * REQUESTS


def test_every_key_model_and_format_is_there(store: Store) -> None:
    assert set(store.column("select distinct key from requests")) == {None, *(key.name for key in KEYS)}
    models = store.column("select distinct provider || '/' || model from requests where model is not null")
    assert set(models) == {model.id for model in MODELS}
    assert len(store.column("select distinct endpoint from requests")) == 6
    assert len(store.column("select distinct upstream_format from requests")) == 5
    assert store.column("select distinct worker from requests order by worker") == [0, 1]
    assert store.column("select distinct node from requests order by node") == ["gate-1", "gate-2"]
    assert len(store.column("select distinct unnest(tags) from requests")) > 15


def test_latencies_have_long_tails_and_differ_by_model(store: Store) -> None:
    quantiles = "quantile_cont(first_byte_us, [0.5, 0.99])"
    found = dict(store.ask(f"select model, {quantiles} from requests where first_byte_us > 0 group by model"))
    assert len(found) == len(MODELS)
    assert all(late > 1.8 * usual for usual, late in found.values())
    assert found["claude-opus-4-7"][0] > 2 * found["claude-haiku-4-5"][0]
    (row,) = store.ask("select quantile_cont(overhead_us, [0.01, 0.5, 0.99]) from requests where tries = 1")
    assert 100 < row[0][0] < row[0][1] < 1000 < row[0][2] < 3000


def test_the_outage_fails_over_and_the_storm_rests(store: Store) -> None:
    found = incidents(wish().since_us, UNTIL_US)
    asked = "from requests where epoch_us(ts) between ? and ?"
    during = (found.outage.from_us, found.outage.until_us)
    openai = "and attempts[1].provider = 'openai'"
    failed = store.one(f"select avg((attempts[1].error is not null)::int) {asked} {openai}", *during)
    assert failed > 0.8
    assert store.one(f"select count(*) {asked} {openai} and provider <> 'openai' and status = 200", *during) > 0
    kinds = set(
        store.column(f"select distinct attempts[1].error {asked} {openai} and attempts[1].error is not null", *during)
    )
    assert {"upstream_status_502", "upstream_timeout"} <= kinds
    during = (found.storm.from_us, found.storm.until_us)
    rested = store.ask(
        f"select attempts[1].error, attempts[1].rest_us {asked} and attempts[1].provider = 'anthropic'", *during
    )
    limited = [rest_us for error, rest_us in rested if error == "upstream_status_429"]
    assert len(limited) > 0.5 * len(rested)
    assert all(1_000_000 <= rest_us <= 60_000_000 for rest_us in limited)


def test_the_slow_evening_is_slow(store: Store) -> None:
    slow = incidents(wish().since_us, UNTIL_US).slow
    asked = "model = 'gemini-3.1-flash-lite' and status = 200 and epoch_us(ts) between ? and ?"
    query = f"select median(first_byte_us) from requests where {asked}"
    day_us = 24 * 3600 * 1_000_000
    usual = store.one(query, slow.from_us - day_us, slow.until_us - day_us)
    assert store.one(query, slow.from_us, slow.until_us) > 2 * usual


def test_a_model_takes_the_place_of_another_in_the_course_of_time(store: Store) -> None:
    last = "select max(ts)::date from requests where key = 'catalog-enrichment' and requested_model = ?"
    first = last.replace("max", "min")
    assert store.one(last, "openai/gpt-4o-mini") <= store.one(first, "openai/gpt-5.4-mini") < date(2026, 11, 15)


def test_a_single_request_is_a_history_too() -> None:
    store = empty().write(wish(1, days=0.1))
    assert store.one("select count(*) from requests") == 1
    store.connection.close()

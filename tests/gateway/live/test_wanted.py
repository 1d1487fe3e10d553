from __future__ import annotations

import duckdb
import pytest

from gateway.live.wanted import Sight, Wanted, finished_for, hears_all, is_visible, outcome_of
from gateway.usage.chosen import OUTCOMES
from tests.source import ROOT

from .samples import RUNNING, ended, running

EVERYTHING = Sight()

STATUSES = (200, 204, 302, 400, 401, 404, 429, 499, 500, 502, 504)
ERRORS = (None, "client_disconnected", "upstream_timeout", "invalid_key")


def test_an_outcome_is_what_the_analytics_store_calls_it() -> None:
    migration = (ROOT / "sql" / "analytics" / "migrations" / "0006_chosen.sql").read_text(encoding="utf-8")
    macro = migration.partition("create or replace macro outcome")[2].partition(";")[0]
    asked = [(status, error) for status in STATUSES for error in ERRORS]
    with duckdb.connect() as connection:
        connection.execute(f"create or replace macro outcome{macro}")
        told = [connection.execute("select outcome(?, ?)", [*one]).fetchone() for one in asked]
    assert [(outcome_of(*one),) for one in asked] == told
    assert {outcome_of(*one) for one in asked} == set(OUTCOMES)


def test_whoever_wants_everything_gets_the_very_same() -> None:
    records = ended("a", "b")
    assert finished_for(EVERYTHING, Wanted(), records) is records


@pytest.mark.parametrize(
    ("sight", "wanted"),
    [
        (Sight(key_ids=frozenset({"team"})), Wanted()),
        (EVERYTHING, Wanted(key="team")),
        (EVERYTHING, Wanted(model="fast")),
        (EVERYTHING, Wanted(provider="mock")),
        (EVERYTHING, Wanted(outcome="ok")),
    ],
)
def test_whoever_sees_less_or_asks_for_less_is_not_told_of_all(sight: Sight, wanted: Wanted) -> None:
    assert not hears_all(sight, wanted)
    assert hears_all(EVERYTHING, Wanted(kinds=frozenset({"finished"})))


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(key="team"), "ab"),
        (Wanted(key="key:1"), "b"),
        (Wanted(key="other"), ""),
        (Wanted(model="mock/gpt-4o"), "ab"),
        (Wanted(model="gpt-4o"), "ab"),
        (Wanted(model="gpt"), ""),
        (Wanted(provider="mock"), "ab"),
        (Wanted(provider="else"), ""),
        (Wanted(outcome="ok"), "a"),
        (Wanted(outcome="left", key="team"), "b"),
        (Wanted(outcome="failed"), ""),
    ],
)
def test_a_filter_keeps_what_it_names(wanted: Wanted, found: str) -> None:
    records = (*ended("a"), *ended("b", key_id="key:1", status=499, error="client_disconnected"))
    assert "".join(record.id for record in finished_for(EVERYTHING, wanted, records)) == found


def test_whoever_may_see_some_keys_sees_no_others() -> None:
    sight = Sight(key_ids=frozenset({"key:1", "team"}))
    records = (*ended("mine", key_id="key:1"), *ended("theirs", key_id="key:2"), *ended("of the file", key_id=None))
    nobodys = ended("nobody's", key=None, key_id=None)
    shown = [record.id for record in finished_for(sight, Wanted(), (*records, *nobodys))]
    assert shown == ["mine", "of the file"], "a key of the file has its name for an id"
    assert not is_visible(Sight(key_ids=frozenset()), RUNNING)
    assert is_visible(EVERYTHING, running("a", key=None, key_id=None))


def test_what_runs_has_no_outcome_yet() -> None:
    assert Wanted(outcome="failed").covers(RUNNING)
    assert not Wanted(outcome="failed").narrows


def test_there_is_no_other_definition_of_an_outcome_to_go_stale() -> None:
    migrations = sorted((ROOT / "sql" / "analytics" / "migrations").glob("*.sql"))
    assert [path.name for path in migrations if "macro outcome(" in path.read_text("utf-8")] == ["0006_chosen.sql"]

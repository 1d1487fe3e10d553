"""Databases of every version there has been are brought forward, and what is in them is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

import sql
from gateway.store.state import Where, engine_of, make_ready
from sql import Migration

KEPT_RESPONSE = {
    "key": "team",
    "id": "resp_1",
    "created_at": 1_700_000_000,
    "expires_at": 4_000_000_000,
    "previous_id": None,
    "provider": "mock",
    "credential": "first",
    "model": "fast",
    "native": 0,
    "omitted": 0,
    "input": '[{"content": "Grüße 👋"}]',
    "response": '{"output": []}',
    "size": 40,
    "status": "completed",
}

FILLED: Mapping[int, str] = {
    1: f"""insert into responses ({", ".join(KEPT_RESPONSE)})
           values ({", ".join("null" if v is None else repr(v) for v in KEPT_RESPONSE.values())});""",
    2: """insert into users (id, email, name, role, created_at, updated_at)
          values ('u', 'anna@example.com', 'Anna', 'owner', 1, 1);
          update generations set value = 7 where name = 'keys';
          insert into configuration (kind, name, spec, position, created_at, updated_at, version)
          values ('alias', 'fast', '{"target": "mock/x"}', 2, 3, 4, 5);""",
    3: """insert into limit_resets (key_id, at) values ('key:k', 9);""",
    4: """insert into saved_views (id, user_id, page, name, query, created_at, updated_at)
          values ('v', 'u', 'spend', 'mine', 'last=7d', 1, 1);
          insert into saved_queries (id, user_id, name, query, shared, created_at, updated_at)
          values ('q', 'u', 'mine', 'select 1', 1, 1, 1);""",
    5: """insert into alerts (id, fingerprint, kind, severity, subject, told, opened_at, seen_at)
          values ('w', 'disk', 'disk', 'warning', '/data', '{}', 1, 2);
          insert into alert_deliveries (id, alert_id, receiver, event, told, created_at)
          values ('d', 'w', 'email', 'opened', '{}', 1);""",
    6: """update alerts set edition = 3;
          update alert_deliveries set taken_at = 4, retired = 'it is over';""",
}
"""What each version could first hold, by the version that brought it."""

VERSIONS = [migration.version for migration in sql.migrations("state/sqlite")]


@dataclass(frozen=True, slots=True)
class Filled(Migration):
    """A migration as it is, and what somebody puts into the database when it is done."""

    rows: str

    @property
    def checksum(self) -> str:
        return Migration(self.version, self.name, self.text.removesuffix(self.rows)).checksum


def filled(migration: Migration) -> Filled:
    rows = FILLED[migration.version]
    return Filled(migration.version, migration.name, migration.text + rows, rows)


def test_every_version_has_something_in_it() -> None:
    assert list(FILLED) == VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_a_database_of_the_past_is_brought_forward(version: int, where: Where, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = sql.migrations
    with monkeypatch.context() as past:
        past.setattr(sql, "migrations", lambda schema: [filled(each) for each in ours(schema)[:version]])
        assert make_ready(where) == version
    assert make_ready(where) == len(VERSIONS) - version
    session = engine_of(where).open()
    found = session.row("responses/find", {"id": "resp_1", "key": "team", "now": 0})
    generations = {row["name"]: row["value"] for row in session.rows("generations/all")}
    aliases = [(row["name"], row["position"], row["version"]) for row in session.rows("configuration/all")]
    session.close()
    assert aliases == ([("fast", 2, 5)] if version >= 2 else [])
    assert found == {name: value for name, value in KEPT_RESPONSE.items() if name != "size"}
    assert generations == {"configuration": 0, "keys": 7 if version >= 2 else 0, "people": 0}


WAITING = """update alerts set closed_at = 3;
    insert into alerts (id, fingerprint, kind, severity, subject, told, opened_at, seen_at)
    values ('x', 'disk', 'disk', 'warning', '/data', '{}', 3, 4);
    update alert_deliveries set next_at = 5;
    insert into alert_deliveries (id, alert_id, receiver, event, told, created_at, next_at) values
        ('e', 'w', 'email', 'over', '{}', 2, 6), ('f', 'w', 'webhook/ops', 'opened', '{}', 2, 6),
        ('g', 'x', 'email', 'opened', '{}', 3, 7);"""
"""Several notices that wait for one receiver, as they did once."""


def test_of_notices_that_waited_beside_each_other_the_latest_is_left(
    where: Where, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = sql.migrations
    with monkeypatch.context() as past:
        past.setitem(FILLED, 5, FILLED[5] + WAITING)
        past.setattr(sql, "migrations", lambda schema: [filled(each) for each in ours(schema)[:5]])
        make_ready(where)
    make_ready(where)
    session = engine_of(where).open()
    rows = session.rows("alerts/deliveries", {"first_id": "", "last_id": "~"})
    session.close()
    waits = {row["receiver"]: (row["alert_id"], row["event"]) for row in rows if row["next_at"] is not None}
    assert waits == {"email": ("x", "opened"), "webhook/ops": ("w", "opened")}
    assert sum(row["retired"] is not None for row in rows) == 2

"""A row or two for every table of the state, with whatever a value may be: unusual letters, bytes, nothing, large."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from gateway.store.migrate import our_tables
from gateway.store.state import Where, engine_of

LARGE = 2**62

ROWS: dict[str, list[dict[str, Any]]] = {
    "responses": [
        {
            "key": "team",
            "id": f"resp_{number}",
            "created_at": 1,
            "expires_at": LARGE,
            "previous_id": None,
            "provider": "mock",
            "credential": None,
            "model": "fast",
            "native": 0,
            "omitted": 0,
            "input": '[{"content": "Grüße 👋\\u0000\\n"}]',
            "response": "{}" * number,
            "size": 4,
            "status": "completed",
        }
        for number in (1, 2, 3)
    ],
    "generations": [
        {"name": "configuration", "value": 3},
        {"name": "keys", "value": 70},
        {"name": "people", "value": 0},
    ],
    "server_secrets": [{"name": "keys", "sealed": b"\x00\x01\xff\n'\\", "created_at": 5}],
    "users": [
        {
            "id": name,
            "email": f"{name}@example.com",
            "name": f"{name} 'ö\t",
            "role": role,
            "password_hash": None,
            "disabled_at": None,
            "created_at": 1,
            "updated_at": 2,
            "last_login_at": LARGE,
            "version": 3,
        }
        for name, role in (("anna", "owner"), ("bob", "member"))
    ],
    "identities": [
        {
            "provider": "google",
            "subject": "1",
            "user_id": "anna",
            "email": None,
            "created_at": 1,
            "last_login_at": 2,
        }
    ],
    "teams": [{"id": "t", "name": "Team", "description": "", "created_at": 1, "updated_at": 1, "version": 1}],
    "team_members": [{"team_id": "t", "user_id": "bob", "role": "admin", "created_at": 1}],
    "sessions": [
        {
            "id": "s",
            "digest": b"\x80",
            "user_id": "bob",
            "method": "password",
            "created_at": 1,
            "seen_at": 2,
            "expires_at": 3,
            "address": "::1",
            "user_agent": None,
        }
    ],
    "invitations": [
        {
            "digest": bytes(32),
            "purpose": "setup",
            "user_id": None,
            "created_at": 1,
            "expires_at": 2,
            "used_at": None,
        }
    ],
    "login_flows": [{"digest": b"d", "provider": "google", "sealed": b"", "return_to": "/", "expires_at": 9}],
    "login_failures": [{"subject": "everybody", "failures": 4, "last_at": 5}],
    "api_tokens": [
        {
            "id": "a",
            "name": "ci",
            "digest": b"\x01",
            "prefix": "slg-api-",
            "last_four": "wxyz",
            "user_id": "bob",
            "scopes": "[]",
            "created_at": 1,
            "expires_at": None,
            "revoked_at": None,
            "last_used_at": None,
            "version": 1,
        }
    ],
    "client_keys": [
        {
            "id": "k",
            "name": "laptop",
            "digest": b"\x02",
            "prefix": "sk-slg-",
            "last_four": "abcd",
            "user_id": None,
            "team_id": "t",
            "spec": "{}",
            "tags": "\na\n",
            "locked": 1,
            "paused_at": None,
            "expires_at": None,
            "revoked_at": 8,
            "created_at": 1,
            "updated_at": 8,
            "version": 2,
            "revision": 70,
        }
    ],
    "saved_views": [
        {
            "id": "v",
            "user_id": "bob",
            "page": "requests",
            "name": "Ünï",
            "query": "a=1&b=%20",
            "shared": 1,
            "created_at": 1,
            "updated_at": 2,
            "version": 3,
        }
    ],
    "saved_queries": [
        {
            "id": "q",
            "user_id": "bob",
            "name": "all",
            "query": "from requests\n-- 'x'",
            "shared": 0,
            "created_at": 1,
            "updated_at": 1,
            "version": 1,
        }
    ],
    "key_uses": [{"key_id": "k", "last_used_at": 7}],
    "limit_resets": [{"key_id": "k", "at": 8}],
    "configuration": [
        {
            "kind": "credential",
            "name": "mock/first",
            "spec": "{}",
            "sealed": b"\x01" * 99,
            "position": 1,
            "created_at": 1,
            "updated_at": 1,
            "version": 1,
        }
    ],
    "audit": [
        {
            "id": f"{number}",
            "at": number,
            "actor_kind": "operator",
            "actor_id": None,
            "actor_name": "operator",
            "address": None,
            "action": "key.create",
            "target_kind": "key",
            "target_id": "k",
            "target_name": "laptop",
            "before": None,
            "after": '{"name": "laptop"}',
        }
        for number in (10, 11)
    ],
    "jobs": [{"name": "sweep", "started_at": 1, "finished_at": None, "error": "no", "runs": 2, "failures": 1}],
    "alerts": [
        {
            "id": "w",
            "fingerprint": "disk@a",
            "kind": "disk",
            "severity": "critical",
            "subject": "/größe",
            "node": "a",
            "level": 97,
            "told": "{}",
            "opened_at": 1,
            "seen_at": 2,
            "sent_at": None,
            "silenced_at": 3,
            "closed_at": None,
            "edition": LARGE,
        }
    ],
    "alert_deliveries": [
        {
            "id": "d",
            "alert_id": "w",
            "receiver": "webhook/ops",
            "event": "opened",
            "told": "{}",
            "created_at": 1,
            "tries": 2,
            "next_at": LARGE,
            "delivered_at": None,
            "error": "it answered 503",
            "taken_at": 3,
            "retired": None,
        }
    ],
    "idempotent_answers": [
        {"actor": "user:anna", "key": "1", "digest": b"x", "status": None, "sealed": None, "created_at": 1}
    ],
}
"""By table, each row by the table's first two columns."""


def put(where: Where) -> None:
    """Have a database hold exactly these."""
    engine = engine_of(where)
    engine.open().close()
    with closing(engine.open_whole()) as database, database.alone():
        database.run("delete from generations;")
        for table in our_tables(database, database.migrations):
            columns = tuple(ROWS[table][0])
            database.fill(table, columns, [tuple(row.values()) for row in ROWS[table]])


def read(where: Where) -> dict[str, list[dict[str, Any]]]:
    """Everything in a database, by table."""
    with closing(engine_of(where).open_whole()) as database, database.still():
        return {table: list(database.scan(table)) for table in our_tables(database, database.migrations)}

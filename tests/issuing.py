"""Another hand in the state of a gateway, for tests: issues, changes and revokes client keys as any other process may.

Plain SQL, so that what is tested is what workers make of rows, whoever wrote them.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from gateway.access.tokens import digest, make_client_key
from gateway.settings.model import ServerSettings, Settings
from gateway.store.generations import Class, Generations, shared_file
from gateway.store.sqlite import Sqlite
from gateway.store.state import state_file
from gateway.unlock import make_key, unlock


def settings_of(data_dir: Path) -> Settings:
    """Settings that say this data directory and nothing else."""
    return Settings(server=ServerSettings(data_dir=str(data_dir)))


class Issuer:
    """Changes the state in a data directory, which is made where there is none, and tells the workers."""

    def __init__(self, data_dir: Path) -> None:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = state_file(data_dir)
        self.generations = Generations(shared_file(data_dir))
        settings = settings_of(data_dir)
        make_key(settings)
        with closing(Sqlite(self.path).open()) as session, session.alone():
            self.unlocked = unlock(session, settings)

    def create(self, name: str = "", *, tell: bool = True, **spec: Any) -> str:
        """A new key; what its client sends. `user_id`, `expires_at` and `paused_at` are columns, the rest is its spec.
        Without `tell` its author was killed before anybody heard of it."""
        made = make_client_key()
        columns = {column: spec.pop(column, None) for column in ("user_id", "expires_at", "paused_at")}
        now_us = time.time_ns() // 1000
        row = {
            "id": str(uuid4()),
            "name": name or f"key-{uuid4().hex[:8]}",
            "digest": digest(made.secret.encode(), self.unlocked.secrets.keys),
            "prefix": made.prefix,
            "last_four": made.last_four,
            "spec": json.dumps(spec),
            "created_at": now_us,
            "updated_at": now_us,
            **columns,
        }
        with self._changing("keys", tell=tell) as (connection, revision):
            names = ", ".join((*row, "revision"))
            values = ", ".join(f":{column}" for column in (*row, "revision"))
            statement = f"insert into client_keys ({names}) values ({values})"
            connection.execute(statement, {**row, "revision": revision})
        return made.secret

    def change(self, name: str, *, tell: bool = True, **columns: Any) -> None:
        """Set columns of the key with this name."""
        with self._changing("keys", tell=tell) as (connection, revision):
            said = ", ".join(f"{column} = :{column}" for column in columns)
            statement = f"update client_keys set revision = :revision, {said} where name = :name"
            assert connection.execute(statement, {"name": name, "revision": revision, **columns}).rowcount

    def respecify(self, name: str, **spec: Any) -> None:
        """Give the key with this name other limits."""
        self.change(name, spec=json.dumps(spec))

    def revoke(self, name: str, *, tell: bool = True) -> None:
        """Revoke the key with this name."""
        self.change(name, tell=tell, revoked_at=time.time_ns() // 1000)

    def rotate(self, name: str) -> str:
        """Another secret for the key with this name."""
        made = make_client_key()
        self.change(name, digest=digest(made.secret.encode(), self.unlocked.secrets.keys))
        return made.secret

    def add_user(self) -> str:
        """A member; their id."""
        user_id = str(uuid4())
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute(
                "insert into users (id, email, name, role, created_at, updated_at) values (?, ?, 'U', 'member', 1, 1)",
                (user_id, f"{user_id}@example.com"),
            )
        return user_id

    def disable(self, user_id: str) -> None:
        """Disable a user."""
        with self._changing("keys") as (connection, revision):
            connection.execute("update users set disabled_at = 1 where id = ?", (user_id,))
            connection.execute("update client_keys set revision = ? where user_id = ?", (revision, user_id))

    def configure(
        self, kind: str, name: str, spec: Mapping[str, Any], secrets: Mapping[str, str] | None = None
    ) -> None:
        """Put an object into the configuration, in place of one of the same name."""
        plain = json.dumps(dict(secrets or {})).encode()
        sealed = self.unlocked.vault.seal(plain, f"configuration/{kind}/{name}") if secrets else None
        with self._changing("configuration") as (connection, _):
            connection.execute("delete from configuration where kind = ? and name = ?", (kind, name))
            connection.execute(
                "insert into configuration (kind, name, spec, sealed, position, created_at, updated_at) "
                "values (?, ?, ?, ?, 1, 1, 1)",
                (kind, name, json.dumps(dict(spec)), sealed),
            )

    def uses(self) -> dict[str, int]:
        """When each key was last used, by its name or, of one in the configuration file, by its id."""
        with closing(sqlite3.connect(self.path)) as connection:
            rows = connection.execute(
                "select coalesce(client_keys.name, key_id), last_used_at from key_uses "
                "left join client_keys on key_id = 'key:' || client_keys.id"
            )
            return dict(rows.fetchall())

    @contextmanager
    def _changing(self, name: Class, *, tell: bool = True) -> Iterator[tuple[sqlite3.Connection, int]]:
        with closing(sqlite3.connect(self.path, timeout=10)) as connection:
            with connection:
                statement = "update generations set value = value + 1 where name = ? returning value"
                ((number,),) = connection.execute(statement, (name,)).fetchall()
                yield connection, number
            if tell:
                self.generations.show(name, number)

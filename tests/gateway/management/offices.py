"""An office over a database of the test, and people who ask for things in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec import structs

from gateway.access.roles import permissions_of
from gateway.management.office import Actor, Declared, Office
from gateway.settings.model import DatabaseSettings, ServerSettings, Settings
from gateway.settings.section import RoleName
from gateway.store.generations import Generations, shared_file
from gateway.store.state import State, Where, database_of, make_ready
from gateway.unlock import make_key, unlock

OPERATOR = Actor(kind="operator", name="operator", permissions=permissions_of("owner"))


@asynccontextmanager
async def office_in(
    directory: Path, url: str = "", settings: Settings | None = None, origins: Mapping[str, str] | None = None
) -> AsyncIterator[Office]:
    """An office of a gateway that keeps everything in `directory`, and its state at `url` where that is given."""
    said = structs.replace(
        settings or Settings(),
        server=ServerSettings(data_dir=str(directory)),
        database=DatabaseSettings(url=url),
    )
    where = database_of(said)
    if not url and not where.path.exists():
        where.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        where.path.write_bytes(_empty_state())
    make_ready(where)
    make_key(said)
    state = State(where)
    generations = Generations(shared_file(directory))
    try:
        unlocked = await state.write(lambda session: unlock(session, said))
        yield Office(state, generations, unlocked.secrets, Declared(said, origins or {}))
    finally:
        await state.close()
        generations.close()


@cache
def _empty_state() -> bytes:
    """The file of a state with nothing in it: up to date, so that no test has to bring it there again."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "state.sqlite3"
        make_ready(Where(path, "", 1.0))
        return path.read_bytes()


def somebody(role: RoleName, user_id: str | None = None, **more: Any) -> Actor:
    """A user with this role."""
    name = f"{role}@example.com"
    return Actor(kind="user", name=name, id=user_id, user_id=user_id, permissions=permissions_of(role), **more)

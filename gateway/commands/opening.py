"""The state, opened for a command: whether a gateway runs on it or not.

Knows where it is and what opens it. Whoever may read the data directory is the operator, and may do everything.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from gateway.access.roles import permissions_of
from gateway.commands import options
from gateway.commands.refusal import Refusal
from gateway.credentials.keyfile import KeyUnusable
from gateway.errors import GatewayError, SettingsError
from gateway.management.office import Actor, Declared, Office
from gateway.settings.load import find_state
from gateway.settings.model import Settings
from gateway.store.generations import Generations, shared_file
from gateway.store.state import State, StateUnusable, database_of, make_ready
from gateway.unlock import make_key, unlock

OPERATOR = Actor(kind="operator", name="operator", permissions=permissions_of("owner"))
"""Whoever uses the command line, as the audit log calls them."""

T = TypeVar("T")


def perform(place: tuple[Path | None, str | None], work: Callable[[Office], Awaitable[T]], *, make: bool = False) -> T:
    """What `work` gives, in the office at this place: what `--config` and `--data-dir` say. Raises Refusal.

    `make`: whether a data directory is made where there is none, as for the first user.
    """
    config, data_dir = place

    async def run(settings: Settings) -> T:
        async with open_office(settings) as office:
            return await work(office)

    try:
        settings = find_state(config, os.environ, options=options.said(data_dir=data_dir))
        _check_place(Path(settings.server.data_dir), make=make)
        return asyncio.run(run(settings))
    except (SettingsError, StateUnusable, KeyUnusable) as error:
        raise Refusal(str(error)) from None
    except GatewayError as error:
        raise Refusal(error.message) from None


@asynccontextmanager
async def open_office(settings: Settings) -> AsyncIterator[Office]:
    """An office over the state that the settings name, brought up to date. Raises StateUnusable, KeyUnusable."""
    os.umask(0o077)
    where = database_of(settings)
    await asyncio.to_thread(make_ready, where)
    make_key(settings)
    generations = Generations(shared_file(Path(settings.server.data_dir)))
    state = State(where)
    try:
        unlocked = await state.write(lambda session: unlock(session, settings))
        yield Office(state, generations, unlocked.secrets, Declared(settings, {}))
    finally:
        await state.close()
        generations.close()


def _check_place(data_dir: Path, *, make: bool) -> None:
    """Raises Refusal where there is no data directory, and none is to be made."""
    if data_dir.is_dir():
        return
    if not make:
        raise Refusal(f"there is no data directory {data_dir}: name it with --data-dir or --config")
    try:
        data_dir.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise Refusal(f"the data directory {data_dir} cannot be made: {error.strerror}") from None

"""The state, opened for a command: whether a gateway runs on it or not.

Knows where it is and what opens it, and in which words a command says that it cannot. Whoever may read the data
directory is the operator, and may do everything.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from gateway import claims
from gateway.access.roles import permissions_of
from gateway.claims import CannotServe
from gateway.commands import options
from gateway.commands.refusal import Refusal
from gateway.credentials.keyfile import KeyUnusable
from gateway.errors import GatewayError, SettingsError
from gateway.management.office import Actor, Declared, Office
from gateway.management.opened import open_office
from gateway.operator import NotAnswered
from gateway.settings.load import find_state
from gateway.settings.model import Settings
from gateway.store.dump import DumpUnusable
from gateway.store.state import StateUnusable

OPERATOR = Actor(kind="operator", name="operator", permissions=permissions_of("owner"))
"""Whoever uses the command line, as the audit log calls them."""

Place = tuple[Path | None, str | None]
"""What `--config` and `--data-dir` say."""

T = TypeVar("T")


def perform(place: Place, work: Callable[[Office], Awaitable[T]], *, make: bool = False) -> T:
    """What `work` gives, in the office at this place, which knows no more of the settings than where the state is.

    `make`: whether a data directory is made where there is none, as for the first user. Raises Refusal.
    """

    async def run(settings: Settings) -> T:
        async with open_office(Declared(settings, {})) as office:
            return await work(office)

    os.umask(0o077)
    with refusing():
        settings = settings_at(place)
        check_place(Path(settings.server.data_dir), make=make)
        return asyncio.run(run(settings))


@contextmanager
def refusing() -> Iterator[None]:
    """Whatever keeps a command from doing what was asked becomes a Refusal."""
    try:
        yield
    except (SettingsError, StateUnusable, KeyUnusable, CannotServe, DumpUnusable, NotAnswered) as error:
        raise Refusal(str(error)) from None
    except GatewayError as error:
        raise Refusal(error.message) from None


def settings_at(place: Place, *, bucket: bool = False) -> Settings:
    """Where the state is, and what opens it; with the bucket that the archive is copied to, where that is wanted.
    Raises SettingsError."""
    config, data_dir = place
    return find_state(config, os.environ, options=options.said(data_dir=data_dir), bucket=bucket)


@contextmanager
def claimed(settings: Settings) -> Iterator[None]:
    """The data directory, made where there is none, while no gateway runs on it. Raises CannotServe."""
    os.umask(0o077)
    lock = claims.claim_data_dir(Path(settings.server.data_dir))
    try:
        yield
    finally:
        os.close(lock)


def check_place(data_dir: Path, *, make: bool = False) -> None:
    """Raises Refusal where there is no data directory, and none is to be made."""
    if data_dir.is_dir():
        return
    if not make:
        raise Refusal(f"there is no data directory {data_dir}: name it with --data-dir or --config")
    try:
        data_dir.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise Refusal(f"the data directory {data_dir} cannot be made: {error.strerror}") from None

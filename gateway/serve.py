"""The supervisor: claims port and data directory, starts the children, keeps them alive, drains them in order.

Knows who runs and in which order they end. Serves nothing itself and imports no web framework: it shall stay small and
never be the reason for anything.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from msgspec import structs

from gateway import __version__, claims, logs
from gateway.catalog.presets import presets
from gateway.claims import CannotServe
from gateway.errors import SettingsError
from gateway.leash import Reload, Start
from gateway.settings.addresses import is_loopback, split_listen
from gateway.settings.demo import DEMO_KEY, add_demo
from gateway.settings.load import load
from gateway.settings.model import Settings
from gateway.settings.unenforced import warnings
from gateway.supervised import Supervised

FIXED = ("listen", "workers", "data_dir", "max_requests", "header_timeout_seconds")
"""Server settings that hold from start to end: sockets and processes are made of them."""

TRIES = 3
"""Deaths of a worker that never was ready, after which starting is given up."""

DRAIN_GRACE_SECONDS = 8.0
"""Beyond the cap on draining, what a worker may take to cut what is left, flush and exit."""

LAST_INGEST_SECONDS = 5.0
"""What the control process may take to finish; then it is hurried, and after as long again killed."""

log = logs.get("supervisor")


@dataclass(frozen=True, slots=True)
class Plan:
    """What `serve` was asked to do."""

    config: Path | None = None
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Settings of the command line, by option."""
    demo: bool = False
    worker: str = "gateway.worker"
    control: str = "gateway.control"
    mock: str = "gateway.demo"

    def load(self, environ: Mapping[str, str]) -> Settings:
        """The settings as they are said now. Raises SettingsError."""
        return load(self.config, environ, options=self.options, presets=presets())


def run(plan: Plan, environ: Mapping[str, str] = os.environ) -> int:
    """Serve until told to end; the exit code. What keeps the gateway from starting is one line on standard error."""
    started = time.time()
    try:
        settings = plan.load(environ)
        logs.configure(settings.server.log_format, settings.server.log_level)
        with _claimed(plan, settings) as (host, port):
            asyncio.run(Supervisor(plan, settings, host=host, port=port, started=started).live(environ))
    except (SettingsError, CannotServe) as error:
        sys.stderr.write(f"sluicegate: {error}\n")
        return 1
    return 0


@contextmanager
def _claimed(plan: Plan, settings: Settings) -> Iterator[tuple[str, int]]:
    """Address and port, held together with the data directory. Raises CannotServe."""
    host, port = split_listen(settings.server.listen)
    if plan.demo and not is_loopback(host):
        raise CannotServe("--demo has a key that everybody knows: it listens on a loopback address only")
    os.umask(0o077)
    lock = claims.claim_data_dir(Path(settings.server.data_dir))
    try:
        with claims.claim_port(host, port) as held:
            yield host, held.getsockname()[1]
    finally:
        claims.withdraw(Path(settings.server.data_dir))
        os.close(lock)


class Supervisor:
    """All children of one gateway, from the first start to the last exit."""

    def __init__(self, plan: Plan, settings: Settings, *, host: str, port: int, started: float) -> None:
        self._plan, self._host, self._port, self._started = plan, host, port, started
        self._settings, self._said = settings, settings
        """What children go by (the demo's additions included), and what the operator said."""
        self._generation = 1
        self._signals = 0
        self._ended = asyncio.Event()
        self._data_dir = Path(settings.server.data_dir)
        self._mock = Supervised("mock", plan.mock, self._mock_start) if plan.demo else None
        self._control = Supervised("control", plan.control, self._control_start)
        count = range(settings.server.workers)
        self._workers = [Supervised(f"worker-{index}", plan.worker, self._worker_start(index)) for index in count]
        self._lives: dict[Supervised, asyncio.Task[None]] = {}

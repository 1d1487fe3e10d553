"""Who is measured: how each is started in front of a stage's mock, and what a request to it looks like."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks import configurations
from benchmarks.dialects import DialectName
from benchmarks.errors import BenchmarkError
from benchmarks.processes import Process, command_line, free_port, running, spawn, tree
from benchmarks.scenarios import Beside, Pages
from benchmarks.seeded import copied
from benchmarks.stage import MODEL, UPSTREAM_KEY, Stage, request_bytes

START_LIMIT = 30.0
"""Seconds a peer may take to its first answer."""
_POLL = 0.004


@dataclass(frozen=True, slots=True)
class Peer:
    """One that answers requests. Its answer to the first of them has been seen."""

    address: str
    key: str = configurations.CLIENT_KEY
    model: str = MODEL
    pid: int = 0
    """Root of its process tree; 0 for the mock itself, which is no peer's cost."""
    worker_mark: str = ""
    """What the command line of those of its children says that carry traffic."""
    start_seconds: float = 0.0
    dialect: DialectName = "openai_chat"
    """What those who ask it speak."""
    data_dir: Path | None = None
    """Where it keeps what it keeps, where that is of interest."""

    def request(self, wish: str, *, stream: bool, prompt_bytes: int = 500) -> bytes:
        """A whole request for the mock's `wish`."""
        model = self.model + wish
        return request_bytes(
            self.address,
            key=self.key,
            model=model,
            stream=stream,
            prompt_bytes=prompt_bytes,
            dialect=self.dialect,
        )

    def workers(self) -> list[int]:
        """Those of its processes that carry traffic: children of the one that was started."""
        return [pid for pid in tree(self.pid)[1:] if self.worker_mark in command_line(pid)]


def direct(stage: Stage) -> AbstractContextManager[Peer]:
    """No relay at all: what the rig itself takes."""
    return contextlib.nullcontext(Peer(stage.upstream, key=UPSTREAM_KEY))


def nginx(stage: Stage) -> AbstractContextManager[Peer]:
    """The yardstick: `proxy_pass` with keep-alive upstream, no buffering, and the provider's key put in."""
    directory = _directory(stage, "nginx")
    port = free_port()
    configuration = directory / "nginx.conf"
    configuration.write_text(configurations.nginx(stage, port, directory))
    command = ["nginx", "-p", str(directory), "-c", str(configuration), "-e", str(directory / "error.log")]
    return _started(stage, command, Peer(f"127.0.0.1:{port}", worker_mark="worker process"))


def gateway(
    stage: Stage, *, dialect: DialectName = "openai_chat", policies: bool = False
) -> AbstractContextManager[Peer]:
    """Ourselves, with everything on that is on by default and an access log into a file.

    The stage's mock speaks chat: clients of another `dialect` get its answers translated. With `policies` the key has
    every limit, and the model is asked for by an alias.
    """
    directory = _directory(stage, "gateway")
    port = free_port()
    configuration = directory / "sluicegate.toml"
    configuration.write_text(configurations.gateway(stage, port, policies=policies))
    command = [sys.executable, "-m", "gateway", "serve"]
    command += ["--config", str(configuration), "--data-dir", str(directory / "data")]
    model = configurations.ALIAS if policies else f"{configurations.PROVIDER}/{MODEL}"
    peer = Peer(f"127.0.0.1:{port}", model=model, worker_mark="gateway.worker", dialect=dialect)
    return _started(stage, command, peer)


def with_records(stage: Stage) -> AbstractContextManager[Peer]:
    """Ourselves, with the requests of the stage's scenario in the store, and a dashboard that needs no login."""
    scenario = stage.scenario
    if not isinstance(scenario, Pages | Beside):
        raise BenchmarkError("only scenarios of pages say how many requests there are to be")
    data_dir = copied(scenario.requests, scenario.days, stage.directory / "seeded")
    port = free_port()
    configuration = stage.directory / "with-records.toml"
    configuration.write_text(configurations.gateway(stage, port))
    command = [sys.executable, "-m", "gateway", "serve", "--demo", "--empty"]
    command += ["--config", str(configuration), "--data-dir", str(data_dir)]
    model = f"{configurations.PROVIDER}/{MODEL}"
    peer = Peer(f"127.0.0.1:{port}", model=model, worker_mark="gateway.worker", data_dir=data_dir)
    return _started(stage, command, peer)


@contextlib.contextmanager
def looked_at(stage: Stage, peer: Peer) -> Iterator[None]:
    """Somebody looks at a page of it again and again."""
    assert isinstance(stage.scenario, Beside)
    command = [sys.executable, "-m", "benchmarks.pages", peer.address, stage.scenario.page]
    log = stage.directory / "pages.log"
    log.unlink(missing_ok=True)
    with running(spawn(command, cores=stage.cores.load, log=log)):
        yield
    if said := log.read_text(errors="replace").strip():
        # Not all of it was looking at pages, then: whoever reads the figures should know.
        print(f"  {peer.address}: {said.splitlines()[0]}", file=sys.stderr, flush=True)


SOAKED_DAYS = 30.0
SOAKED_MEMORY = "128MB"


def soaked(stage: Stage, requests: int) -> AbstractContextManager[Peer]:
    """Ourselves for hours, with so many requests in the store: without an access log, which would fill the disk, and
    with rests as short as can be, so that what fails goes on failing. DuckDB keeps of its file in memory what it may:
    that is little, so that it is reached early and not taken for growth."""
    directory, port = _directory(stage, "soaked"), free_port()
    copied(requests, SOAKED_DAYS, directory / "data")
    configuration = directory / "sluicegate.toml"
    configuration.write_text(configurations.gateway(stage, port, policies=True))
    command = [sys.executable, "-m", "gateway", "serve"]
    command += ["--config", str(configuration), "--data-dir", str(directory / "data")]
    environment = {
        "SLUICEGATE_SERVER__ACCESS_LOG": "false",
        "SLUICEGATE_RESTS__LONGEST_SECONDS": "1",
        "SLUICEGATE_RESTS__LONGEST_BACKOFF_SECONDS": "1",
        "SLUICEGATE_RESTS__BREAKER_FAILURES": "0",
        "SLUICEGATE_REGISTRY__REFRESH_HOURS": "0",
        "SLUICEGATE_USAGE__DUCKDB_MEMORY_LIMIT": SOAKED_MEMORY,
    }
    model = f"{configurations.PROVIDER}/{MODEL}"
    peer = Peer(f"127.0.0.1:{port}", model=model, worker_mark="gateway.worker", data_dir=directory / "data")
    return _started(stage, command, peer, environment=environment)


def naive(stage: Stage) -> AbstractContextManager[Peer]:
    """BlackSheep and httpx, as one would write it first, under Granian's command line."""
    port = free_port()
    program = str(Path(sys.executable).with_name("granian"))
    command = [program, "--interface", "asgi", "--port", str(port), "--workers", str(stage.workers)]
    command += ["--no-access-log", "--log-level", "warning", "benchmarks.naive:app"]
    environment = {"NAIVE_UPSTREAM": f"http://{stage.upstream}/v1", "NAIVE_KEY": UPSTREAM_KEY}
    return _started(stage, command, Peer(f"127.0.0.1:{port}"), environment=environment)


PEERS: dict[str, Callable[[Stage], AbstractContextManager[Peer]]] = {
    "gateway": gateway,
    "nginx": nginx,
    "direct": direct,
    "naive": naive,
    "with-policies": partial(gateway, policies=True),
    "with-records": with_records,
    "beside-pages": with_records,  # the same gateway, `looked_at` while it is measured
    "from-responses": partial(gateway, dialect="openai_responses"),
    "from-anthropic": partial(gateway, dialect="anthropic"),
    "from-gemini": partial(gateway, dialect="gemini"),
}


@contextlib.contextmanager
def _started(
    stage: Stage, command: list[str], peer: Peer, *, environment: dict[str, str] | None = None
) -> Iterator[Peer]:
    log = stage.directory / f"{Path(command[0]).name}-{peer.address.rpartition(':')[2]}.log"
    begun = time.monotonic()
    try:
        process = spawn(command, cores=stage.cores.peer, environment=environment, log=log)
    except FileNotFoundError as error:
        raise BenchmarkError(f"{command[0]} is not installed") from error
    with running(process):
        try:
            _await_answer(peer, process, log)
        except BenchmarkError as error:
            raise BenchmarkError(f"{' '.join(command)}: {error}") from error
        yield replace(peer, pid=process.pid, start_seconds=time.monotonic() - begun)


def _await_answer(peer: Peer, process: Process, log: Path) -> None:
    request = peer.request("", stream=False)
    deadline = time.monotonic() + START_LIMIT
    answer = b""
    while not answer.startswith(b"HTTP/1.1 200"):
        if process.poll() is not None or time.monotonic() > deadline:
            what = answer[:300] or log.read_bytes()[-2000:]
            raise BenchmarkError(what.decode(errors="replace") or "did not answer")
        answer = _ask(peer.address, request)
        if not answer:
            time.sleep(_POLL)


def _ask(address: str, request: bytes) -> bytes:
    """The beginning of the answer; nothing when nobody is there yet."""
    host, _, port = address.partition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=START_LIMIT) as connection:
            connection.sendall(request)
            return connection.recv(4096)
    except OSError:
        return b""


def _directory(stage: Stage, name: str) -> Path:
    directory = stage.directory / f"{name}-{os.urandom(4).hex()}"
    directory.mkdir(mode=0o700)
    return directory

"""The official SDKs of Node through a gateway, where they differ from Python's: each at every provider's dialect.

What is checked, and how an SDK asks, is in `tests/node`. One process runs all checks of one SDK at one provider.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.pairs import MODELS, PAIRS, SECRET, TOML
from tests.e2e.pairs import crossing as crossing  # noqa: PLC0414 # a fixture
from tests.gateway_process import GatewayProcess, environment, running
from tests.node_packages import SCRIPTS
from tests.node_packages import scripts as scripts  # noqa: PLC0414 # a fixture
from tests.providers import MockProcess

NODE = ("node", "--initial-heap-size=512")
"""With room for all its garbage: after a collection a request no longer hears its signal, above all in Node 18
(https://github.com/nodejs/node/issues/55428)."""

IMPATIENT = "\n[stream]\nkeepalive_seconds = 0.1\n"

WAYS = {
    "chat": ("whole", "stream", "helper"),
    "responses": ("whole", "stream", "helper"),
    "messages": ("whole", "stream", "helper"),
    "gemini": ("whole", "stream"),
}
"""In one piece, event by event, and through what the SDK has to put events together; Google's has none."""

EVERY_WAY = (
    "a chat",
    "strange letters arrive whole",
    "a tool loop with two calls at once",
    "structured output",
    "thinking is kept over the turns of a tool loop",
    "errors are typed",
    "a limit says how long to wait",
    "an overloaded provider is a server error",
    "the SDK tries again by itself",
    "leaving before the answer frees the provider at once",
)
STREAMS = (
    "an error inside the stream is raised",
    "an error before the content is an answer of its own",
    "a stream that is cut is raised",
    "a stream without its end is raised",
    "pauses are bridged by what the SDK understands",
    "a signal frees the provider at once",
)
LOOPS = ("a loop that is left frees the provider at once",)
"""Of those that end the request then; Google's goes on reading."""

OWN = {
    "chat": (
        "runTools goes on until there are no more calls",
        "runTools streams",
        "the helper tells contents and calls when they are done",
        "parse gives what the schema describes",
    ),
    "responses": (
        "the helper puts together what the last event says",
        "events are numbered one after the other",
        "parse gives what the schema describes",
    ),
    "messages": (
        "finalMessage is what the events said",
        "finalText is the text alone",
        "the tool runner goes on until there are no more calls",
    ),
    "gemini": ("a chat session keeps what it streamed", "text and functionCalls tell what the parts say"),
}


@pytest.fixture(scope="module")
def impatient(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """The same gateway, but one that soon bridges a pause: so soon that errors may come too late to have a status."""
    toml = TOML.format(mock=mock.url, secret=SECRET) + IMPATIENT
    with running(tmp_path_factory.mktemp("node"), toml) as gateway:
        yield gateway.complete()
        assert gateway.close() == 0, gateway.tail()


@pytest.mark.needs("node", "npm")
@pytest.mark.parametrize("pair", PAIRS, ids=["-".join(pair) for pair in PAIRS])
def test_every_check_of_an_sdk_at_a_provider(
    crossing: GatewayProcess, impatient: GatewayProcess, mock: MockProcess, scripts: Path, pair: tuple[str, str]
) -> None:
    client, provider = pair
    model = f"{provider}/{MODELS[provider]}"
    command = [*NODE, "run.mjs", client, crossing.url, impatient.url, crossing.key, model, mock.url]
    done = subprocess.run(
        command, cwd=scripts, env=environment(), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    verdicts: dict[str, str | None] = json.loads(done.stdout)["checks"]
    wrong = {name: verdict for name, verdict in verdicts.items() if verdict}
    assert not wrong, "\n\n".join(f"{name}: {verdict}" for name, verdict in wrong.items())
    assert set(verdicts) == checks(client)


def test_the_lock_file_names_no_registry() -> None:
    """Whoever installs has a registry of their own; what is installed is told by its hash."""
    locked = json.loads((SCRIPTS / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    packages = [package for name, package in locked.items() if name]
    assert packages
    assert all(package["integrity"].startswith("sha512-") and "resolved" not in package for package in packages)


def test_the_packages_are_pinned() -> None:
    wanted = json.loads((SCRIPTS / "package.json").read_text(encoding="utf-8"))["dependencies"]
    locked = json.loads((SCRIPTS / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert wanted == {name: locked[f"node_modules/{name}"]["version"] for name in wanted}


def checks(client: str) -> set[str]:
    """What must have been checked."""
    ways = WAYS[client]
    streams = [way for way in ways if way != "whole"]
    found = {f"{name} ({way})" for name in EVERY_WAY for way in ways}
    found |= {f"{name} ({way})" for name in STREAMS for way in streams}
    if client != "gemini":
        found |= {f"{name} ({way})" for name in LOOPS for way in streams}
    return found | set(OWN[client]) | {"nothing is left unhandled"}

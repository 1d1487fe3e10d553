"""Each peer in front of the mock answers as often as it was asked, and presents the provider's key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from benchmarks import configurations, machine
from benchmarks.dialects import DIALECTS
from benchmarks.errors import BenchmarkError
from benchmarks.load import Plan, drive
from benchmarks.peers import PEERS
from benchmarks.stage import Stage, staged
from gateway.settings.model import Settings

CORES = machine.assign_cores(1)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with staged("native", cores=CORES, directory=tmp_path, workers=1) as stage:
        yield stage


@pytest.mark.needs("cc", "nginx")
@pytest.mark.parametrize("name", ["direct", "nginx", "naive"])
def test_a_peer_answers_plain_and_streamed(stage: Stage, name: str) -> None:
    with PEERS[name](stage) as peer:
        for wish, mode in (("", "plain"), (";chunks=5;size=20", "stream")):
            request = peer.request(wish, stream=mode == "stream")
            plan = Plan(address=peer.address, request=request, mode=mode, requests=20, connections=2)  # type: ignore[arg-type]  # a literal of the line above
            outcome = drive(plan, lambda: None, cores=CORES.load).outcome
            assert (outcome.requests, outcome.first_error) == (20, "")


@pytest.mark.needs("cc")
@pytest.mark.parametrize("name", ["with-policies", "from-responses", "from-anthropic", "from-gemini"])
def test_the_gateway_answers_as_it_is_asked(stage: Stage, name: str) -> None:
    with PEERS[name](stage) as peer:
        marks = DIALECTS[peer.dialect]
        request = peer.request(";chunks=300;size=20;stamp", stream=True)
        plan = Plan(address=peer.address, request=request, mode="stream", requests=20, connections=2, chunks=300)
        outcome = drive(replace(plan, content=marks.content, end=marks.end), lambda: None, cores=CORES.load).outcome
        assert (outcome.requests, outcome.chunks, outcome.first_error) == (20, 6000, "")
        assert outcome.delay_us.count == 6000


@pytest.mark.needs("cc", "nginx")
def test_workers_are_found_among_the_children(stage: Stage) -> None:
    for name in ("nginx", "naive"):
        with PEERS[name](stage) as peer:
            assert len(peer.workers()) == 1
            assert peer.start_seconds > 0


@pytest.mark.needs("cc", "nginx")
def test_a_peer_that_cannot_start_says_why(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configurations, "_NGINX", "nonsense;")

    with pytest.raises(BenchmarkError, match='unknown directive "nonsense"'), PEERS["nginx"](stage):
        pass


@pytest.mark.needs("cc")
@pytest.mark.parametrize("policies", [False, True])
def test_the_configuration_of_the_gateway_is_one_it_accepts(stage: Stage, policies: bool) -> None:
    text = configurations.gateway(stage, 8080, policies=policies)
    settings = msgspec.toml.decode(text, type=Settings)

    assert settings.server.access_log
    assert len(settings.client_keys) == (101 if policies else 1)
    assert {key.max_parallel is not None for key in settings.client_keys} == {policies}

from __future__ import annotations

import pytest

import gateway
from benchmarks import machine
from tests.benchmarks.samples import MACHINE


@pytest.mark.parametrize(
    ("allowed", "workers", "cores"),
    [
        ({0}, 1, ((0,), (0,), (0,))),
        ({0, 1}, 1, ((0,), (1,), (1,))),
        ({0, 1}, 2, ((0,), (1,), (1,))),
        ({0, 1, 2}, 1, ((0,), (2,), (1,))),
        ({0, 1, 2, 3}, 2, ((0, 1), (3,), (2,))),
    ],
)
def test_a_relay_shares_its_cores_with_nobody_where_there_are_two(
    monkeypatch: pytest.MonkeyPatch, allowed: set[int], workers: int, cores: tuple[tuple[int, ...], ...]
) -> None:
    monkeypatch.setattr(machine, "_ALLOWED", frozenset(allowed))

    found = machine.assign_cores(workers)

    assert (found.peer, found.mock, found.load) == cores


def test_on_one_machine_for_everything_nobody_has_a_core_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_ALLOWED", frozenset({0, 1, 2}))

    found = machine.assign_cores(1, together=True)

    assert found.peer == found.mock == found.load == found.rig == (0, 1, 2)


def test_this_machine_is_described() -> None:
    found = machine.describe()

    assert found.cpu
    assert found.cores >= 1
    assert found.memory_mib > 100
    assert found.kernel


def test_the_name_of_a_machine_is_one_for_a_file() -> None:
    assert machine.slug(MACHINE) == "example-9000-2-cores"


def test_versions_name_the_gateway_and_what_it_stands_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    found = machine.versions()

    assert found["gateway"] == gateway.__version__
    assert found["nginx"] == "absent"
    assert {"granian", "blacksheep", "uvloop", "httptools", "orjson"} <= found.keys()


def test_what_changed_during_a_run_is_told() -> None:
    begin, end = {"gateway": "1", "nginx": "2"}, {"gateway": "1-dirty", "nginx": "2"}

    assert machine.between(begin, end) == {"gateway": "1, in the end 1-dirty", "nginx": "2"}

from __future__ import annotations

import msgspec
import pytest

from benchmarks.compare import render
from benchmarks.errors import BenchmarkError
from benchmarks.machine import Machine
from tests.benchmarks.samples import MACHINE, VERSIONS, a_run

OTHER_MACHINE: Machine = msgspec.structs.replace(MACHINE, cpu="Faster CPU")


def test_ratios_to_nginx_are_compared_not_microseconds() -> None:
    line = next(line for line in render(a_run(), a_run(ours=30.0)).splitlines() if "cpu_us_per_request" in line)

    assert line.split()[1:4] == ["cpu_us_per_request", "to", "nginx"]
    assert line.split()[4:] == ["5.50", "(5.00-6.00)", "2.75", "(2.50-3.00)", "0.50x"]


def test_a_change_within_the_spread_is_called_so() -> None:
    assert "within the spread" in render(a_run(), a_run(ours=61.0))


def test_another_machine_is_refused() -> None:
    with pytest.raises(BenchmarkError, match=r"cpu Example CPU .* and Faster CPU"):
        render(a_run(), a_run(machine=OTHER_MACHINE))


def test_another_version_of_a_library_is_refused() -> None:
    other = msgspec.structs.replace(a_run(), versions=VERSIONS | {"granian": "3.0.0"})

    with pytest.raises(BenchmarkError, match=r"granian 2\.8\.7 and 3\.0\.0"):
        render(a_run(), other)


def test_another_version_of_the_gateway_is_what_one_compares() -> None:
    assert "plain32" in render(a_run(), msgspec.structs.replace(a_run(), versions=VERSIONS | {"gateway": "9"}))


def test_force_compares_and_keeps_the_reasons_in_sight() -> None:
    text = render(a_run(), a_run(machine=OTHER_MACHINE), force=True)

    assert text.startswith("! cpu ")
    assert "1.00x" in text


def test_a_scenario_whose_options_changed_is_not_compared() -> None:
    first = a_run()
    longer = msgspec.structs.replace(first.scenarios[0].scenario, seconds=9.0)
    changed = msgspec.structs.replace(first.scenarios[0], scenario=longer)

    assert "other options" in render(first, msgspec.structs.replace(first, scenarios=(changed,)))

"""What a run leaves behind: every single measurement, with the machine, the versions and the options that made it."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from benchmarks.errors import BenchmarkError
from benchmarks.machine import Cores, Machine
from benchmarks.scenarios import Scenario

FORMAT = 1


class Measurement(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One peer, once. Figures by their name in `figures.FIGURES`; a name that is missing was not measured."""

    peer: str
    round: int
    figures: dict[str, float]
    remarks: tuple[str, ...] = ()
    """What casts doubt on it: errors, a busy neighbour, a rig at its limit."""


class ScenarioResult(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All measurements of one scenario in the order they were made."""

    name: str
    scenario: Scenario
    cores: Cores
    measurements: tuple[Measurement, ...]


class Run(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One run."""

    format: int = FORMAT
    date: str
    """UTC, ISO 8601, as the run ended."""
    minutes: float
    quick: bool
    mock: str
    machine: Machine
    versions: dict[str, str]
    scenarios: tuple[ScenarioResult, ...]


def write(run: Run, path: Path) -> None:
    """As JSON that can be read and compared by eye."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(run), indent=1) + b"\n")


def read(path: Path) -> Run:
    """What `write` wrote. Raises `BenchmarkError`."""
    try:
        run = msgspec.json.decode(path.read_bytes(), type=Run)
    except (OSError, msgspec.DecodeError) as error:
        raise BenchmarkError(f"{path}: {error}") from error
    if run.format != FORMAT:
        raise BenchmarkError(f"{path}: format {run.format}, this suite reads {FORMAT}")
    return run

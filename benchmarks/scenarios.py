"""What is measured: `scenarios/<name>.toml` as types. The name is the file's; unknown fields are errors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from benchmarks.errors import BenchmarkError
from benchmarks.places import SCENARIOS

PeerName = Literal[
    "gateway",
    "with-policies",
    "with-records",
    "beside-pages",
    "nginx",
    "direct",
    "naive",
    "from-responses",
    "from-anthropic",
    "from-gemini",
]
"""`from-` is the gateway asked in that dialect; `gateway` is asked in the mock's own. `with-policies` has every limit,
many keys, prices and combos beside, and is asked for its model by an alias. `with-records` has millions of requests in
its store; in `beside-pages` somebody looks at a page of them all the time."""
Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]


class Outline(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    """What every scenario says."""

    title: str
    order: int
    """Where it stands in a run and in the report."""
    peers: tuple[PeerName, ...]
    rounds: Count = 3
    workers: Count = 1
    together: bool = False
    """Whether all processes share all cores, as on one machine for everything; else the peer has its own."""


class Timed(Outline, frozen=True, kw_only=True):
    """A load that is kept up for a while."""

    connections: Count
    seconds: Seconds
    ramp_seconds: float = 0.0
    """Time over which the connections are opened, so that streams do not march in step."""
    warmup_seconds: float = 0.3
    prompt_bytes: Count = 500


class Plain(Timed, frozen=True, kw_only=True, tag="plain"):
    """Answers in one piece."""


class Streams(Timed, frozen=True, kw_only=True, tag="streams"):
    """Streamed answers; without a pace all chunks leave the mock at once."""

    chunks: Count
    size: Count = 20
    pace_ms: int = 0


class Memory(Streams, frozen=True, kw_only=True, tag="memory"):
    """Memory at rest, and what each of many open streams adds."""


class Stalled(Streams, frozen=True, kw_only=True, tag="stalled"):
    """What a client costs that stops reading while its provider is fast."""


class Start(Outline, frozen=True, kw_only=True, tag="start"):
    """From the start of the process to the first answer."""


class Pages(Outline, frozen=True, kw_only=True, tag="pages"):
    """Pages of the dashboard, loaded one after the other."""

    requests: Count
    """In the store."""
    days: Seconds
    """Over which they are spread."""
    loads: Count
    """Of each page."""
    records_per_second: int
    """That come in meanwhile."""
    pages: dict[str, str]
    """Addresses, by what each is called in the report."""


class Beside(Streams, frozen=True, kw_only=True, tag="beside"):
    """Streams, while somebody looks at a page."""

    requests: Count
    days: Seconds
    page: str


Scenario = Plain | Streams | Memory | Stalled | Start | Pages | Beside


FEW = 200_000
"""Requests in a store for `--quick`."""


@dataclass(frozen=True, slots=True)
class Named:
    """A scenario and the name of its file."""

    name: str
    scenario: Scenario


def load(path: Path) -> Named:
    """One scenario. Raises `BenchmarkError` that names the file and the key."""
    try:
        scenario: Scenario = msgspec.toml.decode(path.read_bytes(), type=Scenario)
    except (msgspec.ValidationError, msgspec.DecodeError, ValueError) as error:
        raise BenchmarkError(f"{path}: {error}") from error
    return Named(path.stem, scenario)


def load_all(directory: Path = SCENARIOS) -> list[Named]:
    """Every scenario there is, in the order of the report."""
    return sorted(map(load, directory.glob("*.toml")), key=lambda named: (named.scenario.order, named.name))


def select(names: Iterable[str], found: list[Named]) -> list[Named]:
    """Those called `names`, all when there are none. Raises `BenchmarkError` for a name nobody has."""
    wanted = set(names)
    if unknown := wanted - {named.name for named in found}:
        known = ", ".join(named.name for named in found)
        raise BenchmarkError(f"no scenario called {', '.join(sorted(unknown))}; there are {known}")
    return [named for named in found if not wanted or named.name in wanted]


def shortened(scenario: Scenario) -> Scenario:
    """The same for `--quick`: one round, a shorter window."""
    scenario = msgspec.structs.replace(scenario, rounds=1)
    if isinstance(scenario, Timed):
        scenario = msgspec.structs.replace(scenario, seconds=min(scenario.seconds, 0.5), warmup_seconds=0.2)
    if isinstance(scenario, Pages | Beside):
        scenario = msgspec.structs.replace(scenario, requests=min(scenario.requests, FEW))
    if isinstance(scenario, Pages):
        scenario = msgspec.structs.replace(scenario, loads=min(scenario.loads, 3))
    return scenario


def wish(scenario: Outline) -> str:
    """What the mock is asked for by the model's name."""
    if not isinstance(scenario, Streams):
        return ""
    pace = f";pace={scenario.pace_ms}ms;stamp" if scenario.pace_ms else ""
    return f";chunks={scenario.chunks};size={scenario.size}{pace}"

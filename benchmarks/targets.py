"""What the gateway has to reach, and whether a run reached it. A table to read, not a test that fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.results import Run, ScenarioResult
from benchmarks.summary import Spread, Way, look

NOISE = 0.20
"""What a shared machine may add to a figure."""


@dataclass(frozen=True, slots=True)
class Target:
    """A figure of the gateway in a scenario: at most `limit` (at least, for one `against` another peer)."""

    title: str
    scenario: str
    figure: str
    way: Way
    limit: float
    unit: str = ""
    against: str = ""
    """A peer whose figure divided by ours counts."""
    peer: str = "gateway"
    """As whom the gateway was measured."""


_TRANSLATED = {
    "translated": "Paced chunk",
    "translated200": "Chunk of a burst of 200",
    "translated5000": "Chunk of a burst of 5,000",
}
_PAGES = {
    "Overview": "the overview",
    "Requests": "the list of requests",
    "Requests of a key, 30 days": "the requests of a key",
    "A request": "one request",
    "Spend, 30 days": "spend of 30 days",
}
"""Pages of which we promise something."""
_CLIENTS = {"from-responses": "Responses", "from-anthropic": "Anthropic", "from-gemini": "Gemini"}
"""How we call those who are translated for."""


TARGETS = (
    Target("CPU per plain request, 32 connections", "plain32", "cpu_us_per_request", "ratio", 6, "x nginx"),
    Target("the same, every policy on", "policies", "cpu_us_per_request", "ratio", 6, "x nginx", peer="with-policies"),
    Target(
        "CPU of every policy per request", "policies", "cpu_us_per_request", "above", 30, "µs", peer="with-policies"
    ),
    Target("CPU per paced chunk, 500 streams", "paced500", "cpu_us_per_chunk", "ratio", 2, "x nginx"),
    Target("CPU per burst chunk", "burst", "cpu_us_per_chunk", "ratio", 4, "x nginx"),
    Target("naive relay's CPU per request to ours", "plain32", "cpu_us_per_request", "value", 50, "x", against="naive"),
    Target("added time to first token p50, 100 streams", "paced100", "first_p50_ms", "added", 1, "ms"),
    Target("added time to first token p50, 500 streams", "paced500", "first_p50_ms", "added", 3, "ms"),
    Target("memory per worker at rest", "memory", "rest_mib_per_worker", "value", 80, "MiB"),
    Target("memory per open stream", "memory", "stream_kib", "value", 40, "KiB"),
    Target("memory for a client that stops reading", "stalled", "stalled_kib", "value", 256, "KiB"),
    Target("start to first answer", "start", "start_seconds", "value", 2, "s"),
    *(
        Target(f"{what}, p95, 10,000,000 requests", "pages", f"{page}.p95_ms", "value", 1000, "ms", peer="with-records")
        for page, what in _PAGES.items()
    ),
    *(
        Target(f"HTTP requests for {what}", "pages", f"{page}.requests", "value", 2, "", peer="with-records")
        for page, what in _PAGES.items()
    ),
    Target(
        "chunk delay p99 beside a heavy page", "pages_beside", "delay_p99_ms", "beside", 1.1, "x", peer="beside-pages"
    ),
    *(
        Target(
            f"{what} for a client of {client}: CPU above passing through",
            scenario,
            "cpu_us_per_chunk",
            "above",
            12,
            "µs",
            peer=peer,
        )
        for scenario, what in _TRANSLATED.items()
        for peer, client in _CLIENTS.items()
    ),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target and what was measured, None where it was not."""

    target: Target
    measured: float | None

    @property
    def text(self) -> str:
        """`reached`, or by how much it was missed."""
        if self.measured is None:
            return "not measured"
        excess = self._excess(self.measured)
        if excess <= 0:
            return "reached"
        return f"missed by {excess:.0%}" + (", within the noise allowed" if excess <= NOISE else "")

    def _excess(self, measured: float) -> float:
        share = measured / self.target.limit
        return 1 - share if self.target.against else share - 1


def judge(run: Run) -> list[Verdict]:
    """Every target, in order."""
    results = {result.name: result for result in run.scenarios}
    return [Verdict(target, _measured(target, results)) for target in TARGETS]


def _measured(target: Target, results: Mapping[str, ScenarioResult]) -> float | None:
    if target.scenario not in results:
        return None
    result = results[target.scenario]
    ours = look(result, target.peer, target.figure, target.way)
    if ours is None or not target.against:
        return ours.middle if ours else None
    other: Spread | None = look(result, target.against, target.figure)
    return other.middle / ours.middle if other and ours.middle else None

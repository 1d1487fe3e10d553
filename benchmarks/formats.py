"""What translation costs an event, without sockets: `python -m benchmarks formats`.

Feeds the pipelines of the relay, the twelve that translate and the four that pass through, with one event at a time.
Reads the CPU clock of its thread only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import NamedTuple, Protocol

from benchmarks.machine import describe
from benchmarks.streams import KINDS, Kind, stream
from gateway.formats.format import ReplyContext
from gateway.formats.passing import PASSING, PassThrough
from gateway.formats.table import FORMATS
from gateway.formats.translation import Translation
from gateway.records import ModelFacts

LENGTHS = (200, 5000)
BOUND = 12.0
"""Microseconds of CPU an event that translation may take on top of passing it through, on the worst pair."""
GROWTH = 1.25
"""How much more an event may cost in a long stream than in a short one; what is above one is noise."""

_SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
_REQUESTS: dict[str, dict[str, object]] = {
    "openai_chat": {
        "model": "m",
        "messages": [{"role": "user", "content": "Hello"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "reasoning_effort": "low",
        "tools": [{"type": "function", "function": {"name": "weather", "parameters": _SCHEMA}}],
    },
    "openai_responses": {
        "model": "m",
        "input": "Hello",
        "stream": True,
        "reasoning": {"effort": "low", "summary": "auto"},
        "tools": [{"type": "function", "name": "weather", "parameters": _SCHEMA}],
    },
    "anthropic": {
        "model": "m",
        "max_tokens": 9000,
        "messages": [{"role": "user", "content": "Hello"}],
        "stream": True,
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "tools": [{"name": "weather", "input_schema": _SCHEMA}],
    },
    "gemini": {
        "contents": [{"role": "user", "parts": [{"text": "Hello"}]}],
        "generationConfig": {"thinkingConfig": {"includeThoughts": True}},
        "tools": [{"functionDeclarations": [{"name": "weather", "parameters": _SCHEMA}]}],
    },
}


class Pipeline(Protocol):
    """What the relay feeds."""

    def feed(self, chunk: bytes) -> bytes:
        """What the client gets for `chunk`."""

    def close(self) -> bytes:
        """What it gets at the end."""


class Case(NamedTuple):
    """One thing that is measured."""

    upstream: str
    client: str
    kind: Kind
    length: int


Costs = dict[Case, list[float]]
"""Microseconds of CPU an event, by round."""


def measure(kinds: tuple[Kind, ...] = KINDS, lengths: tuple[int, ...] = LENGTHS, *, rounds: int = 7) -> Costs:
    """Every pair at every kind and length; all cases in each round, so that what disturbs one disturbs the others."""
    chunks = {
        (dialect, kind, length): made
        for dialect in FORMATS
        for kind in kinds
        for length in lengths
        if (made := stream(dialect, kind, length)) is not None
    }
    pipelines = {(upstream, client): pipeline(upstream, client) for upstream in FORMATS for client in FORMATS}
    costs: Costs = {Case(upstream, client, kind, length): [] for upstream, kind, length in chunks for client in FORMATS}
    for _ in range(rounds):
        for case, found in costs.items():
            fed = chunks[case.upstream, case.kind, case.length]
            streams = max(1, max(lengths) // case.length)
            found.append(_cost(pipelines[case.upstream, case.client], fed, streams) / case.length)
    return costs


def pipeline(upstream: str, client: str) -> Callable[[], Pipeline]:
    """What makes the pipeline of a stream from a provider in one dialect to a client in another."""
    if upstream == client:
        hidden = upstream == "openai_chat"
        return lambda: PassThrough(FORMATS[upstream], PASSING[upstream], model="client/model", hide_usage=hidden)
    translation = Translation(FORMATS[client], FORMATS[upstream], ModelFacts())
    translation.read(_REQUESTS[client])
    translation.write("model")
    context = ReplyContext("client/model", "0" * 32, 1790000000, translation.prompt, _REQUESTS[client])
    return lambda: translation.stream(context)


def _cost(make: Callable[[], Pipeline], chunks: list[bytes], streams: int) -> float:
    """Microseconds of CPU for one stream: the mean of `streams` that are made, fed and closed one after the other."""
    begun = time.thread_time()
    for _ in range(streams):
        made = make()
        for chunk in chunks:
            made.feed(chunk)
        made.close()
    return (time.thread_time() - begun) / streams * 1e6


# The report


def render(costs: Costs) -> str:
    """Tables by kind, then the worst pair and the growth."""
    machine = describe()
    kinds = dict.fromkeys(case.kind for case in costs)
    parts = [
        "# What translation costs an event",
        "Generated by `python -m benchmarks formats`. Do not edit.",
        f"- Machine: {machine.cpu}, {machine.cores} cores, Linux {machine.kernel}\n- {METHOD}",
        *(f"## {kind.capitalize()}\n\n{_table(costs, kind)}" for kind in kinds),
        "## Bounds\n\n" + "\n".join(f"- {line}" for line in _verdicts(costs)),
        f"## Not shown\n\n{NOT_SHOWN}",
    ]
    return "\n\n".join(parts) + "\n"


METHOD = """\
Microseconds of CPU (the thread's own clock) an event: the best of the rounds, and in brackets their median. A row is
  what the provider speaks and how many pieces its answer has; a column is what the client speaks. Where both are the
  same the stream is passed through; elsewhere `+` is what translation takes on top of that. Each event is fed alone,
  which is the dearest way; making the pipeline and ending the stream are part of it."""

NOT_SHOWN = """\
Anything but the pipelines: no sockets, no event loop, no HTTP, no back-pressure, no requests (prompts are read and
written once a request, not once an event). Events that arrive together cost less. All text is ASCII and short, and the
provider is well-behaved. Branch predictors and caches belong to one stream here, and to hundreds in a gateway. What
translation costs in a gateway is in the scenarios `translated` and `translated5000` of `python -m benchmarks run`."""


def _table(costs: Costs, kind: Kind) -> str:
    lines = ["| provider | events | " + " | ".join(FORMATS) + " |", "| --- |" + " --: |" * (1 + len(FORMATS))]
    for upstream, length in dict.fromkeys((case.upstream, case.length) for case in costs if case.kind == kind):
        cells = [_cell(costs, Case(upstream, client, kind, length)) for client in FORMATS]
        lines.append(f"| {upstream} | {length} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(costs: Costs, case: Case) -> str:
    found = f"{min(costs[case]):.2f} ({median(costs[case]):.2f})"
    return found if case.upstream == case.client else f"{found} +{added(costs, case):.2f}"


def added(costs: Costs, case: Case) -> float:
    """What translation takes on top of passing the same stream through: between the best of either."""
    return min(costs[case]) - min(costs[case._replace(client=case.upstream)])


def _verdicts(costs: Costs) -> Iterator[str]:
    worst = max(costs, key=lambda case: added(costs, case))
    said = "kept" if added(costs, worst) <= BOUND else "missed"
    pair = f"{worst.upstream} to {worst.client}, {worst.kind}, {worst.length} events"
    yield f"Above passing through, worst pair: {added(costs, worst):.2f} µs of at most {BOUND:g} ({pair}): {said}."
    short, long = min(case.length for case in costs), max(case.length for case in costs)
    ratios = {case: min(costs[case]) / min(costs[case._replace(length=short)]) for case in costs if case.length == long}
    grown = max(ratios, key=ratios.__getitem__)
    said = "kept" if ratios[grown] <= GROWTH else "missed"
    pair = f"{grown.upstream} to {grown.client}, {grown.kind}"
    growth = f"{ratios[grown]:.2f} of at most {GROWTH:g} ({pair}): {said}."
    yield f"An event of a stream of {long} to one of {short}, worst pair: {growth}"

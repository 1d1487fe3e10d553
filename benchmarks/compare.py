"""What changed between two runs: ratios of ratios. Pure: two runs in, a table out.

Only what is already relative to nginx, or hardly depends on the speed of the day, is compared.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.errors import BenchmarkError
from benchmarks.results import Run, ScenarioResult
from benchmarks.summary import Spread, Way, look

PEER = "gateway"
COMPARED: tuple[tuple[str, Way], ...] = (
    ("cpu_us_per_request", "ratio"),
    ("cpu_us_per_chunk", "ratio"),
    ("requests_per_second", "ratio"),
    ("first_p50_ms", "ratio"),
    ("rest_mib_per_worker", "value"),
    ("stream_kib", "value"),
    ("stalled_kib", "value"),
    ("start_seconds", "value"),
)


def render(before: Run, after: Run, *, force: bool = False, peer: str = PEER) -> str:
    """One line a figure. Raises `BenchmarkError` where the two cannot be compared, unless forced."""
    reasons = list(differences(before, after))
    if reasons and not force:
        raise BenchmarkError("these results cannot be compared: " + "; ".join(reasons) + " (--force does it anyway)")
    lines = [f"{'scenario':12} {'figure':32} {'before':>22} {'after':>22} {'change':>8}"]
    lines += _lines(before, after, peer)
    return "\n".join([*(f"! {reason}" for reason in reasons), *lines])


def differences(before: Run, after: Run) -> Iterator[str]:
    """Everything but the gateway itself that differs."""
    for name in before.machine.__struct_fields__:
        old, new = getattr(before.machine, name), getattr(after.machine, name)
        if old != new:
            yield f"{name} {old} and {new}"
    for name in sorted((before.versions.keys() | after.versions.keys()) - {"gateway"}):
        old, new = before.versions.get(name, "absent"), after.versions.get(name, "absent")
        if old != new:
            yield f"{name} {old} and {new}"
    if before.mock != after.mock:
        yield f"mock {before.mock} and {after.mock}"


def _lines(before: Run, after: Run, peer: str) -> Iterator[str]:
    old_results = {result.name: result for result in before.scenarios}
    for new in after.scenarios:
        old = old_results.get(new.name)
        if old is None:
            continue
        if old.scenario != new.scenario:
            yield f"{new.name:12} was measured with other options: not compared"
            continue
        yield from _figures(old, new, peer)


def _figures(old: ScenarioResult, new: ScenarioResult, peer: str) -> Iterator[str]:
    for figure, way in COMPARED:
        before, after = look(old, peer, figure, way), look(new, peer, figure, way)
        if before and after and before.middle:
            name = f"{figure} to nginx" if way == "ratio" else figure
            noise = "  (within the spread)" if before.overlaps(after) else ""
            change = after.middle / before.middle
            yield f"{new.name:12} {name:32} {_text(before):>22} {_text(after):>22} {change:>7.2f}x{noise}"


def _text(found: Spread) -> str:
    return f"{found.middle:.2f} ({found.low:.2f}-{found.high:.2f})"

"""What failed at a provider: by kind over time, and what was made of it. Pure: rows of `providers/failures` in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.usage import figures
from web.charts import Chart, Frame, stacked
from web.colours import OTHER, SERIES
from web.grouped import Naming, series_of
from web.health import in_words

VERDICTS: Mapping[str, str] = {
    "retry": "the same was tried once more",
    "next_credential": "another credential was next",
    "next_target": "another target was next",
    "stop": "that was the answer",
}
"""What was made of a failure, by the word of the verdict."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of failure."""

    word: str
    meaning: str
    tint: str
    attempts: int
    part: float
    """Of all that failed, from 0 to 1, and in words."""
    share: str
    decided: str
    rest_us: int
    rested: str
    """How long it made credentials and models rest, all together."""


def charted(frame: Frame, rows: Sequence[Row]) -> Chart:
    """Failed attempts of each kind, piece by piece."""
    span = frame.span
    here = [row for row in rows if 0 <= row["bucket"] * span.grain_us < span.length_us]
    points = [(span.place(row["bucket"]), row["what"], row["attempts"]) for row in here]
    naming = Naming(_tints(rows), figures.count, figures.exact_count, _word)
    series = series_of(points, len(span.starts), naming)
    return stacked("Failed attempts by kind, 24 h", frame, series, figures.count)


def kinds_of(rows: Sequence[Row]) -> tuple[Kind, ...]:
    """Every kind, the commonest first."""
    tints, whole = _tints(rows), sum(row["attempts"] for row in rows)
    counts = _counts(rows)
    return tuple(
        _kind(name, [row for row in rows if row["what"] == name], tints.get(name, OTHER), whole)
        for name in sorted(counts, key=lambda name: (-counts[name], name))
    )


def _kind(name: str, rows: Sequence[Row], tint: str, whole: int) -> Kind:
    attempts = sum(row["attempts"] for row in rows)
    rest_us = sum(row["rest_us"] for row in rows)
    verdict = max(rows, key=lambda row: row["attempts"])["verdict"]
    return Kind(
        word=_word(name),
        meaning=in_words(name),
        tint=tint,
        attempts=attempts,
        part=attempts / whole if whole else 0.0,
        share=figures.share(attempts, whole),
        decided=VERDICTS.get(verdict or "", ""),
        rest_us=rest_us,
        rested=figures.duration(rest_us) if rest_us else "",
    )


def _tints(rows: Sequence[Row]) -> dict[str, str]:
    """A colour for each of the commonest kinds."""
    counts = _counts(rows)
    order = sorted(counts, key=lambda name: (-counts[name], name))
    return {name: f"series-{number}" for number, name in enumerate(order[:SERIES], 1)}


def _counts(rows: Sequence[Row]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["what"]] = counts.get(row["what"], 0) + row["attempts"]
    return counts


def _word(name: str) -> str:
    return name.replace("_", " ")

"""A chart for the script in which one can look closer: its numbers, and every word that stands at the drawing. Pure.

The words come along, so that both say the same of the same number.
"""

from __future__ import annotations

import orjson

from gateway.usage import figures
from gateway.usage.figures import SECOND
from web.charts import PLOT_WIDTH, Chart, Show
from web.span import Span


def zoom_of(span: Span, chart: Chart, show: Show) -> str:
    """JSON: `at` are the middles of its pieces in seconds, as the drawing has them; `series` have `values` and `words`
    for each."""
    count = len(chart.starts)
    width = (span.until_us - span.since_us) / count / SECOND
    since = span.since_us / SECOND
    said = {
        "since": since,
        "until": span.until_us / SECOND,
        "at": [since + width * (place + 0.5) for place in range(count)],
        "labels": chart.labels,
        "top": chart.top,
        "levels": [[chart.top * (1 - y / 100), word] for y, word in zip(chart.guides, chart.scale, strict=True)],
        "ticks": [[since + width * tick.place, tick.word] for tick in chart.ticks],
        "signs": [since + width * count * sign.x / PLOT_WIDTH for sign in chart.signs],
        "series": [
            {
                "tint": each.tint,
                "values": each.values,
                "words": [figures.NOTHING if value is None else show(round(value)) for value in each.values],
            }
            for each in chart.series
        ],
    }
    return orjson.dumps(said).decode()

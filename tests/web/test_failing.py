from __future__ import annotations

from datetime import UTC
from typing import Any

from gateway.usage.figures import DAY, HOUR
from web.charts import Frame
from web.failing import charted, kinds_of
from web.span import span_of

NOW = 1_795_500_000_000_000


def row(bucket: int, what: str, attempts: int = 1, verdict: str | None = "next_credential", rest_us: int = 0) -> Any:
    return {"bucket": bucket, "what": what, "attempts": attempts, "verdict": verdict, "rest_us": rest_us}


def frame() -> Frame:
    return Frame(span_of({}, NOW, UTC), UTC, NOW)


def test_kinds_come_with_their_share_and_what_was_made_of_them() -> None:
    rows = [row(0, "rate_limit", 6, rest_us=HOUR), row(3, "rate_limit", 3, rest_us=HOUR), row(3, "timeout", 1, None)]
    limited, timed_out = kinds_of(rows)
    assert (limited.word, limited.attempts, limited.share) == ("rate limit", 9, "90 %")
    assert (limited.decided, limited.rested) == ("another credential was next", "2 h")
    assert (timed_out.decided, timed_out.rested, timed_out.meaning) == ("", "", "no answer came in time")


def test_each_kind_has_its_colour_in_chart_and_table_and_the_ninth_is_one_of_the_others() -> None:
    rows = [row(1, f"kind_{number}", 20 - number) for number in range(10)]
    chart, kinds = charted(frame(), rows), kinds_of(rows)
    assert [series.tint for series in chart.series] == [*(f"series-{number}" for number in range(1, 9)), "series-0"]
    assert [kind.tint for kind in kinds] == [*(f"series-{number}" for number in range(1, 9)), "series-0", "series-0"]
    assert chart.series[-1].name == "other"
    assert sum(sum(value or 0 for value in series.values) for series in chart.series) == 155


def test_nothing_failed_is_an_empty_chart() -> None:
    assert charted(frame(), []).is_empty
    assert kinds_of([]) == ()


def test_what_is_not_of_the_time_is_not_drawn() -> None:
    step = frame().span.grain_us
    assert charted(frame(), [row(-1, "server"), row(DAY // step, "server")]).is_empty

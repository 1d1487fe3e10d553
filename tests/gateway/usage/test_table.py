from __future__ import annotations

from typing import Any

import pytest

from gateway.usage import figures, table

REQUEST: dict[str, Any] = {
    "started_at": "2026-11-21T04:09:00.123456Z",
    "key": "team",
    "provider": "mock",
    "model": "gpt-4o",
    "requested_model": "fast",
    "status": 200,
    "input_tokens": 1200,
    "output_tokens": 34,
    "cost_nano_usd": 3_100_000,
    "first_byte_us": 31_000,
    "total_us": 3_100_000,
    "error": None,
}

REFUSED = {
    **REQUEST,
    "key": None,
    "provider": None,
    "model": None,
    "status": 401,
    "error": "invalid_key",
    "cost_nano_usd": None,
    "first_byte_us": None,
}

GROUP: dict[str, Any] = {
    "name": "mock/gpt-4o",
    "requests": 1234,
    "errors": 12,
    "input_tokens": 1_200_000,
    "output_tokens": 34_000,
    "cache_read_tokens": 0,
    "cache_write_tokens": 0,
    "reasoning_tokens": 500,
    "cost_nano_usd": 12_400_000_000,
    "p50_total_us": 420_000,
    "p95_total_us": 3_100_000,
    "p50_first_byte_us": 31_000,
    "p95_first_byte_us": None,
}


def test_requests_are_rows_under_aligned_columns() -> None:
    assert table.render([REQUEST, REFUSED]).splitlines() == [
        "time (UTC)           key   model        status  input  output     cost  first byte  total  error",
        "2026-11-21 04:09:00  team  mock/gpt-4o     200  1.2 k      34  $0.0031       31 ms  3.1 s  –",  # noqa: RUF001 - as shown
        "2026-11-21 04:09:00  –     fast            401  1.2 k      34        –           –  3.1 s  invalid_key",  # noqa: RUF001 - as shown
    ]


def test_groups_have_their_name_first() -> None:
    head, row = table.render([GROUP], by="model").splitlines()
    titles = "model requests errors input cached output reasoning cost first byte p50 p95 total p50 p95"
    assert " ".join(head.split()) == titles
    assert row.split("  ")[0] == "mock/gpt-4o"
    assert [cell for cell in row.replace("mock/gpt-4o", "").split("  ") if cell.strip()][-1].strip() == "3.1 s"
    assert "$12.40" in row
    assert "1.0 %" in row


def test_no_rows_are_said_in_words() -> None:
    assert table.render([]) == "No requests in this time."
    assert table.render([], by="key") == "No requests in this time."


@pytest.mark.parametrize("name", ["\x1b[31mred", "a\nb", "x\u202egnp", "tab\there"])
def test_a_name_cannot_steer_the_terminal(name: str) -> None:
    lines = table.render([{**REFUSED, "requested_model": name}]).splitlines()
    assert len(lines) == 2
    assert all(letter.isprintable() for letter in lines[1])


def test_a_long_name_is_cut() -> None:
    shown = table.render([{**GROUP, "name": "x" * 200}], by="model").splitlines()[1].split()[0]
    assert shown == "x" * 39 + "…"


def test_a_group_without_a_name_is_a_dash() -> None:
    assert table.render([{**GROUP, "name": None}], by="key").splitlines()[1].startswith(figures.NOTHING)


def test_no_line_ends_in_blanks() -> None:
    assert all(line == line.rstrip() for line in table.render([REQUEST, REFUSED]).splitlines())


def test_what_the_rows_lack_is_said() -> None:
    days = ["2026-03-01", "2026-03-02", "2026-03-04"]
    answer = {"rows": [], "not_in_rows": days[:1], "not_in_times": days}
    assert table.lacks(answer, by="key") == [
        "These sums lack some of 2026-03-01 (UTC): requests of then are not kept any longer.",
        "Times are without 2 days from 2026-03-02 to 2026-03-04 (UTC): of these days they are not known for each key.",
    ]
    assert table.lacks({"rows": [], "not_in_rows": days, "not_in_times": days}) == [
        "There are none of 3 days from 2026-03-01 to 2026-03-04 (UTC): requests of then are not kept any longer."
    ]
    assert table.lacks({"rows": [], "not_in_rows": [], "not_in_times": []}, by="model") == []

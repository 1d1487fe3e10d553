"""`GET /api/usage`: what it answers, and to whom."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.records import Tokens, UsageRecord
from tests.gateway.control.process import FORWARDED, ControlProcess, record, running

MINUTE = 60_000_000
OTHER = {**FORWARDED, "x-sluicegate-key": "other", "x-sluicegate-key-id": "other"}


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlProcess]:
    """A control process with a small fixed set of requests."""
    now = time.time_ns() // 1000
    with running(tmp_path_factory.mktemp("control")) as made:
        record(
            made,
            {"id": "0192f0e1-0000-7000-8000-00000000000a", "started_at_us": now - 3 * MINUTE, "total_us": 100_000},
            {"started_at_us": now - 2 * MINUTE, "total_us": 300_000, "cost_nano_usd": 1, "first_byte_us": 33_000},
            {"started_at_us": now - MINUTE, "key": "other", "model": "gpt-4o-mini", "cost_nano_usd": None},
            {
                "started_at_us": now - MINUTE // 2,
                "status": 404,
                "error": "model_not_found",
                "requested_model": "nonsense",
                "provider": None,
                "model": None,
                "credential": None,
                "tokens": Tokens(),
                "cost_nano_usd": None,
                "attempts": (),
                "first_byte_us": None,
            },
            {"started_at_us": now - 90 * MINUTE, "key": "old"},
        )
        yield made


def rows(control: ControlProcess, query: str = "") -> list[dict[str, Any]]:
    answer = control.as_operator(f"/api/usage{query}")
    assert answer.status == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["rows"]
    return found


def test_without_by_there_is_a_row_per_request_newest_first(control: ControlProcess) -> None:
    found = rows(control)
    assert [row["error"] for row in found] == ["model_not_found", None, None, None]
    assert [row["started_at"] for row in found] == sorted((row["started_at"] for row in found), reverse=True)


def test_a_row_has_every_field_of_the_record(control: ControlProcess) -> None:
    row = rows(control)[-1]
    names = {*UsageRecord.__struct_fields__, "started_at"} - {"started_at_us", "tokens"}
    tokens = {f"{name}_tokens" for name in Tokens.__struct_fields__} - {"cost_nano_usd_tokens"}
    assert set(row) == names | tokens | {"tries", "lossy", "captured"}
    assert row["id"] == "0192f0e1-0000-7000-8000-00000000000a"
    assert row["started_at"].endswith("Z")
    assert (row["input_tokens"], row["output_tokens"], row["cost_nano_usd"]) == (10, 20, 3_100_000)
    assert [attempt["status"] for attempt in row["attempts"]] == [500, 200]


def test_last_says_how_far_back(control: ControlProcess) -> None:
    assert len(rows(control, "?last=2h")) == 5
    assert len(rows(control, "?last=90s")) == 2
    assert len(rows(control, "?last=1s")) == 0
    assert len(rows(control, "?last=999999999d")) == 5


def test_limit_keeps_the_newest(control: ControlProcess) -> None:
    assert [row["error"] for row in rows(control, "?limit=1")] == ["model_not_found"]


def test_key_filters(control: ControlProcess) -> None:
    assert [row["key"] for row in rows(control, "?key=other&last=2h")] == ["other"]
    assert rows(control, "?key=nobody") == []


def test_by_model_adds_up(control: ControlProcess) -> None:
    found = rows(control, "?by=model")
    assert [row["name"] for row in found] == ["mock/gpt-4o", "mock/gpt-4o-mini", "nonsense"]
    assert found[0] == {
        "name": "mock/gpt-4o",
        "requests": 2,
        "errors": 0,
        "input_tokens": 20,
        "output_tokens": 40,
        "cache_read_tokens": 6,
        "cache_write_tokens": 2,
        "reasoning_tokens": 8,
        "cost_nano_usd": 3_100_001,
        "p50_total_us": 200_000,
        "p95_total_us": 290_000,
        "p50_first_byte_us": 32_000,
        "p95_first_byte_us": 32_900,
    }
    assert found[1]["cost_nano_usd"] is None
    assert (found[2]["errors"], found[2]["p50_first_byte_us"]) == (1, None)


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("key", [("team", 3), ("old", 1), ("other", 1)]),
        ("provider", [("mock", 4), (None, 1)]),
        ("model", [("mock/gpt-4o", 3), ("mock/gpt-4o-mini", 1), ("nonsense", 1)]),
    ],
)
def test_every_way_of_adding_up(control: ControlProcess, by: str, expected: list[tuple[str | None, int]]) -> None:
    assert [(row["name"], row["requests"]) for row in rows(control, f"?by={by}&last=2h")] == expected


def test_the_answer_repeats_the_question(control: ControlProcess) -> None:
    answer = control.as_operator("/api/usage?by=model&last=30m").json()
    assert (answer["by"], answer["last"]) == ("model", "30m")
    assert answer["since"].endswith("Z")


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("last=1y", "last"),
        ("last=-1h", "last"),
        ("last=0h", "last"),
        ("last=1h%0a", "last"),
        ("last=%D9%A1h", "last"),
        ("by=user", "by"),
        ("limit=0", "limit"),
        ("limit=10001", "limit"),
        ("limit=ten", "limit"),
        ("form=1", "form"),
    ],
)
def test_a_question_that_makes_no_sense_is_named(control: ControlProcess, query: str, param: str) -> None:
    answer = control.as_operator(f"/api/usage?{query}")
    assert answer.status == 400
    assert answer.json()["errors"][0]["parameter"] == param


def test_a_client_sees_the_rows_of_its_key(control: ControlProcess) -> None:
    answer = control.ask("/api/usage?last=2h", OTHER)
    assert {row["key"] for row in answer.json()["rows"]} == {"other"}
    totals = control.ask("/api/usage?last=2h&by=key", OTHER)
    assert [row["name"] for row in totals.json()["rows"]] == ["other"]


def test_a_client_that_asks_for_another_key_sees_nothing(control: ControlProcess) -> None:
    assert control.ask("/api/usage?key=team&last=2h", OTHER).json()["rows"] == []
    assert len(control.ask("/api/usage?key=other&last=2h", OTHER).json()["rows"]) == 1


NOBODY: list[dict[str, str]] = [
    {},
    FORWARDED,
    {"x-sluicegate-key": "team"},
    {"x-sluicegate-operator": ""},
    {"x-sluicegate-operator": "wrong"},
    {**FORWARDED, "x-sluicegate-key": "team"},
]


@pytest.mark.parametrize("headers", NOBODY, ids=str)
def test_whoever_we_do_not_know_sees_nothing(control: ControlProcess, headers: dict[str, str]) -> None:
    for path in ("/api/usage", "/api/health"):
        answer = control.ask(path, headers)
        assert answer.status == 401
        assert answer.json()["code"] == "not_signed_in"


def test_the_operators_token_is_worth_nothing_from_outside(control: ControlProcess) -> None:
    token = (control.directory / "run" / "operator.token").read_text().strip()
    assert control.ask("/api/usage", {**FORWARDED, "x-sluicegate-operator": token}).status == 401


def test_answers_are_not_kept(control: ControlProcess) -> None:
    for answer in (control.as_operator("/api/usage"), control.ask("/api/usage")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-type"] in ("application/json", "application/problem+json")


def test_head_is_get_without_a_body(control: ControlProcess) -> None:
    token = (control.directory / "run" / "operator.token").read_text().strip()
    answer = control.ask("/api/usage", {"x-sluicegate-operator": token}, method="HEAD")
    assert (answer.status, answer.body) == (200, b"")

"""What a filter means, asked of the macro that says it to the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.records import AttemptRecord
from gateway.usage.chosen import OUTCOMES, Filter
from gateway.usage.paging import newest
from tests.web.store import store_in

ATTEMPT = AttemptRecord("mock", "gpt-4o", "first", 200, None, 400_000)
RECORDS: tuple[dict[str, object], ...] = (
    {"key": "team", "key_id": "key:1", "user_id": "u1", "team_id": "t1", "attempts": (ATTEMPT,)},
    {"key": "team", "key_id": "key:1", "requested_model": "fast", "total_us": 9_000_000, "stream": False},
    {
        "key": "file",
        "key_id": None,
        "provider": "second",
        "model": "llama",
        "cost_nano_usd": 10**12,
        "usage_source": "counted",
    },
    {"key": "file", "status": 429, "error": "rate_limited", "attempts": (), "provider": None, "model": None},
    {"key": None, "status": 401, "error": "invalid_key", "attempts": (), "credential": None, "tags": ("a", "b=c")},
    {"status": 502, "error": "upstream_closed", "dropped": ("top_k",), "has_tools": False, "endpoint": "/v1/messages"},
    {
        "status": 200,
        "error": "client_disconnected",
        "user_agent": "Curl/8",
        "upstream_request_id": "REQ_Abc",
        "usage_source": "estimated",
    },
    {"status": 499, "error": "client_disconnected", "answered_model": "gpt-4.1"},
)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({}, range(8)),
        ({"key": "key:1"}, (0, 1)),
        ({"key": "file"}, (2, 3)),
        ({"key_ids": ("key:1", "file")}, (0, 1, 2, 3)),
        ({"key_ids": ()}, ()),
        ({"key_ids": ("file",), "key": "key:1"}, ()),
        ({"user": "u1"}, (0,)),
        ({"team": "t1"}, (0,)),
        ({"provider": "second"}, (2,)),
        ({"model": "llama"}, (2,)),
        ({"requested_model": "fast"}, (1,)),
        ({"endpoint": "/v1/messages"}, (5,)),
        ({"error": "upstream_closed"}, (5,)),
        ({"outcome": "ok"}, (0, 1, 2)),
        ({"outcome": "refused"}, (3, 4)),
        ({"outcome": "failed"}, (5,)),
        ({"outcome": "left"}, (6, 7)),
        ({"tag": "b=c"}, (4,)),
        ({"stream": False}, (1,)),
        ({"retried": False}, (0, 3, 4)),
        ({"lossy": True}, (5,)),
        ({"tools": False}, (5,)),
        ({"usage_source": "counted"}, (2,)),
        ({"usage_source": "estimated"}, (6,)),
        ({"usage_source": "none"}, ()),
        ({"other_model": True}, (2, 7)),
        ({"least_total_us": 1_000_000}, (1,)),
        ({"least_cost": 10**12}, (2,)),
        ({"search": "LLAMA"}, (2,)),
        ({"search": "curl"}, (6,)),
        ({"search": "req_abc"}, (6,)),
        ({"search": "nothing like it"}, ()),
        ({"search": "%"}, ()),
    ],
    ids=lambda part: str(part) if isinstance(part, dict) else "",
)
async def test_a_filter_means_what_it_says(tmp_path: Path, said: dict[str, object], meant: tuple[int, ...]) -> None:
    with store_in(tmp_path) as store:
        ids = store.add(*({"started_at_us": 1000 + number, **each} for number, each in enumerate(RECORDS)))
        chosen = Filter(since_us=0, until_us=2000, **said)  # type: ignore[arg-type] # as the test says
        page = await newest(store.read, chosen)
        assert sorted(row["id"] for row in page.rows) == sorted(ids[number] for number in meant)


async def test_a_time_begins_with_its_first_instant_and_ends_before_its_last(tmp_path: Path) -> None:
    with store_in(tmp_path) as store:
        store.add(*({"started_at_us": at} for at in (999, 1000, 1999, 2000)))
        found = await store.read("requests/summed", {"filter": Filter(since_us=1000, until_us=2000).parameter()})
        assert found[0]["requests"] == 2


async def test_an_id_finds_its_request(tmp_path: Path) -> None:
    with store_in(tmp_path) as store:
        first, _ = store.add({"started_at_us": 1000}, {"started_at_us": 1000})
        chosen = Filter(since_us=0, until_us=2000, search=first.upper())
        found = await store.read("requests/summed", {"filter": chosen.parameter()})
        assert found[0]["requests"] == 1


def test_outcomes_are_those_of_the_macro() -> None:
    assert OUTCOMES == ("ok", "refused", "failed", "left")

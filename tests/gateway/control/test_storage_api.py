"""The analytics store over HTTP: what it holds, what happened long ago, having its file written anew."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from msgspec.structs import replace

from gateway import operator
from gateway.operator import NotAnswered
from gateway.settings.model import BucketSettings
from gateway.store.asking.watch import bytes_of
from gateway.upkeep.days import DAY_US
from tests.gateway.control.process import FORWARDED, ControlProcess, record, running, settings_in
from tests.gateway.outbound.s3_server import BUCKET, KEY_ID, REGION, SECRET, Shop, failing, serving
from tests.waiting import until

NOW = time.time_ns() // 1000
NOW_IN_WORDS = datetime.fromtimestamp(NOW / 1e6, UTC)
TODAY = NOW_IN_WORDS.date()
OTHER = {**FORWARDED, "x-sluicegate-key": "other", "x-sluicegate-key-id": "other"}

AGO = (0, 1, 2, 100, 101)
"""How many days ago there was a request; the last two are older than requests are kept."""


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with serving() as made:
        yield made


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory, shop: Shop) -> Iterator[ControlProcess]:
    """A control process whose store has requests of some days; of some it has sums alone. Its archive is copied."""
    directory = tmp_path_factory.mktemp("control")
    usual = settings_in(directory)
    bucket = BucketSettings(
        url=f"s3://{BUCKET}/here",
        endpoint=shop.url,
        region=REGION,
        access_key_id=KEY_ID,
        secret_access_key=SECRET,
        allow_http=True,
    )
    settings = replace(usual, usage=replace(usual.usage, bucket=bucket))
    with running(directory, settings) as made:
        record(made, *({"started_at_us": NOW - days * DAY_US, "cost_nano_usd": 10**days} for days in AGO[:3]))
        record(made, *({"started_at_us": NOW - days * DAY_US, "cost_nano_usd": 7} for days in AGO[3:]))
        record(made, {"started_at_us": NOW - 100 * DAY_US, "key": "other", "model": "gpt-4o-mini", "cost_nano_usd": 3})
        for job in ("roll-up-usage", "archive-usage", "forget-usage"):
            run(made, job)
        yield made


def run(control: ControlProcess, job: str, error: str = "") -> None:
    """Have a job done from beginning to end, and have it go well, or say what it must."""

    def found() -> dict[str, Any]:
        return next(one for one in ask(control, "/api/jobs")["items"] if one["name"] == job)

    before = found()["runs"]
    operator.tell(control.directory, "POST", f"/api/jobs/{job}/run")
    until(lambda: found()["runs"] > before and not found()["is_running"], 10)
    assert error in found()["error"] if error else found()["error"] is None


def ask(control: ControlProcess, path: str, **parameters: str | int) -> Any:
    return operator.ask(control.directory, path, parameters)


def days_ago(count: int) -> str:
    return (TODAY - timedelta(days=count)).isoformat()


def test_what_the_store_holds_is_told(control: ControlProcess) -> None:
    said = ask(control, "/api/usage/storage")
    assert said["requests"] == 3
    assert (said["rolled_days"], said["days_with_requests"]) == (4, 2)
    assert (said["rolled_since"], said["rolled_until"]) == (days_ago(101), days_ago(1))
    assert (said["archived_since"], said["archived_until"], said["archived_days"]) == (days_ago(2), days_ago(1), 2)
    assert said["archive_bytes"] > 0
    assert 0 < said["memory_bytes"] < bytes_of(said["memory_limit"])
    assert said["used_bytes"] + said["free_bytes"] == said["file_bytes"] > 0
    assert said["newest_at"].startswith(TODAY.isoformat())
    assert said["oldest_at"].startswith(days_ago(2))


def test_days_are_told_long_after_their_requests_are_gone(control: ControlProcess) -> None:
    rows = ask(control, "/api/usage/days", days=365)["rows"]
    assert [(row["day"], row["requests"], row["cost_nano_usd"]) for row in rows] == [
        (days_ago(101), 1, 7),
        (days_ago(100), 2, 10),
        (days_ago(2), 1, 100),
        (days_ago(1), 1, 10),
        (days_ago(0), 1, 1),
    ]
    assert {row["name"] for row in rows} == {None}
    assert [row["day"] for row in ask(control, "/api/usage/days", days=1)["rows"]] == [days_ago(1), days_ago(0)]


def test_days_are_added_up_by_whatever_is_asked(control: ControlProcess) -> None:
    rows = ask(control, "/api/usage/days", days=100, by="key", limit=2)["rows"]
    assert [(row["name"], row["cost_nano_usd"]) for row in rows] == [("team", 7), ("other", 3)]
    rows = ask(control, "/api/usage/days", days=365, by="model", key="other")["rows"]
    assert [(row["name"], row["ok"]) for row in rows] == [("mock/gpt-4o-mini", 1)]


def test_a_client_key_sees_its_own_days_alone(control: ControlProcess) -> None:
    rows = control.ask("/api/usage/days?days=365", OTHER).json()["rows"]
    assert [(row["day"], row["cost_nano_usd"]) for row in rows] == [(days_ago(100), 3)]
    assert control.ask("/api/usage/latency", OTHER).status == 403
    assert control.ask("/api/usage/storage", OTHER).status == 403


def test_times_are_told_by_day_and_hour(control: ControlProcess) -> None:
    said = ask(control, "/api/usage/latency", days=365, metric="total")
    assert [(row["at"][:10], row["requests"]) for row in said["rows"]] == [
        (days_ago(101), 1),
        (days_ago(100), 2),
        (days_ago(2), 1),
        (days_ago(1), 1),
        (days_ago(0), 1),
    ]
    assert all(abs(row["p99_us"] - 420_000) < 20_000 for row in said["rows"])
    hours = ask(control, "/api/usage/latency", days=365, metric="total", step="hour", model="gpt-4o")["rows"]
    assert [row["at"][11:13] for row in hours] == ["00", "00", *[f"{NOW_IN_WORDS:%H}"] * 3]


def test_a_question_that_makes_no_sense_is_refused(control: ControlProcess) -> None:
    for path in ("/api/usage/days?by=hour", "/api/usage/days?days=-1", "/api/usage/latency?metric=cost"):
        assert control.as_operator(path).status in (400, 422)


def test_the_file_is_written_anew_when_somebody_asks(control: ControlProcess) -> None:
    begun: Mapping[str, Any] = operator.tell(control.directory, "POST", "/api/usage/compact")
    assert (begun["name"], begun["ended_at"]) == ("compact", None)
    done = until(lambda: ended(control))
    assert done["error"] is None
    assert done["figures"]["after_bytes"] > 0
    assert ask(control, "/api/usage/storage")["requests"] == 3


def test_the_archive_is_taken_in_when_somebody_asks(control: ControlProcess) -> None:
    operator.tell(control.directory, "POST", "/api/usage/import-archive", {"since": "2020-01-01"})
    assert until(lambda: ended(control))["figures"] == {"days": 2, "requests": 0, "unreadable": 0}
    with pytest.raises(NotAnswered, match="since"):
        operator.tell(control.directory, "POST", "/api/usage/import-archive", {})


def test_the_archive_is_copied_and_it_is_told_when_it_cannot_be(control: ControlProcess, shop: Shop) -> None:
    shop.troubles += [failing("GET", 403, "AccessDenied")]
    run(control, "send-archive", f"BucketAway: s3://{BUCKET}/here: ")
    assert shop.objects == {}
    run(control, "send-archive")
    copies = {key.removeprefix("here/"): kept.body for key, kept in shop.objects.items()}
    files = (control.directory / "archive" / "usage").glob("*.parquet")
    assert copies == {path.name: path.read_bytes() for path in files}
    assert len(copies) == 2
    shown = ask(control, "/api/settings/usage.bucket")
    assert (shown["value"]["url"], shown["changeable"]) == (f"s3://{BUCKET}/here", False)
    assert SECRET not in str(shown)


def ended(control: ControlProcess) -> dict[str, Any]:
    """What was asked for, once it is done; empty before."""
    errand: dict[str, Any] = ask(control, "/api/usage/storage")["errand"]
    return errand if errand["ended_at"] is not None else {}


def test_settings_say_how_long_everything_is_kept(control: ControlProcess) -> None:
    token = (control.directory / "run" / "operator.token").read_text().strip()
    answer = control.ask("/api/settings/usage.retention_days", {"x-sluicegate-operator": token})
    assert orjson.loads(answer.body)["value"] == 90
    with pytest.raises(NotAnswered, match="configuration file alone"):
        operator._answer(control.directory, "PUT", "/api/settings/usage.archive", b'{"value": "/etc"}')

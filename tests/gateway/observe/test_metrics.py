from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.observe import snapshot
from gateway.observe.metrics import CELLS, Metrics
from gateway.observe.naming import TARGETS
from gateway.observe.tally import Readings
from gateway.records import UsageRecord
from tests.gateway.observe.samples import ENDPOINTS, ORDINARY, exchange, refused, tried

STARTED = 1_750_000_000_000_000

Numbers = dict[tuple[str, frozenset[tuple[str, str]]], float]


def metrics(
    directory: Path, worker: int = 0, *, started: int = STARTED, readings: Callable[[], Readings] = Readings
) -> Metrics:
    return Metrics(directory, worker, started_at_us=started, endpoints=ENDPOINTS, readings=readings)


def numbers(text: bytes) -> Numbers:
    families = text_string_to_metric_families(text.decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def number(of: Metrics, name: str, **labels: str) -> float:
    """The sum of all samples that carry these labels."""
    wanted = set(labels.items())
    return sum(value for (each, has), value in numbers(of.render()).items() if each == name and wanted <= has)


def test_an_exchange_is_counted_under_what_the_gateway_knows_of_it(tmp_path: Path) -> None:
    worker = metrics(tmp_path)
    worker.observe(ORDINARY)
    labels = {"endpoint": "/v1/chat/completions", "provider": "mock", "model": "gpt", "status": "2xx", "error": ""}
    assert numbers(worker.render())["sluicegate_requests_total", frozenset(labels.items())] == 1


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("sluicegate_tokens_total", {"kind": "input"}, 120),
        ("sluicegate_tokens_total", {"kind": "output"}, 34),
        ("sluicegate_tokens_total", {"kind": "cache_read"}, 100),
        ("sluicegate_tokens_total", {"kind": "cache_write"}, 7),
        ("sluicegate_tokens_total", {"kind": "reasoning"}, 5),
        ("sluicegate_cost_usd_total", {}, 1.5),
        ("sluicegate_unpriced_requests_total", {}, 0),
        ("sluicegate_request_bytes_total", {}, 1000),
        ("sluicegate_response_bytes_total", {}, 5000),
        ("sluicegate_attempts_total", {"provider": "mock", "model": "gpt", "error": "", "fault": ""}, 1),
        ("sluicegate_request_duration_seconds_sum", {}, 0.812345),
        ("sluicegate_request_duration_seconds_bucket", {"le": "0.64"}, 0),
        ("sluicegate_request_duration_seconds_bucket", {"le": "1.28"}, 1),
        ("sluicegate_request_duration_seconds_bucket", {"le": "+Inf"}, 1),
        ("sluicegate_time_to_first_byte_seconds_sum", {}, 0.03),
        ("sluicegate_time_to_first_byte_seconds_count", {}, 1),
        ("sluicegate_overhead_seconds_sum", {}, 0.0004),
        ("sluicegate_overhead_seconds_bucket", {"le": "0.00025"}, 0),
        ("sluicegate_overhead_seconds_bucket", {"le": "0.0005"}, 1),
    ],
)
def test_what_an_exchange_adds(tmp_path: Path, name: str, labels: dict[str, str], value: float) -> None:
    worker = metrics(tmp_path)
    worker.observe(ORDINARY)
    assert number(worker, name, **labels) == value


def test_a_value_on_a_bound_belongs_to_the_bucket_below_it(tmp_path: Path) -> None:
    worker = metrics(tmp_path)
    worker.observe(exchange(total_us=10_000))
    assert number(worker, "sluicegate_request_duration_seconds_bucket", le="0.01") == 1


def test_every_try_is_counted_with_how_it_failed(tmp_path: Path) -> None:
    worker = metrics(tmp_path)
    worker.observe(exchange(attempts=(tried(error="upstream_timeout"), tried(error="upstream_timeout"), tried())))
    assert number(worker, "sluicegate_attempts_total", error="upstream_timeout") == 2
    assert number(worker, "sluicegate_attempts_total", error="") == 1


def test_every_try_is_counted_with_whose_fault_it_was(tmp_path: Path) -> None:
    worker = metrics(tmp_path)
    limited = tried(error="upstream_status_429", reason="rate_limit")
    for _ in range(2):
        worker.observe(exchange(attempts=(limited, tried(error="hedge_lost"), tried())))
        worker.observe(exchange(status=429, error="upstream_error", attempts=(limited,)))
        wrong = tried(error="upstream_status_400", reason="bad_request")
        worker.observe(exchange(status=400, error="upstream_error", attempts=(wrong,)))
    told = {fault: number(worker, "sluicegate_attempts_total", fault=fault) for fault in ("", "provider", "client")}
    assert told == {"": 2, "provider": 2, "client": 2}
    assert number(worker, "sluicegate_attempts_total", fault="nobody") == 4


def test_a_refused_request_has_no_provider_and_no_model(tmp_path: Path) -> None:
    worker = metrics(tmp_path)
    worker.observe(refused())
    assert number(worker, "sluicegate_requests_total", provider="", model="", status="4xx", error="invalid_key") == 1


def test_an_error_answer_says_nothing_about_the_time_to_first_byte(tmp_path: Path) -> None:
    worker = metrics(tmp_path)
    worker.observe(exchange(status=502, error="upstream_closed"))
    assert number(worker, "sluicegate_time_to_first_byte_seconds_count") == 0
    assert number(worker, "sluicegate_request_duration_seconds_count") == 1


def test_tokens_without_a_price_are_counted_as_such(tmp_path: Path) -> None:
    worker = metrics(tmp_path)
    worker.observe(exchange(cost_nano_usd=None, cost_source="unpriced"))
    assert number(worker, "sluicegate_unpriced_requests_total", model="gpt") == 1


@pytest.mark.parametrize(("status", "label"), [(101, "1xx"), (499, "4xx"), (503, "5xx"), (999, "other"), (42, "other")])
def test_a_status_is_counted_by_its_class(tmp_path: Path, status: int, label: str) -> None:
    worker = metrics(tmp_path)
    worker.observe(exchange(status=status, error="upstream_malformed"))
    assert number(worker, "sluicegate_requests_total", status=label) == 1


def test_ten_thousand_models_that_do_not_exist_add_nothing(tmp_path: Path) -> None:
    worker = metrics(tmp_path)
    worker.observe(ORDINARY)
    worker.observe(exchange(model="invented", status=404, error="upstream_error", attempts=(tried("invented"),)))
    worker.observe(refused(404, "model_not_found", requested_model="invented"))
    lines = worker.render().count(b"\n")
    for index in range(10_000):
        name = f"invented-{index}"
        worker.observe(exchange(model=name, status=404, error="upstream_error", attempts=(tried(name),)))
        worker.observe(refused(404, "model_not_found", requested_model=name))
    assert worker.render().count(b"\n") == lines
    assert number(worker, "sluicegate_requests_total", model="other", status="4xx") == 10_001
    worker.observe(exchange(model="real"))
    assert number(worker, "sluicegate_requests_total", model="real") == 1


def test_models_that_a_provider_answers_for_are_counted_apart_up_to_a_limit(tmp_path: Path) -> None:
    worker = metrics(tmp_path)
    for index in range(10_000):
        name = f"anything-{index}"
        worker.observe(exchange(model=name, attempts=(tried(name),)))
    size = len(worker.render())
    assert number(worker, "sluicegate_requests_total", status="2xx") == 10_000
    assert number(worker, "sluicegate_requests_total", model="other") == 10_000 - TARGETS
    assert number(worker, "sluicegate_attempts_total", model="other") == 10_000 - TARGETS
    assert size < 2_000_000


def test_nothing_else_a_client_invents_becomes_a_label(tmp_path: Path) -> None:
    worker = metrics(tmp_path)
    long = "x" * 5000
    worker.observe(refused(404, "unknown_url", endpoint="/wp-login.php"))
    worker.observe(exchange(model=long, requested_model=long, user_agent="evil-agent", key="secret-team"))
    text = worker.render()
    for invented in (b"wp-login", b"xxxx", b"evil-agent", b"secret-team"):
        assert invented not in text
    assert number(worker, "sluicegate_requests_total", endpoint="other") == 1


@pytest.mark.parametrize("name", ["half \ud83d", "two\nlines", "x" * 129, "other"])
def test_what_cannot_be_the_name_of_a_model_is_no_label(tmp_path: Path, name: str) -> None:
    worker = metrics(tmp_path)
    worker.observe(exchange(model=name, attempts=(tried(name),)))
    assert number(worker, "sluicegate_requests_total", model="other", status="2xx") == 1
    assert number(worker, "sluicegate_attempts_total", model="other") == 1


def test_what_is_remembered_is_bounded_whatever_a_provider_answers(tmp_path: Path) -> None:
    worker = metrics(tmp_path)
    for status in range(100, 1000):
        for error in ("a", "b", "c", "d", "e", "f"):
            worker.observe(exchange(status=status, error=error))
    assert len(worker._cells) <= CELLS
    assert number(worker, "sluicegate_requests_total") == 900 * 6


def test_readings_are_taken_when_asked(tmp_path: Path) -> None:
    now = Readings(in_flight=3, streams_open=2, connections_open=5, connections_idle=4, spool_backlog_bytes=77)
    worker = metrics(tmp_path, readings=lambda: now)
    assert number(worker, "sluicegate_requests_in_flight") == 3
    now = Readings(in_flight=1, connections_open=5, connections_idle=4, connections_opened=9, log_lines_dropped=8)
    assert number(worker, "sluicegate_requests_in_flight") == 1
    assert number(worker, "sluicegate_upstream_connections", state="busy") == 1
    assert number(worker, "sluicegate_upstream_connections", state="idle") == 4
    assert number(worker, "sluicegate_upstream_connections_opened_total") == 9
    assert number(worker, "sluicegate_log_lines_dropped_total") == 8


def test_the_spool_is_one_and_not_added_up(tmp_path: Path) -> None:
    first, _ = (metrics(tmp_path, worker, readings=lambda: Readings(spool_backlog_bytes=50)) for worker in (0, 1))
    assert number(first, "sluicegate_spool_backlog_bytes") == 50


def test_the_start_of_the_gateway_gives_the_uptime(tmp_path: Path) -> None:
    worker = metrics(tmp_path, started=round((time.time() - 100) * 1_000_000))
    assert 100 <= number(worker, "sluicegate_uptime_seconds") < 160


def test_a_snapshot_is_written_only_when_something_changed(tmp_path: Path) -> None:
    worker = metrics(tmp_path)
    file = snapshot.path(tmp_path, 0)
    before = file.stat().st_ino
    worker.publish()
    assert file.stat().st_ino == before
    worker.observe(ORDINARY)
    worker.publish()
    assert file.stat().st_ino != before


def test_whoever_looks_sees_every_exchange_that_has_ended(tmp_path: Path) -> None:
    ended: list[UsageRecord] = []

    def catch_up() -> None:
        while ended:
            worker.observe(ended.pop())

    worker = metrics(tmp_path)
    worker.catch_up = catch_up
    ended.append(ORDINARY)
    assert number(worker, "sluicegate_requests_total") == 1
    ended += [ORDINARY, refused()]
    worker.publish()
    assert number(metrics(tmp_path, 1), "sluicegate_requests_total") == 3


def test_what_another_start_of_the_gateway_left_is_not_counted(tmp_path: Path) -> None:
    for index in (0, 1):
        old = metrics(tmp_path, index, started=STARTED - 1)
        old.observe(ORDINARY)
        old.publish()
    assert number(metrics(tmp_path), "sluicegate_requests_total") == 0


def test_a_file_that_is_no_snapshot_is_passed_over(tmp_path: Path) -> None:
    for index, content in enumerate((b"", b"{", b'{"tally": 1}', b"\xff" * 9)):
        (tmp_path / f"{index}.json").write_bytes(content)
    worker = metrics(tmp_path)
    worker.observe(ORDINARY)
    assert number(worker, "sluicegate_requests_total") == 1


def test_a_scrape_is_answered_when_nothing_can_be_written(tmp_path: Path) -> None:
    worker = metrics(tmp_path / "metrics")
    for file in (tmp_path / "metrics").iterdir():
        file.unlink()
    (tmp_path / "metrics").rmdir()
    worker.observe(ORDINARY)
    assert number(worker, "sluicegate_requests_total") == 1

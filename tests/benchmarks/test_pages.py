"""Loading pages as a browser does, counting what that takes, and telling it in a report."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from msgspec import structs

from benchmarks.errors import BenchmarkError
from benchmarks.pages import Browser, Visit, figures, filled
from benchmarks.places import ROOT
from benchmarks.report import render
from benchmarks.results import Measurement, ScenarioResult
from benchmarks.scenarios import Pages, load_all, shortened
from tests.benchmarks.samples import CORES, a_run
from tests.waiting import until

PAGE = b"""<html><head><link rel="stylesheet" href="/static/a.css"><script src="/static/a.js"></script>
<link rel="canonical" href="/there"></head><body>
<section hx-get="?block=one&amp;range=7d" hx-trigger="load">...</section>
<section hx-trigger="every 5s, load delay:1s" hx-get="/other"></section>
<section hx-get="?block=live" hx-trigger="every 5s"></section></body></html>"""


class Dashboard(BaseHTTPRequestHandler):
    """One page with parts."""

    protocol_version = "HTTP/1.1"
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        body = PAGE if self.path == "/page" else b"part"
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *words: object) -> None:  # noqa: A002 - as the library calls it
        """Nobody reads it."""


@contextmanager
def dashboard() -> Iterator[tuple[str, list[str]]]:
    """Where it is, and what it was asked for."""
    asked: list[str] = []
    serving = type("Serving", (Dashboard,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), serving) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()


def test_a_page_is_there_when_all_of_its_parts_are() -> None:
    with dashboard() as (address, asked):
        browser = Browser(address)
        visit = browser.load("/page")
        browser.close()
    assert asked == ["/page", "/page?block=one&range=7d", "/other"]
    assert (visit.requests, visit.kept, visit.bytes) == (3, 2, len(PAGE) + 8)
    assert visit.seconds > 0


def test_a_page_that_is_not_there_is_named() -> None:
    with dashboard() as (address, _):
        browser = Browser(address)
        with pytest.raises(BenchmarkError, match="/missing was answered 404"):
            browser.load("/missing")
        browser.close()
    with pytest.raises(BenchmarkError, match="/page: ConnectionRefusedError"):
        Browser(address).load("/page")


def test_somebody_looks_at_a_page_until_ended() -> None:
    with dashboard() as (address, asked):
        process = subprocess.Popen([sys.executable, "-m", "benchmarks.pages", address, "/page"], cwd=ROOT)
        try:
            until(lambda: asked.count("/page") > 20, 20)
        finally:
            process.kill()
            process.wait()


def test_figures_are_those_of_many_visits() -> None:
    visits = [Visit(seconds / 1000, 2, 3, 5000) for seconds in range(1, 101)]
    found = figures(visits)
    assert found["p50_ms"] == pytest.approx(50.5)
    assert found["first_ms"] == pytest.approx(1)
    assert found["p95_ms"] == pytest.approx(95.05)
    assert (found["requests"], found["first_requests"], found["kilobytes"]) == (2, 5, 5)
    assert figures(visits[:1])["p95_ms"] == pytest.approx(1)


def test_places_in_addresses_are_filled() -> None:
    assert filled("/requests/{id}?key={key}", {"id": "1-2", "key": "key:a b"}) == "/requests/1-2?key=key%3Aa%20b"


def pages() -> ScenarioResult:
    scenario = Pages(
        title="Pages",
        order=9,
        peers=("with-records",),
        requests=1000,
        days=3.0,
        loads=2,
        records_per_second=10,
        pages={"Overview": "/", "Spend": "/spend"},
    )
    told = {"first_ms": 56.0, "p50_ms": 12.0, "p95_ms": 34.0, "requests": 1.0, "first_requests": 5.0, "kilobytes": 9.0}
    measured = {f"Overview.{name}": value for name, value in told.items()} | {"taken_per_second": 10.0}
    remarks = ("/spend was answered 500",)
    measurement = Measurement(peer="with-records", round=0, figures=measured, remarks=remarks)
    return ScenarioResult(name="pages", scenario=scenario, cores=CORES, measurements=(measurement,))


def test_the_report_has_a_row_for_each_page() -> None:
    text = render(structs.replace(a_run(), scenarios=(pages(),)), "run.json")
    assert "| Overview | 56.0 | 12.0 | 34.0 | 1.00 | 5.00 | 9.00 |" in text
    assert "| Spend |  |  |  |  |  |  |" in text
    assert "- with-records: round 1: /spend was answered 500" in text
    assert "1,000 requests of 3 days; 2 loads of each page, 10 records a second" in text
    assert "the overview, p95, 10,000,000 requests | ≤ 1000 ms | 34.0 | reached" in text


def test_a_quick_run_has_few_requests() -> None:
    (scenario,) = (shortened(named.scenario) for named in load_all() if named.name == "pages")
    assert isinstance(scenario, Pages)
    assert scenario.requests <= 200_000
    assert scenario.loads <= 3

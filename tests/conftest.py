"""What every test shares: the skip policy.

A test that starts another program says so with `@pytest.mark.needs("nginx")`. On a machine without that program it is
skipped, with the reason. Where `CI=true` nothing may be skipped: a missing program fails, and so does any other skip.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Generator
from pathlib import Path

import hypothesis
import pytest

from tests.programs import find

pytest_plugins = ("tests.postgres", "tests.redis_server")

IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}

# Clients of the tests speak to servers of the tests. To read every authority of the world would take each of them a
# thirtieth of a second of a core. Gateways of the tests are not told of this.
os.environ["SSL_CERT_FILE"] = str(Path(__file__).parent / "nobody.pem")

# A busy machine is no failure, and a run that decides about a change finds the same each time.
hypothesis.settings.register_profile("ours", deadline=None, derandomize=IN_CI, print_blob=True)
hypothesis.settings.load_profile("ours")


def pytest_collection_finish() -> None:
    # Modules and tests stay until the end: the collector need not look at them again and again.
    gc.freeze()


def pytest_unconfigure() -> None:
    gc.unfreeze()  # DuckDB complains of what is left of it at the end


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        for program in mark.args:
            if find(program) is None:
                pytest.skip(f"{program} is not installed")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        fail(report, item.nodeid)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if IN_CI and report.skipped:
        fail(report, collector.nodeid)
    return report


def fail(report: pytest.TestReport | pytest.CollectReport, name: str) -> None:
    """Turns a skip into a failure that keeps the skip's reason."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"{name}: nothing is skipped where CI=true ({reason})"

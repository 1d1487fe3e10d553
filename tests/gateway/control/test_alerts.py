"""Alerts of control processes that share a database: told once, whoever finds them, and not again after an end."""

from __future__ import annotations

import shutil
from pathlib import Path

from gateway.credentials.keyfile import key_file
from gateway.settings.alerting import AlertSettings, WebhookSettings
from gateway.settings.model import DatabaseSettings, Settings
from gateway.settings.objects import ClientKeySettings
from tests.gateway.alerts.hooks import aside, hook
from tests.gateway.control.process import ControlProcess, record, running, settings_in
from tests.postgres import Server, needs_postgres
from tests.waiting import until

BUDGET = 0.003
"""Less than what the request of `record` costs."""

TEAM = ClientKeySettings(name="team", key="sk-canary-of-a-team", budget_usd=BUDGET)


@needs_postgres
def test_of_two_that_find_the_same_one_tells_it_and_neither_does_again(postgres: Server, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    with aside(hook()) as there:
        alerts = AlertSettings(
            webhooks=(WebhookSettings(name="ops", url=there.url),), disk_percent=(), error_percent=0.0
        )
        database = DatabaseSettings(url=postgres.fresh())

        def settings(directory: Path) -> Settings:
            return settings_in(directory, database=database, alerts=alerts, client_keys=(TEAM,))

        one.mkdir()
        other.mkdir()
        with running(one, settings(one)) as first:
            shutil.copy(key_file(one), key_file(other))
            with running(other, settings(other)) as second:
                for control in (first, second):
                    record(control, {})
                    do(control, "raise-spent")
                    until(lambda control=control: used(control) > BUDGET, every=0.05)  # type: ignore[misc]
                for _ in range(3):
                    watch(first)
                    watch(second)
                assert [told.events for told in there.told] == [["opened"]]
                first.kill()
                watch(second)
            with running(other, settings(other)) as again:
                watch(again)
                assert len(again.as_operator("/api/alerts?state=open").json()["items"]) == 1
        assert [told.events for told in there.told] == [["opened"]]


def watch(control: ControlProcess) -> None:
    """Have it look, and wait for the end of that: of both together it is known how often they did."""
    before = runs(control)
    do(control, "watch-alerts")
    until(lambda: runs(control) > before, every=0.05)


def do(control: ControlProcess, job: str) -> None:
    token = (control.directory / "run" / "operator.token").read_text().strip()
    assert control.ask(f"/api/jobs/{job}/run", {"x-sluicegate-operator": token}, method="POST").status == 204


def runs(control: ControlProcess) -> int:
    (job,) = (one for one in control.as_operator("/api/jobs").json()["items"] if one["name"] == "watch-alerts")
    assert job["error"] is None
    return int(job["runs"]) if job["finished_at"] else -1


def used(control: ControlProcess) -> float:
    (limit,) = control.as_operator("/api/keys/team/limits").json()["items"]
    return float(limit["used"]) / 1e9

"""Several control processes on one database: one of them does what concerns all."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from gateway.credentials.keyfile import key_file
from gateway.settings.model import DatabaseSettings
from tests.gateway.control.process import ControlProcess, running, settings_in
from tests.postgres import Server, needs_postgres
from tests.waiting import until

SHARED, OURS = "forget-what-is-over", "checkpoint"


@needs_postgres
def test_of_two_one_does_what_concerns_both_and_the_other_when_it_is_gone(postgres: Server, tmp_path: Path) -> None:
    database = DatabaseSettings(url=postgres.fresh())
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    with running(one, settings_in(one, database=database)) as first:
        run(first, SHARED)
        until(lambda: runs(first, SHARED) == 1)
        shutil.copy(key_file(one), key_file(other))  # machines that share a database share its key
        with running(other, settings_in(other, database=database)) as second:
            run(second, SHARED)
            run(second, OURS)
            until(lambda: runs(second, OURS) == 1)
            run(first, SHARED)
            until(lambda: runs(first, SHARED) == 2)
            assert runs(second, SHARED) == 2, "what the second was asked for it left to the first"
            first.kill()
            until(lambda: has_run(second, SHARED, 3))


def has_run(control: ControlProcess, name: str, times: int) -> bool:
    """Ask for it until somebody does it: the database takes a moment to see that a connection is gone."""
    if runs(control, name) < times:
        run(control, name)
    return runs(control, name) >= times


def run(control: ControlProcess, name: str) -> None:
    token = (control.directory / "run" / "operator.token").read_text().strip()
    assert control.ask(f"/api/jobs/{name}/run", {"x-sluicegate-operator": token}, method="POST").status == 204


def runs(control: ControlProcess, name: str) -> int:
    jobs: list[dict[str, Any]] = control.as_operator("/api/jobs").json()["items"]
    (found,) = [job["runs"] for job in jobs if job["name"] == name]
    return int(found)

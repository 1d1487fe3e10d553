"""New settings for a gateway of test children: read when somebody asks or a file changes, for all children or none."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

from tests.children.running import KEY, answers, config, running, streamed
from tests.waiting import until


def test_sighup_takes_new_settings_without_cutting_a_stream(tmp_path: Path) -> None:
    path = config(tmp_path, "one")
    with running(tmp_path, "--config", str(path)) as gateway:
        assert gateway.names() == "one"
        worker = gateway.worker()
        thread, got = streamed(gateway, 0.7)
        config(tmp_path, "one", "two")
        gateway.signal(signal.SIGHUP)
        until(lambda: gateway.names() == "one,two")
        thread.join(5)
        assert b"".join(got).endswith(b"0\r\n\r\n")
        assert gateway.worker() == worker
        assert gateway.events("settings read")[0]["generation"] == 2
        assert {event["child"] for event in gateway.events("child goes by new settings")} >= {"worker-0"}


def test_sighup_with_a_wrong_file_names_file_line_and_key_and_changes_nothing(tmp_path: Path) -> None:
    path = config(tmp_path, "one")
    with running(tmp_path, "--config", str(path)) as gateway:
        assert gateway.names() == "one"
        config(tmp_path, "two", head="[server]\nworkrs = 2\n")
        gateway.signal(signal.SIGHUP)
        (refusal,) = until(lambda: gateway.events("settings refused, the old ones stay"))
        assert refusal["reason"] == f"{path}:2: server.workrs: unknown name (did you mean `workers`?)"
        assert gateway.names() == "one"
        os.kill(gateway.worker(), signal.SIGKILL)
        until(lambda: answers(gateway))
        assert gateway.names() == "one"


def test_a_child_that_refuses_new_settings_says_so_and_keeps_its_own(tmp_path: Path) -> None:
    path = config(tmp_path, "one")
    with running(tmp_path, "--config", str(path)) as gateway:
        assert gateway.names() == "one"
        config(tmp_path, "refused")
        gateway.signal(signal.SIGHUP)
        refusals = until(lambda: gateway.events("child keeps its settings"))
        assert refusals[0]["reason"] == "the child does not like it"
        assert gateway.names() == "one"


def test_what_the_control_process_refuses_no_worker_keeps(tmp_path: Path) -> None:
    path = config(tmp_path, "one")
    with running(tmp_path, "--config", str(path), "--workers", "2") as gateway:
        assert gateway.url
        until(lambda: len(gateway.events("child is ready")) == 3)
        config(tmp_path, "refused-by-control")
        outcome = json.loads(gateway.get("/reload")[1])
        assert (outcome["generation"], outcome["error"]) == (3, "control: the child does not like it")
        assert outcome["children"] == {"worker-0": "applied", "worker-1": "applied", "control": "refused"}
        assert {gateway.names() for _ in range(8)} == {"one"}


def test_a_child_has_the_settings_read_and_hears_how_that_went(tmp_path: Path) -> None:
    path = config(tmp_path, "one")
    with running(tmp_path, "--config", str(path)) as gateway:
        assert json.loads(gateway.get("/last")[1])["generation"] == 1
        assert json.loads(gateway.get("/origins")[1])["client_keys.one"] == "sluicegate.toml:1"
        until(lambda: len(gateway.events("child is ready")) == 2)
        config(tmp_path, "one", "two")
        taken = json.loads(gateway.get("/reload")[1])
        assert (taken["generation"], taken["error"]) == (2, "")
        assert gateway.names() == "one,two"
        assert json.loads(gateway.get("/origins")[1])["client_keys.two"] == "sluicegate.toml:4"
        config(tmp_path, "one", head="[server]\nworkrs = 1\n")
        refused = json.loads(gateway.get("/reload")[1])
        assert (refused["generation"], refused["children"]) == (2, {})
        assert refused["error"].startswith(f"{path}:2: server.workrs: unknown name")
        os.kill(gateway.worker(), signal.SIGKILL)
        until(lambda: answers(gateway))
        assert json.loads(gateway.get("/last")[1])["error"] == refused["error"]


def test_a_file_that_changes_is_read_by_itself_its_secrets_too(tmp_path: Path) -> None:
    path = tmp_path / "sluicegate.toml"
    path.write_text('[[client_keys]]\nname = "one"\nkey_file = "a.key"\n')
    (tmp_path / "a.key").write_text("sk-canary-one")
    with running(tmp_path, "--config", str(path)) as gateway:
        assert gateway.names() == "one"
        (tmp_path / "a.key").write_text("sk-canary-new")
        until(lambda: gateway.events("settings read"))
        new = tmp_path / "new"
        new.write_text(path.read_text() + KEY.format(name="two"))
        new.replace(path)
        until(lambda: gateway.names() == "one,two")
        path.unlink()
        (refusal,) = until(lambda: gateway.events("settings refused, the old ones stay"))
        assert refusal["reason"] == f"{path}: cannot be read: No such file or directory"
        assert gateway.names() == "one,two"


def test_what_cannot_change_while_running_is_named_and_stays(tmp_path: Path) -> None:
    path = config(tmp_path, "one")
    with running(tmp_path, "--config", str(path)) as gateway:
        assert gateway.names() == "one"
        config(tmp_path, "two", head="[server]\nmax_requests = 99\ndrain_seconds = 1\n")
        gateway.signal(signal.SIGHUP)
        until(lambda: gateway.names() == "two")
        assert gateway.events("server.max_requests changes with the next start only")
        assert not gateway.events("server.drain_seconds changes with the next start only")

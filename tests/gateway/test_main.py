from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import __version__
from gateway.__main__ import COMMANDS
from tests.children.running import ROOT, running
from tests.gateway.test_operator import control

ROW = (
    b'{"rows":[{"name":"gpt-4o-mini","requests":3,"errors":0,"input_tokens":5,"output_tokens":7,'
    b'"cache_read_tokens":0,"reasoning_tokens":0}]}'
)


def sluicegate(*arguments: str, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """What a command prints, and its exit code."""
    command = [sys.executable, "-m", "gateway", *arguments]
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **(environ or {})},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_version_says_what_runs() -> None:
    done = sluicegate("version")
    assert done.returncode == 0
    first, second = done.stdout.splitlines()
    assert first == f"sluicegate {__version__}"
    assert "granian 2." in second


def test_help_lists_every_command() -> None:
    done = sluicegate("--help")
    assert done.returncode == 0
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("arguments", [("nonsense",), ("serve", "--nonsense"), ("usage", "--by", "nonsense")])
def test_what_is_not_understood_is_a_misuse(arguments: tuple[str, ...]) -> None:
    assert sluicegate(*arguments).returncode == 2


def test_check_says_ok_and_what_is_configured(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(
        '[server]\nlisten = "0.0.0.0:8080"\n[login]\ninsecure = true\n'
        '[[client_keys]]\nname = "team"\nkey = "sk-canary-1"\nmax_parallel = 2\n'
    )
    done = sluicegate("check", "--config", str(path), environ={"OPENAI_API_KEY": "sk-canary-2"})
    assert done.returncode == 0
    assert done.stdout.startswith("ok: listens on 0.0.0.0:8080, 1 client key, 1 provider (openai), 0 aliases")
    assert done.stderr.startswith("warning: login.insecure: passwords and sessions")
    assert done.stderr.count("warning") == 1
    assert "canary" not in done.stdout + done.stderr


def test_check_names_file_line_and_key_of_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("[server]\nlisten = 8080\n")
    done = sluicegate("check", "--config", str(path))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == f"sluicegate: {path}:2: server.listen: expected text, got a whole number\n"


def test_serve_that_cannot_start_exits_with_one_line(tmp_path: Path) -> None:
    done = sluicegate("serve", "--listen", "0.0.0.0:0", "--data-dir", str(tmp_path))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("sluicegate: 0.0.0.0:0 is an address that others can reach, and nobody looks after")


def test_mock_that_cannot_start_exits_with_one_line() -> None:
    done = sluicegate("mock", "--listen", "nowhere")
    assert done.returncode == 1
    assert done.stderr == "sluicegate: the mock cannot start: 'nowhere' is not HOST:PORT\n"


def test_usage_prints_a_table_or_json(tmp_path: Path) -> None:
    with control(tmp_path, 200, ROW) as asked:
        table = sluicegate("usage", "--data-dir", str(tmp_path), "--last", "2h", "--by", "model")
        as_json = sluicegate("usage", "--data-dir", str(tmp_path), "--by", "model", "--json")
    assert (table.returncode, as_json.returncode) == (0, 0), table.stderr + as_json.stderr
    assert table.stdout.splitlines()[1].startswith("gpt-4o-mini")
    assert as_json.stdout.encode() == ROW + b"\n"
    assert [path for path, _ in asked] == [
        "/api/usage?last=2h&by=model&limit=50",
        "/api/usage?last=1h&by=model&limit=50",
    ]


def test_usage_finds_the_gateway_by_its_configuration(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('[server]\ndata_dir = "."\n[[client_keys]]\nname = "a"\nkey_env = "NOT_SET"\n')
    with control(tmp_path, 200, b'{"rows":[]}'):
        done = sluicegate("usage", "--config", str(tmp_path / "a.toml"))
    assert (done.returncode, done.stdout) == (0, "No requests in this time.\n")


def test_usage_without_a_gateway_exits_with_one_line(tmp_path: Path) -> None:
    done = sluicegate("usage", "--data-dir", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == f"sluicegate: no gateway is running on {tmp_path}\n"


def test_the_supervisor_carries_nothing_that_only_others_need(tmp_path: Path) -> None:
    loaded = "import sys, gateway.commands.serve; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, check=True)
    heavy = {"granian", "uvloop", "blacksheep", "duckdb", "httpx", "httptools", "jinja2", "apscheduler", "orjson"}
    assert not heavy & set(done.stdout.split())


def test_the_whole_gateway_starts_and_ends(tmp_path: Path) -> None:
    with running(tmp_path, "--demo", command=("gateway", "serve")) as gateway:
        assert gateway.get("/healthz")[0] == 200
        assert gateway.stop() == 0

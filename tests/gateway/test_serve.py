from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import stat
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from gateway.serve import demo_lines
from gateway.store.state import Where, make_ready
from tests.children.running import Running, answers, config, gone, running, streamed
from tests.waiting import until


def test_one_line_says_where_it_answers_and_gateway_json_says_the_same(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        assert gateway.url == f"http://127.0.0.1:{gateway.port}"
        assert gateway.out.read_text().splitlines()[0] == f"Sluicegate answers on {gateway.url}"
        assert gateway.get()[0] == 200
        said = json.loads((gateway.data_dir / "run" / "gateway.json").read_text())
        assert (said["pid"], said["url"]) == (gateway.process.pid, gateway.url)
        assert gateway.stop() == 0
        assert not (gateway.data_dir / "run" / "gateway.json").exists()


def test_nobody_else_can_look_into_the_data_directory(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        assert gateway.url
        control = gateway.data_dir / "run" / "control.sock"
        until(control.exists)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (gateway.data_dir, control.parent, control)}
        assert modes == {"data": 0o700, "run": 0o700, "control.sock": 0o600}


def test_a_worker_that_dies_comes_back_and_the_others_are_unharmed(tmp_path: Path) -> None:
    with running(tmp_path, "--workers", "2") as gateway:
        assert gateway.url
        before = set(gateway.children())
        victim = gateway.worker()
        os.kill(victim, signal.SIGKILL)
        until(lambda: len(set(gateway.children()) - before) == 1)
        until(lambda: len(gateway.events("child is ready")) >= 3)
        assert len(before & set(gateway.children())) == len(before) - 1
        (death,) = gateway.events("child died")
        assert (death["code"], death["again_in"]) == (-9, 0.1)
        assert gateway.get()[0] == 200


def test_a_child_that_keeps_dying_is_started_less_and_less_often(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        for count in (1, 2, 3):
            until(lambda: answers(gateway))
            os.kill(gateway.worker(), signal.SIGKILL)
            until(partial(died, gateway, count))
        assert [death["again_in"] for death in gateway.events("child died")] == [0.1, 0.2, 0.4]


def died(gateway: Running, times: int) -> bool:
    return len(gateway.events("child died")) == times


def test_sigterm_lets_streams_finish_and_refuses_readiness_meanwhile(tmp_path: Path) -> None:
    log = tmp_path / "stopped"
    with running(tmp_path, environ={"TEST_CHILD_LOG": str(log)}) as gateway:
        thread, got = streamed(gateway, 1.0)
        gateway.signal(signal.SIGTERM)
        assert until(lambda: gateway.get()[0] == 503)
        assert gateway.process.wait(10) == 0
        thread.join(5)
        assert b"".join(got).endswith(b"3\r\nend\r\n0\r\n\r\n")
        assert log.read_text().splitlines() == ["worker stopped", "control stopped"]


def test_a_stream_that_lasts_longer_than_the_cap_is_cut(tmp_path: Path) -> None:
    with running(tmp_path, environ={"SLUICEGATE_SERVER__DRAIN_SECONDS": "0.3"}) as gateway:
        thread, got = streamed(gateway, 30)
        begun = time.monotonic()
        assert gateway.stop() == 0
        assert time.monotonic() - begun < 20
        thread.join(5)
        assert not b"".join(got).endswith(b"0\r\n\r\n")


def test_a_second_sigint_does_not_wait_for_streams(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        thread, _ = streamed(gateway, 30)
        gateway.signal(signal.SIGINT)
        until(lambda: gateway.get()[0] == 503)
        gateway.signal(signal.SIGINT)
        assert gateway.process.wait(5) == 0
        thread.join(5)


def test_children_end_by_themselves_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    with running(tmp_path, "--workers", "2", "--demo") as gateway:
        assert gateway.url
        children = gateway.children()
        assert len(children) == 4
        gateway.signal(signal.SIGKILL)
        gateway.process.wait()
        until(lambda: all(gone(pid) for pid in children))


def test_it_starts_again_after_it_was_killed(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        port = gateway.port
        gateway.signal(signal.SIGKILL)
        gateway.process.wait()
    # The old worker may still be letting go of the port for a moment.
    until(lambda: not connects(port))
    with running(tmp_path, "--listen", f"127.0.0.1:{port}") as gateway:
        assert gateway.port == port
        assert gateway.get()[0] == 200
        assert gateway.stop() == 0


def connects(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def test_it_starts_again_on_the_same_port_at_once(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        port = gateway.port
        assert gateway.get()[0] == 200
        assert gateway.stop() == 0
    with running(tmp_path, "--listen", f"127.0.0.1:{port}") as gateway:
        assert gateway.get()[0] == 200


def refused(directory: Path, *arguments: str, environ: dict[str, str] | None = None) -> str:
    """The one line of a gateway that does not start."""
    with running(directory, *arguments, environ=environ) as gateway:
        assert gateway.process.wait(30) == 1
        assert gateway.out.read_text() == ""
        lines = [line for line in gateway.err.read_text().splitlines() if not line.startswith("{")]
        assert len(lines) == 1, lines
        return lines[0]


@pytest.mark.parametrize("reuses", [False, True], ids=["alone", "shared"])
def test_a_port_that_is_taken_is_refused_even_when_it_could_be_shared(reuses: bool, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, reuses)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = refused(tmp_path, "--listen", f"127.0.0.1:{port}")
    assert line == f"sluicegate: cannot listen on 127.0.0.1:{port}: Address already in use"


def test_a_second_gateway_on_one_data_directory_is_refused(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        url = gateway.url
        second = tmp_path / "second"
        second.mkdir()
        line = refused(second, "--data-dir", str(gateway.data_dir))
        pid = gateway.process.pid
        assert (
            line
            == f"sluicegate: the data directory {gateway.data_dir} is in use by the gateway at {url} (process {pid})"
        )
        assert (gateway.data_dir / "run" / "gateway.json").exists()


def test_wrong_settings_are_refused_in_one_line(tmp_path: Path) -> None:
    path = config(tmp_path, head="[server]\nworkers = 0\n")
    line = refused(tmp_path, "--config", str(path))
    assert line == f"sluicegate: {path}:2: server.workers: expected a whole number >= 1"


def test_a_data_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    line = refused(tmp_path, "--data-dir", str(tmp_path / "file" / "data"))
    assert line == f"sluicegate: the data directory {tmp_path}/file/data cannot be written: Not a directory"


def test_a_data_directory_with_too_long_a_path_is_refused(tmp_path: Path) -> None:
    line = refused(tmp_path, "--data-dir", str(tmp_path / ("x" * 120)))
    assert "too long for a Unix socket" in line


def test_a_state_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "state.sqlite3"
    path.write_text("no database " * 50)
    assert refused(tmp_path) == f"sluicegate: {path} cannot be used: file is not a database"


def test_a_state_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data" / "state.sqlite3"
    make_ready(Where(path))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("insert into schema_migrations values (99, 'later', 'x', 0)")
    line = refused(tmp_path)
    assert line == (
        f"sluicegate: {path} cannot be used: the database has schema version 99, which this version does not know"
    )


def test_the_state_is_up_to_date_when_the_first_worker_is_ready(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        assert gateway.url
        with closing(sqlite3.connect(gateway.data_dir / "state.sqlite3")) as connection:
            assert connection.execute("select count(*) from responses").fetchone() == (0,)


def test_a_worker_that_says_why_it_cannot_start_ends_the_start(tmp_path: Path) -> None:
    line = refused(tmp_path, environ={"TEST_CHILD_FAILS": "1"})
    assert line == "sluicegate: worker-0 does not start: the child does not like it"


def test_a_worker_that_dies_at_every_start_ends_the_start(tmp_path: Path) -> None:
    line = refused(tmp_path, environ={"TEST_CHILD_DIES": "1"})
    assert line == "sluicegate: worker-0 does not start: see what it said above"


def test_the_demo_prints_what_to_paste_and_what_to_open(tmp_path: Path) -> None:
    with running(tmp_path, "--demo") as gateway:
        assert gateway.names() == "demo"
        lines = gateway.out.read_text().splitlines()
        assert lines[1:3] == list(demo_lines(gateway.url))


def test_the_demo_adds_to_a_configuration(tmp_path: Path) -> None:
    with running(tmp_path, "--demo", "--config", str(config(tmp_path, "one"))) as gateway:
        assert gateway.names() == "one,demo"


def test_the_demo_s_mock_comes_back_where_it_was(tmp_path: Path) -> None:
    with running(tmp_path, "--demo") as gateway:
        assert gateway.url
        (mock,) = [pid for pid in gateway.children() if b"gateway.demo" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        os.kill(mock, signal.SIGKILL)
        until(lambda: len([one for one in gateway.events("child is ready") if one["child"] == "mock"]) == 2)
        assert gateway.stop() == 0


def test_the_demo_is_refused_where_others_could_reach_it(tmp_path: Path) -> None:
    path = config(tmp_path, "one")
    line = refused(tmp_path, "--demo", "--config", str(path), "--listen", "0.0.0.0:0")
    assert line == "sluicegate: --demo has a key that everybody knows: it listens on a loopback address only"


PUBLIC = (
    "sluicegate: 0.0.0.0:0 is an address that others can reach, and nobody looks after this gateway yet: run "
    "`sluicegate user add --role owner` first, add [[client_keys]], or listen on 127.0.0.1"
)


def test_where_others_can_reach_it_somebody_must_look_after_it(tmp_path: Path) -> None:
    assert refused(tmp_path, "--listen", "0.0.0.0:0") == PUBLIC
    people(tmp_path / "data" / "state.sqlite3", role="member")
    assert refused(tmp_path, "--listen", "0.0.0.0:0") == PUBLIC
    people(tmp_path / "data" / "state.sqlite3", role="admin")
    with running(tmp_path, "--listen", "0.0.0.0:0") as gateway:
        assert gateway.url.startswith("http://0.0.0.0:")


def people(state: Path, *, role: str) -> None:
    with closing(sqlite3.connect(state)) as connection, connection:
        row = (role, f"{role}@example.com", role, role)
        connection.execute(
            "insert into users (id, email, name, role, created_at, updated_at) values (?, ?, ?, ?, 0, 0)", row
        )


def test_a_gateway_for_programs_alone_needs_nobody_to_look_after_it(tmp_path: Path) -> None:
    path = config(tmp_path, "one")
    with running(tmp_path, "--config", str(path), "--listen", "0.0.0.0:0") as gateway:
        assert gateway.url


def test_without_client_keys_it_says_that_nobody_gets_in(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        assert gateway.url
        assert "every request is answered with 401" in gateway.err.read_text()


def test_no_secret_is_ever_written(tmp_path: Path) -> None:
    path = config(tmp_path, "one")
    with running(tmp_path, "--config", str(path), environ={"SLUICEGATE_SERVER__LOG_LEVEL": "debug"}) as gateway:
        assert gateway.url
        gateway.signal(signal.SIGHUP)
        until(lambda: gateway.events("child goes by new settings"))
        os.kill(gateway.worker(), signal.SIGKILL)
        until(lambda: answers(gateway))
        assert gateway.stop() == 0
        written = [file.read_bytes() for file in (gateway.out, gateway.err)]
        written += [file.read_bytes() for file in gateway.data_dir.rglob("*") if file.is_file()]
        assert b"canary" not in b"".join(written)


def test_the_supervisor_stays_small(tmp_path: Path) -> None:
    with running(tmp_path, "--demo") as gateway:
        assert gateway.url
        status = Path(f"/proc/{gateway.process.pid}/status").read_text()
        resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        assert resident < 40 * 1024


def test_ipv6_is_served_too(tmp_path: Path) -> None:
    with running(tmp_path, "--listen", "[::1]:0") as gateway:
        assert gateway.url.startswith("http://[::1]:")
        with socket.create_connection(("::1", gateway.port), timeout=5) as client:
            client.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            assert b"200 OK" in client.recv(4096)

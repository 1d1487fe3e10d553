from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from gateway.claims import Announcement, CannotServe, announce, claim_data_dir, claim_port, find, place, withdraw


def announcement(pid: int) -> Announcement:
    return Announcement(pid=pid, url="http://h", version="1", started_at="2026-01-01T00:00:00+00:00")


def test_the_data_directory_is_made_for_its_owner_only(tmp_path: Path) -> None:
    os.close(claim_data_dir(tmp_path / "a" / "data"))
    for name in ("", "run", "spool"):
        assert stat.S_IMODE((tmp_path / "a" / "data" / name).stat().st_mode) == 0o700


def test_the_lock_is_free_again_when_it_is_let_go(tmp_path: Path) -> None:
    lock = claim_data_dir(tmp_path)
    with pytest.raises(CannotServe, match="is in use by another gateway"):
        claim_data_dir(tmp_path)
    os.close(lock)
    os.close(claim_data_dir(tmp_path))


def test_a_held_port_takes_no_connection_and_can_be_shared_by_workers() -> None:
    with claim_port("127.0.0.1", 0) as held:
        port = held.getsockname()[1]
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=1)
        with socket.socket() as worker:
            worker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            worker.bind(("127.0.0.1", port))
            worker.listen()
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        with pytest.raises(CannotServe, match="Address already in use"):
            claim_port("127.0.0.1", port)


def test_an_address_that_is_not_this_machine_s_is_refused() -> None:
    with pytest.raises(CannotServe, match=r"cannot listen on 192\.0\.2\.1:0: "):
        claim_port("192.0.2.1", 0)


def test_a_running_gateway_is_found_and_one_that_is_gone_is_not(tmp_path: Path) -> None:
    os.close(claim_data_dir(tmp_path))
    assert find(tmp_path) is None
    announce(tmp_path, announcement(os.getpid()))
    assert find(tmp_path) == announcement(os.getpid())
    gone = os.spawnlp(os.P_NOWAIT, "true", "true")
    os.waitpid(gone, 0)
    announce(tmp_path, announcement(gone))
    assert find(tmp_path) is None
    withdraw(tmp_path)
    withdraw(tmp_path)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["serve.lock"]


def test_a_place_is_written_as_in_a_url() -> None:
    assert place("::1", 8) == "[::1]:8"
    assert place("127.0.0.1", 8) == "127.0.0.1:8"

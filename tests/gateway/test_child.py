from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.child import Reloads
from gateway.leash import (
    Drain,
    Drained,
    Failed,
    Looked,
    Ready,
    Refused,
    Reload,
    Reloaded,
    ReloadOutcome,
    ReloadWanted,
    Start,
)
from gateway.settings.model import ServerSettings, Settings
from gateway.settings.objects import ClientKeySettings
from tests.children.leashed import Leashed, leashed
from tests.children.running import ROOT
from tests.waiting import auntil

ONE = Settings(client_keys=(ClientKeySettings(name="one", key="sk-12345678"),))


async def text(child: Leashed, target: str = "/", *, path: Path | None = None) -> str:
    """Status and body of an answer that is not streamed."""
    head, _, body = (await (await child.request(target, path=path)).read()).decode().partition("\r\n\r\n")
    return f"{head.split()[1]} {body}"


def policies(pid: int) -> set[int]:
    """By which the threads of a process are scheduled."""
    return {os.sched_getscheduler(int(thread.name)) for thread in Path(f"/proc/{pid}/task").iterdir()}


async def test_it_says_ready_when_it_answers(tmp_path: Path) -> None:
    async with leashed(tmp_path) as child:
        assert await child.start(ONE) == Ready()
        assert await text(child) == f"200 {child.process.pid} 0 one"


async def test_its_threads_interrupt_nobody(tmp_path: Path) -> None:
    async with leashed(tmp_path) as child:
        await child.start(ONE)
        assert policies(child.process.pid) == {os.SCHED_BATCH}


def test_a_policy_that_somebody_has_chosen_stays() -> None:
    program = (
        "import os; from gateway.child import let_each_finish;"
        "os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0));"
        "let_each_finish(); print(os.sched_getscheduler(0))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert int(done.stdout) == os.SCHED_IDLE


async def test_it_drains_when_told_and_leaves(tmp_path: Path) -> None:
    async with leashed(tmp_path) as child:
        await child.start(ONE)
        stream = await child.request("/slow?0.5")
        await stream.readuntil(b"x\r\n")
        await child.leash.say(Drain())
        while not (await text(child)).startswith("503"):  # the order comes by another way than requests do
            pass
        assert (await stream.read()).endswith(b"3\r\nend\r\n0\r\n\r\n")
        assert await child.hear() == Drained()
        assert await child.exit_code() == 0


async def test_a_signal_drains_it_like_an_order(tmp_path: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        async with leashed(tmp_path) as child:
            await child.start(ONE)
            stream = await child.request("/slow?0.3")
            await stream.readuntil(b"x\r\n")
            child.process.send_signal(number)
            assert (await stream.read()).endswith(b"0\r\n\r\n")
            assert await child.exit_code() == 0


async def test_it_drains_when_the_supervisor_is_gone(tmp_path: Path) -> None:
    async with leashed(tmp_path) as child:
        await child.start(ONE)
        stream = await child.request("/slow?0.3")
        await stream.readuntil(b"x\r\n")
        child.leash.drop()
        assert (await stream.read()).endswith(b"0\r\n\r\n")
        assert await child.exit_code() == 0


async def test_it_leaves_when_the_supervisor_is_gone_before_the_start(tmp_path: Path) -> None:
    async with leashed(tmp_path) as child:
        child.leash.drop()
        assert await child.exit_code() == 0


async def test_told_twice_it_cuts_what_still_runs(tmp_path: Path) -> None:
    async with leashed(tmp_path) as child:
        await child.start(ONE)
        stream = await child.request("/slow?30")
        await stream.readuntil(b"x\r\n")
        begun = time.monotonic()
        await child.leash.say(Drain())
        await child.leash.say(Drain())
        assert await child.exit_code() == 0
        assert time.monotonic() - begun < 20
        assert not (await stream.read()).endswith(b"0\r\n\r\n")


async def test_what_a_slow_client_has_not_taken_yet_is_not_cut(tmp_path: Path) -> None:
    size = 4 * 1024 * 1024
    async with leashed(tmp_path) as child:
        await child.start(ONE)
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", child.port))
        client.sendall(f"GET /big?{size} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        got = len(await loop.sock_recv(client, 65536))
        await child.leash.say(Drain())
        while chunk := await loop.sock_recv(client, 65536):
            got += len(chunk)
        client.close()
        assert got > size
        assert await child.exit_code() == 0


async def test_new_settings_are_taken_or_refused(tmp_path: Path) -> None:
    async with leashed(tmp_path) as child:
        await child.start(ONE)
        two = Settings(client_keys=(ClientKeySettings(name="two", key="sk-12345678"),))
        await child.leash.say(Reload(settings=two, generation=2))
        assert await child.hear() == Reloaded(generation=2)
        refused = Settings(client_keys=(ClientKeySettings(name="refused", key="sk-12345678"),))
        await child.leash.say(Reload(settings=refused, generation=3))
        assert await child.hear() == Refused(generation=3, error="the child does not like it")
        assert (await text(child)).endswith(" two")


async def test_the_application_knows_where_its_settings_were_said(tmp_path: Path) -> None:
    async with leashed(tmp_path) as child:
        await child.start(ONE)
        assert await text(child, "/origins") == "200 {}"
        await child.leash.say(Reload(settings=ONE, origins={"client_keys.one": "a.toml:1"}, generation=2))
        await child.hear()
        assert await text(child, "/origins") == '200 {"client_keys.one":"a.toml:1"}'


async def test_the_application_has_the_settings_read_and_hears_how_that_went(tmp_path: Path) -> None:
    async with leashed(tmp_path) as child:
        await child.start(ONE)
        asked = asyncio.create_task(text(child, "/reload"))
        wanted = await child.hear()
        assert isinstance(wanted, ReloadWanted)
        await child.leash.say(ReloadOutcome(generation=4, at_us=1, error="another's", tickets=("x",)))
        await child.leash.say(ReloadOutcome(generation=5, at_us=2, tickets=("x", wanted.ticket)))
        assert '"generation":5' in await asked
        await child.leash.say(ReloadOutcome(generation=6, at_us=3))
        await child.leash.say(Reload(settings=ONE, generation=6))
        await child.hear()
        assert '"generation":6' in await text(child, "/last")


async def test_whoever_waits_for_an_outcome_does_not_wait_for_ever() -> None:
    async def say(_: ReloadWanted) -> None:
        return None

    reloads = Reloads()
    reloads.connect(say)
    with pytest.raises(TimeoutError):
        await reloads.ask(0.01)
    reloads.hear(ReloadOutcome(generation=2, at_us=1, tickets=("gone",)))
    assert reloads.last is not None


async def test_whoever_only_looks_is_told_what_would_be_read() -> None:
    said: list[ReloadWanted] = []
    reloads = Reloads()

    async def say(wanted: ReloadWanted) -> None:
        said.append(wanted)
        reloads.hear_look(Looked(ticket="somebody else's"))
        reloads.hear_look(Looked(ticket=wanted.ticket, error="a.toml:3: no"))

    reloads.connect(say)
    assert (await reloads.look()).error == "a.toml:3: no"
    assert [wanted.only_look for wanted in said] == [True]
    reloads.hear_look(Looked(ticket=said[0].ticket))
    assert reloads.last is None


async def test_settings_that_come_while_it_starts_are_not_lost(tmp_path: Path) -> None:
    async with leashed(tmp_path) as child:
        two = Settings(client_keys=(ClientKeySettings(name="two", key="sk-12345678"),))
        starting = asyncio.create_task(child.start(ONE))
        await auntil(lambda: child.port)
        await child.leash.say(Reload(settings=two, generation=2))
        assert {await starting, await child.hear()} == {Ready(), Reloaded(generation=2)}
        assert (await text(child)).endswith(" two")


async def test_the_cap_on_draining_follows_new_settings(tmp_path: Path) -> None:
    async with leashed(tmp_path) as child:
        await child.start(ONE)
        await child.leash.say(Reload(settings=Settings(server=ServerSettings(drain_seconds=0)), generation=2))
        await child.hear()
        stream = await child.request("/slow?30")
        await stream.readuntil(b"x\r\n")
        await child.leash.say(Drain())
        assert await child.exit_code() == 0


async def test_why_it_cannot_start_is_said(tmp_path: Path) -> None:
    async with leashed(tmp_path, {"TEST_CHILD_FAILS": "1"}) as child:
        assert await child.start(ONE) == Failed(error="the child does not like it")
        assert await child.exit_code() == 1


async def test_whatever_breaks_at_the_start_is_said(tmp_path: Path) -> None:
    async with leashed(tmp_path, {"TEST_CHILD_BREAKS": "1"}) as child:
        assert await child.start(ONE) == Failed(error="ZeroDivisionError()")
        assert await child.exit_code() == 1


async def test_new_settings_that_break_something_leave_everything_as_it_was(tmp_path: Path) -> None:
    async with leashed(tmp_path) as child:
        await child.start(ONE)
        broken = Settings(client_keys=(ClientKeySettings(name="broken", key="sk-12345678"),))
        await child.leash.say(Reload(settings=broken, generation=2))
        assert await child.hear() == Refused(generation=2, error="ZeroDivisionError()")
        assert (await text(child)).endswith(" one")
        await child.leash.say(Drain())
        assert await child.exit_code() == 0


async def test_a_port_that_cannot_be_had_is_said(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        async with leashed(tmp_path) as child:
            await child.leash.say(Start(settings=ONE, port=taken.getsockname()[1]))
            report = await child.hear()
            assert isinstance(report, Failed)
            assert "Address already in use" in report.error
            assert await child.exit_code() == 1


async def test_a_unix_socket_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    async with leashed(tmp_path) as child:
        assert await child.start(ONE, uds=path) == Ready()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert (await text(child, path=path)).startswith("200")
        await child.leash.say(Drain())
        assert await child.exit_code() == 0
        assert not path.exists()


async def test_a_socket_that_a_killed_child_left_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    async with leashed(tmp_path) as child:
        await child.start(ONE, uds=path)
        child.process.kill()
        await child.exit_code()
    assert path.exists()
    async with leashed(tmp_path) as child:
        assert await child.start(ONE, uds=path) == Ready()
        assert (await text(child, path=path)).startswith("200")


async def test_a_socket_that_is_served_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    lock = os.open(tmp_path / "control.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    path.touch()
    async with leashed(tmp_path) as child:
        starting = asyncio.create_task(child.start(ONE, uds=path))
        done, _ = await asyncio.wait({starting}, timeout=0.6)
        assert not done
        assert path.is_file()
        os.close(lock)
        assert await starting == Ready()


async def test_waiting_for_a_socket_ends_with_the_supervisor(tmp_path: Path) -> None:
    lock = os.open(tmp_path / "control.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    async with leashed(tmp_path) as child:
        starting = asyncio.create_task(child.start(ONE, uds=tmp_path / "control.sock"))
        await auntil(lambda: child.port)
        child.leash.drop()
        assert await child.exit_code() == 0
        starting.cancel()
    os.close(lock)


async def test_small_writes_leave_at_once(tmp_path: Path) -> None:
    async with leashed(tmp_path) as child:
        await child.start(ONE)
        assert await text(child, "/nodelay") == "200 True"


async def test_a_client_that_sends_no_head_is_let_go(tmp_path: Path) -> None:
    async with leashed(tmp_path) as child:
        await child.start(Settings(server=ServerSettings(header_timeout_seconds=0.3)))
        reader, writer = await asyncio.open_connection("127.0.0.1", child.port)
        writer.write(b"GET / HT")
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()


def test_it_is_not_started_by_hand() -> None:
    done = subprocess.run([sys.executable, "-m", "tests.children.plain"], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 1
    assert done.stderr == b"this is started by `sluicegate serve`\n"

"""Processes of a run: started on chosen cores, ended whatever happens, their CPU and memory read from the kernel.

Reads Linux's /proc and CPU clocks. Knows nothing of what the processes are.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.places import ROOT

Process = subprocess.Popen[bytes]

PATIENCE = 4.0
"""Seconds a process may take to end after SIGTERM."""
_TICK = 1 / os.sysconf("SC_CLK_TCK")
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def spawn(
    command: Sequence[str],
    *,
    cores: Sequence[int],
    environment: Mapping[str, str] | None = None,
    output: int | None = None,
    log: Path | None = None,
) -> Process:
    """Starts `command` in the repository, on `cores`, in a session of its own; standard error goes to `log`."""

    def prepare() -> None:
        os.sched_setaffinity(0, cores)
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)  # should we be killed, nothing stays behind

    with contextlib.ExitStack() as stack:
        errors = stack.enter_context(log.open("wb")) if log else None
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | (environment or {}),
            stdin=subprocess.PIPE,
            stdout=output if output is not None else errors,
            stderr=errors,
            start_new_session=True,
            preexec_fn=prepare,  # noqa: PLW1509 - no thread runs when processes are started
        )


def end(process: Process) -> None:
    """SIGTERM, and SIGKILL for whatever of its tree is left after `PATIENCE`."""
    family = tree(process.pid) if process.poll() is None else []
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(PATIENCE)
    for pid in family:
        if _parent(pid) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


@contextlib.contextmanager
def running(process: Process) -> Iterator[Process]:
    """`process` for the length of a `with` block."""
    try:
        yield process
    finally:
        end(process)


def free_port() -> int:
    """A TCP port nobody uses now, outside the range from which outgoing connections, thousands here, take theirs."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(10000, max(lowest, 20000))
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def tree(root: int) -> list[int]:
    """`root` and all its descendants that live now."""
    children: dict[int, list[int]] = {}
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):  # noqa: PTH208 - names are enough
        parent = _parent(pid)
        if parent is not None:
            children.setdefault(parent, []).append(pid)
    found, unseen = [], [root]
    while unseen:
        pid = unseen.pop()
        found.append(pid)
        unseen += children.get(pid, [])
    return found


def cpu_seconds(root: int) -> float:
    """User and system time of the tree of `root`, children that ended and were waited for included."""
    return sum(_own_cpu(pid) + _reaped_cpu(pid) for pid in tree(root))


def busy_seconds(core: int) -> float:
    """Time that `core` was not idle since it started, whoever used it; time stolen by the hypervisor included."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _iowait, *others = map(int, fields)
            return (user + nice + system + sum(others[:3])) * _TICK
    return 0.0


def pss_kib(pid: int) -> int:
    """Proportional memory of one process; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def command_line(pid: int) -> str:
    """The words a process was started with, or the title it gave itself; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _stat_fields(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text[text.rindex(")") + 2 :].split()


def _parent(pid: int) -> int | None:
    fields = _stat_fields(pid)
    return int(fields[1]) if fields else None


def _own_cpu(pid: int) -> float:
    # The process CPU clock as clock_getcpuclockid() makes it: nanoseconds, where /proc/PID/stat has 10 ms ticks.
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def _reaped_cpu(pid: int) -> float:
    fields = _stat_fields(pid)
    return (int(fields[13]) + int(fields[14])) * _TICK if fields else 0.0

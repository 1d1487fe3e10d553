"""Starting other processes on the same memory, and hearing them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path


@contextmanager
def spawned(path: Path, *task: object) -> Iterator[subprocess.Popen[str]]:
    """One that does a task of `sharing_process`."""
    command = [sys.executable, "-m", "tests.gateway.shared.sharing_process", str(path), *map(str, task)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=10)


def line(process: subprocess.Popen[str]) -> str:
    """The next line that it says."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def at_once(path: Path, *tasks: tuple[object, ...]) -> list[list[str]]:
    """All that these say who begin together."""
    with ExitStack() as stack:
        processes = [stack.enter_context(spawned(path, *task)) for task in tasks]
        assert [line(process) for process in processes] == ["here"] * len(processes)
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        said = []
        for process in processes:
            assert process.stdout is not None
            said.append(process.stdout.read().split())
            assert process.wait(timeout=10) == 0
        return said

"""A worker of another machine, which counts in the same Redis: `python -m … <url> <directory> <task> <count>`. Its
tasks are those of `another`; so is what it says and hears."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from gateway.limits.embedded import EmbeddedLimiter
from gateway.limits.redis import RedisLimiter
from gateway.settings.model import LimitSettings
from gateway.shared.memory import SharedMemory, prepare
from tests.gateway.limits.another import TASKS, begin, heard, say


@contextmanager
def far_worker(url: str, directory: Path, task: str, count: int) -> Iterator[subprocess.Popen[str]]:
    """One that has not begun."""
    directory.mkdir()
    command = [sys.executable, "-m", "tests.gateway.limits.far_worker", url, str(directory), task, str(count)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=10)


def far_together(url: str, directory: Path, task: str, *counts: int) -> list[int]:
    """What workers say that begin at once."""
    with ExitStack() as stack:
        workers = [
            stack.enter_context(far_worker(url, directory / str(number), task, count))
            for number, count in enumerate(counts)
        ]
        for each in workers:
            heard(each)
        for each in workers:
            begin(each)
        return [heard(each) for each in workers]


async def work(url: str, directory: Path, task: str, count: str) -> None:
    """Do it."""
    path = directory / "shared.mmap"
    prepare(path, 1)
    settings = LimitSettings(redis_url=url, redis_timeout_seconds=30.0, redis_away="refuse")
    limiter: Any = RedisLimiter(settings, EmbeddedLimiter(SharedMemory(path), 0))
    await limiter.start()
    say(0)
    await asyncio.to_thread(sys.stdin.readline)
    done = await TASKS[task](limiter, count)
    await limiter._outbox.flushed()
    say(done)
    # It is killed, and lives until then.
    await asyncio.Event().wait()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    asyncio.run(work(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:]))

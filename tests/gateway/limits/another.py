"""Another worker on the same memory: `python -m … <path> <column> <task> [arguments]`. It begins with the first line it
is given, and says how many requests it let in."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from gateway.errors import RequestRefused
from gateway.limits.embedded import EmbeddedLimiter
from gateway.limits.limiter import Reserve, Used
from gateway.records import Limits
from gateway.shared.memory import SharedMemory
from tests.gateway.limits.scripts import plan_of

REQUESTS = Limits(requests_per_minute=1000, tokens_per_minute=10_000_000)
TOKENS = Limits(requests_per_minute=10_000, tokens_per_minute=60_000)
BUDGET = Limits(budget_nano_usd=9_500_000_000)
COST = 1_000_000_000
PARALLEL = Limits(max_parallel=40, budget_nano_usd=10**12, tokens_per_minute=10**9)


async def tried(limits: Limits, limiter: EmbeddedLimiter, count: str) -> int:
    """Ask so often, one after another, and use a hundred tokens each time."""
    plan, admitted = plan_of(limits), 0
    for _ in range(int(count)):
        try:
            limiter.settle(await limiter.admit(plan, Reserve(100, 0, 100)), Used(100, 0))
        except RequestRefused:
            continue
        admitted += 1
    return admitted


async def rushed(limiter: EmbeddedLimiter, count: str) -> int:
    """So many ask at once, each with the same cost."""
    plan = plan_of(BUDGET)

    async def one() -> int:
        try:
            admission = await limiter.admit(plan, Reserve(1000, COST))
        except RequestRefused:
            return 0
        await asyncio.sleep(0.01)
        limiter.settle(admission, Used(1000, COST))
        return 1

    return sum(await asyncio.gather(*(one() for _ in range(int(count)))))


async def held(limiter: EmbeddedLimiter, count: str) -> int:
    """Let in requests that never end."""
    for _ in range(int(count)):
        await limiter.admit(plan_of(PARALLEL), Reserve(500, COST, 100))
    return int(count)


async def churned(limiter: EmbeddedLimiter, count: str) -> int:
    """Let in and settle for ever."""
    say(count)
    while True:
        limiter.settle(await limiter.admit(plan_of(PARALLEL), Reserve(500, 3, 100)), Used(7, 2))


TASKS: dict[str, Callable[[EmbeddedLimiter, str], Coroutine[None, None, int]]] = {
    "requests": partial(tried, REQUESTS),
    "tokens": partial(tried, TOKENS),
    "rushed": rushed,
    "held": held,
    "churned": churned,
}


def say(word: object) -> None:
    """To the test."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


@contextmanager
def worker(path: Path, column: int, task: str, count: int) -> Iterator[subprocess.Popen[str]]:
    """One that has not begun."""
    command = [sys.executable, "-m", "tests.gateway.limits.another", str(path), str(column), task, str(count)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=10)


def begin(process: subprocess.Popen[str]) -> None:
    """Let it."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def heard(process: subprocess.Popen[str]) -> int:
    """What it says."""
    assert process.stdout is not None
    return int(process.stdout.readline())


def together(path: Path, task: str, *counts: int) -> list[int]:
    """What workers say that begin at once."""
    with ExitStack() as stack:
        workers = [stack.enter_context(worker(path, column, task, count)) for column, count in enumerate(counts)]
        for each in workers:
            heard(each)
        for each in workers:
            begin(each)
        return [heard(each) for each in workers]


def main(path: str, column: str, task: str, count: str) -> None:
    """Do it."""
    limiter = EmbeddedLimiter(SharedMemory(Path(path)), int(column))
    say(0)
    sys.stdin.readline()
    say(asyncio.run(TASKS[task](limiter, count)))
    signal.pause()


if __name__ == "__main__":
    main(*sys.argv[1:])

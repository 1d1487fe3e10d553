"""Another process on the same memory: `python -m … <path> <task> [arguments]`; says what it does, a line at a time."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path

from gateway.pools.board import Board
from gateway.records import Credential, Target
from gateway.settings.model import RestSettings
from gateway.shared.memory import SharedMemory
from gateway.shared.slots import Slots

CREDENTIAL = Credential("openai", "main", "sk-one")
TARGET = Target("openai", "gpt-5")


def say(word: object) -> None:
    """To the test."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def wait() -> None:
    """Until all are there."""
    say("here")
    sys.stdin.readline()


def hold(memory: SharedMemory, slot: str) -> None:
    """Hold the lock of a slot for ever."""
    with Slots(memory, "limits").lock(int(slot)):
        say("held")
        signal.pause()


def names(memory: SharedMemory, first: str, count: str) -> None:
    """Find a slot for each of these names, and say its number."""
    slots = Slots(memory, "limits")
    wait()
    for number in range(int(first), int(first) + int(count)):
        say(slots.get(number.to_bytes(16, "big")))


def add(memory: SharedMemory, slot: str, count: str) -> None:
    """Add 1 so often to the first word of a slot, under its lock."""
    slots = Slots(memory, "limits")
    word = slots.offset(int(slot)) // 8
    wait()
    for _ in range(int(count)):
        with slots.lock(int(slot)):
            memory.signed[word] += 1
    say("done")


def turns(memory: SharedMemory, count: str) -> None:
    """Take turns, and say which."""
    board = Board(memory, RestSettings(), 0)
    wait()
    say(" ".join(str(board.take_turn("pool openai")) for _ in range(int(count))))


def begin(memory: SharedMemory, column: str, count: str) -> None:
    """Send requests that never end."""
    board = Board(memory, RestSettings(), int(column))
    for _ in range(int(count)):
        board.begin(CREDENTIAL, TARGET)
    say("begun")
    signal.pause()


def probe(memory: SharedMemory, now_us: str) -> None:
    """Claim the probe that is due."""
    board = Board(memory, RestSettings(), 0)
    wait()
    say(int(board.claim_probe(CREDENTIAL, TARGET.model, int(now_us))))


TASKS: dict[str, Callable[..., None]] = {
    "hold": hold,
    "names": names,
    "add": add,
    "turns": turns,
    "begin": begin,
    "probe": probe,
}

if __name__ == "__main__":
    path, task, *rest = sys.argv[1:]
    TASKS[task](SharedMemory(Path(path)), *rest)

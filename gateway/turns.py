"""A computation of an event loop that lets others have the core now and then.

Workers wake up without interrupting anybody (`child.let_each_finish`): where the core is taken, one waits until whoever
has it stops or the kernel's next tick comes, up to 4 ms. Making a page takes several such ticks. A timer interrupts it
every so often, and it gives its turn away if there is somebody who waits. Knows timers and coroutines. Does not know
what is computed.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Coroutine, Generator
from types import FrameType, coroutine
from typing import Any, TypeVar

T = TypeVar("T")

EVERY_SECONDS = 0.0004
"""How long somebody else may have to wait. Giving a turn away costs 2 to 3 µs where nobody takes it."""


def give_turns() -> None:
    """From now on this process gives turns away in what is computed by `in_turns`. In the main thread, and only where
    nothing else uses SIGALRM."""
    signal.signal(signal.SIGALRM, _give)


@coroutine
def in_turns(computing: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
    """What the coroutine returns or raises. While it waits there is no timer: whoever waits has no core to give.

    To be awaited in the main thread. In a process that has not said `give_turns` it is only awaited.
    """
    go_on: Callable[[Any], Any] = computing.send
    said: object = None
    while True:
        is_timed = _begin()
        try:
            waits_for = go_on(said)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        finally:
            if is_timed:
                signal.setitimer(signal.ITIMER_REAL, 0)
        try:
            said, go_on = (yield waits_for), computing.send
        except BaseException as error:  # noqa: BLE001 - handed on, whatever it is: also that nobody waits any more
            said, go_on = error, computing.throw


def _begin() -> bool:
    """Whether there is a timer now."""
    if signal.getsignal(signal.SIGALRM) is not _give:
        return False
    signal.setitimer(signal.ITIMER_REAL, EVERY_SECONDS, EVERY_SECONDS)
    return True


def _give(number: int, frame: FrameType | None) -> None:
    os.sched_yield()

"""Ends of rests in the words of a slot.

Deadlines are Unix time, so that they outlive a restart. A clock that was set back since must not make one longer.
"""

from __future__ import annotations

from gateway.pools.fields import HARD, PROBE_AT, SET_AT, UNTIL

HIGHEST_LEVEL = 30

CLOCK_STEP_US = 1_000_000
"""What began so much later than now was begun by a clock that has since been set back."""


def us(seconds: float) -> int:
    """Seconds as microseconds."""
    return round(seconds * 1_000_000)


def until(words: memoryview, at: int, *, now_us: int, longest_us: int) -> int:
    """The deadline of the slot at this word. Where the clock was set back since it was set, what was left of it then
    counts from now on, up to the longest there is."""
    until_us: int = words[at + UNTIL]
    set_at_us: int = words[at + SET_AT]
    if until_us <= now_us or _is_sound(set_at_us, until_us, now_us, longest_us):
        return until_us
    for word in (PROBE_AT, HARD, UNTIL):
        if words[at + word]:
            words[at + word] = now_us + min(max(words[at + word] - set_at_us, 0), longest_us)
    words[at + SET_AT] = now_us
    moved_us: int = words[at + UNTIL]
    return moved_us


def _is_sound(set_at_us: int, until_us: int, now_us: int, longest_us: int) -> bool:
    return set_at_us <= now_us + CLOCK_STEP_US and until_us <= now_us + longest_us + CLOCK_STEP_US

"""What workers and the control process say to each other about what runs: lines of JSON over a Unix socket.

Knows the words and where the socket is. Does not know what either side makes of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from msgspec import Struct

from gateway.records import UsageRecord

MOST_RUNNING = 200
"""Exchanges under way that one worker tells of, the newest."""

MOST_ENDED = 500
"""Usage records in one frame, the newest."""

LONGEST_LINE = 16 * 1024 * 1024

State = Literal["waiting", "asking", "streaming", "ending"]
"""How far an exchange is: no provider has its request yet, or none at the moment; one has it and has not answered; the
answer flows; its client has still to take the end of it."""


class Running(Struct, frozen=True, gc=False):
    """One exchange under way. Times are microseconds, sizes bytes of body."""

    id: str
    started_at_us: int
    """Unix time in microseconds."""
    worker: int
    key: str | None
    """Name of the client key; none before it is known."""
    key_id: str | None
    user_id: str | None
    team_id: str | None
    endpoint: str
    requested_model: str | None
    stream: bool
    provider: str | None
    model: str | None
    credential: str | None
    attempt: int
    """Number of the last attempt, from 1; 0 before the first."""
    state: State
    response_bytes: int
    """What the client was sent so far."""
    output_tokens: int
    """About how many of them there are so far; 0 where nobody can tell before the end."""
    first_byte_us: int | None


class Glimpse(Struct, frozen=True):
    """What runs in one worker at one moment."""

    running: tuple[Running, ...] = ()
    """The newest first."""
    total: int = 0
    """How many there are, those that are not told among them."""
    streaming: int = 0
    """Of how many the answer flows."""
    connections: int = 0
    """To providers, busy and idle."""


class Hello(Struct, frozen=True, tag_field="is", tag="hello"):
    """The first word of a worker: which one it is."""

    worker: int
    pid: int


class Frame(Struct, frozen=True, tag_field="is", tag="frame"):
    """What runs, and what has ended since the frame before."""

    now: Glimpse = Glimpse()
    ended: tuple[UsageRecord, ...] = ()
    missed: int = 0
    """How many more have ended, of which it does not tell."""
    last: bool = False
    """The worker leaves, and has told everything."""
    before: tuple[UsageRecord, ...] = ()
    """In the first frame: the last that had ended when somebody began to watch."""


class Watch(Struct, frozen=True, tag_field="do", tag="watch"):
    """Somebody watches: tell from now on."""


class Rest(Struct, frozen=True, tag_field="do", tag="rest"):
    """Nobody watches any more."""


Told = Hello | Frame
Order = Watch | Rest


def socket_in(data_dir: Path) -> Path:
    """Where the control process hears the workers."""
    return data_dir / "run" / "live.sock"

"""What is in a slot of the area `pools`: words of 8 bytes, then two texts. Says where; does not say what follows."""

from __future__ import annotations

from enum import IntEnum

(
    KIND,
    OWNER,
    UNTIL,
    SET_AT,
    PROBE_AT,
    LEVEL,
    HARD,
    LATENCY,
    HEADROOM,
    HEADROOM_RESETS,
    TURN,
    FAILURES,
    TOUCHED,
) = range(13)
"""`OWNER` tells whose slot it is, whatever the secret and the model. `UNTIL` is the end of a rest, `HARD` that of the
part of it that is hard. `SET_AT` is the last failure that the rest is for. `LATENCY` (µs) and `HEADROOM` are doubles,
all others integers; times are Unix microseconds, 0 where there is none."""

TOKEN_UNTIL = TURN
"""Of a credential, which counts no turns: the end of the access token that one of the workers had last; Unix
microseconds."""

SINCE = FAILURES
"""Of a credential, or a model with it, whose failures in a row nobody counts: since when it rests hard without a break;
Unix microseconds."""

REASON_AT, REASON_BYTES = 13 * 8, 24
LABEL_AT, LABEL_BYTES = REASON_AT + REASON_BYTES, 96
"""For people: the parts of the name, as much of them as there is room for."""

SEPARATOR = "\x1f"


class Kind(IntEnum):
    """What a slot is for; 0 is one that nobody has filled in yet."""

    CREDENTIAL = 1
    MODEL = 2
    """A model with a credential."""
    TARGET = 3
    TURN = 4


def write_text(text: str, size: int) -> bytes:
    """As it stands in a slot."""
    return text.encode()[:size].ljust(size, b"\0")


def read_text(raw: bytes) -> str:
    """As it was written, less what was cut in the middle of a letter."""
    return raw.rstrip(b"\0").decode(errors="ignore")

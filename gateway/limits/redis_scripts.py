"""The scripts that count in Redis, as the server is told them: what each begins with, and then its own text.

Knows files (`lua/`) and names. Each runs as one: nothing happens in between, and its time is the server's.
"""

from __future__ import annotations

from pathlib import Path

from gateway.limits.redis_link import Script

PREFIX = "{sluicegate}"
"""Of every key. The braces are a hash tag: everything is in one slot of a cluster."""

_DIRECTORY = Path(__file__).with_name("lua")


def _script(name: str) -> Script:
    texts = [(_DIRECTORY / f"{each}.lua").read_text(encoding="utf-8") for each in ("counters", name)]
    return Script.of("\n".join(texts))


ADMIT = _script("admit")
SETTLE = _script("settle")
RESTATE = _script("restate")
RENEW = _script("renew")
LEAVE = _script("leave")
RAISE = _script("raise")
FORGET = _script("forget")
RESTS = _script("rests")

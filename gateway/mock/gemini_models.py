"""What a Gemini model can, as its name tells: the mock knows no list. An unknown name is taken to be a mild one."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple


class Abilities(NamedTuple):
    """What a model takes."""

    thinking: bool = True
    levels: frozenset[str] = frozenset(("MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"))
    """Words for thinkingLevel."""
    budget: tuple[int, int] = (0, 32768)
    """Least and most tokens of thought, other than 0 and -1."""
    can_stop_thinking: bool = True
    needs_signatures: bool = False
    """Whether the first call of each step has to come back with its signature."""
    signs: bool = False
    """Whether every answer is signed."""
    mixes_tools: bool = True
    """Google's own tools beside functions."""
    media_results: bool = True
    """Parts in a function response."""


_NAME = re.compile(r"gemini-(\d)(?:\.(\d+))?-?(pro|flash-lite|flash)?")
_BUDGETS = {"pro": (128, 32768), "flash": (1, 24576), "flash-lite": (512, 24576)}


@lru_cache(maxsize=256)
def find_abilities(model: str) -> Abilities:
    """What the model of this name takes."""
    found = _NAME.search(model)
    if found is None:
        return Abilities()
    version = int(found[1]), int(found[2] or 0)
    newest, kind = version >= (3, 0), found[3] or ""
    levels = Abilities().levels - ({"MINIMAL"} if kind == "pro" else set())
    return Abilities(
        thinking=version >= (2, 5),
        levels=levels if newest else frozenset(),
        budget=_BUDGETS.get(kind, (0, 32768)),
        can_stop_thinking=not newest and kind != "pro",
        needs_signatures=newest,
        signs=newest,
        mixes_tools=newest,
        media_results=newest,
    )

"""What a Claude model can, as its name tells: the mock knows no list. An unknown name is taken to be a mild one."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

Version = tuple[int, int]


class Abilities(NamedTuple):
    """What a model takes."""

    thinking: bool = True
    budget_thinking: bool = True
    """`thinking.type` enabled, with a budget of tokens."""
    adaptive_thinking: bool = True
    effort: bool = True
    sampling: bool = True
    """temperature, top_p and top_k."""
    both_samplings: bool = False
    """temperature and top_p in one request."""
    system_turns: bool = False
    """Messages with the role system."""
    prefill: bool = True
    """A last message of the assistant, to be continued."""
    output_limit: int = 128_000


_NAME = re.compile(
    r"claude-(?:(?P<before>[a-z]+)-)?(?P<major>\d)(?:[-.](?P<minor>\d{1,2})(?!\d))?(?:-(?P<after>[a-z]+))?"
)


@lru_cache(maxsize=256)
def find_abilities(model: str) -> Abilities:
    """What the model of this name takes."""
    found = _NAME.search(model)
    if found is None:
        return Abilities()
    version = int(found["major"]), int(found["minor"] or 0)
    name = found["before"] or found["after"] or ""
    return Abilities(
        thinking=version >= (3, 7),
        budget_thinking=(3, 7) <= version < (4, 7),
        adaptive_thinking=version >= (4, 6),
        effort=version >= (4, 6) or (name, version) == ("opus", (4, 5)),
        sampling=version < (4, 7),
        both_samplings=version < (4, 5),
        system_turns=_takes_system_turns(name, version),
        prefill=version < (4, 6),
        output_limit=8192 if version < (3, 7) else 128_000,
    )


def _takes_system_turns(name: str, version: Version) -> bool:
    """Opus from 4.8 on and whatever is 5 or later, but for the first Sonnet 5."""
    return (version >= (5, 0) and (name, version) != ("sonnet", (5, 0))) or (name == "opus" and version >= (4, 8))

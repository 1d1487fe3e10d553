"""What a model of OpenAI can, as its name tells: the mock knows no list. An unknown name is taken to be a mild one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from gateway.mock.answers import Refused
from gateway.mock.openai import refuse


class Abilities(NamedTuple):
    """What a model takes."""

    reasons: bool = False
    """It thinks first, and takes neither sampling parameters nor `max_tokens` nor `stop`."""
    may_not_reason: bool = False
    """With effort `none` it does not, and takes sampling parameters."""
    phases: bool = False
    """Its messages say whether they are the final answer."""


_NAME = re.compile(r"(?:ft:)?(?:gpt-(?P<major>\d+)(?:\.(?P<minor>\d+))?(?P<rest>.*)|(?P<o>o\d)(?:-.*)?)")
_SAMPLING = {"temperature": 1, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0}
"""Sampling parameters and the values that change nothing."""


@lru_cache(maxsize=256)
def find_abilities(model: str) -> Abilities:
    """What the model of this name takes."""
    found = _NAME.fullmatch(model)
    if found is None:
        return Abilities()
    if found["o"]:
        return Abilities(reasons=True)
    version = int(found["major"]), int(found["minor"] or 0)
    reasons = version >= (5, 0) and "-chat" not in found["rest"]
    return Abilities(reasons, may_not_reason=reasons and version >= (5, 1), phases=reasons and version >= (5, 3))


def check_sampling(document: Mapping[str, Any], effort: object, abilities: Abilities) -> None:
    """Raises `Refused` for a sampling parameter that a model which reasons does not take."""
    if not abilities.reasons or (abilities.may_not_reason and effort == "none"):
        return
    for name, usual in _SAMPLING.items():
        given = document.get(name)
        if given is not None and given != usual:
            said = f"Unsupported value: '{name}' does not support {given} with this model. Only the default"
            raise refuse(f"{said} ({usual}) value is supported.", param=name, code="unsupported_value")
    for name in ("logprobs", "top_logprobs", "logit_bias"):
        if document.get(name):
            raise unsupported(name)


def unsupported(name: str, instead: str = "") -> Refused:
    """A parameter that the model does not take."""
    hint = f" Use '{instead}' instead." if instead else ""
    said = f"Unsupported parameter: '{name}' is not supported with this model.{hint}"
    return refuse(said, param=name, code="unsupported_parameter")

"""`logprobsResult`, both ways: how likely each token was, and what else it might have been.

Shape: https://ai.google.dev/api/generate-content#LogprobsResult.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway.formats.format import Fields
from gateway.formats.neutral import TokenChance


def read_chances(result: Any) -> tuple[TokenChance, ...]:
    """The tokens that were chosen, each with the likeliest at its place."""
    if not isinstance(result, dict):
        return ()
    chosen, tops = result.get("chosenCandidates"), result.get("topCandidates")
    likeliest = [_listed(top) for top in tops] if isinstance(tops, list) else []
    chances = []
    for at, candidate in enumerate(chosen if isinstance(chosen, list) else []):
        chance = _chance(candidate, likeliest[at] if at < len(likeliest) else ())
        if chance is not None:
            chances.append(chance)
    return tuple(chances)


def write_chances(chances: Iterable[TokenChance]) -> Fields:
    """The fields of a candidate that tell them; nothing where there are none."""
    told = list(chances)
    if not told:
        return {}
    result: Fields = {"chosenCandidates": [_written(chance) for chance in told]}
    if any(chance.top for chance in told):
        result["topCandidates"] = [{"candidates": [_written(top) for top in chance.top]} for chance in told]
    return {"logprobsResult": result}


def _listed(top: Any) -> tuple[TokenChance, ...]:
    candidates = top.get("candidates") if isinstance(top, dict) else None
    listed = candidates if isinstance(candidates, list) else []
    return tuple(chance for chance in (_chance(candidate, ()) for candidate in listed) if chance is not None)


def _chance(candidate: Any, top: tuple[TokenChance, ...]) -> TokenChance | None:
    if not isinstance(candidate, dict):
        return None
    token, logprob = candidate.get("token"), candidate.get("logProbability", 0.0)
    if not isinstance(token, str) or isinstance(logprob, bool) or not isinstance(logprob, int | float):
        return None
    return TokenChance(token, float(logprob), top)


def _written(chance: TokenChance) -> Fields:
    return {"token": chance.token, "logProbability": chance.logprob}

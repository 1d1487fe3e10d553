"""What docs/routing.md says of the tables of `gateway.routing`: strategies, sessions, verdicts."""

from __future__ import annotations

from gateway.routing.affinity import SOURCES
from gateway.routing.strategies import STRATEGIES
from gateway.routing.verdicts import VERDICTS, Verdict

from .markdown import Row, table

_WHEN = {
    "": "",
    "connect": "while connecting",
    "silence": "no answer in time, or no more of it",
    "tls": "TLS failed",
    "address": "address not allowed",
    "nothing_sent": "before anything was sent",
}
"""What is known of a failure beyond the fault, for people."""


def strategies() -> str:
    """Every strategy and what it does."""
    return table(("Strategy", "Who is first"), [(f"`{name}`", each.meaning) for name, each in STRATEGIES.items()])


def sessions() -> str:
    """Where clients name their session, as a numbered list."""
    return "\n".join(f"{number}. {place}" for number, (place, _) in enumerate(SOURCES, 1))


def verdicts() -> str:
    """What every failure means."""
    rows = [
        (f"`{fault}`", _WHEN.get(when, f"status {when}"), *_verdict(verdict))
        for (fault, when), verdict in VERDICTS.items()
    ]
    return table(("Fault", "When", "Then", "Rests", "Circuit breaker"), rows)


def _verdict(verdict: Verdict) -> Row:
    then = verdict.then.replace("_", " ") + (", or the same again" if verdict.again else "")
    if verdict.rest is None:
        return (then, "", "")
    who = "the credential" if verdict.rest == "credential" else "the credential, for this model"
    long = f"{verdict.seconds / 60:g} min" if verdict.seconds is not None else "longer each time"
    return (then, f"{who}: {'hard' if verdict.hard else 'softly'}, {long}", "counts" if verdict.breaks else "")

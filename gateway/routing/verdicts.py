"""What a failure means: where to go next, and who rests for how long. A table; neither time nor credentials are known.

A request's own fault is nobody else's: it rests nothing and its answer goes to the client. What an operator, or the
preset of a provider, says of an error goes before the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, cast

from gateway.errors import ProviderRefused, UpstreamError
from gateway.records import FailureRule

from .rate_headers import Resets

Then = Literal["retry", "next_credential", "next_target", "stop"]
Scope = Literal["credential", "model"]


class Failure(NamedTuple):
    """An attempt that did not answer, in no provider's words."""

    fault: str
    """What it means: a kind of error answer, or `unreachable`, `closed`, `malformed`, `timeout`."""
    when: str = ""
    """What is known of it beyond that: `connect`, `silence`, `tls`, `address`, `nothing_sent`."""
    status: int | None = None
    """HTTP status of the answer; None where there was none, or where it was an error within a 200."""
    codes: tuple[str, ...] = ()
    """Code and type in the error, as the provider writes them."""
    message: str = ""
    retry_after_s: float | None = None
    """Seconds the provider asks to wait, in headers or body."""
    resets: Resets | None = None
    """What its headers say of limits of which nothing is left."""


class Verdict(NamedTuple):
    """What to do after a failure."""

    then: Then
    rest: Scope | None = None
    """What rests: the credential, or the credential for this model alone."""
    hard: bool = False
    """A hard rest is kept; who rests softly is tried last."""
    seconds: float | None = None
    """How long; None: longer each time. Whoever keeps rests caps it."""
    reason: str = ""
    """The fault."""
    again: bool = False
    """Where there is nobody else to go to, the same may be tried once more."""
    breaks: bool = False
    """The circuit breaker of the target counts it."""
    by_way: bool = False
    """It is the way there that failed: a credential with a proxy of its own may do better."""
    unsure: bool = False
    """Nobody knows whether the request was carried out."""
    by: str = ""
    """The header by which the provider named the time, BY_ANSWER where it did so otherwise; empty where it did not."""


BY_ANSWER = "answer"
"""A time that stands in the body of an answer, or in a header that is no limit's."""

AN_HOUR, HALF_AN_HOUR = 3600.0, 1800.0

# fmt: off
VERDICTS: dict[tuple[str, str], Verdict] = {
    # The request's own fault.
    ("bad_request", ""): Verdict("stop"),
    ("context_too_long", ""): Verdict("stop"),
    ("content_filter", ""): Verdict("stop"),
    ("thinking_state", ""): Verdict("stop"),
    # The credential's.
    ("auth", ""): Verdict("next_credential", "credential", True, HALF_AN_HOUR),
    ("forbidden", ""): Verdict("next_credential", "credential", True, HALF_AN_HOUR),
    ("quota", ""): Verdict("next_credential", "credential", True, AN_HOUR),
    ("rate_limit", ""): Verdict("next_credential", "model", True),
    ("not_found", ""): Verdict("next_credential", "model", False, HALF_AN_HOUR),
    # The provider's.
    ("overloaded", ""): Verdict("next_credential", "model", again=True, breaks=True),
    ("server", ""): Verdict("next_credential", "model", breaks=True),
    ("server", "502"): Verdict("next_credential", "model", again=True, breaks=True),
    ("malformed", ""): Verdict("next_target", "model", breaks=True, unsure=True),
    ("timeout", ""): Verdict("next_credential", "model", again=True, breaks=True, unsure=True),
    ("timeout", "silence"): Verdict("next_credential", "model", breaks=True, unsure=True),
    # Of the way there.
    ("timeout", "connect"): Verdict("next_target", "model", again=True, breaks=True, by_way=True),
    ("closed", ""): Verdict("next_credential", "model", again=True, breaks=True, unsure=True),
    ("closed", "nothing_sent"): Verdict("retry"),
    ("unreachable", ""): Verdict("next_target", "model", again=True, breaks=True, by_way=True),
    ("unreachable", "tls"): Verdict("next_target", "model", breaks=True, by_way=True),
    ("unreachable", "address"): Verdict("next_target"),
}
# fmt: on
"""By fault and what more is known of it: a word, or the status. What is not here by both goes by the fault alone. A
time that the provider names goes before the one here, but for `auth` and `forbidden`, which no waiting heals."""

VERDICTS = {row: verdict._replace(reason=row[0]) for row, verdict in VERDICTS.items()}

FAULTS = tuple(dict.fromkeys(fault for fault, _ in VERDICTS))
"""Every fault there is."""

UNHEARD = frozenset({"auth", "forbidden"})
"""Faults that do not go by a time that the provider names."""

_OF_KIND: dict[str, tuple[str, str]] = {
    "upstream_unreachable": ("unreachable", ""),
    "upstream_forbidden": ("unreachable", "address"),
    "upstream_tls_failed": ("unreachable", "tls"),
    "upstream_timeout": ("timeout", "silence"),
    "upstream_closed": ("closed", ""),
    "upstream_malformed": ("malformed", ""),
    "upstream_rejected_credential": ("auth", ""),
}
_NOTHING_SENT = {"upstream_timeout": ("timeout", "connect"), "upstream_closed": ("closed", "nothing_sent")}


def failure_of(error: UpstreamError, status: int | None = None, resets: Resets | None = None) -> Failure:
    """What an error of an attempt means; `status` and `resets` are those of the answer, where there was one."""
    if isinstance(error, ProviderRefused):
        codes = tuple(dict.fromkeys(code for code in (error.said_code, error.code) if code))
        return Failure(error.category, "", status, codes, error.message, error.retry_after, resets)
    found = _NOTHING_SENT.get(error.kind) if error.nothing_sent else None
    fault, when = found or _OF_KIND.get(error.kind, ("server", ""))
    return Failure(fault, when, status, (), error.message, error.retry_after, resets)


def judge(failure: Failure, rules: Sequence[FailureRule] = (), *, once: bool = False) -> Verdict:
    """What to do about a failure: by the first rule that fits it, else by the table. A request that is to be carried
    out `once` is not made again where it may have been."""
    rule = next((rule for rule in rules if _fits(rule, failure)), None)
    fault = failure.fault if rule is None or rule.fault is None else rule.fault
    when = failure.when if fault == failure.fault else ""
    verdict = VERDICTS.get((fault, when or str(failure.status))) or VERDICTS[fault, ""]
    if once and verdict.unsure:
        verdict = verdict._replace(then="stop", again=False)
    if rule is not None:
        verdict = _ruled(verdict, rule)
    return _timed(verdict, failure) if verdict.rest is not None else verdict


def backoff(level: int, first_seconds: float, longest_seconds: float, chance: float = 1.0) -> float:
    """Seconds that double with each level from 0 on, up to `longest_seconds`. `chance`, 0 to 1, takes up to a fifth of
    them away, so that not everybody comes back at the same moment."""
    seconds = min(first_seconds * 2.0 ** min(level, 64), longest_seconds)
    return seconds * (0.8 + 0.2 * chance)


def _fits(rule: FailureRule, failure: Failure) -> bool:
    """Whether everything that a rule says is so."""
    if rule.status and failure.status not in rule.status:
        return False
    if rule.codes and not any(code in rule.codes for code in failure.codes):
        return False
    if not rule.contains:
        return True
    message = failure.message.lower()
    return any(words in message for words in rule.contains)


def _ruled(verdict: Verdict, rule: FailureRule) -> Verdict:
    """The verdict with what a rule says in its place. A rest that is the rule's own idea is a hard one."""
    if rule.then is not None:
        verdict = verdict._replace(then=cast(Then, rule.then))
    if rule.rest is not None:
        verdict = verdict._replace(rest=cast(Scope, rule.rest), hard=verdict.hard or verdict.rest is None)
    if rule.rest_seconds is None:
        return verdict
    if rule.rest_seconds == 0:
        return verdict._replace(rest=None, hard=False, seconds=None)
    if verdict.rest is None:
        verdict = verdict._replace(rest="model", hard=True)
    return verdict._replace(seconds=rule.rest_seconds)


def _timed(verdict: Verdict, failure: Failure) -> Verdict:
    """The verdict with the time that the provider names, the latest of several, and with the scope of that limit. One
    that is over already names none: who refuses now is not well."""
    if verdict.reason in UNHEARD:
        return verdict
    resets = failure.resets
    told = ((resets.seconds, resets.header) if resets else (None, ""), (failure.retry_after_s, BY_ANSWER))
    if named := [(seconds, by) for seconds, by in told if seconds]:
        seconds, by = max(named, key=lambda each: each[0])
        verdict = verdict._replace(seconds=seconds, by=by)
    if verdict.reason == "rate_limit" and resets is not None and resets.scope is not None:
        verdict = verdict._replace(rest=resets.scope)
    return verdict

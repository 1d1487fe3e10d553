"""Who has a budget or a quota of a month, for those who watch how much of it is used. Pure.

Knows keys, rules and targets as they are handed in; how much anybody has used is for a limiter to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from gateway.limits.limiter import LimitName, Subject
from gateway.limits.rules import subjects_of, target_subjects
from gateway.records import ClientKey, LimitRule, Limits, Target, Whom

RATIONS: tuple[LimitName, ...] = ("requests_per_month", "tokens_per_month", "budget_nano_usd")
"""The limits that last for a period, and do not begin anew within a minute."""


class Rationed(NamedTuple):
    """A subject with a budget or a quota."""

    subject: Subject
    """It has no other limits here."""
    whom: Whom


def rationed(
    keys: Iterable[ClientKey], rules: tuple[LimitRule, ...], targets: Iterable[Target]
) -> tuple[Rationed, ...]:
    """Everybody whom these limit so, once each: keys, those whom rules count, targets."""
    found = {each.subject.id: each for each in _subjects(keys, rules, targets)}
    return tuple(found.values())


def counts_models(rules: tuple[LimitRule, ...]) -> bool:
    """Whether targets matter: a rule rations models, each by itself."""
    return any(rule.per == "model" and not rule.together and rations_of(rule.limits) for rule in rules)


def rations_of(limits: Limits) -> tuple[LimitName, ...]:
    """Which of these are set."""
    return tuple(name for name in RATIONS if getattr(limits, name) is not None)


def _subjects(keys: Iterable[ClientKey], rules: tuple[LimitRule, ...], targets: Iterable[Target]) -> Iterator[Rationed]:
    told = tuple(rule for rule in rules if rations_of(rule.limits))
    # Whatever the model is, all of them are counted as one.
    together = ((rule, Target("", "")) for rule in told if rule.per == "model" and rule.together)
    each = ((rule, target) for target in targets for rule in told)
    found = (
        *(pair for key in keys for pair in _of_key(key, told)),
        *(
            (subject, _whom(rule, f"{target.provider}/{target.model}"))
            for rule, target in (*together, *each)
            for subject in target_subjects(target, (_of_any(rule) if not target.model else rule,))
        ),
    )
    yield from (Rationed(_alone(subject), whom) for subject, whom in found if rations_of(subject.limits))


def _of_key(key: ClientKey, rules: tuple[LimitRule, ...]) -> Iterator[tuple[Subject, Whom]]:
    own = subjects_of(key, ())
    yield from ((subject, Whom("key", key.id)) for subject in own)
    ids = {"key": key.id, "user": key.user_id or "", "team": key.team_id or "", "everybody": ""}
    for rule in rules:
        for subject in subjects_of(key, (rule,))[len(own) :]:
            yield subject, _whom(rule, ids[rule.per])


def _whom(rule: LimitRule, of: str) -> Whom:
    is_one = not rule.together and rule.per != "everybody"
    return Whom(rule.per, of if is_one else "", rule.name, rule.match)


def _of_any(rule: LimitRule) -> LimitRule:
    return LimitRule(rule.name, rule.per, rule.limits, "*", together=True)


def _alone(subject: Subject) -> Subject:
    limits = {name: getattr(subject.limits, name) for name in RATIONS}
    return Subject(subject.name, subject.id, Limits(**limits, budget_period=subject.limits.budget_period))

"""Who has a budget or a quota of a month, for those who watch how much of it is used. Pure.

Knows keys, rules and targets as they are handed in; how much anybody has used is for a limiter to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.limits.limiter import LimitName, Subject
from gateway.limits.rules import subjects_of, target_subjects
from gateway.records import ClientKey, LimitRule, Limits, Target

RATIONS: tuple[LimitName, ...] = ("requests_per_month", "tokens_per_month", "budget_nano_usd")
"""The limits that last for a period, and do not begin anew within a minute."""


def rationed(keys: Iterable[ClientKey], rules: tuple[LimitRule, ...], targets: Iterable[Target]) -> tuple[Subject, ...]:
    """Everybody whom these limit so, once each and with no other limits: keys, those whom rules count, targets."""
    found = {subject.id: subject for subject in _subjects(keys, rules, targets)}
    return tuple(found.values())


def counts_models(rules: tuple[LimitRule, ...]) -> bool:
    """Whether targets matter: a rule rations models, each by itself."""
    return any(rule.per == "model" and not rule.together and rations_of(rule.limits) for rule in rules)


def rations_of(limits: Limits) -> tuple[LimitName, ...]:
    """Which of these are set."""
    return tuple(name for name in RATIONS if getattr(limits, name) is not None)


def _subjects(keys: Iterable[ClientKey], rules: tuple[LimitRule, ...], targets: Iterable[Target]) -> Iterator[Subject]:
    told = tuple(rule for rule in rules if rations_of(rule.limits))
    together = tuple(rule for rule in told if rule.per == "model" and rule.together)
    every = (subject for key in keys for subject in subjects_of(key, told))
    # Whatever the model is, all of them are counted as one.
    models = (subject for rule in together for subject in target_subjects(Target("", ""), (_of_any(rule),)))
    each = (subject for target in targets for subject in target_subjects(target, told))
    for found in (every, models, each):
        yield from (_alone(subject) for subject in found if rations_of(subject.limits))


def _of_any(rule: LimitRule) -> LimitRule:
    return LimitRule(rule.name, rule.per, rule.limits, "*", together=True)


def _alone(subject: Subject) -> Subject:
    limits = {name: getattr(subject.limits, name) for name in RATIONS}
    return Subject(subject.name, subject.id, Limits(**limits, budget_period=subject.limits.budget_period))

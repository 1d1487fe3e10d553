"""Which plan a request has, remembered: by key and by target, as long as the rules are the same.

Knows rules and whom they match (`rules`). Counts nothing.
"""

from __future__ import annotations

from gateway.limits.limiter import Plan, Subject
from gateway.limits.rules import subjects_of, target_subjects
from gateway.records import ClientKey, LimitRule, Target

REMEMBERED = 8192
"""Keys, targets, and subjects; clients may invent names of models under a wildcard, so this is bounded."""


class Plans:
    """Plans by key and by target."""

    def __init__(self, rules: tuple[LimitRule, ...] = ()) -> None:
        self._rules = rules
        self._of_keys: dict[str, tuple[ClientKey, Plan | None]] = {}
        self._of_targets: dict[Target, Plan | None] = {}
        self._subjects: dict[bytes, Subject] = {}
        self._any_of_models = any(rule.per == "model" for rule in rules)

    def of_key(self, key: ClientKey) -> Plan | None:
        """Whom a request with this key is counted for; None where nothing limits it."""
        known = self._of_keys.get(key.id)
        if known is not None and known[0] is key:
            return known[1]
        plan = self._plan(subjects_of(key, self._rules))
        if len(self._of_keys) >= REMEMBERED:
            self._of_keys.clear()
        self._of_keys[key.id] = key, plan
        return plan

    def of_target(self, target: Target) -> Plan | None:
        """Whom an attempt at this target is counted for; None where nothing limits it."""
        if not self._any_of_models:
            return None
        if target not in self._of_targets:
            if len(self._of_targets) >= REMEMBERED:
                self._of_targets.clear()
            self._of_targets[target] = self._plan(target_subjects(target, self._rules))
        return self._of_targets[target]

    def _plan(self, subjects: tuple[Subject, ...]) -> Plan | None:
        return Plan(tuple(map(self._one, subjects))) if subjects else None

    def _one(self, subject: Subject) -> Subject:
        """One record for a subject, however many keys are counted for it."""
        known = self._subjects.get(subject.id)
        if known is None or known != subject:
            if len(self._subjects) >= REMEMBERED:
                self._subjects.clear()
            known = self._subjects[subject.id] = subject
        return known

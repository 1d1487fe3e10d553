"""Which names may become label values. Everything a client could invent is `other`; what is missing is empty.

A model gets series of its own when a provider has answered for it, not before: whoever asks for thousands of models
that do not exist neither makes the exposition grow nor uses up the room of those that do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from gateway.records import AttemptRecord, UsageRecord

from .faults import fault_of
from .series import OTHER
from .tally import Outcome, Target, Try

TARGETS = 200
"""Targets (endpoint, provider, model) of one worker that are counted apart."""

PROVIDERS = 100
ERRORS = 64
LONGEST = 128
"""Characters of a name."""

CLASSES = ("other", "1xx", "2xx", "3xx", "4xx", "5xx")


class Naming:
    """The names one worker has admitted so far."""

    def __init__(self, endpoints: Collection[str], targets: Iterable[Target] = ()) -> None:
        self._endpoints = frozenset(endpoints)
        self._targets = {target for target in targets if target[2] not in ("", OTHER)}
        self._models = {target[1:] for target in self._targets}
        self._providers = {provider for provider, _ in self._models}
        self._errors: set[str] = set()

    def outcome(self, record: UsageRecord) -> Outcome:
        """The labels under which an exchange is counted."""
        target = self._target(record)
        status = CLASSES[record.status // 100] if 100 <= record.status < 600 else OTHER
        return (*target, status, self._error(record.error))

    def attempt(self, attempt: AttemptRecord, *, is_saved: bool) -> Try:
        """The labels under which a try is counted; `is_saved` says that its request was answered."""
        provider = _admitted(self._providers, attempt.provider, PROVIDERS)
        known = (provider, attempt.model) in self._models
        fault = fault_of(attempt.error, attempt.reason, is_saved=is_saved)
        return (provider, attempt.model if known else OTHER, self._error(attempt.error), fault)

    def _target(self, record: UsageRecord) -> Target:
        endpoint = record.endpoint if record.endpoint in self._endpoints else OTHER
        if record.provider is None:
            return (endpoint, "", "")
        provider = _admitted(self._providers, record.provider, PROVIDERS)
        target = (endpoint, provider, record.model or "")
        if target not in self._targets and not self._admit(target, answered=record.status < 400):
            return (endpoint, provider, OTHER if record.model else "")
        return target

    def _admit(self, target: Target, *, answered: bool) -> bool:
        _, provider, model = target
        # An unprintable name is no model's, and half a surrogate pair could not even be written.
        named = 0 < len(model) <= LONGEST and model.isprintable() and OTHER not in target
        admitted = answered and named and len(self._targets) < TARGETS
        if admitted:
            self._targets.add(target)
            self._models.add((provider, model))
        return admitted

    def _error(self, error: str | None) -> str:
        return "" if error is None else _admitted(self._errors, error, ERRORS)


def _admitted(known: set[str], name: str, limit: int) -> str:
    if name not in known:
        if len(known) >= limit or len(name) > LONGEST:
            return OTHER
        known.add(name)
    return name

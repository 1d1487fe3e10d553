"""Which attempt comes next. Time, turns and outcomes are handed in; nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from msgspec import Struct

from gateway.records import Credential, Provider, Target

from .resolve import TargetList
from .verdicts import Verdict

Item = TypeVar("Item")

MOST_ATTEMPTS = 4
"""The first try and three more."""

NO_CREDENTIAL = Credential("", "", "")
"""For a server that asks for no key."""


class Attempt(Struct, frozen=True, gc=False):
    """One try: a target, and the credential to use."""

    target: Target
    provider: Provider
    credential: Credential


class Dispatch:
    """The attempts of one exchange, one after another."""

    __slots__ = ("_credentials", "_held", "_left", "_pinned", "_providers", "_target", "_targets", "_turn")

    def __init__(
        self,
        route: TargetList,
        providers: Mapping[str, Provider],
        turn: int,
        pinned: tuple[str, str] | None = None,
    ) -> None:
        """`turn` counts exchanges: round robin begins with another credential (and target) each time. `pinned` names
        the provider and credential that alone can serve this, for as long as they are there: anybody else would say
        that what is asked for does not exist, and hide why the one that has it does not answer."""
        self._targets = _rotated(route.targets, turn) if route.rotate else route.targets
        self._pinned = pinned
        if pinned is not None:
            keeping = tuple(target for target in self._targets if target.provider == pinned[0])
            self._targets = keeping or self._targets
        self._held = route.credentials
        self._providers = providers
        self._turn = turn
        self._left = MOST_ATTEMPTS
        self._target = -1
        self._credentials: list[Credential] = []

    def next(self) -> Attempt | None:
        """The next attempt; None when there is nothing left to try."""
        if not self._left:
            return None
        while not self._credentials:
            self._target += 1
            if self._target >= len(self._targets):
                return None
            self._credentials = self._order(self._providers[self._targets[self._target].provider])
        self._left -= 1
        target = self._targets[self._target]
        return Attempt(target, self._providers[target.provider], self._credentials.pop())

    def failed(self, verdict: Verdict) -> None:
        """The last attempt failed, and this is what that means."""
        if verdict is Verdict.STOP:
            self._left = 0
        elif verdict is Verdict.NEXT_TARGET:
            self._credentials = []

    def _order(self, provider: Provider) -> list[Credential]:
        """The credentials of a provider, the first to use last."""
        held = provider.credentials if self._held is None else self._held[provider.id]
        credentials = held or (NO_CREDENTIAL,)
        if len(credentials) == 1:
            return [credentials[0]]
        if self._pinned is not None and self._pinned[0] == provider.id:
            name = self._pinned[1]
            credentials = tuple(each for each in credentials if each.name == name) or credentials
        if provider.strategy == "round_robin":
            credentials = _rotated(credentials, self._turn)
        return list(reversed(credentials))


def _rotated(items: tuple[Item, ...], turn: int) -> tuple[Item, ...]:
    start = turn % len(items)
    return items[start:] + items[:start]

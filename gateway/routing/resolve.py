"""From the name a client asks for to the targets that can answer. Knows names only: no time, no state of providers.

A name is, in this order: an alias, a combo, `provider/model`, or a bare model id that one provider serves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate

from gateway.errors import ModelForbidden, UnknownModel
from gateway.records import ClientKey, Provider, Target

MOST_HOPS = 16
"""Longest chain of aliases followed; loading the settings refuses loops, this only makes sure."""


@dataclass(frozen=True, slots=True)
class Combo:
    """A named, ordered list of targets, each written as `provider/model`."""

    name: str
    targets: tuple[str, ...]
    strategy: str


@dataclass(frozen=True, slots=True)
class TargetList:
    """The targets of a name, in order, and whether to begin with another one each time."""

    targets: tuple[Target, ...]
    rotate: bool = False


class Resolver:
    """Finds the targets of a name."""

    def __init__(self, providers: Sequence[Provider], aliases: Mapping[str, str], combos: Sequence[Combo]) -> None:
        self._providers = {provider.id: provider for provider in providers}
        self._aliases = dict(aliases)
        self._combos = {combo.name: combo for combo in combos}
        self._patterns: dict[tuple[str, ...], re.Pattern[str]] = {}

    def resolve(self, name: str, key: ClientKey) -> TargetList:
        """The targets that `key` may use under `name`. Raises UnknownModel or ModelForbidden."""
        return self._permitted(name, self._find(name), key)

    def may_use(self, name: str, key: ClientKey) -> bool:
        """Whether `resolve` would find targets."""
        try:
            self.resolve(name, key)
        except (UnknownModel, ModelForbidden):
            return False
        return True

    def names(self) -> tuple[str, ...]:
        """Every alias and combo."""
        return (*self._aliases, *self._combos)

    def _find(self, name: str) -> TargetList:
        for _ in range(MOST_HOPS):
            if name not in self._aliases:
                break
            name = self._aliases[name]
        combo = self._combos.get(name)
        if combo is None:
            return TargetList((self._target(name),))
        return TargetList(tuple(self._target(target) for target in combo.targets), combo.strategy == "round_robin")

    def _target(self, name: str) -> Target:
        provider_id, slash, model = name.partition("/")
        provider = self._providers.get(provider_id) if slash else None
        if provider is not None and self._matches(provider.models, model):
            return Target(provider_id, model)
        return self._bare(name)

    def _bare(self, model: str) -> Target:
        """A model id without provider: an exact entry beats a pattern, which beats `*`; two of a kind are ambiguous."""
        serving = [provider for provider in self._providers.values() if self._matches(provider.models, model)]
        for matches in (
            [provider for provider in serving if model in provider.models],
            [provider for provider in serving if "*" not in provider.models],
            serving,
        ):
            if len(matches) == 1:
                return Target(matches[0].id, model)
            if matches:
                choices = ", ".join(f"{provider.id}/{model}" for provider in matches)
                raise UnknownModel(f"Several providers serve `{model}`; ask for one of: {choices}.", param="model")
        raise UnknownModel(f"The model `{model}` does not exist: no configured provider serves it.", param="model")

    def _permitted(self, name: str, route: TargetList, key: ClientKey) -> TargetList:
        if self._matches(key.models, name):
            return route
        targets = tuple(
            target for target in route.targets if self._matches(key.models, f"{target.provider}/{target.model}")
        )
        if not targets:
            raise ModelForbidden(f"Your key may not use the model `{name}`.", param="model")
        return TargetList(targets, route.rotate)

    def _matches(self, patterns: tuple[str, ...], name: str) -> bool:
        pattern = self._patterns.get(patterns)
        if pattern is None:
            pattern = self._patterns[patterns] = re.compile("|".join(map(_expression, patterns)) or r"(?!)", re.DOTALL)
        return pattern.match(name) is not None


def _expression(pattern: str) -> str:
    """A wildcard pattern as a regular expression; `*` is the only sign with a meaning."""
    return translate(pattern.replace("[", "[[]").replace("?", "[?]"))

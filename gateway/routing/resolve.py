"""From the name a client asks for to the targets that can answer. Knows names only: no time, no state of providers.

A name is, in this order: an alias, a combo, `provider/model`, or a bare model id that one provider serves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.errors import ModelForbidden, UnknownModel
from gateway.records import ANY, ClientKey, Credential, Provider, Target

from .reach import matches, may_use_target, usable_credentials

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
    credentials: Mapping[str, tuple[Credential, ...]] | None = None
    """By provider those that the key may use; None where it may use all of them."""


class Resolver:
    """Finds the targets of a name."""

    def __init__(self, providers: Sequence[Provider], aliases: Mapping[str, str], combos: Sequence[Combo]) -> None:
        self._providers = {provider.id: provider for provider in providers}
        self._aliases = dict(aliases)
        self._combos = {combo.name: combo for combo in combos}

    def resolve(self, name: str, key: ClientKey) -> TargetList:
        """The targets that `key` may use under `name`. Raises UnknownModel or ModelForbidden."""
        route = _named(name, self._find(name), key)
        if key.providers == ANY and key.credentials == ANY:
            return route
        return self._reachable(name, route, key)

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
        if provider is not None and matches(provider.models, model):
            return Target(provider_id, model)
        return self._bare(name)

    def _bare(self, model: str) -> Target:
        """A model id without provider: an exact entry beats a pattern, which beats `*`; two of a kind are ambiguous."""
        serving = [provider for provider in self._providers.values() if matches(provider.models, model)]
        for found in (
            [provider for provider in serving if model in provider.models],
            [provider for provider in serving if "*" not in provider.models],
            serving,
        ):
            if len(found) == 1:
                return Target(found[0].id, model)
            if found:
                choices = ", ".join(f"{provider.id}/{model}" for provider in found)
                raise UnknownModel(f"Several providers serve `{model}`; ask for one of: {choices}.", param="model")
        raise UnknownModel(f"The model `{model}` does not exist: no configured provider serves it.", param="model")

    def _reachable(self, name: str, route: TargetList, key: ClientKey) -> TargetList:
        """The targets at providers that the key may use, with credentials that it may use."""
        allowed = [target for target in route.targets if matches(key.providers, target.provider)]
        if not allowed:
            raise ModelForbidden(
                f"Your key may not use {_listed(route.targets)}, which would serve the model `{name}`.", param="model"
            )
        held = {target.provider: usable_credentials(key, self._providers[target.provider]) for target in allowed}
        usable = {provider: credentials for provider, credentials in held.items() if credentials is not None}
        targets = tuple(target for target in allowed if target.provider in usable)
        if not targets:
            raise ModelForbidden(
                f"Your key may use no credential of {_listed(allowed)}, which would serve the model `{name}`.",
                param="model",
            )
        return replace(route, targets=targets, credentials=usable)


def _named(name: str, route: TargetList, key: ClientKey) -> TargetList:
    """The targets that are among the models of the key, by the name they were asked for or by their own."""
    if matches(key.models, name):
        return route
    targets = tuple(target for target in route.targets if may_use_target(key, name, target))
    if not targets:
        raise ModelForbidden(f"Your key may not use the model `{name}`.", param="model")
    return replace(route, targets=targets)


def _listed(targets: Sequence[Target]) -> str:
    """The providers of these, for people."""
    names = [f"`{provider}`" for provider in dict.fromkeys(target.provider for target in targets)]
    return f"the provider{'s' if len(names) > 1 else ''} {', '.join(names)}"

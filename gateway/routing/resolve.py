"""From the name a client asks for to the targets that can answer. Knows names only: no time, no state of providers.

A name is, in this order: an alias, a combo, `provider/model` or `prefix/model`, an alias with a `*`, or a bare model id
that one provider serves. Names that are said as they are win over patterns: no pattern hides a combo, or what a client
asks of one provider.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from gateway.errors import ModelForbidden, UnknownModel
from gateway.records import ANY, ClientKey, Provider, Target

from .reach import EXCLUDES, KEY, matches, may_use_target, serves, usable_credentials
from .targets import USUAL, Choice, TargetList, Terms, labels_of
from .versions import Listed

MOST_HOPS = 16
"""Longest chain of aliases followed; loading the settings refuses loops, this only makes sure."""

LONGEST_NAME = 2048
"""Characters of a name that is asked for. What is known of names is remembered, and clients may invent them."""

NOTHING: Mapping[str, Collection[str]] = MappingProxyType({})

Pattern = tuple[str, str, str]
"""Of an alias with a `*`: what is before and behind that, and where it leads."""


@dataclass(frozen=True, slots=True)
class Combo:
    """A named, ordered list of targets, each written as `provider/model`, as an alias or as another combo."""

    name: str
    targets: tuple[str, ...]
    strategy: str
    weights: tuple[int, ...] = ()
    """One for each target, or none at all."""
    terms: Terms = USUAL


class Resolver:
    """Finds the targets of a name."""

    def __init__(
        self,
        providers: Sequence[Provider],
        aliases: Mapping[str, str],
        combos: Sequence[Combo],
        *,
        listed: Mapping[str, Collection[str]] = NOTHING,
        catalogued: Mapping[str, Collection[str]] = NOTHING,
    ) -> None:
        """`listed` are the models that providers say they serve, by their id; one that is not there has not said it.
        `catalogued` are those that others say of them."""
        self._providers = {provider.id: provider for provider in providers}
        prefixes = {prefix: provider for provider in reversed(providers) for prefix in provider.prefixes}
        self._addresses = prefixes | self._providers
        self._aliases = {name: target for name, target in aliases.items() if "*" not in name}
        self._patterns = sorted(_patterns(aliases), key=lambda each: -len(each[0]) - len(each[1]))
        self._combos = {combo.name: combo for combo in combos}
        self._listed = {name: Listed(models) for name, models in listed.items() if name in self._providers}
        self._catalogued = {name: frozenset(models) for name, models in catalogued.items()}

    def resolve(self, name: str, key: ClientKey) -> TargetList:
        """The targets that `key` may use under `name`. Raises UnknownModel or ModelForbidden."""
        if len(name) > LONGEST_NAME:
            raise UnknownModel(f"The model does not exist: its name is longer than {LONGEST_NAME}.", param="model")
        found = _named(name, self._find(name), key)
        if key.providers == ANY and key.credentials == ANY:
            return found
        return self._reachable(name, found, key)

    def may_use(self, name: str, key: ClientKey) -> bool:
        """Whether `resolve` would find targets."""
        try:
            self.resolve(name, key)
        except (UnknownModel, ModelForbidden):
            return False
        return True

    def names(self) -> tuple[str, ...]:
        """Every alias and combo that has a name of its own."""
        return (*self._aliases, *self._combos)

    def _find(self, name: str) -> TargetList:
        end = self._end(name)
        combo, via = self._combos.get(end), self._via(name)
        if combo is None:
            return TargetList((self._target(end),), via=via)
        found: dict[Target, None] = {}
        choice = self._choice(combo, set(), found)
        if not found:
            raise UnknownModel(f"The combo `{name}` leads to no model.", param="model")
        return TargetList(tuple(found), choice, combo.terms, via=via, ordered_by=labels_of(choice))

    # Aliases

    def _end(self, name: str) -> str:
        """Where a chain of aliases ends."""
        for _ in range(MOST_HOPS):
            led = self._led(name)
            if led == name:
                break
            name = led
        return name

    def _led(self, name: str) -> str:
        """Where a name leads; itself where it is no alias."""
        if (target := self._aliases.get(name)) is not None:
            return target
        if (pattern := self._pattern(name)) is not None:
            head, tail, target = pattern
            return target.replace("*", name[len(head) : len(name) - len(tail)])
        return name

    def _pattern(self, name: str) -> Pattern | None:
        """The alias with a `*` that a name is, unless it is something else as it stands."""
        if name in self._combos or self._names_provider(name):
            return None
        for pattern in self._patterns:
            head, tail, _ = pattern
            if len(name) >= len(head) + len(tail) and name.startswith(head) and name.endswith(tail):
                return pattern
        return None

    def _via(self, name: str) -> str | None:
        """The alias or combo that a name is, as it is configured."""
        if name in self._aliases or name in self._combos:
            return name
        pattern = self._pattern(name)
        return None if pattern is None else f"{pattern[0]}*{pattern[1]}"

    def _names_provider(self, name: str) -> bool:
        first, slash, _ = name.partition("/")
        return bool(slash) and first in self._addresses

    # Combos

    def _choice(self, combo: Combo, entered: set[str], found: dict[Target, None]) -> Choice:
        """What a combo chooses from. A target that is there already, however deep, is not there again."""
        entered.add(combo.name)
        members: list[tuple[Target | Choice, int]] = []
        for name, weight in zip(combo.targets, combo.weights or (1,) * len(combo.targets), strict=True):
            member = self._member(name, entered, found)
            if member is not None:
                members.append((member, weight))
        weights = tuple(weight for _, weight in members) if combo.weights else ()
        return Choice(combo.name, tuple(member for member, _ in members), combo.strategy, weights)

    def _member(self, name: str, entered: set[str], found: dict[Target, None]) -> Target | Choice | None:
        end = self._end(name)
        if end in self._combos:
            choice = self._choice(self._combos[end], entered, found) if end not in entered else None
            return choice if choice is not None and choice.members else None
        target = self._target(end)
        if target in found:
            return None
        found[target] = None
        return target

    # Models

    def _target(self, name: str) -> Target:
        return self._addressed(name) or self._bare(name)

    def _addressed(self, name: str) -> Target | None:
        """What `provider/model` names. The provider ends at the first slash; model ids may have more."""
        first, _, model = name.partition("/")
        provider = self._addresses.get(first) if model else None
        served = None if provider is None else self._as_served(provider, model)
        return None if provider is None or served is None else Target(provider.id, served)

    def _as_served(self, provider: Provider, model: str) -> str | None:
        """The id that a provider is to be sent for a model; None for one that it does not serve."""
        if not _names_exactly(provider, model):
            listed = self._listed.get(provider.id)
            found = listed.find(model) if listed is not None else None
            if found is not None and serves(provider.models, found):
                return found
        return model if serves(provider.models, model) else None

    def _bare(self, model: str) -> Target:
        """A model id without provider: the first rank in which a provider serves it; two of a rank are ambiguous."""
        for found in self._ranks(model):
            if len(found) == 1:
                return found[0]
            if found:
                choices = ", ".join(f"{target.provider}/{target.model}" for target in found)
                raise UnknownModel(f"Several providers serve `{model}`; ask for one of: {choices}.", param="model")
        raise UnknownModel(f"The model `{model}` does not exist: no configured provider serves it.", param="model")

    def _ranks(self, model: str) -> Iterator[list[Target]]:
        """Who serves a bare id, the best reason to think so first: the operator names it, the provider lists it, the
        provider lists it by another name, a catalogue says so, a pattern has room for it, anything goes."""
        providers = self._providers.values()
        serving = [provider for provider in providers if serves(provider.models, model)]
        yield [Target(provider.id, model) for provider in serving if _names_exactly(provider, model)]
        yield from self._by_list(model)
        catalogued = self._catalogued
        yield [
            Target(provider.id, model)
            for provider in serving
            if provider.id not in self._listed and model in catalogued.get(provider.id, ())
        ]
        for found in ([each for each in serving if not _serves_anything(each)], serving):
            yield self._by_pattern(found, model)

    def _by_list(self, model: str) -> Iterator[list[Target]]:
        """Those who list it as it was asked for, then those who list it by another name."""
        found = [(provider, self._listed[provider.id].find(model)) for provider in self._listing()]
        served = [Target(each.id, name) for each, name in found if name is not None and serves(each.models, name)]
        yield [target for target in served if target.model == model]
        yield served

    def _listing(self) -> Iterator[Provider]:
        return (provider for provider in self._providers.values() if provider.id in self._listed)

    def _by_pattern(self, serving: Sequence[Provider], model: str) -> list[Target]:
        """Of several who may serve it, only those who have not said what they do: the others would have listed it."""
        silent = [provider for provider in serving if provider.id not in self._listed]
        return [Target(provider.id, model) for provider in (serving if len(serving) == 1 else silent)]

    # Keys

    def _reachable(self, name: str, found: TargetList, key: ClientKey) -> TargetList:
        """The targets at providers that the key may use, with credentials that it may use."""
        allowed = [target for target in found.targets if matches(key.providers, target.provider)]
        if not allowed:
            raise ModelForbidden(
                f"Your key may not use {_listed(found.targets)}, which would serve the model `{name}`.", param="model"
            )
        held = {target.provider: usable_credentials(key, self._providers[target.provider]) for target in allowed}
        usable = {provider: credentials for provider, credentials in held.items() if credentials is not None}
        targets = frozenset(target for target in allowed if target.provider in usable)
        if not targets:
            raise ModelForbidden(
                f"Your key may use no credential of {_listed(allowed)}, which would serve the model `{name}`.",
                param="model",
            )
        return replace(found.keeping(lambda target: target in targets, KEY), credentials=usable, pools={})


def _patterns(aliases: Mapping[str, str]) -> Iterator[Pattern]:
    """The aliases that have one."""
    for name, target in aliases.items():
        head, star, tail = name.partition("*")
        if star:
            yield head, tail, target


def _names_exactly(provider: Provider, model: str) -> bool:
    """Whether the operator names a model as one of this provider's, without a pattern."""
    return model in provider.models and "*" not in model and not model.startswith(EXCLUDES)


def _serves_anything(provider: Provider) -> bool:
    """Whether it serves whatever it is not kept from."""
    return "*" in provider.models or all(pattern.startswith(EXCLUDES) for pattern in provider.models)


def _named(name: str, found: TargetList, key: ClientKey) -> TargetList:
    """The targets that are among the models of the key, by the name they were asked for or by their own."""
    if matches(key.models, name):
        return found
    kept = found.keeping(lambda target: may_use_target(key, name, target), KEY)
    if not kept.targets:
        raise ModelForbidden(f"Your key may not use the model `{name}`.", param="model")
    return kept


def _listed(targets: Sequence[Target]) -> str:
    """The providers of these, for people."""
    names = [f"`{provider}`" for provider in dict.fromkeys(target.provider for target in targets)]
    return f"the provider{'s' if len(names) > 1 else ''} {', '.join(names)}"

"""What clients may ask for: providers' models, aliases, combos, and that each name means one thing.

Knows names, not requests: picking a target for one is routing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from fnmatch import fnmatchcase
from itertools import chain

from msgspec import structs

from gateway.settings.locate import KeyPath
from gateway.settings.model import Settings
from gateway.settings.objects import AliasSettings, ComboSettings, ProviderSettings
from gateway.settings.shape import Wrong, did_you_mean

SUGGESTIONS = 20
"""So many wrong names are told what was probably meant: among thousands of names each look takes milliseconds."""


def settle(settings: Settings) -> Settings:
    """The settings with every alias pointing at a model or combo, every combo at models. Raises Wrong."""
    names = Names(
        {provider.id: provider for provider in settings.providers},
        {alias.name: alias.target for alias in settings.aliases},
        {combo.name for combo in settings.combos},
    )
    for path, name in _all_names(settings):
        names.check_free(path, name)
    return structs.replace(
        settings,
        aliases=tuple(names.settled_alias(alias, ("aliases", at)) for at, alias in enumerate(settings.aliases)),
        combos=tuple(names.settled_combo(combo, ("combos", at)) for at, combo in enumerate(settings.combos)),
    )


def _all_names(settings: Settings) -> Iterator[tuple[KeyPath, str]]:
    yield from ((("aliases", index, "name"), alias.name) for index, alias in enumerate(settings.aliases))
    yield from ((("combos", index, "name"), combo.name) for index, combo in enumerate(settings.combos))


class Names:
    """All names there are, and where each leads. Ends are remembered: a name is followed once."""

    def __init__(
        self, providers: Mapping[str, ProviderSettings], aliases: Mapping[str, str], combos: AbstractSet[str]
    ) -> None:
        self._providers, self._aliases, self._combos = providers, aliases, combos
        self._ends: dict[str, str] = {}
        self._failures: dict[str, str] = {}
        self._suggestions = SUGGESTIONS

    def check_free(self, path: KeyPath, name: str) -> None:
        """Raises Wrong when `name` already means something else, or can mean nothing."""
        if not name.isprintable() or " " in name or "*" in name:
            raise Wrong(path, "a name holds no spaces, no control characters and no `*`")
        if path[0] == "aliases" and name in self._combos:
            raise Wrong(path, f"`{name}` is a combo already")
        provider, slash, _ = name.partition("/")
        if slash and provider in self._providers:
            raise Wrong(path, f"`{name}` would hide a model of provider `{provider}`")

    def settled_alias(self, alias: AliasSettings, path: KeyPath) -> AliasSettings:
        """The alias, pointing at the model or combo at its end. Raises Wrong."""
        return structs.replace(alias, target=self._end_of(alias.name, (*path, "target")))

    def settled_combo(self, combo: ComboSettings, path: KeyPath) -> ComboSettings:
        """The combo with models alone, in its order. Raises Wrong."""
        targets = (self._model_of(said, (*path, "targets", at)) for at, said in enumerate(combo.targets))
        return structs.replace(combo, targets=tuple(targets))

    def leads_nowhere(self, target: str) -> str:
        """What to say of a target that is neither model nor combo."""
        meant = self._meant(target, chain(self._aliases, self._combos))
        return f"`{target}` is no `provider/model` and no combo{meant}"

    def _model_of(self, said: str, path: KeyPath) -> str:
        target = self._end_of(said, path) if said in self._aliases else said
        if target in self._combos:
            raise Wrong(path, f"`{said}` is a combo, and a combo holds models only")
        if wrong := self._wrong_with(target):
            raise Wrong(path, wrong)
        return target

    def _end_of(self, name: str, path: KeyPath) -> str:
        """The combo or model at the end of a chain of aliases."""
        if name not in self._ends and name not in self._failures:
            self._follow(name)
        if name in self._failures:
            raise Wrong(path, self._failures[name])
        return self._ends[name]

    def _follow(self, name: str) -> None:
        """Find the end of a chain, for every alias in it."""
        passed = {name: None}
        target, wrong = self._aliases[name], ""
        while target in self._aliases and not wrong:
            if target in passed:
                wrong = f"aliases go round in a circle: {' -> '.join([*passed, target])}"
            elif target in self._failures:
                wrong = self._failures[target]
            else:
                passed[target] = None
                target = self._ends.get(target) or self._aliases[target]
        if not wrong and target not in self._combos:
            wrong = self._wrong_with(target)
        found = dict.fromkeys(passed, wrong or target)
        (self._failures if wrong else self._ends).update(found)

    def _wrong_with(self, target: str) -> str:
        """Why a target is no model; nothing when it is one."""
        provider, slash, model = target.partition("/")
        if not slash or not model or "*" in model:
            return self.leads_nowhere(target)
        if provider not in self._providers:
            return f"there is no provider `{provider}`{self._meant(provider, self._providers)}"
        if not any(fnmatchcase(model, pattern) for pattern in self._providers[provider].models):
            return f"provider `{provider}` does not serve `{model}` (see its `models`)"
        return ""

    def _meant(self, name: str, known: Iterable[str]) -> str:
        self._suggestions -= 1
        return did_you_mean(name, known) if self._suggestions >= 0 else ""

"""What clients may ask for: providers' models, aliases, combos, and that each name means one thing.

Knows names, not requests: picking a target for one is routing.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from msgspec import structs

from gateway.settings.locate import KeyPath
from gateway.settings.model import AliasSettings, ComboSettings, ProviderSettings, Settings
from gateway.settings.shape import Wrong, did_you_mean


def settle(settings: Settings) -> Settings:
    """The settings with every alias pointing at a model or combo, every combo at models. Raises Wrong."""
    names = _Names(settings)
    for path, name in _all_names(settings):
        names.check_free(path, name)
    aliases = tuple(
        structs.replace(alias, target=names.end_of(alias, ("aliases", index, "target")))
        for index, alias in enumerate(settings.aliases)
    )
    combos = tuple(
        structs.replace(combo, targets=tuple(names.models_of(combo, ("combos", index, "targets"))))
        for index, combo in enumerate(settings.combos)
    )
    return structs.replace(settings, aliases=aliases, combos=combos)


def _all_names(settings: Settings) -> Iterator[tuple[KeyPath, str]]:
    yield from ((("aliases", index, "name"), alias.name) for index, alias in enumerate(settings.aliases))
    yield from ((("combos", index, "name"), combo.name) for index, combo in enumerate(settings.combos))


class _Names:
    def __init__(self, settings: Settings) -> None:
        self._providers: dict[str, ProviderSettings] = {one.id: one for one in settings.providers}
        self._aliases = {alias.name: alias.target for alias in settings.aliases}
        self._combos = {combo.name for combo in settings.combos}

    def check_free(self, path: KeyPath, name: str) -> None:
        """Raises Wrong when `name` already means something else, or can mean nothing."""
        if not name.isprintable() or " " in name or "*" in name:
            raise Wrong(path, "a name holds no spaces, no control characters and no `*`")
        if path[0] == "aliases" and name in self._combos:
            raise Wrong(path, f"`{name}` is a combo already")
        provider, slash, _ = name.partition("/")
        if slash and provider in self._providers:
            raise Wrong(path, f"`{name}` would hide a model of provider `{provider}`")

    def end_of(self, alias: AliasSettings, path: KeyPath) -> str:
        """The combo or model at the end of a chain of aliases."""
        passed, target = [alias.name], alias.target
        while target in self._aliases:
            if target in passed:
                raise Wrong(path, f"aliases go round in a circle: {' -> '.join([*passed, target])}")
            passed.append(target)
            target = self._aliases[target]
        if target not in self._combos:
            self._check_model(target, path)
        return target

    def models_of(self, combo: ComboSettings, path: KeyPath) -> Iterator[str]:
        """The models of a combo, in its order."""
        for index, said in enumerate(combo.targets):
            place = (*path, index)
            target = said
            if said in self._aliases:
                target = self.end_of(AliasSettings(name=said, target=self._aliases[said]), place)
            if target in self._combos:
                raise Wrong(place, f"`{said}` is a combo, and a combo holds models only")
            self._check_model(target, place)
            yield target

    def _check_model(self, target: str, path: KeyPath) -> None:
        provider, slash, model = target.partition("/")
        if not slash or not model or "*" in model:
            known = [*self._aliases, *self._combos]
            raise Wrong(path, f"`{target}` is no `provider/model` and no combo{did_you_mean(target, known)}")
        if provider not in self._providers:
            raise Wrong(path, f"there is no provider `{provider}`{did_you_mean(provider, self._providers)}")
        if not any(fnmatchcase(model, pattern) for pattern in self._providers[provider].models):
            raise Wrong(path, f"provider `{provider}` does not serve `{model}` (see its `models`)")

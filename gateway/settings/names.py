"""What clients may ask for: providers' models, aliases, combos, and that each name means one thing.

Knows names, not requests: picking a target for one is routing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import chain

from msgspec import structs

from gateway.settings.locate import KeyPath
from gateway.settings.model import Settings
from gateway.settings.objects import AliasSettings, ComboSettings, ProviderSettings
from gateway.settings.shape import Wrong, did_you_mean

SUGGESTIONS = 20
"""So many wrong names are told what was probably meant: among thousands of names each look takes milliseconds."""

MOST_NESTED = 8
"""Combos within combos, the outermost counted."""


def settle(settings: Settings) -> Settings:
    """The settings with every alias pointing at a model or combo, every combo at models and combos. Raises Wrong."""
    for wrong in wrong_prefixes(settings.providers):
        raise wrong
    names = Names(
        {provider.id: provider for provider in settings.providers},
        {alias.name: alias.target for alias in settings.aliases},
        {combo.name: combo.targets for combo in settings.combos},
    )
    for index, alias in enumerate(settings.aliases):
        names.check_free(("aliases", index, "name"), alias.name, starred=True)
        names.check_no_combo(("aliases", index, "name"), alias.name)
    for index, combo in enumerate(settings.combos):
        names.check_free(("combos", index, "name"), combo.name)
    return structs.replace(
        settings,
        aliases=tuple(names.settled_alias(alias, ("aliases", at)) for at, alias in enumerate(settings.aliases)),
        combos=tuple(names.settled_combo(combo, ("combos", at)) for at, combo in enumerate(settings.combos)),
    )


def wrong_prefixes(providers: Sequence[ProviderSettings]) -> Iterator[Wrong]:
    """Prefixes that are another provider's id or prefix: what stands before the slash means one provider."""
    owners = {provider.id: provider.id for provider in providers}
    for index, provider in enumerate(providers):
        for at, prefix in enumerate(provider.prefixes):
            if (owner := owners.setdefault(prefix, provider.id)) != provider.id:
                yield Wrong(("providers", index, "prefixes", at), f"`{prefix}` leads to provider `{owner}` already")


class Names:
    """All names there are, and where each leads. Ends are remembered: a name is followed once."""

    def __init__(
        self,
        providers: Mapping[str, ProviderSettings],
        aliases: Mapping[str, str],
        combos: Mapping[str, Sequence[str]],
    ) -> None:
        """`combos` are their targets by name."""
        prefixes = {prefix: provider for provider in providers.values() for prefix in provider.prefixes}
        self._providers = {**prefixes, **providers}
        self._aliases, self._combos = aliases, combos
        patterns = (name.partition("*") for name in aliases if "*" in name)
        self._patterns = sorted(patterns, key=lambda each: -len(each[0]) - len(each[2]))
        self._ends: dict[str, str] = {}
        self._failures: dict[str, str] = {}
        self._depths: dict[str, int] = {}
        self._suggestions = SUGGESTIONS

    def check_free(self, path: KeyPath, name: str, *, starred: bool = False) -> None:
        """Raises Wrong when `name` hides a model, or can mean nothing. `starred` is for names that may have one `*`."""
        if not name.isprintable() or " " in name or name.count("*") > starred:
            raise Wrong(
                path, f"a name holds no spaces, no control characters and {'at most one' if starred else 'no'} `*`"
            )
        provider, slash, _ = name.partition("/")
        if slash and provider in self._providers:
            raise Wrong(path, f"`{name}` would hide a model of provider `{provider}`")

    def check_no_combo(self, path: KeyPath, name: str) -> None:
        """Raises Wrong when a combo has that name."""
        if name in self._combos:
            raise Wrong(path, f"`{name}` is a combo already")

    def settled_alias(self, alias: AliasSettings, path: KeyPath) -> AliasSettings:
        """The alias, pointing at the model or combo at its end. Raises Wrong."""
        return structs.replace(alias, target=self._end_of(alias.name, (*path, "target")))

    def settled_combo(self, combo: ComboSettings, path: KeyPath) -> ComboSettings:
        """The combo with models and combos alone, in its order. Raises Wrong."""
        if combo.weights and len(combo.weights) != len(combo.targets):
            raise Wrong((*path, "weights"), f"there are {len(combo.targets)} targets and {len(combo.weights)} weights")
        targets = tuple(self._target_of(said, (*path, "targets", at)) for at, said in enumerate(combo.targets))
        for at, target in enumerate(targets):
            if target in self._combos:
                self._check_depth(target, (combo.name,), (*path, "targets", at))
        return structs.replace(combo, targets=targets)

    def leads_nowhere(self, target: str) -> str:
        """What to say of a target that is neither model nor combo."""
        meant = self._meant(target, chain(self._aliases, self._combos))
        return f"`{target}` is no `provider/model` and no combo{meant}"

    # Combos

    def _target_of(self, said: str, path: KeyPath) -> str:
        target = self._end_of(said, path) if self._led(said) is not None else said
        if target not in self._combos and (wrong := self._wrong_with(target)):
            raise Wrong(path, wrong)
        return target

    def _check_depth(self, name: str, outer: tuple[str, ...], path: KeyPath) -> int:
        """How deep combos are nested from this one on. Raises Wrong for a circle, and for more than is allowed."""
        if name in outer:
            raise Wrong(path, f"combos go round in a circle: {' -> '.join([*outer[outer.index(name) :], name])}")
        depth = self._depths.get(name, 1)
        if name not in self._depths and len(outer) < MOST_NESTED:
            within = {end for said in self._combos[name] if (end := self._known_end(said)) in self._combos}
            depths = [self._check_depth(each, (*outer, name), path) for each in sorted(within)]
            depth = self._depths[name] = 1 + max(depths, default=0)
        if len(outer) + depth > MOST_NESTED:
            raise Wrong(path, f"combos are nested more than {MOST_NESTED} deep")
        return depth

    def _known_end(self, said: str) -> str:
        """Where a target of a combo ends; what is wrong with it is told where it stands."""
        if self._led(said) is None:
            return said
        if said not in self._ends and said not in self._failures:
            self._follow(said)
        return self._ends.get(said, "")

    # Aliases

    def _led(self, name: str) -> str | None:
        """Where one step leads from a name that clients may ask for; None where it is no alias.

        Names win over patterns, and so does whatever is asked of one provider.
        """
        if "*" in name or name in self._combos:
            return None
        if (target := self._aliases.get(name)) is not None:
            return target
        provider, slash, _ = name.partition("/")
        if slash and provider in self._providers:
            return None
        for head, _, tail in self._patterns:
            if len(name) >= len(head) + len(tail) and name.startswith(head) and name.endswith(tail):
                between = name[len(head) : len(name) - len(tail)]
                return self._aliases[f"{head}*{tail}"].replace("*", between)
        return None

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
        target = self._aliases[name] if "*" in name else self._led(name)
        wrong, end = "", name
        while target is not None and not wrong:
            end = target
            if end in passed:
                wrong = f"aliases go round in a circle: {' -> '.join([*passed, end])}"
            elif end in self._failures:
                wrong = self._failures[end]
            elif (target := self._led(end)) is not None:
                passed[end] = None
                target = self._ends.get(end, target)
        if not wrong and end not in self._combos:
            wrong = self._wrong_with(end, starred="*" in name)
        found = dict.fromkeys(passed, wrong or end)
        (self._failures if wrong else self._ends).update(found)

    def _wrong_with(self, target: str, *, starred: bool = False) -> str:
        """Why a target is no model; nothing when it is one. `starred` is for one that stands for many."""
        provider, slash, model = target.partition("/")
        if not slash or not model or "*" in provider or model.count("*") > starred:
            return self.leads_nowhere(target)
        if provider not in self._providers:
            return f"there is no provider `{provider}`{self._meant(provider, self._providers)}"
        if "*" not in model and not _serves(self._providers[provider].models, model):
            return f"provider `{provider}` does not serve `{model}` (see its `models`)"
        return ""

    def _meant(self, name: str, known: Iterable[str]) -> str:
        self._suggestions -= 1
        return did_you_mean(name, known) if self._suggestions >= 0 else ""


def _serves(patterns: Sequence[str], model: str) -> bool:
    """Whether a model is among these patterns and not among those with `!` in front; in lower case, too."""
    names = (model, model.lower())
    excluded = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    wanted = [pattern for pattern in patterns if not pattern.startswith("!")] or (["*"] if excluded else [])

    def matches(pattern: str) -> bool:
        return any(fnmatchcase(name, pattern) for name in names)

    return any(map(matches, wanted)) and not any(map(matches, excluded))

"""The database's part of the configuration, laid over what file, environment and command line say.

What the operator's file says wins: an object of the same name is hidden by it. What cannot be applied is left out and
reported, and takes with it what leads to it; the rest holds. Pure: objects come in, settings go out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

from msgspec import structs

from gateway.errors import ManagedByFile
from gateway.settings import rules
from gateway.settings.locate import KeyPath
from gateway.settings.model import LimitSettings, Settings
from gateway.settings.names import Names
from gateway.settings.objects import (
    AliasSettings,
    ComboSettings,
    CredentialSettings,
    LimitRuleSettings,
    PriceSettings,
    ProviderSettings,
)
from gateway.settings.origins import named_objects, path_of
from gateway.settings.providers import Known, fill
from gateway.settings.section import Section
from gateway.settings.shape import Wrong
from gateway.settings.stored import VALUE, Kind, StoredObject, own_name, read_setting, read_table

_NO_PRESETS: Mapping[str, Known] = MappingProxyType({})

_ARTICLES = {"alias": "an alias", "combo": "a combo"}

LISTS: Mapping[type[Section], str] = MappingProxyType(
    {ProviderSettings: "providers", AliasSettings: "aliases", ComboSettings: "combos", PriceSettings: "prices"}
)
"""Where tables of a kind stand in the settings; credentials stand in their providers, limits in a section."""

T = TypeVar("T", bound=Section)
N = TypeVar("N", AliasSettings, ComboSettings)


@dataclass(frozen=True, slots=True)
class Problem:
    """An object of the database that is left out."""

    kind: Kind
    name: str
    reason: str
    path: KeyPath = ()
    """Where in its spec, as far as it is about one place."""


@dataclass(frozen=True, slots=True)
class Effective:
    """What the gateway goes by."""

    settings: Settings
    problems: tuple[Problem, ...] = ()
    hidden: frozenset[tuple[Kind, str]] = frozenset()
    """Kind and name of objects of the database that the operator's file says otherwise."""
    guarded: frozenset[str] = frozenset()
    """Ids of providers whose address, or the proxy to it, came from the database: connections are bounded by
    `network.allow`."""


def overlay(
    base: Settings,
    origins: Mapping[str, str],
    objects: Sequence[StoredObject],
    *,
    presets: Mapping[str, Known] = _NO_PRESETS,
) -> Effective:
    """The settings with the objects of the database laid over them. Never raises: what is wrong is left out."""
    return _Laying(base, origins, objects, presets).lay()


def check_change(
    base: Settings,
    origins: Mapping[str, str],
    before: Sequence[StoredObject],
    after: Sequence[StoredObject],
    *,
    presets: Mapping[str, Known] = _NO_PRESETS,
) -> None:
    """Raises Wrong, with a path within the spec, when a changed object cannot be applied, or when the change breaks
    another that could; ManagedByFile when a changed object would be hidden. What was wrong before may stay so."""
    old = {(one.kind, one.name): one for one in before}
    changed = {(one.kind, one.name) for one in after if old.get((one.kind, one.name)) != one}
    laid = overlay(base, origins, after, presets=presets)
    for kind, name in sorted(changed & laid.hidden):
        raise ManagedByFile(f"{kind} `{name}` is managed by {origins.get(path_of(kind, name), 'the file')}.")
    for problem in laid.problems:
        if (problem.kind, problem.name) in changed:
            raise Wrong(problem.path, problem.reason)
    if not laid.problems:
        return
    known = {(one.kind, one.name) for one in overlay(base, origins, before, presets=presets).problems}
    if broken := [one for one in laid.problems if (one.kind, one.name) not in known]:
        raise Wrong((), _named(broken))


def _named(broken: Sequence[Problem]) -> str:
    """Who would be left without what they need."""
    first = "; ".join(f"{one.kind} `{one.name}`: {one.reason}" for one in broken[:3])
    more = f"; and {len(broken) - 3} more" if len(broken) > 3 else ""
    return f"others depend on it: {first}{more}"


class _Laying:
    """One overlay, on its way from the first kind to the last."""

    def __init__(
        self,
        base: Settings,
        origins: Mapping[str, str],
        objects: Sequence[StoredObject],
        presets: Mapping[str, Known],
    ) -> None:
        self._base, self._origins, self._presets = base, origins, presets
        self._problems: list[Problem] = []
        self._hidden: set[tuple[Kind, str]] = set()
        self._objects: dict[Kind, list[StoredObject]] = {}
        there = {path for path, _ in named_objects(base)}
        for one in sorted(objects, key=lambda one: (one.position, one.name)):
            path = path_of(one.kind, one.name)
            if path in origins or path in there:
                self._hidden.add((one.kind, one.name))
            else:
                self._objects.setdefault(one.kind, []).append(one)

    def lay(self) -> Effective:
        settings = self._with_settings(self._base)
        own = self._providers()
        providers = self._with_credentials((*self._base.providers, *own.values()))
        aliases, combos = self._names({provider.id: provider for provider in providers})
        prices = tuple(self._tables("price", PriceSettings).values())
        limits = tuple(self._tables("limit", LimitRuleSettings).values())
        settings = structs.replace(
            settings,
            providers=providers,
            aliases=(*self._base.aliases, *aliases),
            combos=(*self._base.combos, *combos),
            prices=(*self._base.prices, *prices),
            limits=structs.replace(settings.limits, rules=(*settings.limits.rules, *limits)),
        )
        return Effective(settings, tuple(self._problems), frozenset(self._hidden), self._guarded(settings, own))

    def _leave_out(self, stored: StoredObject, wrong: Wrong) -> None:
        self._problems.append(Problem(stored.kind, stored.name, wrong.message, wrong.path))

    def _guarded(self, settings: Settings, own: Mapping[str, ProviderSettings]) -> frozenset[str]:
        """Addresses of the catalogue and of the file are nobody's choice but the operator's, and the proxies there."""
        said = {one.name: one.spec for one in self._objects.get("provider", ())}
        guarded = {name for name, one in own.items() if said[name].get("base_url") or one.proxy}
        if settings.upstream.proxy != self._base.upstream.proxy:
            guarded |= {provider.id for provider in settings.providers if not provider.proxy}
        return frozenset(guarded)

    # Settings that are values

    def _with_settings(self, base: Settings) -> Settings:
        read: dict[str, tuple[StoredObject, str, str, Any]] = {}
        for stored in self._objects.get("setting", ()):
            try:
                read[stored.name] = (stored, *read_setting(stored))
            except Wrong as wrong:
                self._leave_out(stored, wrong)
        while True:
            settings = _set(base, [one[1:] for one in read.values()])
            broken: dict[str, Wrong] = {}
            for found in rules.broken(_without_lists(settings)):
                broken.setdefault(_blamed(".".join(map(str, found.path[:2])), read), found)
            if not broken or not read:
                return settings
            for path, found in broken.items():
                self._leave_out(read.pop(path)[0], Wrong((VALUE, *found.path[2:]), found.message))

    # Tables

    def _tables(self, kind: Kind, section: type[T]) -> dict[str, T]:
        """The objects of a kind by name, without those that are wrong by themselves."""
        tables: dict[str, T] = {}
        stored = {one.name: one for one in self._objects.get(kind, ())}
        for name, one in stored.items():
            try:
                table = read_table(one)
                assert isinstance(table, section)
                tables[name] = self._filled(table)
            except Wrong as wrong:
                self._leave_out(one, wrong)
        for name, found in _broken(tables).items():
            del tables[name]
            self._leave_out(stored[name], found)
        return tables

    def _filled(self, table: T) -> T:
        """A provider with what its preset knows; its credentials are objects of their own."""
        if not isinstance(table, ProviderSettings):
            return table
        filled = fill(table, (), self._presets)
        assert isinstance(filled, type(table))
        return filled

    def _providers(self) -> dict[str, ProviderSettings]:
        """Those of the database. None may take a name of the file away from what it means."""
        providers = self._tables("provider", ProviderSettings)
        base = self._base
        taken = {name.partition("/")[0]: name for name in _called(base) if "/" in name}
        for stored in self._objects.get("provider", ()):
            if stored.name in providers and (name := taken.get(stored.name)):
                del providers[stored.name]
                self._leave_out(stored, Wrong(("id",), f"`{name}` would hide a model of it"))
        return self._with_prefixes_of_their_own(providers)

    def _with_prefixes_of_their_own(self, providers: dict[str, ProviderSettings]) -> dict[str, ProviderSettings]:
        """Those whose ids and prefixes lead to nobody else already."""
        owners = {prefix: one.id for one in self._base.providers for prefix in one.prefixes}
        owners |= {one.id: one.id for one in self._base.providers}
        kept: dict[str, ProviderSettings] = {}
        for name, one in providers.items():
            said: dict[KeyPath, str] = {("prefixes", at): prefix for at, prefix in enumerate(one.prefixes)}
            said[("id",)] = name
            taken = next((place for place, word in said.items() if owners.get(word, name) != name), None)
            if taken is None:
                owners |= dict.fromkeys((name, *one.prefixes), name)
                kept[name] = one
            else:
                stored = next(each for each in self._objects["provider"] if each.name == name)
                word = said[taken]
                self._leave_out(stored, Wrong(taken, f"`{word}` leads to provider `{owners[word]}` already"))
        return kept

    def _with_credentials(self, providers: Sequence[ProviderSettings]) -> tuple[ProviderSettings, ...]:
        """Each provider's own credentials come first."""
        credentials = self._tables("credential", CredentialSettings)
        added: dict[str, list[CredentialSettings]] = {}
        known = {provider.id: {one.name for one in provider.credentials} for provider in providers}
        for stored in self._objects.get("credential", ()):
            if stored.name not in credentials:
                continue
            provider = stored.name.removesuffix(f"/{own_name(stored)}")
            if provider not in known:
                self._leave_out(stored, Wrong((), f"there is no provider `{provider}`"))
            elif credentials[stored.name].name in known[provider]:
                self._leave_out(stored, Wrong(("name",), f"provider `{provider}` has a credential of this name"))
            else:
                added.setdefault(provider, []).append(credentials[stored.name])
        return tuple(
            structs.replace(one, credentials=(*one.credentials, *added[one.id])) if one.id in added else one
            for one in providers
        )

    # Names

    def _names(
        self, providers: Mapping[str, ProviderSettings]
    ) -> tuple[Sequence[AliasSettings], Sequence[ComboSettings]]:
        """Aliases and combos that lead to models. What leads to a combo that is left out is left out with it."""
        base = self._base
        combos = self._free("combo", ComboSettings, providers, {one.name: "alias" for one in base.aliases})
        all_combos = {one.name: one.targets for one in (*base.combos, *combos.values())}
        aliases = self._free("alias", AliasSettings, providers, dict.fromkeys(all_combos, "combo"))
        targets = {one.name: one.target for one in (*base.aliases, *aliases.values())}
        names = Names(providers, targets, all_combos)
        led = self._settled("alias", aliases, lambda one: names.settled_alias(one, ()))
        models = self._settled("combo", combos, lambda one: names.settled_combo(one, ()))
        while True:
            empty = combos.keys() - models.keys()
            held = self._settled("combo", models, lambda one, empty=empty: _check_members(one, empty))  # type: ignore[misc]
            if held.keys() == models.keys():
                break
            models = held
        kept = self._settled("alias", led, lambda one: _check_held(one, empty))
        return tuple(kept.values()), tuple(models.values())

    def _free(
        self, kind: Kind, section: type[N], providers: Mapping[str, ProviderSettings], taken: Mapping[str, str]
    ) -> dict[str, N]:
        """Objects whose names mean nothing else. `taken` says what a name is already."""
        names = Names(providers, {}, {})
        return self._settled(kind, self._tables(kind, section), lambda one: _check_free(one, names, taken))

    def _settled(self, kind: Kind, tables: Mapping[str, N], settle: Callable[[N], N]) -> dict[str, N]:
        """What `settle` makes of each, without those it raises Wrong for."""
        settled: dict[str, N] = {}
        for stored in self._objects.get(kind, ()):
            if stored.name in tables:
                try:
                    settled[stored.name] = settle(tables[stored.name])
                except Wrong as wrong:
                    self._leave_out(stored, wrong)
        return settled


def _check_free(one: N, names: Names, taken: Mapping[str, str]) -> N:
    names.check_free(("name",), one.name, starred=isinstance(one, AliasSettings))
    if one.name in taken:
        raise Wrong(("name",), f"`{one.name}` is {_ARTICLES[taken[one.name]]} already")
    return one


def _check_held(alias: AliasSettings, empty: Set[str]) -> AliasSettings:
    if alias.target in empty:
        raise Wrong(("target",), f"the combo `{alias.target}` cannot be used")
    return alias


def _check_members(combo: ComboSettings, empty: Set[str]) -> ComboSettings:
    for at, target in enumerate(combo.targets):
        if target in empty:
            raise Wrong(("targets", at), f"the combo `{target}` cannot be used")
    return combo


def _called(settings: Settings) -> Iterator[str]:
    """Names that clients may ask for."""
    yield from (one.name for one in settings.aliases)
    yield from (one.name for one in settings.combos)


def _set(settings: Settings, values: Iterable[tuple[str, str, Any]]) -> Settings:
    """The settings with values in the place of others; each with its section and name."""
    sections: dict[str, dict[str, Any]] = {}
    for section, name, value in values:
        sections.setdefault(section, {})[name] = value
    changed = {section: structs.replace(getattr(settings, section), **said) for section, said in sections.items()}
    return structs.replace(settings, **changed)


def _without_lists(settings: Settings) -> Settings:
    """What is no table of its own: the rest has been found right before."""
    lists = dict.fromkeys(LISTS.values(), ())
    return structs.replace(settings, **lists, client_keys=(), limits=structs.replace(settings.limits, rules=()))


def _blamed(path: str, read: Mapping[str, object]) -> str:
    """The setting that breaks a rule: the one it speaks of, else one of the same section, else any."""
    section = f"{path.partition('.')[0]}."
    near = (one for one in read if one.startswith(section))
    return path if path in read else next(near, next(iter(read), ""))


def _broken(tables: Mapping[str, Section]) -> dict[str, Wrong]:
    """The first rule that each of these tables breaks, by its name, with a path within it."""
    names, kinds = list(tables), {type(one) for one in tables.values()}
    wrongs: dict[str, Wrong] = {}
    for kind in kinds & _ALONE.keys():
        settings, depth = _ALONE[kind](tuple(tables.values()))
        for wrong in rules.broken(settings):
            wrongs.setdefault(names[int(wrong.path[depth])], Wrong(wrong.path[depth + 1 :], wrong.message))
    return wrongs


def _in_list(place: str) -> Callable[[tuple[Any, ...]], tuple[Settings, int]]:
    return lambda tables: (structs.replace(Settings(), **{place: tables}), 1)


def _with_credentials_alone(tables: tuple[CredentialSettings, ...]) -> Settings:
    """They belong to many providers, in each of which a name is there once: here each has a name of its own."""
    credentials = tuple(structs.replace(one, name=f"{at}") for at, one in enumerate(tables))
    return Settings(providers=(ProviderSettings(id="any", base_url="http://any", credentials=credentials),))


_ALONE: Mapping[type[Section], Callable[[tuple[Any, ...]], tuple[Settings, int]]] = MappingProxyType(
    {
        **{kind: _in_list(place) for kind, place in LISTS.items()},
        CredentialSettings: lambda tables: (_with_credentials_alone(tables), 3),
        LimitRuleSettings: lambda tables: (Settings(limits=LimitSettings(rules=tables)), 2),
    }
)
"""Settings with nothing but tables of one kind, and where in the paths of these the number of a table stands."""

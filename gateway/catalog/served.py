"""Which models providers said they serve: the lists themselves, kept from one asking to the next, and as a file's text.

Pure: who asks, when, and where the file is, is known elsewhere. A list belongs to the address it came from: a provider
that is somewhere else by now has not said anything yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from hashlib import blake2b
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Struct

from gateway.records import ModelFacts, Provider

_FIELDS = tuple(each.name for each in fields(ModelFacts))


class ServedList(Struct, frozen=True):
    """The list of one provider."""

    place: str
    """Which address it is from, as `place_of` says it."""
    fetched_at_us: int
    """Unix time."""
    models: Mapping[str, ModelFacts | None]
    """By id, in the provider's order; None where it said nothing of one but its id."""


@dataclass(frozen=True, slots=True)
class Served:
    """The lists of all providers, by their ids."""

    lists: Mapping[str, ServedList] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, provider: Provider) -> ServedList | None:
        """What a provider said; None where it has said nothing, or somewhere else."""
        found = self.lists.get(provider.id)
        return found if found is not None and found.place == place_of(provider) else None

    def facts(self, provider: Provider, model: str) -> ModelFacts | None:
        """What a provider said of a model; None where it said nothing."""
        found = self.of(provider)
        return found.models.get(model) if found is not None else None

    def ids(self, providers: Iterable[Provider]) -> Mapping[str, tuple[str, ...]]:
        """The models of those who have said which they serve, by the provider's id."""
        said = {provider.id: self.of(provider) for provider in providers}
        return {name: tuple(each.models) for name, each in said.items() if each is not None}

    def having(self, provider: Provider, models: Mapping[str, ModelFacts | None], now_us: int) -> Served:
        """The same with what a provider says now."""
        return Served({**self.lists, provider.id: ServedList(place_of(provider), now_us, models)})

    def only(self, providers: Iterable[Provider]) -> Served:
        """The same without the lists of whoever else there was."""
        return Served({provider.id: said for provider in providers if (said := self.of(provider)) is not None})


def place_of(provider: Provider) -> str:
    """A name for where a provider is and how it is spoken to, which does not show the address."""
    return blake2b(f"{provider.format} {provider.base_url}".encode(), digest_size=12).hexdigest()


def write_served(served: Served) -> bytes:
    """The text of a file."""
    lists = {name: {**msgspec.structs.asdict(said), "models": _spare(said)} for name, said in served.lists.items()}
    return msgspec.json.encode({"lists": lists})


def read_served(text: bytes) -> Served:
    """What `write_served` wrote. Raises ValueError for anything else."""
    try:
        return Served(msgspec.json.decode(text, type=_File).lists)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from None


class _File(Struct, frozen=True):
    """The file as it is read."""

    lists: dict[str, ServedList]


def _spare(said: ServedList) -> dict[str, dict[str, Any] | None]:
    """Without the facts that nobody said."""
    return {
        model: None
        if facts is None
        else {name: value for name in _FIELDS if (value := getattr(facts, name)) is not None}
        for model, facts in said.models.items()
    }

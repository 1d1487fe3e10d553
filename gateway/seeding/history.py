"""Months of requests, written into the analytics store by the store itself.

Knows what the one statement is told: who asks for what, what it costs, when which hour was how busy. What becomes of
each request is the statement's business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any, Protocol

import msgspec

import sql
from gateway.catalog.presets import presets
from gateway.catalog.registry import bundled
from gateway.records import Price
from gateway.settings.section import FormatName

from .clients import AGENTS, DROPPED, NOBODY, SPOKEN, Ask, Key, targets_of, via
from .incidents import Incident, incidents
from .rhythm import ASKS, SLOTS, Hour, course
from .world import MODELS, PLACE_OF_MODEL, PROVIDER, REQUEST_IDS, Model

DAY_US = 24 * 3_600_000_000

LONGEST_PROMPT = 190_000
"""Tokens. Beyond it some models have other prices."""


NORMAL = tuple(NormalDist().inv_cdf((place + 0.5) / 1024) for place in range(1024))
"""As many numbers as there are places of ten bits, each as far from the middle as it should be."""

TENANTS = tuple((f"tenant={name}",) for name in ("acorn", "birch", "cedar", "dogwood", "elm"))
NO_TENANT: tuple[tuple[str, ...], ...] = ((),)


class Writes(Protocol):
    """The analytics store's writing connection."""

    def execute(self, query: str, parameters: object = None) -> Any:
        """Run a statement."""


@dataclass(frozen=True, slots=True)
class Owned:
    """A client key as records have it."""

    key_id: str | None
    user_id: str | None = None
    team_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What history is wanted."""

    requests: int
    days: float
    until_us: int
    """Unix microseconds at which it ends."""
    seed: int = 1
    at_once: int = 1_000_000
    """Requests written by one statement, which bounds the memory and the time it takes."""

    @property
    def since_us(self) -> int:
        """Unix microseconds at which it begins."""
        return self.until_us - round(self.days * DAY_US)


@dataclass(frozen=True, slots=True)
class Part:
    """Some hours of a history."""

    requests: int
    told: Mapping[str, str | int]
    """What the statement is told, JSON for whatever is no number."""

    def write(self, connection: Writes) -> None:
        """Have them in the store, all of them or none."""
        connection.execute(sql.statement("demo/seed"), dict(self.told))


def parts(wish: Wish, keys: Mapping[str, Owned]) -> Iterator[Part]:
    """A history, to be written in this order. `keys` are those of `clients.KEYS`, by name."""
    when, found = course(wish.requests, wish.since_us, wish.until_us, seed=wish.seed), _incidents(wish)
    asks = [*(_ask(key, ask, keys[key.name]) for key, ask in ASKS), _ask(NOBODY, NOBODY.asks[0], Owned(None))]
    same: dict[str, str | int] = {
        **{name: _text(_incident(each)) for name, each in found.items()},
        "asks": _text(asks),
        "stranger": len(asks),
        "models": _text([_model(model) for model in MODELS]),
        "normal": _text(NORMAL),
        "slots": SLOTS,
        "seed": wish.seed,
        "longest_prompt": LONGEST_PROMPT,
    }
    for hours in _batches(when.hours, wish.at_once):
        yield Part(sum(hour.requests for hour in hours), {**same, **_dealt(hours, when.deals)})


def price_of(model: Model) -> Price | None:
    """What the catalogue that came with this version says of a model; None for one that nobody else knows."""
    preset = presets().get(model.provider)
    return bundled().price(preset.price_list, model.name) if preset is not None else None


def _batches(hours: Sequence[Hour], at_once: int) -> Iterator[list[Hour]]:
    batch: list[Hour] = []
    waiting = 0
    for hour in hours:
        if batch and waiting + hour.requests > at_once:
            yield batch
            batch, waiting = [], 0
        batch.append(hour)
        waiting += hour.requests
    yield batch


def _dealt(hours: Sequence[Hour], deals: Sequence[Sequence[int]]) -> dict[str, str]:
    """Hours in two halves, and the deals they need: all the others would only be carried along."""
    places = {dealt: place for place, dealt in enumerate(dict.fromkeys(hour.dealt for hour in hours))}
    told = [{**asdict(hour), "dealt": places[hour.dealt]} for hour in hours]
    middle = len(hours) // 2
    needed = [ask for dealt in places for ask in deals[dealt]]
    return {"earlier": _text(told[:middle]), "later": _text(told[middle:]), "deals": _text(needed)}


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _incidents(wish: Wish) -> dict[str, Incident]:
    found = incidents(wish.since_us, wish.until_us)
    return {"outage": found.outage, "storm": found.storm, "slow": found.slow}


def _incident(incident: Incident) -> dict[str, Any]:
    models = [PLACE_OF_MODEL[model.id] for model in MODELS if model.provider == incident.provider]
    return {"from_us": incident.from_us, "until_us": incident.until_us, "models": models}


def _ask(key: Key, ask: Ask, owned: Owned) -> dict[str, Any]:
    spoken, targets = SPOKEN[ask.dialect], targets_of(ask.name) if ask.name else ()
    formats = [format_between(spoken.format, target.partition("/")[0]) for target in targets]
    return {
        "key": key.name or None,
        **asdict(owned),
        "tags": [[*key.tags, *ask.tags, *each] for each in (TENANTS if key.has_tenants else NO_TENANT)],
        "requested": ask.name or None,
        "via": via(ask.name),
        "targets": [PLACE_OF_MODEL[target] for target in targets],
        "formats": formats,
        "path": spoken.path,
        "stream_path": spoken.stream_path,
        "speaks_tools": ask.dialect != "embeddings",
        "prompt": ask.prompt,
        "answer": ask.answer,
        "streamed": ask.stream,
        "tools": ask.tools,
        "cached": ask.cached,
        "agents": AGENTS[ask.agent],
        "losses": [_losses(ask, spoken.format, each) for each in formats],
        "traced": key.traced,
        "refused": key.refused,
        "leaves": key.left,
    }


def format_between(spoken: FormatName, provider: str) -> FormatName:
    """What is spoken with a provider: the client's own format, where it knows that too."""
    asked = PROVIDER[provider]
    return spoken if spoken in asked.also_speaks else asked.format


def _losses(ask: Ask, spoken: str, upstream: str) -> Sequence[str]:
    return DROPPED.get((spoken, upstream), ()) if ask.dialect != "embeddings" else ()


def _model(model: Model) -> dict[str, Any]:
    price = price_of(model)
    return {
        "provider": model.provider,
        "model": model.name,
        "credentials": list(PROVIDER[model.provider].credentials),
        "request_id": REQUEST_IDS.get(model.provider, ""),
        "first_us": model.first_ms * 1000,
        "spread": model.spread,
        "speed": model.tokens_per_second,
        "thinks": model.thinks,
        "writes_cache": price is not None and price.rates.cache_write is not None,
        "answers_as": model.answers_as or None,
        **_rates(price),
    }


def _rates(price: Price | None) -> dict[str, Any]:
    """Pico-USD per token of each kind, and which row they are from."""
    if price is None:
        return dict.fromkeys(("input", "output", "cache_read", "cache_write", "price"))
    rates = price.rates
    return {
        "input": rates.input,
        "output": rates.output,
        "cache_read": rates.input if rates.cache_read is None else rates.cache_read,
        "cache_write": rates.input if rates.cache_write is None else rates.cache_write,
        "price": price.source,
    }

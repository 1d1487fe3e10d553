"""Which models a key is shown, and how each dialect's list is cut into pages."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest

from gateway.api import models
from gateway.api.models import ONE, PAGE, Listed, ModelList
from gateway.catalog.known import Known
from gateway.catalog.registry import Registry, Row
from gateway.catalog.served import Served
from gateway.errors import UnknownModel, UpstreamUnreachable
from gateway.records import ClientKey, ModelFacts, Provider
from gateway.relay.relay import Relay
from gateway.routing.resolve import Combo, Resolver

EVERYTHING = ClientKey("all", id="all")
PROVIDERS = (
    Provider("exact", "openai_chat", "http://localhost/v1", ("a", "b"), "round_robin", ()),
    Provider("open", "anthropic", "http://localhost", ("own", "*"), "round_robin", ()),
)
RESOLVER = Resolver(PROVIDERS, {"fast": "exact/a"}, [Combo("best", ("exact/b", "open/own"), "fallback")])


class World:
    """The list, what the open provider says when it is asked, and the time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        providers = {each.id: each for each in PROVIDERS}
        self.relay = relay = SimpleNamespace(providers=providers, resolver=RESOLVER, known=Known(), facts=self._facts)
        self.list = ModelList(cast(Relay, relay))
        self.answer: bytes | None = b'{"data": [{"id": "theirs"}, {"id": "own"}]}'
        self.asked: list[str] = []
        self.now = 1.0
        monkeypatch.setattr(models, "fetch", self._fetch)
        monkeypatch.setattr(models, "time", SimpleNamespace(monotonic=lambda: self.now))

    async def names(self, key: ClientKey = EVERYTHING) -> list[str]:
        return [model.name for model in await self.list.listed(key)]

    def _facts(self, provider: Provider, model: str) -> ModelFacts:
        facts: ModelFacts = self.relay.known.facts(provider, model)
        return facts

    async def _fetch(self, relay: Relay, provider: Provider, path: str) -> bytes:
        self.asked.append(f"{provider.id} {path}")
        if self.answer is None:
            raise UpstreamUnreachable("It is away.")
        return self.answer


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


KNOWN = ["fast", "best", "exact/a", "exact/b", "open/own"]


async def test_our_own_names_come_first_then_each_providers(world: World) -> None:
    assert await world.list.listed(EVERYTHING) == [
        Listed("fast", "sluicegate"),
        Listed("best", "sluicegate"),
        Listed("exact/a", "exact"),
        Listed("exact/b", "exact"),
        Listed("open/own", "open"),
        Listed("open/theirs", "open"),
    ]


async def test_only_who_serves_whatever_is_asked_for_is_asked_and_only_once_a_minute(world: World) -> None:
    await world.names()
    world.now += 59
    await world.names()
    assert world.asked == ["open /v1/models?limit=1000"]
    world.now += 2
    world.answer = b'{"data": [{"id": "new"}]}'
    assert await world.names() == [*KNOWN, "open/new"]


async def test_while_a_provider_is_away_its_last_list_holds(world: World) -> None:
    await world.names()
    world.now += 61
    world.answer = None
    assert await world.names() == [*KNOWN, "open/theirs"]
    await world.names()
    assert len(world.asked) == 2, "it is not asked again at once"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"7",
        b"null",
        b'"x"',
        b"{}",
        b'{"data": 7}',
        b'{"data": [7, null, {}, {"id": 7}, {"id": ""}]}',
        b"\xff",
    ],
)
async def test_what_is_no_list_adds_nothing(world: World, body: bytes) -> None:
    world.answer = body
    assert await world.names() == KNOWN


@pytest.mark.parametrize(
    "body",
    [b'{"data": [{"id": "theirs"}]}', b'{"models": [{"name": "models/theirs"}]}', b'[{"id": "theirs"}]'],
)
async def test_lists_are_read_in_every_dialect(world: World, body: bytes) -> None:
    world.answer = body
    assert await world.names() == [*KNOWN, "open/theirs"]


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (("open/*",), ["best", "open/own", "open/theirs"]),
        (("fast",), ["fast"]),
        (("exact/a",), ["fast", "exact/a"]),
        (("nothing",), []),
    ],
)
async def test_a_key_sees_what_it_may_use(world: World, patterns: tuple[str, ...], names: list[str]) -> None:
    key = ClientKey("narrow", id="narrow", models=patterns)
    assert await world.names(key) == names
    for name in (*KNOWN, "open/theirs"):
        if name in names:
            assert world.list.get(name, key).name == name
        else:
            with pytest.raises(UnknownModel):
                world.list.get(name, key)


async def test_a_key_is_shown_nothing_of_a_provider_that_it_may_not_use(world: World) -> None:
    key = ClientKey("narrow", id="narrow", providers=("exact",))
    assert await world.names(key) == ["fast", "best", "exact/a", "exact/b"]
    assert not world.asked, "nor is that provider asked for it"
    with pytest.raises(UnknownModel):
        world.list.get("open/own", key)


def test_who_owns_a_model_is_its_provider(world: World) -> None:
    assert world.list.get("open/whatever/it/is", EVERYTHING).owner == "open"
    assert world.list.get("best", EVERYTHING).owner == "sluicegate"


# Prefixes


@pytest.fixture
def prefixed(world: World) -> World:
    """Both providers have further names, one of which is its own id, and an alias has the name of a model by one."""
    exact, opened = PROVIDERS
    providers = replace(exact, prefixes=("mine", "exact")), replace(opened, prefixes=("free", "any"))
    world.relay.providers = {each.id: each for each in providers}
    world.relay.resolver = Resolver(providers, {"mine/b": "open/own"}, ())
    knowing(world, theirs=None)
    return world


async def test_models_are_listed_by_the_prefixes_of_their_provider_too(prefixed: World) -> None:
    listed = [(model.name, model.owner) for model in await prefixed.list.listed(EVERYTHING)]
    assert listed == [
        ("mine/b", "sluicegate"),
        *((name, "exact") for name in ("exact/a", "exact/b", "mine/a")),
        *((f"{word}/{model}", "open") for word in ("open", "free", "any") for model in ("own", "theirs")),
    ]
    for name, owner in listed[1:]:
        assert prefixed.list.get(name, EVERYTHING)[:2] == (name, owner)


@pytest.mark.parametrize(
    ("allowed", "names"),
    [
        ({"models": ("free/*",)}, ["free/own", "free/theirs"]),
        ({"models": ("any/own", "mine/*")}, ["mine/b", "mine/a", "any/own"]),
        ({"models": ("exact/a",)}, ["exact/a", "mine/a"]),
        ({"models": ("*/theirs",)}, ["open/theirs", "free/theirs", "any/theirs"]),
        ({"providers": ("exact",)}, ["exact/a", "exact/b", "mine/a"]),
        ({"providers": ("mine", "free")}, []),
    ],
)
async def test_by_a_prefix_a_key_sees_what_it_may_ask_for_by_it(
    prefixed: World, allowed: dict[str, tuple[str, ...]], names: list[str]
) -> None:
    key = ClientKey("narrow", id="narrow", **allowed)  # type: ignore[arg-type]
    assert await prefixed.names(key) == names
    for name in await prefixed.names():
        assert prefixed.relay.resolver.may_use(name, key) == (name in names)


# What is known beforehand


def knowing(world: World, **models: ModelFacts | None) -> None:
    """The open provider has said what it serves."""
    served = Served().having(PROVIDERS[1], models, 1)
    world.relay.known = Known(served)


async def test_who_has_given_a_list_is_not_asked_while_somebody_waits(world: World) -> None:
    knowing(world, theirs=None, more=None)
    assert await world.names() == [*KNOWN, "open/theirs", "open/more"]
    assert not world.asked
    knowing(world)
    assert await world.names() == KNOWN
    assert not world.asked


async def test_a_list_is_held_against_the_operators_patterns(world: World) -> None:
    provider = replace(PROVIDERS[1], models=("own", "*", "!old-*"))
    world.relay.providers["open"] = provider
    world.relay.resolver = Resolver((PROVIDERS[0], provider), {}, ())
    knowing(world, **{"new-1": None, "old-1": None})
    assert await world.names() == ["exact/a", "exact/b", "open/own", "open/new-1"]


async def test_who_lists_nothing_serves_what_the_registry_says(world: World) -> None:
    provider = replace(PROVIDERS[1], list_models=False, price_list="vendor")
    world.relay.providers["open"] = provider
    world.relay.known = Known(registry=Registry("2026-01-01", {"vendor": [Row("theirs", context=1000)]}))
    assert await world.names() == [*KNOWN, "open/theirs"]
    assert not world.asked


async def test_limits_are_shown_where_they_are_known_of_every_target(world: World) -> None:
    knowing(world, own=ModelFacts(max_input=200_000, max_output=64_000), theirs=ModelFacts(context=8192))
    shown = {model.name: model[2:] for model in await world.list.listed(EVERYTHING)}
    assert shown["open/own"] == (200_000, 64_000)
    assert shown["open/theirs"] == (8192, None)
    assert shown["best"] == (None, None), "nobody knows what exact/b takes"
    model = world.list.get("open/own", EVERYTHING)
    assert {"max_input_tokens": 200_000, "max_tokens": 64_000}.items() <= ONE["anthropic"](model).items()
    assert {"inputTokenLimit": 200_000, "outputTokenLimit": 64_000}.items() <= ONE["gemini"](model).items()
    assert "inputTokenLimit" not in ONE["gemini"](Listed("unknown", "open"))


# Pages

TEN = [Listed(f"m{number}", "p") for number in range(10)]


def anthropic(**question: str) -> tuple[list[str], bool]:
    page = PAGE["anthropic"](TEN, question)
    names = [model["id"] for model in page["data"]]
    assert (page["first_id"], page["last_id"]) == ((names[0], names[-1]) if names else (None, None))
    return names, page["has_more"]


@pytest.mark.parametrize(
    ("question", "names", "more"),
    [
        ({}, range(10), False),
        ({"limit": "3"}, range(3), True),
        ({"limit": "10"}, range(10), False),
        ({"limit": "3", "after_id": "m2"}, range(3, 6), True),
        ({"limit": "3", "after_id": "m6"}, range(7, 10), False),
        ({"after_id": "m9"}, (), False),
        ({"limit": "3", "before_id": "m5"}, range(2, 5), True),
        ({"limit": "3", "before_id": "m3"}, range(3), False),
        ({"before_id": "m0"}, (), False),
        ({"limit": "0"}, range(1), True),
        ({"limit": "many"}, range(10), False),
        ({"limit": "\u0663"}, range(10), False),
        ({"limit": "3", "after_id": "gone"}, range(3), True),
        ({"limit": "3", "before_id": "gone"}, range(3), True),
    ],
)
def test_anthropics_pages(question: dict[str, str], names: Any, more: bool) -> None:
    assert anthropic(**question) == ([f"m{number}" for number in names], more)


@pytest.mark.parametrize("size", ["1", "3", "10", "5000"])
def test_googles_pages_follow_one_another(size: str) -> None:
    seen: list[str] = []
    question = {"pageSize": size}
    while True:
        page = PAGE["gemini"](TEN, question)
        seen += [model["name"] for model in page["models"]]
        if "nextPageToken" not in page:
            break
        question["pageToken"] = page["nextPageToken"]
    assert seen == [f"models/m{number}" for number in range(10)]


@pytest.mark.parametrize("token", ["", "x", "-1", "\u00b2", "9" * 30, "9" * 5000])
def test_a_token_that_is_none_of_ours_does_no_harm(token: str) -> None:
    assert isinstance(PAGE["gemini"](TEN, {"pageToken": token})["models"], list)
    assert isinstance(PAGE["gemini"](TEN, {"pageSize": token})["models"], list)
    assert isinstance(PAGE["anthropic"](TEN, {"limit": token})["data"], list)


@pytest.mark.parametrize("dialect", PAGE)
def test_no_models_is_an_empty_list(dialect: str) -> None:
    page = PAGE[dialect]([], {})
    assert (page.get("data"), page.get("models")) in (([], None), (None, []))
    orjson.dumps(page)


def test_every_dialect_has_both() -> None:
    assert set(ONE) == set(PAGE) == {"openai_chat", "openai_responses", "anthropic", "gemini"}

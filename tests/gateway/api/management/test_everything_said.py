"""Whatever the file can say of an object, the API can say, show and change, each field by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from gateway.management.keys import KeyWish
from gateway.settings.model import Settings
from gateway.settings.objects import (
    AliasSettings,
    ComboSettings,
    CredentialSettings,
    FailureSettings,
    LimitRuleSettings,
    PriceSettings,
    PriceTierSettings,
    ProviderSettings,
)
from gateway.settings.section import Section
from gateway.settings.stored import SHAPES
from tests.gateway.management.offices import office_in

from .served import Served

FILED = ProviderSettings(id="filed", format="openai_chat", base_url="http://127.0.0.1:1/v1")
SECRETS = ("api_key", "proxy", "headers")
"""Fields that are shown as fingerprints."""

RATES = {
    "cache_read": 0.1,
    "cache_write": 1.25,
    "cache_write_1h": 2.5,
    "reasoning": 3.0,
    "input_audio": 4.0,
    "output_audio": 5.0,
    "input_image": 6.0,
    "output_image": 7.0,
}
TIER = {"above": 200_000, "input": 2.0, "output": 4.0, **RATES}
FAILURE = {
    "status": [418],
    "codes": ["teapot"],
    "contains": ["short and stout"],
    "fault": "overloaded",
    "then": "next_target",
    "rest": "model",
    "rest_seconds": 1.5,
}
LIMITS = {
    "requests_per_minute": 1,
    "tokens_per_minute": 2,
    "max_parallel": 3,
    "requests_per_month": 4,
    "tokens_per_month": 5,
    "budget_usd": 6.5,
    "budget_period": "week",
}

SAID: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "providers": (
        {"id": "azure", "variables": {"resource": "acme"}},
        {
            "format": "openai_chat",
            "base_url": "https://192.0.43.8/v1",
            "also_speaks": ["anthropic"],
            "models": ["a*", "!ab"],
            "list_models": False,
            "prefixes": ["first", "second"],
            "strategy": "weighted",
            "sticky_requests": 5,
            "session_affinity": False,
            "rests": False,
            "variables": {"resource": "other", "api_version": "v1"},
            "quirks": ["max_tokens"],
            "failures": [FAILURE],
            "proxy": "http://192.0.43.9:3128",
            "headers": {"x-team": "one", "x-other": "two"},
            "drop_fields": ["seed"],
            "forward_headers": ["x-trace"],
            "stream_usage": False,
            "model_facts": [{"model": "a*", "context": 9, "tools": False, "levels": ["low"]}],
            "position": 7,
        },
    ),
    "credentials": (
        {"provider": "filed", "name": "first", "api_key": "sk-one"},
        {
            "priority": -3,
            "weight": 4,
            "models": ["a*", "!ab"],
            "max_parallel": 5,
            "paused": True,
            "proxy": "http://192.0.43.9:3128",
            "headers": {"x-team": "one", "x-other": "two"},
            "position": 7,
        },
    ),
    "aliases": ({"name": "quick", "target": "filed/a"}, {"target": "filed/b"}),
    "combos": (
        {"name": "both", "targets": ["filed/a"]},
        {
            "targets": ["filed/a", "filed/b"],
            "strategy": "weighted",
            "weights": [1, 2],
            "attempts": 3,
            "next_on": ["context_too_long"],
            "stop_on": ["content_filter"],
            "hedge_ms": 250,
        },
    ),
    "prices": (
        {"model": "filed/*", "input": 1.0, "output": 2.0},
        {"input": 1.5, "output": 2.5, **RATES, "request": 0.01, "tiers": [TIER], "position": 7},
    ),
    "limits": (
        {"name": "small", "per": "team", "max_parallel": 9},
        {**LIMITS, "per": "user", "match": "u*", "together": True},
    ),
    "keys": (
        {"name": "app"},
        {
            **LIMITS,
            "models": ["a*"],
            "providers": ["filed"],
            "credentials": ["filed/*"],
            "endpoints": ["/v1/*"],
            "expires_at": "2999-01-01T00:00:00.000000Z",
            "paused": True,
            "tags": ["red"],
            "strict": True,
            "capture": False,
            "allow_unpriced": True,
        },
    ),
}
"""Of each kind the least there is to say, and another value for everything that can be different."""

TABLES: Mapping[str, type[Section]] = {
    "providers": ProviderSettings,
    "credentials": CredentialSettings,
    "aliases": AliasSettings,
    "combos": ComboSettings,
    "prices": PriceSettings,
    "limits": LimitRuleSettings,
    "keys": KeyWish,
}

ELSEWHERE = {
    "providers": {"id", "credentials"},
    "credentials": {"name", "api_key", "api_key_env", "api_key_file"},
    "aliases": {"name"},
    "combos": {"name"},
    "prices": {"model"},
    "limits": {"name"},
    "keys": {"name", "user_id", "team_id"},
}
"""What names one, what is an object of its own, what names a file or variable, and what tests of their own are for."""


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with office_in(tmp_path, settings=Settings(providers=(FILED,))) as office:
        yield Served(office)


async def add(served: Served, kind: str, values: Mapping[str, Any]) -> str:
    """Where it is found, once it is made."""
    made = await served.ask("POST", f"/api/{kind}", values)
    assert made.status == 201, made.body
    return str(made.headers["location"])


def shown(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in SECRETS}


def says(view: Any, wanted: Any) -> bool:
    """Whether all that is wanted is shown, whatever else is."""
    if isinstance(wanted, dict):
        return all(name in view and says(view[name], value) for name, value in wanted.items())
    if isinstance(wanted, list):
        return len(view) == len(wanted) and all(map(says, view, wanted))
    return bool(view == wanted)


def sealed(values: Mapping[str, Any]) -> set[str]:
    """Places of the secrets in these values."""
    headers = {f"headers.{name}" for name in values.get("headers", {})}
    return headers | {name for name in ("api_key", "proxy") if values.get(name)}


@pytest.mark.parametrize("kind", SAID)
def test_nothing_that_the_file_can_say_is_missing_here(kind: str) -> None:
    assert SAID[kind][1].keys() - {"position"} == set(TABLES[kind].__struct_fields__) - ELSEWHERE[kind]
    assert len(TABLES) == len(SHAPES) + 1
    assert FAILURE.keys() == set(FailureSettings.__struct_fields__)
    assert TIER.keys() == set(PriceTierSettings.__struct_fields__)


@pytest.mark.parametrize("kind", SAID)
async def test_it_is_said_at_once_and_shown(served: Served, kind: str) -> None:
    least, more = SAID[kind]
    view = (await served.ask("GET", await add(served, kind, {**least, **more}))).json()
    assert says(view, shown({**least, **more}))
    assert set(view.get("fingerprints", ())) == sealed({**least, **more})


@pytest.mark.parametrize("kind", SAID)
async def test_it_is_changed_field_by_field(served: Served, kind: str) -> None:
    least, more = SAID[kind]
    place = await add(served, kind, least)
    for name, value in more.items():
        said = {name: value}
        if (kind, name) == ("credentials", "proxy"):
            said["api_key"] = "sk-two"  # no secret follows it to another proxy
        if (kind, name) == ("combos", "weights"):
            said["strategy"] = "weighted"
        changed = await served.ask("PATCH", place, said, if_match="*")
        assert changed.status == 200, (name, changed.body)
        assert says(changed.json(), shown(said)), name
        assert set(changed.json().get("fingerprints", ())) >= sealed(said)
    assert says((await served.ask("GET", place)).json(), shown({**least, **more}))


@pytest.mark.parametrize("kind", ["combos", "prices", "limits"])
async def test_what_need_not_be_said_is_taken_back(served: Served, kind: str) -> None:
    least, more = SAID[kind]
    place = await add(served, kind, {**least, **more})
    fields = {field.name: field for field in structs.fields(TABLES[kind])}
    optional = [name for name in more if name in fields and fields[name].default is None and name != "max_parallel"]
    assert optional
    changed = await served.ask("PATCH", place, dict.fromkeys(optional), if_match="*")
    assert changed.status == 200, changed.body
    assert {changed.json()[name] for name in optional} <= {None}


async def test_variables_are_changed_one_by_one(served: Served) -> None:
    wish = {"id": "azure", "variables": {"resource": "acme", "api_version": "v1"}, "quirks": []}
    place = await add(served, "providers", wish)
    change = {"variables": {"api_version": None}, "quirks": None}
    changed = (await served.ask("PATCH", place, change, if_match="*")).json()
    assert changed["variables"] == {"resource": "acme"}
    assert "quirks" not in changed

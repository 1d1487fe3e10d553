"""Limits of the database, laid over those of the file."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from gateway.settings.model import LimitSettings, Settings
from gateway.settings.objects import LimitRuleSettings
from gateway.settings.overlay import Effective, overlay
from gateway.settings.stored import Kind, StoredObject

HOUSE = LimitRuleSettings(name="house", per="everybody", requests_per_month=1000)
FILE = Settings(limits=LimitSettings(rules=(HOUSE,), output_tokens=7))
ORIGINS = {"limits.rules.house": "sluicegate.toml:1", "limits.output_tokens": "sluicegate.toml:5"}


def stored(kind: Kind, name: str, spec: dict[str, Any]) -> StoredObject:
    return StoredObject(kind, name, spec)


def laid(*objects: StoredObject) -> Effective:
    return overlay(FILE, ORIGINS, objects)


def test_a_limit_of_the_file_hides_one_of_the_database() -> None:
    effective = laid(stored("limit", "house", {"per": "user", "max_parallel": 3}))
    assert effective.hidden == {("limit", "house")}
    assert effective.settings == FILE


@pytest.mark.parametrize(
    ("spec", "path", "reason"),
    [
        ({"per": "user"}, (), "rule `small` limits nothing"),
        ({"per": "model", "match": "gpt", "max_parallel": 1}, ("match",), "expected `provider/model`"),
        ({"per": "user", "max_parallel": "3"}, ("max_parallel",), "expected"),
        ({"max_parallel": 3}, (), "`per` is missing"),
    ],
)
def test_a_limit_is_held_to_the_rules_of_the_file(spec: dict[str, Any], path: tuple[str, ...], reason: str) -> None:
    effective = laid(stored("limit", "small", spec), stored("limit", "good", {"per": "user", "max_parallel": 1}))
    (problem,) = effective.problems
    assert (problem.name, problem.path, problem.reason[: len(reason)]) == ("small", path, reason)
    assert [one.name for one in effective.settings.limits.rules] == ["house", "good"]


def test_what_limits_are_counted_by_is_a_setting_like_any_other() -> None:
    zone = stored("setting", "limits.time_zone", {"value": "Europe/Berlin"})
    more = stored("limit", "small", {"per": "user", "max_parallel": 3})
    effective = laid(zone, more)
    small = LimitRuleSettings(name="small", per="user", max_parallel=3)
    expected = structs.replace(FILE.limits, time_zone="Europe/Berlin", rules=(HOUSE, small))
    assert effective == Effective(structs.replace(FILE, limits=expected))


@pytest.mark.parametrize("path", ["limits.rules", "limits.redis_url", "limits.nodes"])
def test_rules_are_no_setting_and_who_counts_is_for_the_file(path: str) -> None:
    (problem,) = laid(stored("setting", path, {"value": []})).problems
    assert problem.reason.startswith((f"there is no setting `{path}`", f"`{path}` is for the configuration file alone"))

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from gateway.catalog.presets import presets
from gateway.errors import ManagedByFile
from gateway.settings.load import read
from gateway.settings.model import Settings
from gateway.settings.overlay import Effective, check_change, overlay
from gateway.settings.shape import Wrong
from gateway.settings.stored import FIXED, SETTINGS, Kind, StoredObject, part

FILE = """\
[stream]
keepalive_seconds = 5.0

[[client_keys]]
name = "team"
key  = "sk-canary-1234"

[[providers]]
id       = "mock"
format   = "openai_chat"
base_url = "http://127.0.0.1:9/v1"
models   = ["gpt-*"]
[[providers.credentials]]
name    = "first"
api_key = "canary"

[[prices]]
model  = "mock/gpt-4o"
input  = 1.0
output = 5.0

[[aliases]]
name   = "fast"
target = "mock/gpt-4o-mini"

[[combos]]
name    = "best"
targets = ["mock/gpt-4o", "fast"]

[[limits.rules]]
name               = "house"
per                = "everybody"
requests_per_month = 1000
"""

LOCAL = {"format": "openai_chat", "base_url": "http://10.0.0.1/v1"}
PRICE = {"input": 1.0, "output": 2.0}


@pytest.fixture(name="said")
def read_file(tmp_path: Path) -> tuple[Settings, dict[str, str]]:
    path = tmp_path / "sluicegate.toml"
    path.write_text(FILE)
    loaded = read(path, {"OPENAI_API_KEY": "sk-x"}, presets=presets())
    return loaded.settings, dict(loaded.origins)


Said = tuple[Settings, dict[str, str]]


def stored(kind: Kind, name: str, spec: dict[str, Any] | None = None, position: int = 0) -> StoredObject:
    plain, secrets = part(kind, name, spec or {})
    return StoredObject(kind, name, plain, secrets, position)


def provider(name: str, **spec: Any) -> StoredObject:
    return stored("provider", name, {**LOCAL, **spec})


def alias(name: str, target: str) -> StoredObject:
    return stored("alias", name, {"target": target})


def combo(name: str, *targets: str) -> StoredObject:
    return stored("combo", name, {"targets": list(targets)})


def credential(name: str, api_key: str = "sk-1", **spec: Any) -> StoredObject:
    return stored("credential", name, {"api_key": api_key, **spec})


def setting(path: str, value: Any) -> StoredObject:
    return stored("setting", path, {"value": value})


def laid(said: Said, *objects: StoredObject) -> Effective:
    return overlay(*said, objects, presets=presets())


def reasons(effective: Effective) -> dict[str, str]:
    return {problem.name: problem.reason for problem in effective.problems}


def test_nothing_in_the_database_changes_nothing(said: Said) -> None:
    assert laid(said) == Effective(said[0])


def test_every_kind_of_object_is_added_behind_what_the_file_says(said: Said) -> None:
    objects = (
        provider("local", models=["llama-*"], headers={"x-extra": "canary"}, proxy="http://u:p@127.0.0.1:1"),
        credential("local/only", "sk-2"),
        credential("mock/second", "sk-3", priority=7, proxy="http://u:p@10.0.0.2:1", headers={"x-team": "canary"}),
        alias("quick", "fast"),
        combo("both", "quick", "local/llama-4"),
        stored("price", "local/*", PRICE),
        stored("limit", "small", {"per": "team", "max_parallel": 3}),
        setting("stream.idle_timeout_seconds", 7.5),
    )
    effective = laid(said, *objects)
    settings = effective.settings
    assert effective.problems == ()
    assert [one.id for one in settings.providers] == ["mock", "openai", "local"]
    assert [one.api_key for one in settings.providers[0].credentials] == ["canary", "sk-3"]
    assert [one.api_key for one in settings.providers[2].credentials] == ["sk-2"]
    assert settings.providers[2].headers == {"x-extra": "canary"}
    second = settings.providers[0].credentials[1]
    assert (second.priority, second.proxy, second.headers) == (7, "http://u:p@10.0.0.2:1", {"x-team": "canary"})
    assert [(one.name, one.target) for one in settings.aliases][1:] == [("quick", "mock/gpt-4o-mini")]
    assert settings.combos[1].targets == ("mock/gpt-4o-mini", "local/llama-4")
    assert [one.model for one in settings.prices] == ["mock/gpt-4o", "local/*"]
    assert [(one.name, one.max_parallel) for one in settings.limits.rules] == [("house", None), ("small", 3)]
    assert (settings.stream.idle_timeout_seconds, settings.stream.keepalive_seconds) == (7.5, 5.0)


def test_no_secret_is_in_the_repr_of_an_object(said: Said) -> None:
    objects = (
        credential("mock/second", "sk-canary", headers={"x": "canary"}, proxy="http://u:canary@h:1"),
        provider("local", headers={"x": "canary"}, proxy="http://u:canary@h:1"),
        setting("upstream.proxy", "http://u:canary@h:1"),
        setting("login.providers", [{"id": "corp", "client_id": "a", "client_secret": "canary"}]),
    )
    assert all(one.secrets for one in objects)
    assert "canary" not in repr(objects)


def test_objects_stand_in_the_order_of_their_positions(said: Said) -> None:
    objects = [stored("price", name, PRICE, position) for name, position in (("c/*", 2), ("a/*", 3), ("b/*", 1))]
    assert [one.model for one in laid(said, *objects).settings.prices][1:] == ["b/*", "c/*", "a/*"]


def test_what_the_file_says_hides_what_the_database_says(said: Said) -> None:
    objects = (
        provider("mock"),
        provider("openai"),
        credential("mock/first"),
        alias("fast", "mock/gpt-x"),
        combo("best", "mock/gpt-x"),
        stored("price", "mock/gpt-4o", PRICE),
        setting("stream.keepalive_seconds", 1.0),
    )
    effective = laid(said, *objects)
    assert effective.settings == said[0]
    assert effective.problems == ()
    assert effective.hidden == {(one.kind, one.name) for one in objects}


def test_what_only_the_file_can_say_is_refused_with_the_reason(said: Said) -> None:
    effective = laid(said, *(setting(path, 1) for path in FIXED))
    assert effective.settings == said[0]
    assert reasons(effective).keys() == FIXED.keys()
    assert reasons(effective)["server.workers"] == (
        "`server.workers` is for the configuration file alone: sockets and processes are made of it at the start"
    )
    assert set(FIXED) < set(SETTINGS)


WRONG: dict[str, tuple[StoredObject, tuple[str | int, ...], str]] = {
    "an unknown field": (
        stored("alias", "a", {"target": "fast", "targt": 1}),
        ("targt",),
        "did",
    ),
    "a field missing": (stored("alias", "a"), (), "`target` is missing"),
    "a wrong type": (stored("combo", "a", {"targets": "fast"}), ("targets",), "expected a list, got text"),
    "another name": (stored("alias", "a", {"name": "b", "target": "fast"}), ("name",), "expected `a`"),
    "a name with a space": (alias("a b", "fast"), ("name",), "no spaces"),
    "a provider's name": (provider("a b"), ("id",), "letters, digits"),
    "an address": (provider("local", base_url="localhost"), ("base_url",), "http:// or https://"),
    "an address with a password": (provider("local", base_url="http://u:p@h"), ("base_url",), "use credentials"),
    "a proxy": (provider("local", proxy="h:1"), ("proxy",), "socks5h://"),
    "a header": (provider("local", headers={"a b": "c"}), ("headers", "a b"), "no header name"),
    "a pattern": (provider("local", models=["a", "b?"]), ("models", 1), "only wildcard"),
    "no preset": (stored("provider", "opnai", {}), (), "did you mean `openai`?"),
    "credentials in a provider": (provider("local", credentials=[]), ("credentials",), "objects of their own"),
    "no secret": (stored("credential", "mock/a"), ("api_key",), "the secret is missing"),
    "a secret of two lines": (credential("mock/a", "a\nb"), ("api_key",), "no header can carry"),
    "a secret's variable": (
        stored("credential", "mock/a", {"api_key_env": "HOME"}),
        ("api_key_env",),
        "give `api_key`",
    ),
    "a secret's file": (stored("credential", "mock/a", {"api_key_file": "/x"}), ("api_key_file",), "give `api_key`"),
    "a secret's way": (credential("mock/a", proxy="h:1"), ("proxy",), "socks5h://"),
    "a header with a secret": (credential("mock/a", headers={"host": "x"}), ("headers", "host"), "not for settings"),
    "models of a secret": (credential("mock/a", models=["a", "b?"]), ("models", 1), "only wildcard"),
    "a credential of nobody": (credential("none/a"), (), "there is no provider `none`"),
    "a credential without a provider": (credential("a"), (), "is not `provider/name`"),
    "a negative price": (stored("price", "a/*", {"input": -1, "output": 1}), ("input",), ">= 0"),
    "an unknown setting": (setting("stream.keepalive", 1), (), "did you mean `stream.keepalive_seconds`?"),
    "a list of the file": (setting("client_keys", []), (), "there is no setting"),
    "a setting's type": (setting("stream.window_bytes", "1"), ("value",), "expected a whole number"),
    "a setting's bound": (setting("stream.window_bytes", 1), ("value",), "expected a whole number >= 16384"),
    "a setting that is not finite": (setting("stream.commit_seconds", float("inf")), ("value",), "finite"),
    "an item of a setting": (setting("server.cors_origins", ["*", "x"]), ("value", 1), "an origin"),
    "a setting without a value": (stored("setting", "stream.window_bytes", {"valu": 1}), (), "expected `value`"),
    "a login's secret file": (
        setting("login.providers", [{"id": "a", "client_id": "b", "client_secret_file": "/x"}]),
        ("value", 0, "client_secret_file"),
        "give `client_secret`",
    ),
    "a name a provider has": (alias("mock/x", "fast"), ("name",), "would hide a model of provider `mock`"),
    "a name a combo has": (combo("fast", "mock/gpt-x"), ("name",), "is an alias already"),
    "a model that is not served": (alias("a", "mock/claude"), ("target",), "does not serve"),
    "a combo of itself": (combo("a", "mock/gpt-x", "a"), ("targets", 1), "combos go round in a circle: a -> a"),
    "a combo of nothing that is there": (combo("a", "mock/gpt-x", "b"), ("targets", 1), "no combo"),
    "a prefix that is a provider's id": (
        provider("local", prefixes=["mock"]),
        ("prefixes", 0),
        "`mock` leads to provider `mock` already",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_applied_is_left_out_and_named(said: Said, case: str) -> None:
    one, path, reason = WRONG[case]
    good = alias("good", "fast")
    effective = laid(said, one, good)
    (problem,) = effective.problems
    assert (problem.kind, problem.name, problem.path) == (one.kind, one.name, path)
    assert reason in problem.reason
    assert effective.settings == laid(said, good).settings
    with pytest.raises(Wrong) as caught:
        check_change(*said, [good], [good, one], presets=presets())
    assert (caught.value.path, caught.value.message) == (path, problem.reason)


def test_what_leads_to_something_left_out_is_left_out_too(said: Said) -> None:
    objects = (
        provider("local", base_url="nowhere"),
        alias("a", "local/x"),
        alias("b", "a"),
        combo("c", "mock/gpt-x", "b"),
        alias("d", "c"),
        credential("local/first"),
        alias("good", "best"),
    )
    effective = laid(said, *objects)
    assert reasons(effective) == {
        "local": "expected an http:// or https:// address with a host",
        "local/first": "there is no provider `local`",
        "a": "there is no provider `local`",
        "b": "there is no provider `local`",
        "c": "there is no provider `local`",
        "d": "the combo `c` cannot be used",
    }
    assert [one.name for one in effective.settings.aliases] == ["fast", "good"]


def test_what_leads_to_a_combo_that_is_left_out_is_left_out_with_it(said: Said) -> None:
    objects = (
        combo("a", "b", "mock/gpt-x"),
        combo("b", "c"),
        combo("c", "gone/x"),
        alias("d", "a"),
        combo("good", "best", "mock/gpt-y"),
    )
    effective = laid(said, *objects)
    assert reasons(effective) == {
        "c": "there is no provider `gone`",
        "b": "the combo `c` cannot be used",
        "a": "the combo `b` cannot be used",
        "d": "the combo `a` cannot be used",
    }
    assert [one.name for one in effective.settings.combos] == ["best", "good"]


def test_aliases_in_a_circle_are_left_out(said: Said) -> None:
    objects = (alias("a", "b"), alias("b", "c"), alias("c", "a"), alias("d", "a"))
    assert reasons(laid(said, *objects)) == dict.fromkeys("abcd", "aliases go round in a circle: a -> b -> c -> a")


def test_a_name_means_one_thing(said: Said) -> None:
    objects = (combo("fast", "mock/gpt-x"), alias("best", "mock/gpt-x"), combo("x", "fast"), alias("x", "fast"))
    assert {(one.kind, one.name): one.reason for one in laid(said, *objects).problems} == {
        ("combo", "fast"): "`fast` is an alias already",
        ("alias", "best"): "`best` is a combo already",
        ("alias", "x"): "`x` is a combo already",
    }


def test_a_provider_takes_no_name_of_the_file_away(said: Said, tmp_path: Path) -> None:
    path = tmp_path / "other.toml"
    path.write_text(FILE.replace('name   = "fast"', 'name   = "team/fast"').replace('"fast"', '"team/fast"'))
    loaded = read(path, {}, presets=presets())
    effective = overlay(loaded.settings, loaded.origins, [provider("team")])
    assert reasons(effective) == {"team": "`team/fast` would hide a model of it"}


def test_a_preset_knows_its_address_and_waits_for_its_credential(said: Said) -> None:
    effective = laid(said, stored("provider", "groq", {}), credential("groq/a"))
    groq = effective.settings.providers[-1]
    assert groq.base_url == presets()["groq"].base_url
    assert [one.name for one in groq.credentials] == ["a"]
    assert laid(said, stored("provider", "groq", {})).problems == ()


def test_what_leads_where_the_operator_did_not_say_is_guarded(said: Said) -> None:
    objects = (
        provider("local"),
        stored("provider", "groq", {}),
        stored("provider", "mistral", {"proxy": "http://127.0.0.1:1"}),
        stored("provider", "deepseek", {"base_url": "http://127.0.0.1:1"}),
        credential("mock/second"),
    )
    assert laid(said, *objects).guarded == {"local", "mistral", "deepseek"}
    proxied = laid(said, *objects, setting("upstream.proxy", "http://127.0.0.1:1"))
    assert proxied.guarded == {"mock", "openai", "local", "groq", "mistral", "deepseek"}


def test_login_providers_are_a_setting_whose_secrets_are_kept_apart(said: Said) -> None:
    login = [
        {"id": "a.b", "client_id": "x", "issuer": "https://a.example", "client_secret": "canary-1"},
        {"id": "c", "client_id": "y", "kind": "github", "client_secret": "canary-2"},
    ]
    one = setting("login.providers", login)
    assert one.secrets == {"value.a.b.client_secret": "canary-1", "value.c.client_secret": "canary-2"}
    effective = laid(said, one)
    assert effective.problems == ()
    assert [each.client_secret for each in effective.settings.login.providers] == ["canary-1", "canary-2"]


@pytest.mark.parametrize("place", ["value.none.client_secret", "api_key.x.y", "value"])
def test_secrets_that_do_not_fit_their_object_are_reported(said: Said, place: str) -> None:
    one = StoredObject("setting", "login.providers", {"value": [{"id": "a", "client_id": "x"}]}, {place: "canary"})
    (problem,) = laid(said, one).problems
    assert "canary" not in problem.reason
    (problem,) = laid(said, StoredObject("alias", "a", {"target": "x"}, {"target.x": "canary"})).problems
    assert "canary" not in problem.reason


def test_a_change_that_breaks_another_object_names_it(said: Said) -> None:
    before = [provider("local"), alias("quick", "local/x"), combo("two", "quick"), alias("third", "two")]
    with pytest.raises(Wrong) as caught:
        check_change(*said, before, before[1:], presets=presets())
    assert caught.value.message == (
        "others depend on it: alias `quick`: there is no provider `local`; "
        "combo `two`: there is no provider `local`; alias `third`: the combo `two` cannot be used"
    )
    many = [alias(f"quick-{index}", "local/x") for index in range(5)]
    with pytest.raises(Wrong, match="; and 2 more"):
        check_change(*said, [before[0], *many], many, presets=presets())
    check_change(*said, before, before[:-1], presets=presets())


def test_what_was_broken_before_does_not_keep_anybody_from_changing_something_else(said: Said) -> None:
    broken = alias("old", "gone/x")
    check_change(*said, [broken], [broken, alias("new", "fast")], presets=presets())
    check_change(*said, [broken], [], presets=presets())
    with pytest.raises(Wrong, match="there is no provider `gone`"):
        check_change(*said, [broken], [alias("old", "gone/y")], presets=presets())


def test_what_the_file_says_is_not_for_the_database_to_change(said: Said) -> None:
    hidden = alias("fast", "mock/gpt-x")
    with pytest.raises(ManagedByFile, match=r"alias `fast` is managed by sluicegate\.toml:22\."):
        check_change(*said, [], [hidden], presets=presets())
    check_change(*said, [hidden], [hidden, alias("new", "fast")], presets=presets())
    check_change(*said, [hidden], [], presets=presets())


def test_thousands_of_objects_are_laid_over_in_no_time(said: Said) -> None:
    """100 ms of processor time for 3500, and for those of them that then lead nowhere."""
    objects = [
        *(provider(f"p{index}", headers={"x-a": "b"}) for index in range(500)),
        *(credential(f"p{index}/a", headers={"x-a": "b"}) for index in range(500)),
        *(alias(f"a{index}", f"a{index + 1}") for index in range(999)),
        alias("a999", "p1/x"),
        *(combo(f"c{index}", "p1/x", f"a{index}") for index in range(500)),
        *(stored("price", f"p{index}/*", PRICE) for index in range(500)),
    ]
    assert laid(said, *objects).problems == ()
    assert min(timed(said, objects) for _ in range(3)) < 0.1
    nowhere = [one for one in objects if one.kind != "provider"]
    assert len(laid(said, *nowhere).problems) == 2000
    assert min(timed(said, nowhere) for _ in range(3)) < 0.1


def timed(said: Said, objects: list[StoredObject]) -> float:
    begun = time.process_time()
    laid(said, *objects)
    return time.process_time() - begun

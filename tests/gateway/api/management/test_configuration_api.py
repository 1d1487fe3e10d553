"""The configuration over HTTP: everything the file can say, by whoever may say it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.management.office import Office
from gateway.settings.model import NetworkSettings, Settings
from gateway.settings.objects import AliasSettings, CredentialSettings, ProviderSettings
from tests.gateway.management.offices import office_in
from tests.providers import MockProcess, mock

from .served import Served

__all__ = ["mock"]

SECRET = "sk-canary-of-the-api"
MINE = {"id": "mine", "format": "openai_chat", "base_url": "https://192.0.43.8/v1", "headers": {"x-team": SECRET}}
FILE = Settings(
    providers=(
        ProviderSettings(
            id="filed",
            format="openai_chat",
            base_url="http://127.0.0.1:1/v1",
            credentials=(CredentialSettings(name="first", api_key="sk-of-the-file"),),
        ),
    ),
    aliases=(AliasSettings(name="fast", target="filed/small"),),
)
ORIGINS = {
    "providers.filed": "sluicegate.toml:3",
    "credentials.filed/first": "sluicegate.toml:8",
    "aliases.fast": "sluicegate.toml:12",
    "stream.keepalive_seconds": "sluicegate.toml:1",
}

BODIES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "providers": (MINE, {"models": ["gpt-*"]}, "/api/providers/mine"),
    "credentials": (
        {"provider": "filed", "name": "second", "api_key": SECRET},
        {"api_key": SECRET + "2"},
        "/api/credentials/filed/second",
    ),
    "aliases": ({"name": "team/quick", "target": "filed/small"}, {"target": "filed/x"}, "/api/aliases/team%2Fquick"),
    "combos": (
        {"name": "team/both", "targets": ["filed/small"]},
        {"strategy": "round_robin"},
        "/api/combos/team%2Fboth",
    ),
    "prices": ({"model": "filed/*", "input": 1.5, "output": 2}, {"cache_read": 0.1}, "/api/prices/filed%2F%2A"),
    "limits": (
        {"name": "small/teams", "per": "team", "max_parallel": 3},
        {"budget_usd": 1.5},
        "/api/limits/small%2Fteams",
    ),
}
"""For each kind something to add, a change of it, and where it is found."""


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with office_in(tmp_path, settings=FILE, origins=ORIGINS) as office:
        yield office


@pytest.fixture
def served(office: Office) -> Served:
    return Served(office)


@pytest.mark.parametrize("kind", BODIES)
async def test_an_object_is_added_shown_changed_and_deleted(served: Served, kind: str) -> None:
    body, change, place = BODIES[kind]
    made = await served.ask("POST", f"/api/{kind}", body)
    assert (made.status, made.headers["location"], made.headers["etag"]) == (201, place, '"1"')
    shown = await served.ask("GET", place)
    assert (shown.status, shown.headers["etag"], shown.json()) == (200, '"1"', made.json())
    assert shown.json()["managed"]["by"] == "database"
    changed = await served.ask("PATCH", place, change, if_match='"1"')
    assert (changed.status, changed.headers["etag"]) == (200, '"2"')
    assert {name: changed.json().get(name) for name in change if name != "api_key"}.items() <= change.items()
    assert await served.refused("PATCH", place, change, if_match='"1"') == (412, "version_mismatch")
    assert await served.refused("PATCH", place, change) == (428, "version_required")
    gone = await served.ask("DELETE", place, if_match='"2"')
    assert (gone.status, gone.body) == (204, b"")
    assert await served.refused("GET", place) == (404, "not_found")
    assert SECRET.encode() not in made.body + shown.body + changed.body


@pytest.mark.parametrize("kind", BODIES)
async def test_a_list_comes_in_pages_in_its_order(served: Served, kind: str) -> None:
    await served.ask("POST", f"/api/{kind}", BODIES[kind][0])
    everything = (await served.ask("GET", f"/api/{kind}")).json()
    assert everything["next_cursor"] is None
    target, items = f"/api/{kind}?limit=1", []
    while target:
        page = (await served.ask("GET", target)).json()
        items += page["items"]
        target = page["next_cursor"] and f"/api/{kind}?limit=1&cursor={page['next_cursor']}"
    assert items == everything["items"]
    of_database = (await served.ask("GET", f"/api/{kind}?managed_by=database")).json()["items"]
    assert len(of_database) == 1
    assert (await served.ask("GET", f"/api/{kind}?search=nothing-like-it")).json()["items"] == []


async def test_what_the_file_says_is_shown_with_its_origin_and_refused(served: Served) -> None:
    for place, origin in (
        ("/api/providers/filed", "sluicegate.toml:3"),
        ("/api/credentials/filed/first", "sluicegate.toml:8"),
        ("/api/aliases/fast", "sluicegate.toml:12"),
        ("/api/settings/stream.keepalive_seconds", "sluicegate.toml:1"),
    ):
        shown = await served.ask("GET", place)
        assert shown.json()["managed"]["by"] == "file"
        assert shown.json()["managed"]["origin"] == origin
        assert "etag" not in shown.headers
        assert await served.refused("DELETE", place, if_match="*") == (409, "managed_by_file")
    assert await served.refused("PATCH", "/api/providers/filed", {}, if_match="*") == (409, "managed_by_file")
    setting = "/api/settings/stream.keepalive_seconds"
    assert await served.refused("PUT", setting, {"value": 1.0}, if_match="*") == (409, "managed_by_file")
    assert b"sk-of-the-file" not in (await served.ask("GET", "/api/credentials")).body


async def test_credentials_are_listed_by_provider(served: Served) -> None:
    await served.ask("POST", "/api/providers", MINE)
    await served.ask("POST", "/api/credentials", {"provider": "mine", "name": "one", "api_key": SECRET})
    found = (await served.ask("GET", "/api/credentials?provider=mine")).json()["items"]
    assert [(each["provider"], each["name"]) for each in found] == [("mine", "one")]


async def test_headers_are_changed_one_by_one_and_what_was_said_is_taken_back(served: Served) -> None:
    place = "/api/providers/openai"
    made = await served.ask("POST", "/api/providers", {"id": "openai", "headers": {"a": SECRET, "b": "two"}})
    assert (made.status, made.json()["guarded"]) == (201, False)
    assert "format" not in made.json(), "the preset knows it"
    change = {"headers": {"b": None, "c": "three"}, "format": "openai_responses", "also_speaks": []}
    changed = (await served.ask("PATCH", place, change, if_match='"1"')).json()
    assert changed["fingerprints"].keys() == {"headers.a", "headers.c"}
    assert changed["fingerprints"]["headers.a"] == made.json()["fingerprints"]["headers.a"]
    back = (await served.ask("PATCH", place, {"format": None, "also_speaks": None}, if_match='"2"')).json()
    assert back.keys() == made.json().keys()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"base_url": "http://127.0.0.1:9/v1"}, "base_url"),
        ({"base_url": "http://169.254.169.254"}, "base_url"),
        ({"base_url": "http://[::1]:9"}, "base_url"),
        ({"base_url": "http://localhost:9"}, "base_url"),
        ({"proxy": "socks5://10.0.0.1:1080"}, "proxy"),
    ],
)
async def test_an_address_that_is_private_is_refused_at_once(
    served: Served, values: dict[str, str], field: str
) -> None:
    refused = await served.ask("POST", "/api/providers", {**MINE, **values})
    assert (refused.status, refused.json()["code"]) == (422, "unacceptable")
    assert "`network.allow`" in refused.json()["detail"]
    assert refused.json()["errors"][0]["pointer"] == f"#/{field}"
    made = await served.ask("POST", "/api/providers", MINE)
    assert made.status == 201
    refused = await served.ask("PATCH", "/api/providers/mine", values, if_match="*")
    assert (refused.status, refused.json()["errors"][0]["pointer"]) == (422, f"#/{field}")
    assert (await served.ask("GET", "/api/providers/mine")).json()["version"] == 1


async def test_issuers_and_the_proxy_for_all_are_judged_too(served: Served) -> None:
    login = {"id": "corp", "client_id": "us", "issuer": "https://10.0.0.1", "client_secret": SECRET}
    for setting, value, where in (
        ("login.providers", [login], "#/value/0/issuer"),
        ("upstream.proxy", "http://10.0.0.1:3128", "#/value"),
    ):
        refused = await served.ask("PUT", f"/api/settings/{setting}", {"value": value}, if_match="*")
        assert (refused.status, refused.json()["errors"][0]["pointer"]) == (422, where)


async def test_a_login_keeps_its_secret_as_long_as_it_is_the_same(served: Served) -> None:
    place = "/api/settings/login.providers"
    login = {"id": "corp", "client_id": "us", "issuer": "https://192.0.43.8"}
    made = await served.ask("PUT", place, {"value": [{**login, "client_secret": SECRET}]}, if_match="*")
    assert made.status == 200
    assert SECRET not in made.body.decode()
    said = {**login, "label": "Corp", "default_role": "member"}
    kept = (await served.ask("PUT", place, {"value": [said]}, if_match='"1"')).json()
    assert kept["fingerprints"] == made.json()["fingerprints"]
    moved = {**said, "issuer": "https://192.0.43.9"}
    gone = (await served.ask("PUT", place, {"value": [moved]}, if_match='"2"')).json()
    assert gone["fingerprints"] == {}


async def test_settings_are_listed_set_and_taken_back(served: Served) -> None:
    place = "/api/settings/stream.idle_timeout_seconds"
    before = await served.ask("GET", place)
    assert "etag" not in before.headers
    done = await served.ask("PUT", place, {"value": 7.5}, if_match="*")
    assert (done.status, done.json()["value"], done.headers["etag"]) == (200, 7.5, '"1"')
    assert (await served.ask("DELETE", place, if_match='"1"')).status == 204
    assert (await served.ask("GET", place)).json() == before.json()
    assert await served.refused("PUT", place, {"value": 7.5}, if_match='"1"') == (412, "version_mismatch")
    assert await served.refused("PUT", place, {"value": "long"}, if_match="*") == (422, "unacceptable")
    assert await served.refused("PUT", place, {}, if_match="*") == (422, "unacceptable")
    odd: tuple[Any, ...] = (2**70, -(2**70), None, [], {"a": {}}, [[[[]]]], "\u0000", True)
    for value in odd:
        for path in ("stream.idle_timeout_seconds", "server.max_body_bytes", "login.providers", "server.public_url"):
            answer = await served.ask("PUT", f"/api/settings/{path}", {"value": value}, if_match="*")
            assert answer.status in (200, 422), (path, value)
            assert answer.status == 422 or value == []
    assert await served.refused("GET", "/api/settings/stream.nothing") == (404, "not_found")
    fixed = (await served.ask("GET", "/api/settings?changeable=false&search=server.")).json()["items"]
    assert "server.listen" in [each["path"] for each in fixed]


async def test_the_catalogue_is_there_to_choose_from(served: Served) -> None:
    items = (await served.ask("GET", "/api/catalog?limit=200")).json()["items"]
    known = {each["id"]: each for each in items}
    assert known["openai"]["variable"] == "OPENAI_API_KEY"
    assert known["ollama"]["asks_for_key"] is False
    assert all(each["base_url"].startswith("http") for each in items)


async def test_what_is_wrong_says_where(served: Served) -> None:
    for body, pointer in (
        ({**MINE, "headers": {"host": "x"}}, "#/headers/host"),
        ({**MINE, "model_facts": [{"model": "?"}]}, "#/model_facts/0/model"),
        ({**MINE, "base_url": "ftp://x"}, "#/base_url"),
    ):
        refused = await served.ask("POST", "/api/providers", body)
        assert (refused.status, refused.json()["errors"][0]["pointer"]) == (422, pointer)
    assert await served.refused("POST", "/api/providers", {**MINE, "credentials": []}) == (422, "unacceptable")
    assert await served.refused("POST", "/api/aliases", {"name": "fast", "target": "filed/x"}) == (
        409,
        "managed_by_file",
    )


async def test_only_those_who_may_change_the_configuration_do(served: Served) -> None:
    for kind, (body, change, place) in BODIES.items():
        assert (await served.ask("GET", f"/api/{kind}", who="viewer")).status == 200
        assert await served.refused("POST", f"/api/{kind}", body, who="member") == (403, "not_permitted")
        assert await served.refused("PATCH", place, change, who="viewer", if_match="*") == (403, "not_permitted")
        assert await served.refused("DELETE", place, who="viewer", if_match="*") == (403, "not_permitted")
        assert await served.refused("GET", f"/api/{kind}", who="pending") == (403, "not_permitted")
    assert await served.refused("POST", "/api/providers/filed/test", {}, who="viewer") == (403, "not_permitted")


async def test_a_credential_is_tried_as_it_is_and_before_it_is_kept(tmp_path: Path, mock: MockProcess) -> None:
    settings = Settings(network=NetworkSettings(allow=("127.0.0.1",)))
    async with office_in(tmp_path, settings=settings) as office:
        served = Served(office)
        provider = {"id": "mocked", "format": "anthropic", "base_url": mock.url}
        assert (await served.ask("POST", "/api/providers", provider)).status == 201
        for name, key in (("good", SECRET), ("bad", "sk-wrong-one")):
            await served.ask("POST", "/api/credentials", {"provider": "mocked", "name": name, "api_key": key})
        good = (await served.ask("POST", "/api/credentials/mocked/good/test", {})).json()
        assert (good["ok"], good["status"], good["error"]) == (True, 200, None)
        assert good["models_count"] >= len(good["models"]) > 0
        assert good["target"] == f"GET {mock.url}/v1/models"
        asked = {"model": "claude-sonnet-4-5"}
        said = (await served.ask("POST", "/api/credentials/mocked/good/test", asked)).json()
        assert (said["ok"], said["models_count"]) == (True, None)
        bad = (await served.ask("POST", "/api/credentials/mocked/bad/test", asked)).json()
        assert (bad["ok"], bad["status"]) == (False, 401)
        assert "sk-wrong-one" not in str(bad)
        new = {"provider": "mocked", "api_key": "sk-wrong-two"}
        assert (await served.ask("POST", "/api/credentials/test", new)).json()["status"] == 401
        assert (await served.ask("POST", "/api/providers/mocked/test", {})).json()["ok"]
        assert await served.refused("POST", "/api/credentials/mocked/none/test", {}) == (404, "not_found")
        unknown = {"provider": "nobody", "api_key": SECRET}
        assert await served.refused("POST", "/api/credentials/test", unknown) == (422, "unacceptable")
        trail = (await served.ask("GET", "/api/audit?action=credential.test")).json()["items"]
        assert [entry["after"]["ok"] for entry in trail] == [False, False, True, True]
        assert "sk-wrong" not in str(trail)


async def test_the_state_goes_out_and_comes_in(served: Served) -> None:
    for kind, (body, _, _) in BODIES.items():
        assert (await served.ask("POST", f"/api/{kind}", body)).status == 201
    out = await served.ask("GET", "/api/export?sections=configuration&sections=keys")
    assert (out.status, out.json()["people"]) == (200, None)
    assert out.headers["content-disposition"].startswith("attachment")
    assert SECRET not in out.body.decode()
    back = await served.ask("POST", "/api/import", {"document": out.json(), "mode": "replace", "dry_run": True})
    assert (back.status, back.json()["configuration"]["unchanged"]) == (200, len(BODIES))
    for kind, (_, _, place) in BODIES.items():
        if kind != "providers":
            assert (await served.ask("DELETE", place, if_match="*")).status == 204
    back = await served.ask("POST", "/api/import", {"document": out.json()})
    assert (back.json()["configuration"]["created"], back.json()["configuration"]["unchanged"]) == (len(BODIES) - 1, 1)
    wrong = {**out.json(), "configuration": [{**out.json()["configuration"][0], "spec": {"target": 7}}]}
    refused = await served.ask("POST", "/api/import", {"document": wrong})
    assert (refused.status, refused.json()["errors"][0]["pointer"]) == (422, "#/document/configuration/0/spec/target")
    carried = await served.ask("POST", "/api/export", {"passphrase": "correct horse battery staple"})
    assert carried.json()["sealed"]["by"] == "passphrase"
    assert await served.refused("POST", "/api/export", {"passphrase": "short"}) == (422, "unacceptable")
    assert await served.refused("GET", "/api/export", who="member") == (403, "not_permitted")
    asked = {"passphrase": "correct horse battery staple"}
    assert await served.refused("POST", "/api/export", asked, who="admin") == (403, "not_permitted")

"""Limits as people see and set them: rules made by the management API hold at once, whoever has a limit sees what is
left of it, and whoever looks after all keys has one counted from nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.e2e.people import People, live
from tests.e2e.wire import Answer, ask, chat_body, request
from tests.providers import MockProcess
from tests.waiting import until

MODEL = "mock/gpt-4o-mini;chunks=1;input=10;output=2"
COST = 10 * 1000 + 2 * 5000
"""Nano-USD of one such request."""

PRICES = """
[[prices]]
model  = "mock/*"
input  = 1.0
output = 5.0

[[client_keys]]
name = "of-the-file"
key  = "sk-of-the-file-for-limits"
requests_per_month = 7

[[limits.rules]]
name = "all of us"
per  = "everybody"
requests_per_month = 100000
"""


@pytest.fixture(scope="module")
def everybody(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    with live(tmp_path_factory.mktemp("limited"), mock.url, PRICES) as made:
        yield made
        assert made.gateway.close() == 0, made.gateway.tail()


async def chat(everybody: People, secret: str, model: str = MODEL) -> Answer:
    return await ask(everybody.gateway.port, request("POST", "/v1/chat/completions", chat_body(model), key=secret))


def standing(everybody: People, who: str, path: str) -> dict[tuple[str, str], tuple[int, int, int]]:
    """By subject and limit: how much it is, how much is used and left."""
    items: list[dict[str, Any]] = everybody.get(who, path)["items"]
    return {(one["subject"], one["limit"]): (one["most"], one["used"], one["left"]) for one in items}


async def test_whoever_owns_a_key_sees_what_is_left_of_it(everybody: People) -> None:
    key_id, secret = everybody.new_key("owner", name="seen", user_id=everybody.who["member"].id, budget_usd=1.0)
    assert (await chat(everybody, secret)).status == 200
    path = f"/api/keys/{key_id}/limits"
    said = standing(everybody, "member", path)
    assert said["client key `seen`", "budget_nano_usd"] == (10**9, COST, 10**9 - COST)
    most, used, left = said["everybody (rule `all of us`)", "requests_per_month"]
    assert (most, used + left) == (100000, 100000)
    (budget,) = (one for one in everybody.get("member", path)["items"] if one["limit"] == "budget_nano_usd")
    assert budget["resets_at"][8:10] == "01", "the first of the next month"
    assert everybody.ask("stranger", "GET", path).status_code == 404


async def test_a_key_is_counted_from_nothing_by_those_who_look_after_all_keys(everybody: People) -> None:
    member = everybody.who["member"].id
    key_id, secret = everybody.new_key("owner", name="again", user_id=member, requests_per_month=1)
    path = f"/api/keys/{key_id}/limits"
    assert [(await chat(everybody, secret, f"{MODEL};tag=again")).status for _ in range(2)] == [200, 429]
    assert everybody.ask("member", "POST", f"{path}/reset").status_code == 403
    everyone = standing(everybody, "owner", path)["everybody (rule `all of us`)", "requests_per_month"]
    assert everybody.ask("admin", "POST", f"{path}/reset").status_code == 204
    said = standing(everybody, "member", path)
    assert said["client key `again`", "requests_per_month"] == (1, 0, 1)
    assert said["everybody (rule `all of us`)", "requests_per_month"] == everyone
    (entry,) = everybody.trail(action="key.reset_limits")
    assert (entry["target_id"], entry["actor_name"]) == (key_id, "admin@example.com")
    assert entry["before"] == {"client key `again`: requests_per_month": 1}
    # What the ledger knows of it was used before.
    everybody.gateway.records("tag=again", 2)
    assert run(everybody, "raise-spent") is None
    assert [(await chat(everybody, secret)).status for _ in range(2)] == [200, 429]


async def test_a_key_of_the_file_goes_by_its_name(everybody: People) -> None:
    assert (await chat(everybody, "sk-of-the-file-for-limits")).status == 200
    path = "/api/keys/of-the-file/limits"
    assert standing(everybody, "admin", path)["client key `of-the-file`", "requests_per_month"] == (7, 1, 6)
    assert everybody.ask("member", "GET", path).status_code == 404
    assert everybody.ask("operator", "POST", f"{path}/reset").status_code == 204
    assert standing(everybody, "admin", path)["client key `of-the-file`", "requests_per_month"] == (7, 0, 7)


async def test_a_rule_made_by_api_holds_at_once_and_no_longer_than_it_is_there(everybody: People) -> None:
    member = everybody.who["member"].id
    _, secret = everybody.new_key("member", name="ruled")
    assert (await chat(everybody, secret)).status == 200
    rule = {"name": "each/user", "per": "user", "requests_per_month": 2, "match": member}
    made = everybody.make("admin", "/api/limits", rule)
    assert (made["per"], made["managed"]["by"], made["version"]) == ("user", "database", 1)
    assert [(await chat(everybody, secret)).status for _ in range(3)] == [200, 200, 429]
    path = f"/api/limits/{quote('each/user', safe='')}"
    said = standing(everybody, "admin", f"{path}/standing?subject={member}")
    assert list(said.values()) == [(2, 2, 0)]
    assert everybody.ask("member", "GET", f"{path}/standing?subject={member}").status_code == 403
    assert everybody.ask("admin", "GET", f"{path}/standing").json()["errors"][0]["parameter"] == "subject"
    assert everybody.ask("admin", "GET", f"{path}/standing?subject=another").status_code == 404
    assert everybody.change("admin", path, {"requests_per_month": 3}).json()["requests_per_month"] == 3
    assert [(await chat(everybody, secret)).status for _ in range(2)] == [200, 429]
    assert everybody.remove("admin", path).status_code == 204
    assert (await chat(everybody, secret)).status == 200
    actions = [one["action"] for one in everybody.trail(target_kind="limit")]
    assert actions == ["limit.create", "limit.change", "limit.delete"]


async def test_a_model_stands_with_the_rule_that_counts_it(everybody: People) -> None:
    everybody.make("admin", "/api/limits", {"name": "mocks", "per": "model", "match": "mock/*", "budget_usd": 1})
    assert (await chat(everybody, everybody.who["key"].secret, f"{MODEL};tag=counted")).status == 200
    name = quote("mock/gpt-4o-mini;chunks=1;input=10;output=2;tag=counted", safe="")
    said = standing(everybody, "admin", f"/api/limits/mocks/standing?subject={name}")
    assert [used for _, used, _ in said.values()] == [COST]
    assert everybody.remove("admin", "/api/limits/mocks").status_code == 204


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"name": "nothing", "per": "user"}, ""),
        ({"name": "nobody", "per": "model", "match": "gpt-4o", "max_parallel": 1}, "#/match"),
        ({"name": "all of us", "per": "user", "max_parallel": 1}, None),
    ],
)
def test_a_rule_is_held_to_the_rules_of_the_file(everybody: People, wrong: dict[str, Any], pointer: str | None) -> None:
    answer = everybody.ask("admin", "POST", "/api/limits", wrong)
    assert answer.status_code == (409 if pointer is None else 422), answer.text
    if pointer:
        assert answer.json()["errors"][0]["pointer"] == pointer


def test_rules_of_the_file_are_listed_and_changed_there(everybody: People) -> None:
    (rule,) = (one for one in everybody.get("viewer", "/api/limits")["items"] if one["name"] == "all of us")
    assert (rule["managed"]["by"], rule["managed"]["origin"].split(":")[0]) == ("file", "sluicegate.toml")
    path = f"/api/limits/{quote('all of us')}"
    assert everybody.change("admin", path, {"max_parallel": 1}).json()["code"] == "managed_by_file"


def test_models_show_what_they_cost_and_whom_they_are_for(everybody: People) -> None:
    everybody.make("admin", "/api/providers", {"id": "openai", "models": ["gpt-4o", "gpt-4o-mini"]})
    page = everybody.get("viewer", "/api/models?provider=openai&limit=1")
    (first,) = page["items"]
    assert (first["model"], first["said_by"], first["facts"]["tools"]) == ("gpt-4o", "settings", True)
    assert (first["price"]["input"], first["price"]["source"][:24]) == (2.5, "models.dev openai/gpt-4o")
    rest = everybody.get("viewer", f"/api/models?provider=openai&limit=1&cursor={page['next_cursor']}")
    assert ([one["model"] for one in rest["items"]], rest["next_cursor"]) == (["gpt-4o-mini"], None)
    _, _ = everybody.new_key("owner", name="mini-only", models=["openai/*-mini"])
    found = everybody.get("admin", "/api/models?key=mini-only&search=OPENAI")["items"]
    assert [one["model"] for one in found] == ["gpt-4o-mini"]
    dated = everybody.get("viewer", "/api/models/mock/some%2Fmodel")
    assert (dated["said_by"], dated["price"]["source"]) == (None, "override mock/*")
    registry = everybody.get("viewer", "/api/registry")
    assert (registry["source"], registry["error"], registry["suspicious"]) == ("bundled", None, [])


def run(everybody: People, job: str) -> str | None:
    """Have a job done, and wait for it; why it failed."""

    def found() -> dict[str, Any]:
        (one,) = (one for one in everybody.get("operator", "/api/jobs")["items"] if one["name"] == job)
        return dict(one)

    before = found()["runs"]
    assert everybody.ask("operator", "POST", f"/api/jobs/{job}/run").status_code == 204
    until(lambda: found()["runs"] > before and found()["finished_at"] is not None)
    error: str | None = found()["error"]
    return error

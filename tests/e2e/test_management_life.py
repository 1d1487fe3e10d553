"""A life through the management API: whoever owns the gateway lets people in, they make keys, keys are used and go.

Every answer is held against the OpenAPI document, and whatever was changed against the audit log.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.e2e.conforming import Documented
from tests.e2e.people import PASSWORD, Identity, People, bearer, email, live
from tests.providers import MockProcess

RULES: dict[str, Any] = {
    "models": ["mock/gpt*"],
    "providers": ["mock"],
    "endpoints": ["/v1/chat/completions"],
    "requests_per_minute": 600,
    "budget_usd": 5.0,
    "tags": ["production", "crew"],
}


PRICES = """
[[prices]]
model  = "mock/*"
input  = 1.0
output = 5.0
"""
"""A key with a budget asks for models that somebody knows the price of."""


@pytest.fixture(scope="module")
def everybody(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    with live(tmp_path_factory.mktemp("life"), mock.url, PRICES, workers=2) as made:
        made.judge = Documented(made.get("anonymous", "/api/openapi.json")).check
        yield made
        assert made.gateway.close() == 0, made.gateway.tail()


def hello(people: People, secret: str, model: str = "mock/gpt-4o-mini") -> str:
    """What becomes of a request with this key, by the official client: `ok`, or the code of the error. Asked several
    times, on connections of their own: whichever worker it is that answers."""
    said = {_hello(people, secret, model) for _ in range(4)}
    assert len(said) == 1, f"workers do not agree: {said}"
    return said.pop()


def _hello(people: People, secret: str, model: str) -> str:
    with openai.OpenAI(base_url=f"{people.gateway.url}/v1", api_key=secret, max_retries=0) as client:
        try:
            answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hello"}])
        except openai.APIStatusError as error:
            return str(error.code)
        assert answer.choices[0].message.content
        return "ok"


def told(people: People, **wanted: str) -> list[tuple[str, str]]:
    """Who did what to something, oldest first."""
    return [(entry["actor_name"], entry["action"]) for entry in people.trail(**wanted)]


def test_from_an_invitation_to_a_revoked_key(everybody: People) -> None:
    people = everybody
    made = people.make("owner", "/api/users", {"email": "Nora@Example.com", "name": "Nora", "password": PASSWORD})
    user = made["user"]
    assert (user["email"], user["role"], user["has_password"], made["link"]) == (
        "nora@example.com",
        "member",
        True,
        None,
    )
    people.who["nora"] = Identity(user["id"], {})
    people.who["nora"] = people.sign_in("nora")
    team = people.make("owner", "/api/teams", {"name": "research", "description": "Looks into things."})["id"]
    assert people.ask("nora", "POST", "/api/keys", {"name": "of-research", "team_id": team}).status_code == 403
    people.make("owner", f"/api/teams/{team}/members", {"email": "nora@example.com", "role": "admin"})
    key, secret = people.new_key("nora", name="of-research", team_id=team, **RULES)
    shown = people.get("nora", f"/api/keys/{key}")
    assert RULES.items() <= shown.items()
    assert secret not in str(shown)
    assert secret.startswith(shown["prefix"])
    assert secret.endswith(shown["last_four"])
    assert hello(people, secret) == "ok"
    assert hello(people, secret, "mock/other") == "model_not_allowed"
    for change, heard in (
        ({"paused": True}, "api_key_paused"),
        ({"paused": False}, "ok"),
        ({"models": ["mock/other"]}, "model_not_allowed"),
        ({"models": ["*"], "endpoints": ["/v1/embeddings"]}, "endpoint_not_allowed"),
        ({"endpoints": ["*"], "providers": ["elsewhere"]}, "model_not_allowed"),
        ({"providers": ["*"], "credentials": ["mock/none"]}, "model_not_allowed"),
        ({"credentials": ["mock/*"], "expires_at": "2020-01-01"}, "api_key_expired"),
        ({"expires_at": ""}, "ok"),
    ):
        assert people.change("nora", f"/api/keys/{key}", change).status_code == 200, change
        assert hello(people, secret) == heard, change
    rotated = people.make("nora", f"/api/keys/{key}/rotate")["secret"]
    assert (hello(people, secret), hello(people, rotated)) == ("invalid_api_key", "ok")
    assert people.remove("nora", f"/api/keys/{key}").json()["status"] == "revoked"
    assert hello(people, rotated) == "invalid_api_key"
    assert people.change("nora", f"/api/keys/{key}", {"paused": False}).status_code == 409, "for good"
    people.new_key("nora", name="of-research")
    nora = "nora@example.com"
    changes = [(nora, "key.create"), *[(nora, "key.change")] * 8, (nora, "key.rotate"), (nora, "key.revoke")]
    assert told(people, target_id=key) == changes
    assert ("owner@example.com", "user.create") in told(people, target_id=user["id"])


def test_every_change_is_remembered_with_who_and_from_where(everybody: People) -> None:
    key, secret = everybody.new_key("member", name="remembered", tags=["one"])
    everybody.change("member", f"/api/keys/{key}", {"tags": ["two"]})
    created, changed = everybody.trail(target_id=key)
    member = everybody.who["member"].id
    assert [entry["actor_id"] for entry in (created, changed)] == [member, member]
    assert {entry["address"] for entry in (created, changed)} == {"127.0.0.1"}
    assert (created["before"], created["after"]["tags"]) == (None, ["one"])
    assert (changed["before"]["tags"], changed["after"]["tags"]) == (["one"], ["two"])
    assert secret not in str((created, changed))


def test_a_program_acts_in_its_own_name_and_within_its_scopes(everybody: People) -> None:
    made = everybody.make("admin", "/api/tokens", {"name": "deploys", "scopes": ["keys:write", "keys:read"]})
    everybody.who["deploys"] = Identity(made["token"]["id"], bearer(made["secret"]))
    key, _ = everybody.new_key("deploys", name="by-a-program")
    (entry,) = everybody.trail(target_id=key)
    assert (entry["actor_kind"], entry["actor_name"], entry["actor_id"]) == ("token", "deploys", made["token"]["id"])
    assert everybody.ask("deploys", "GET", "/api/users").status_code == 403
    assert everybody.ask("deploys", "POST", "/api/tokens", {"name": "x", "scopes": ["keys:read"]}).status_code == 403
    assert everybody.remove("admin", f"/api/tokens/{made['token']['id']}").status_code == 200
    assert everybody.ask("deploys", "GET", "/api/keys").status_code == 401


def test_configuration_made_here_is_used_by_the_next_request(everybody: People, mock: MockProcess, tag: str) -> None:
    _, secret = everybody.new_key("owner", name="by-alias")
    everybody.make("owner", "/api/aliases", {"name": "brisk", "target": f"mock/gpt;tag={tag}"})
    assert (hello(everybody, secret, "brisk"), len(mock.requests(tag))) == ("ok", 4)
    assert everybody.change("owner", "/api/aliases/brisk", {"target": "nobody/gpt"}).status_code == 422
    assert (hello(everybody, secret, "brisk"), len(mock.requests(tag))) == ("ok", 8), "a bad change changes nothing"
    assert everybody.remove("owner", "/api/aliases/brisk").status_code == 204
    assert (hello(everybody, secret, "brisk"), len(mock.requests(tag))) == ("ok", 8), "it is a model like any other now"
    assert told(everybody, target_kind="alias") == [
        ("owner@example.com", f"alias.{verb}") for verb in ("create", "delete")
    ]


def test_whoever_is_disabled_is_out_at_once(everybody: People) -> None:
    people = everybody
    user = people.make("admin", "/api/users", {"email": "leaving@example.com", "invite": False})["user"]["id"]
    people.who["leaving"] = Identity(user, {})
    people.who["leaving"] = people.sign_in("leaving")
    _, secret = people.new_key("leaving", name="of-the-leaving")
    token = people.make("leaving", "/api/tokens", {"name": "left", "scopes": ["keys:own"]})["secret"]
    people.who["left"] = Identity("", bearer(token))
    assert (hello(people, secret), people.ask("left", "GET", "/api/keys").status_code) == ("ok", 200)
    assert people.change("admin", f"/api/users/{user}", {"disabled": True}).status_code == 200
    assert hello(people, secret) == "api_key_paused"
    assert {people.ask(name, "GET", "/api/keys").status_code for name in ("leaving", "left")} == {401}
    assert people.change("admin", f"/api/users/{user}", {"disabled": False}).status_code == 200
    assert hello(people, secret) == "ok"
    assert {people.ask(name, "GET", "/api/keys").status_code for name in ("leaving", "left")} == {401}, (
        "they log in anew"
    )


def test_a_session_that_is_ended_is_over(everybody: People) -> None:
    everybody.who["elsewhere"] = everybody.sign_in("viewer")
    (current,) = [each for each in everybody.get("elsewhere", "/api/sessions")["items"] if each["is_current"]]
    assert everybody.ask("viewer", "DELETE", f"/api/sessions/{current['id']}").status_code == 204
    assert everybody.ask("elsewhere", "GET", "/api/me").status_code == 401
    assert everybody.ask("viewer", "GET", "/api/me").status_code == 200


def test_nobody_makes_themselves_more_than_they_are(everybody: People) -> None:
    people, admin, member = everybody, everybody.who["admin"].id, everybody.who["member"].id
    owner = everybody.who["owner"].id
    refused = (
        people.ask("admin", "POST", "/api/users", {"email": "second@example.com", "role": "owner"}),
        people.change("admin", f"/api/users/{admin}", {"role": "owner"}),
        people.change("admin", f"/api/users/{member}", {"role": "owner"}),
        people.change("admin", f"/api/users/{owner}", {"disabled": True}),
        people.change("member", f"/api/users/{member}", {"role": "admin"}),
        people.ask("admin", "POST", "/api/tokens", {"name": "x", "scopes": ["people:owner"]}),
        people.ask("member", "POST", "/api/tokens", {"name": "x", "scopes": ["keys:read"]}),
        people.ask("member", "POST", "/api/keys", {"name": "theirs", "user_id": owner}),
        people.ask("member", "POST", "/api/keys", {"name": "the-team-s", "team_id": people.team}),
        people.ask("leader", "POST", "/api/teams", {"name": "mine"}),
    )
    assert [answer.status_code for answer in refused] == [403] * len(refused)
    for change in ({"role": "admin"}, {"disabled": True}):
        assert people.change("owner", f"/api/users/{owner}", change).status_code == 409, "the last owner stays"
    assert people.remove("owner", f"/api/users/{owner}").status_code == 409


def test_members_see_their_own_things_and_no_others(everybody: People) -> None:
    _, of_the_team = everybody.new_key("leader", name="the-crew-s", team_id=everybody.team)
    everybody.new_key("stranger", name="of-the-stranger")
    seen = {each["name"] for each in everybody.get("member", "/api/keys?limit=200")["items"]}
    assert {"of-the-member", "the-crew-s"} <= seen
    assert "of-the-stranger" not in seen
    assert hello(everybody, of_the_team) == "ok"
    assert {each["email"] for each in everybody.get("member", "/api/sessions")["items"]} == {email("member")}
    assert {each["name"] for each in everybody.get("member", "/api/teams")["items"]} == {"crew"}
    assert everybody.get("stranger", "/api/teams")["items"] == []

"""What every operation of the management API keeps to: versions, pages, repeated requests, problems."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from tests.e2e.conforming import Documented, check_problem
from tests.e2e.people import NOTHING, Headers, People, email, live
from tests.providers import MockProcess

HANDS = 8
"""How many ask at once."""

Made = Callable[[People, str], str]
"""Makes something of this name; its path."""


@pytest.fixture(scope="module")
def everybody(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    with live(tmp_path_factory.mktemp("rules"), mock.url, workers=2) as made:
        made.judge = Documented(made.get("anonymous", "/api/openapi.json")).check
        yield made
        assert made.gateway.close() == 0, made.gateway.tail()


def key(people: People, name: str) -> str:
    return f"/api/keys/{people.new_key('owner', name=name)[0]}"


def user(people: People, name: str) -> str:
    made = people.make("owner", "/api/users", {"email": email(name), "name": name, "invite": False})
    return f"/api/users/{made['user']['id']}"


def team(people: People, name: str) -> str:
    return f"/api/teams/{people.make('owner', '/api/teams', {'name': name})['id']}"


def alias(people: People, name: str) -> str:
    people.make("owner", "/api/aliases", {"name": name, "target": "mock/gpt"})
    return f"/api/aliases/{name}"


CHANGES: dict[str, tuple[Made, dict[str, Any], dict[str, Any]]] = {
    "key": (key, {"tags": ["one"]}, {"tags": ["two"]}),
    "user": (user, {"name": "One"}, {"name": "Two"}),
    "team": (team, {"description": "One."}, {"description": "Two."}),
    "alias": (alias, {"target": "mock/one"}, {"target": "mock/two"}),
}
"""What can be changed, and two changes of it that are not of one mind."""


@pytest.mark.parametrize("kind", CHANGES)
def test_nobody_overwrites_what_they_have_not_seen(everybody: People, kind: str) -> None:
    make, one, two = CHANGES[kind]
    path = make(everybody, f"versioned-{kind}")
    seen = everybody.ask("owner", "GET", path).headers["etag"]
    assert everybody.ask("admin", "PATCH", path, one).status_code == 428
    changed = everybody.change("admin", path, one, seen)
    assert changed.status_code == 200
    assert changed.headers["etag"] not in (seen, "")
    assert everybody.change("owner", path, two, seen).status_code == 412
    assert everybody.remove("owner", path, seen).status_code == 412
    assert one.items() <= everybody.get("owner", path).items()
    assert everybody.ask("owner", "GET", path).headers["etag"] == changed.headers["etag"]
    assert everybody.ask("owner", "DELETE", path).status_code == 428
    assert everybody.remove("owner", path, changed.headers["etag"]).status_code in (200, 204)


@pytest.mark.parametrize("kind", CHANGES)
def test_of_many_who_saw_the_same_one_has_their_way(everybody: People, kind: str) -> None:
    make, *both = CHANGES[kind]
    path = make(everybody, f"contended-{kind}")
    for _ in range(3):
        seen = everybody.ask("owner", "GET", path).headers["etag"]
        change = partial(everybody.change, "owner", path, version=seen)
        with ThreadPoolExecutor(HANDS) as hands:
            answers = list(hands.map(change, both * (HANDS // 2)))
        done = [answer for answer in answers if answer.status_code == 200]
        assert len(done) == 1
        assert {answer.status_code for answer in answers} == {200, 412}
        assert everybody.get("owner", path) == done[0].json()


LISTS: dict[str, Made] = {"keys": key, "users": user, "teams": team, "aliases": alias}


@pytest.mark.parametrize("name", LISTS)
def test_whoever_turns_pages_misses_nothing_that_stays(everybody: People, name: str) -> None:
    """While rows are made and deleted between any two pages: each that stays is seen once, and none twice."""
    make = LISTS[name]
    paths = [make(everybody, f"{name}-{number:02}") for number in range(24)]
    staying, leaving = paths[::2], paths[1::2]
    seen: list[str] = []
    target: str | None = f"/api/{name}?limit=5"
    while target is not None:
        answer = everybody.ask("owner", "GET", target)
        page = answer.json()
        assert len(page["items"]) <= 5
        seen += [f"/api/{name}/{item['name' if name == 'aliases' else 'id']}" for item in page["items"]]
        make(everybody, f"{name}-new-{len(seen)}")
        if leaving:
            assert everybody.remove("owner", leaving.pop()).status_code in (200, 204)
        target = answer.links.get("next", {}).get("url")
        assert (target is None) == (page["next_cursor"] is None)
    assert len(seen) == len(set(seen)), "nothing twice"
    assert set(staying) <= set(seen)


def test_the_audit_log_is_read_to_its_end_while_it_grows(everybody: People) -> None:
    before = {entry["id"] for entry in everybody.trail()}
    seen: list[str] = []
    target: str | None = "/api/audit?limit=20"
    while target is not None:
        answer = everybody.ask("admin", "GET", target)
        seen += [item["id"] for item in answer.json()["items"]]
        team(everybody, f"grown-{len(seen)}")
        target = answer.links.get("next", {}).get("url")
    assert len(seen) == len(set(seen))
    assert before <= set(seen)
    exported = everybody.ask("admin", "GET", "/api/audit/export")
    assert len(exported.text.splitlines()) >= len(seen)


@pytest.mark.parametrize("cursor", ["x", "bnVsbA", "W10", "WyJ4Il0", "W251bGxd", "%00", "A" * 5000])
def test_a_made_up_cursor_is_refused_or_leads_nowhere_else(everybody: People, cursor: str) -> None:
    for name in LISTS:
        answer = everybody.ask("member", "GET", f"/api/{name}?cursor={cursor}")
        assert answer.status_code in (200, 400, 403), name
        if answer.status_code == 200:
            assert "of-the-owner" not in answer.text


def again(name: str) -> Headers:
    """A key by which a request may be repeated."""
    return {"idempotency-key": f"again-{name}"}


REPEATABLE: dict[str, dict[str, Any]] = {
    "/api/keys": {"name": "repeated"},
    "/api/teams": {"name": "repeated"},
    "/api/users": {"email": email("repeated")},
    "/api/tokens": {"name": "repeated", "scopes": ["keys:own"]},
    "/api/aliases": {"name": "repeated", "target": "mock/gpt"},
}


@pytest.mark.parametrize("path", REPEATABLE)
def test_a_repeated_request_is_carried_out_once(everybody: People, path: str) -> None:
    wish = REPEATABLE[path]
    first, second = (everybody.ask("owner", "POST", path, wish, again(path)) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert (first.content, first.headers["location"]) == (second.content, second.headers["location"])
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    other = everybody.ask("owner", "POST", path, {**wish, "description": "other"}, again(path))
    assert other.status_code == 422
    found = [item for item in everybody.get("owner", f"{path}?limit=200")["items"] if "repeated" in str(item)]
    assert len(found) == 1


def test_a_refusal_is_repeated_too(everybody: People) -> None:
    team(everybody, "taken")
    said = [everybody.ask("owner", "POST", "/api/teams", {"name": "taken"}, again("taken")) for _ in range(2)]
    assert [answer.status_code for answer in said] == [409, 409]
    assert [answer.headers.get("idempotency-replayed") for answer in said] == [None, "true"]


def test_keys_of_others_are_others(everybody: People) -> None:
    made = [
        everybody.make(who, "/api/keys", {"name": f"mine-{who}"}, again("mine")) for who in ("owner", "admin", "member")
    ]
    assert len({each["secret"] for each in made}) == 3


def test_of_many_at_once_one_is_carried_out(everybody: People) -> None:
    ask = partial(everybody.ask, "owner", "POST", "/api/teams", headers=again("at-once"))
    with ThreadPoolExecutor(HANDS) as hands:
        answers = list(hands.map(ask, [{"name": "at once"}] * HANDS))
    assert {answer.status_code for answer in answers} <= {201, 409}
    made = [answer for answer in answers if answer.status_code == 201]
    assert len({answer.content for answer in made}) == 1
    assert len([answer for answer in made if "idempotency-replayed" not in answer.headers]) == 1
    assert all("retry-after" in answer.headers for answer in answers if answer.status_code == 409)


JSON_TYPE = {"content-type": "application/json"}

PROBLEMS: dict[str, tuple[str, str, str, Any, Headers, int]] = {
    "invalid_request": ("owner", "POST", "/api/teams", b"{", JSON_TYPE, 400),
    "unknown parameter": ("owner", "GET", "/api/teams?nothing=1", None, NOTHING, 400),
    "not_signed_in": ("anonymous", "GET", "/api/teams", None, NOTHING, 401),
    "not_permitted": ("viewer", "GET", "/api/teams", None, NOTHING, 403),
    "of a client": ("key", "GET", "/api/me", None, NOTHING, 403),
    "not_found": ("owner", "GET", "/api/teams/nothing", None, NOTHING, 404),
    "unknown_url": ("owner", "GET", "/api/nothing", None, NOTHING, 404),
    "the whole api": ("owner", "GET", "/api", None, NOTHING, 404),
    "method_not_allowed": ("owner", "PUT", "/api/teams", None, NOTHING, 405),
    "conflict": ("owner", "POST", "/api/teams", {"name": "crew"}, NOTHING, 409),
    "managed_by_file": ("owner", "DELETE", "/api/providers/mock", None, {"if-match": "*"}, 409),
    "version_mismatch": ("owner", "DELETE", "/api/teams/{team}", None, {"if-match": '"99"'}, 412),
    "request_too_large": ("owner", "POST", "/api/teams", b" " * 1_500_000, JSON_TYPE, 413),
    "larger than anything": ("owner", "POST", "/api/teams", b" " * 9_000_000, JSON_TYPE, 413),
    "unsupported_media_type": ("owner", "POST", "/api/teams", b"name=x", NOTHING, 415),
    "unacceptable": ("owner", "POST", "/api/teams", {"name": 1}, NOTHING, 422),
    "version_required": ("owner", "DELETE", "/api/teams/{team}", None, NOTHING, 428),
    "a key in the address": ("anonymous", "GET", "/api/usage?key={key}", None, NOTHING, 400),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_whatever_goes_wrong_is_told_as_a_problem(everybody: People, name: str) -> None:
    who, method, path, body, headers, status = PROBLEMS[name]
    path = path.format(team=everybody.team, key=everybody.who["key"].secret)
    answer = everybody.ask(who, method, path, body, headers)
    assert answer.status_code == status
    check_problem(answer)
    if "_" in name:
        assert answer.json()["code"] == name
        assert everybody.get("anonymous", answer.json()["type"])["status"] == status

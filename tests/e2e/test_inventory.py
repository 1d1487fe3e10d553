"""Every route there is, and who is let in (T32): what the product serves is held against a table, not the other way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gateway.browsers import GUARDS
from tests.e2e.inventory import API, INFERENCE, MORE, OTHERS, SOMEBODYS, WHO, verdicts
from tests.e2e.inventory_pages import PAGES
from tests.e2e.people import People, live
from tests.e2e.routes import FORM, Route, all_routes, knock, path_of
from tests.providers import MockProcess

MANAGED = verdicts(API, WHO) | verdicts(PAGES, WHO)
"""What the control process serves to anybody outside."""

TABLE = {**MANAGED, **verdicts(INFERENCE, WHO), **verdicts(OTHERS, WHO)}
MINE_AND_YOURS = verdicts(SOMEBODYS, MORE)

METHODS = {
    "anonymous": ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"),
    "owner": ("GET", "POST", "PUT", "PATCH", "DELETE"),
}
"""Who tries what where there is no such route: for the owner those by which something could be done."""

UNSAFE = [route for route in MANAGED if route[0] != "GET"]

FOREIGN = {
    "another origin": {"origin": "https://elsewhere.example"},
    "no origin": {"origin": "null"},
    "another port": {"origin": "http://127.0.0.1:1"},
    "another site": {"sec-fetch-site": "cross-site"},
    "a sibling": {"sec-fetch-site": "same-site"},
}


@pytest.fixture(scope="module")
def everybody(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    with live(tmp_path_factory.mktemp("everybody"), mock.url) as made:
        yield made
        assert made.gateway.close() == 0, made.gateway.tail()


@pytest.fixture(scope="module")
def ids(everybody: People) -> dict[str, str]:
    """What the names in `SOMEBODYS` stand for."""
    made = everybody.make("viewer", "/api/tokens", {"name": "looking", "scopes": ["usage:read"]})
    team_key, _ = everybody.new_key("leader", name="of-the-crew", team_id=everybody.team)
    things = {"team": everybody.team, "team-key": team_key, "viewer-token": made["token"]["id"]}
    return {**{name: identity.id for name, identity in everybody.who.items()}, **things}


async def test_every_route_has_a_row_and_every_row_a_route(tmp_path: Path) -> None:
    routes = await all_routes(tmp_path)
    assert routes - TABLE.keys() == set(), "say in `inventory` or `inventory_pages` who is let in there"
    assert TABLE.keys() - routes == set()


@pytest.mark.parametrize("who", WHO)
def test_each_is_let_in_where_the_table_says(everybody: People, who: str) -> None:
    try:
        heard = {route: knock(everybody, who, route).status_code for route in TABLE}
    finally:
        if "cookie" in everybody.who[who].headers:  # they have taken /logout as well
            everybody.who[who] = everybody.sign_in(who)
    assert heard == {route: row[who] for route, row in TABLE.items()}


@pytest.mark.parametrize("who", MORE)
def test_each_reaches_what_is_theirs_to_reach(everybody: People, ids: dict[str, str], who: str) -> None:
    heard = {}
    for method, path in MINE_AND_YOURS:
        target = re.sub(r"\{([\w-]+)\}", lambda found: ids[found[1]], path)
        body = None if method in ("GET", "DELETE") else {"hours": 1} if "password-link" in path else {}
        heard[method, path] = everybody.ask(who, method, target, body, {"if-match": '"999"'}).status_code
    assert heard == {row: said[who] for row, said in MINE_AND_YOURS.items()}


def test_at_the_socket_nobody_is_somebody_without_the_token(everybody: People) -> None:
    heard = {route: knock(everybody, "intruder", route).status_code for route in MANAGED}
    assert heard == {route: row["anonymous"] for route, row in MANAGED.items()}
    for wrong in ("", "x", everybody.who["operator"].headers["x-sluicegate-operator"][:-1]):
        answer = everybody.ask("intruder", "GET", "/api/keys", headers={"x-sluicegate-operator": wrong})
        assert answer.status_code == 401


@pytest.mark.parametrize("who", ["anonymous", "key", "member"])
def test_head_is_answered_as_get_is_and_says_no_more(everybody: People, who: str) -> None:
    gets = [route for route in TABLE if route[0] == "GET" and route[1] != "/logout"]
    for route in gets:
        said, shown = (everybody.ask(who, method, path_of(route)) for method in ("HEAD", "GET"))
        assert said.status_code in (shown.status_code, 405), route
        assert not said.content, route


@pytest.mark.parametrize("who", METHODS)
def test_whatever_has_no_row_is_refused(everybody: People, who: str) -> None:
    """Other methods of paths that there are: nobody is let in, whatever they may do elsewhere."""
    paths = {path_of(route) for route in TABLE}
    let_in: dict[Route, int] = {}
    for path in paths:
        for method in METHODS[who]:
            if not any(_takes(route, method, path) for route in TABLE):
                answer = everybody.ask(who, method, path)
                if not _is_refused(method, answer):
                    let_in[method, path] = answer.status_code
    assert let_in == {}


@pytest.mark.parametrize("foreign", FOREIGN)
def test_a_page_of_somebody_else_changes_nothing(everybody: People, foreign: str) -> None:
    """The owner's browser is made to send it, with the owner's cookie (T39)."""
    before = everybody.trail()
    for route in UNSAFE:
        headers = (
            {key: value for key, value in FORM.items() if key != "sec-fetch-site"} if "/api/" not in route[1] else {}
        )
        answer = everybody.ask("owner", route[0], path_of(route), b"{}", {**headers, **FOREIGN[foreign]})
        assert answer.status_code == 403, route
    assert everybody.trail() == before


def test_looking_changes_nothing(everybody: People) -> None:
    """But for the audit log, which remembers who took everything away."""
    generations, before = everybody.get("operator", "/api/health")["generations"], everybody.trail()
    for route in MANAGED:
        if route[0] == "GET":
            everybody.ask("owner", "GET", path_of(route))
            everybody.ask("owner", "GET", path_of(route), headers={"x-http-method-override": "DELETE"})
    assert everybody.get("operator", "/api/health")["generations"] == generations
    assert {entry["action"] for entry in everybody.trail() if entry not in before} == {"state.export"}


def test_every_answer_keeps_browsers_out_of_trouble(everybody: People) -> None:
    guards = {name.decode(): value.decode() for name, value in GUARDS}
    for route in MANAGED:
        if route[1] != "/logout":
            answer = knock(everybody, "owner", route)
            assert guards.items() <= dict(answer.headers).items(), route
            assert "cache-control" in answer.headers, route


def _takes(route: Route, method: str, path: str) -> bool:
    pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(route[1])).replace(r"\*", ".+")
    methods = ("GET", "HEAD") if route[0] == "GET" else (route[0],)
    return method in methods and re.fullmatch(pattern, path.partition("?")[0]) is not None


def _is_refused(method: str, answer: httpx.Response) -> bool:
    if method == "OPTIONS" and answer.status_code == 204:
        return "allow" in answer.headers
    return answer.status_code in (404, 405)

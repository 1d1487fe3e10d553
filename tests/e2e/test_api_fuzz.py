"""Requests made up from the OpenAPI document of a live gateway, by Schemathesis with all of its checks.

As the owner: no answer is a failure of ours, and each is as the document says. As nobody and as a client: the same, and
nobody gets through who may not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from gateway.api.management import OPERATIONS
from gateway.api.management.operation import ANYONE
from tests.e2e.people import People, live
from tests.gateway.api.management.fuzzing import SECONDS, fuzz
from tests.providers import MockProcess

ENDLESS = "^watch_live"
"""Operations whose answer nobody waits for the end of."""

NOT_ASKED = f"{ENDLESS}|^(test_|end_session$)"
"""Beside those the ones that would ask providers that were made up, or end the session that asks."""

LOOKS, CHANGES = ("GET", "DELETE"), ("POST", "PUT", "PATCH")

RUNS = {
    "looks": ("coverage", LOOKS, 15),
    "changes": ("coverage", CHANGES, 8),
    "all": ("fuzzing,stateful", (*LOOKS, *CHANGES), 30),
}
"""Phases, methods, and how many kinds of requests, by method and what they are about, are carried out at least. Each
has things of its own, and the whole time limit."""

ALIKE = """
[[operations]]
include-method = "PATCH"
[operations.phases.coverage.generation]
mode = "positive"

[[operations]]
include-path = "/api/import"
[operations.phases.coverage.generation]
mode = "positive"

[[operations]]
include-method = "GET"
exclude-path-regex = "^/api/(usage|audit|keys)$"
[operations.phases.coverage.generation]
mode = "positive"
"""
"""A change is checked as what is made is, field by field, and a document as both: every wrong value of every field is
tried with what makes things. What lists have in common is that of three of them. For the rest wrong ones are made up by
chance, as for all."""

OPEN = {operation.path for operation in OPERATIONS if operation.permission == ANYONE}
TO_A_KEY = {*OPEN, "/api/usage"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(SECONDS + 20)]


@pytest.fixture(scope="module")
def everybody(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    with live(tmp_path_factory.mktemp("fuzzed"), mock.url, workers=2) as made:
        yield made
        assert made.gateway.close() == 0, made.gateway.tail()


@pytest.fixture(scope="module")
def document(everybody: People) -> str:
    """Where the OpenAPI document is."""
    return f"{everybody.gateway.url}/api/openapi.json"


def there(people: People, run: str) -> dict[str, dict[str, str]]:
    """What stands behind names in paths for a run, by path: other things for DELETE than for the rest."""
    owner, viewer = people.who["owner"].id, people.who["viewer"].id
    kept, lost = (_made(people, f"{name}-{run}") for name in ("kept", "lost"))
    changed = {path: {**names, "header.If-Match": "*"} for path, names in kept.items()}
    return {
        **{f"GET {path}": names for path, names in kept.items()},
        **{f"PATCH {path}": names for path, names in changed.items()},
        **{f"DELETE {path}": {**names, "header.If-Match": "*"} for path, names in lost.items()},
        "POST /api/keys/{id}/rotate": kept["/api/keys/{id}"],
        "GET /api/teams/{id}/members": kept["/api/teams/{id}"],
        "POST /api/teams/{id}/members": kept["/api/teams/{id}"],
        "GET /api/users/{id}": {"path.id": owner},
        "PATCH /api/users/{id}": {"path.id": viewer, "header.If-Match": "*"},
        "POST /api/users/{id}/password-link": {"path.id": viewer},
        "DELETE /api/users/{id}/sessions": {"path.id": viewer},
        "GET /api/providers/{id}": {"path.id": "mock"},
        "GET /api/credentials/{provider}/{name}": {"path.provider": "mock", "path.name": "first"},
        "GET /api/settings/{path}": {"path.path": "login.idle_minutes"},
        "PUT /api/settings/{path}": {"path.path": "server.cors_origins", "header.If-Match": "*"},
        "GET /api/problems/{code}": {"path.code": "conflict"},
    }


def _made(people: People, name: str) -> dict[str, dict[str, str]]:
    """Things of this name, by path."""
    people.make("owner", "/api/aliases", {"name": name, "target": "mock/gpt"})
    people.make("owner", "/api/combos", {"name": f"{name}-both", "targets": ["mock/gpt", "mock/other"]})
    team = people.make("owner", "/api/teams", {"name": name})["id"]
    token = people.make("owner", "/api/tokens", {"name": name, "scopes": ["usage:read"]})["token"]["id"]
    return {
        "/api/aliases/{name}": {"path.name": name},
        "/api/combos/{name}": {"path.name": f"{name}-both"},
        "/api/keys/{id}": {"path.id": people.new_key("owner", name=name)[0]},
        "/api/teams/{id}": {"path.id": team},
        "/api/tokens/{id}": {"path.id": token},
    }


def said(things: dict[str, dict[str, str]]) -> str:
    """The same as Schemathesis's configuration."""
    tables = []
    for route, values in things.items():
        method, _, path = route.partition(" ")
        pairs = ", ".join(f'"{name}" = {json.dumps(value)}' for name, value in values.items())
        which = f'include-method = "{method}"\ninclude-path = "{path}"'
        tables.append(f"\n[[operations]]\n{which}\nparameters = {{ {pairs} }}\n")
    return "".join(tables)


def answers(report: Path) -> list[dict[str, Any]]:
    """Requests and answers of a run but for OPTIONS, which tells everybody which methods there are."""
    entries: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["log"]["entries"]
    return [entry for entry in entries if entry["request"]["method"] != "OPTIONS"]


def kind_of(entry: dict[str, Any]) -> str:
    """What a request was about: the first two parts of its path."""
    return "/".join(urlsplit(entry["request"]["url"]).path.split("/")[:3])


@pytest.mark.parametrize("run", RUNS)
def test_no_answer_to_the_owner_is_other_than_documented(
    everybody: People, document: str, tmp_path: Path, run: str
) -> None:
    phases, methods, least = RUNS[run]
    session = everybody.sign_in("owner")
    report = tmp_path / "asked.har"
    config = said(there(everybody, run)) + ALIKE
    options = ["--phases", phases, "--exclude-operation-id-regex", NOT_ASKED, "--report-har-path", str(report)]
    options += [word for method in methods for word in ("--include-method", method)]
    fuzz(document, session.headers, tmp_path, examples=3, config=config, options=options)
    done = {(each["request"]["method"], kind_of(each)) for each in answers(report) if each["response"]["status"] < 300}
    assert len(done) >= least, f"no more than these were ever carried out: {sorted(done)}"
    everybody.who["owner"] = session
    assert everybody.get("owner", "/api/me")["kind"] == "user", "whatever was asked, the session is what it was"
    assert '"failed"' not in everybody.gateway.said()
    assert everybody.get("owner", "/api/health")["trouble"] is None


@pytest.mark.parametrize(("who", "allowed"), [("anonymous", OPEN), ("key", TO_A_KEY)])
def test_nobody_gets_through_who_may_not(
    everybody: People, document: str, tmp_path: Path, who: str, allowed: set[str]
) -> None:
    report = tmp_path / "asked.har"
    options = ["--phases", "fuzzing", "--report-har-path", str(report), "--exclude-path", "/api/openapi.json"]
    options += ["--exclude-operation-id-regex", ENDLESS]
    fuzz(document, everybody.who[who].headers, tmp_path, examples=2, options=options)
    asked = [(entry["request"]["url"], entry["response"]["status"]) for entry in answers(report)]
    assert len(asked) > len(OPERATIONS)
    paths = tuple(f"{everybody.gateway.url}{path.partition('{')[0]}" for path in allowed)
    assert {url for url, status in asked if status < 400 and not url.startswith(paths)} == set()
    assert {status for _, status in asked} <= {200, 400, 401, 403, 404, 405}

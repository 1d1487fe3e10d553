"""A live gateway under attack: by those who have some rights, and by those who have none."""

from __future__ import annotations

import select
import socket
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from gateway.api.front import FORWARDED_BODY_BYTES, LARGE_BODIES_BYTES
from tests.e2e.people import PASSWORD, People, bearer, email, live
from tests.gateway_process import CLIENT_KEY, PROVIDER_KEY
from tests.providers import MockProcess
from tests.waiting import until

MIB = 1024 * 1024
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def people(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    with live(tmp_path_factory.mktemp("attacked"), mock.url) as made:
        yield made
        assert made.gateway.close() == 0, made.gateway.tail()


def send_form(people: People, path: str, **fields: str) -> httpx.Response:
    """The answer to a form, from a browser that nobody knows."""
    headers = {"origin": people.gateway.url, "content-type": FORM}
    return httpx.post(f"{people.gateway.url}{path}", content=urlencode(fields), headers=headers, trust_env=False)


# Other people's things, by their ids


@pytest.mark.parametrize("who", ["stranger", "viewer", "pending", "key", "token", "anonymous", "intruder"])
def test_nobody_touches_what_belongs_to_somebody_else(people: People, who: str) -> None:
    member = people.who["member"]
    session = people.get("member", "/api/sessions")["items"][0]["id"]
    token = people.make("member", "/api/tokens", {"name": f"seen by {who}", "scopes": ["keys:own"]})["token"]["id"]
    others = {
        f"/api/keys/{people.who['key'].id}": ("GET", "PATCH", "DELETE"),
        f"/api/tokens/{token}": ("GET", "DELETE"),
        f"/api/sessions/{session}": ("DELETE",),
        f"/api/users/{member.id}": ("GET", "PATCH", "DELETE"),
        f"/api/users/{member.id}/sessions": ("DELETE",),
        f"/api/users/{member.id}/identities": ("GET",),
        f"/api/users/{member.id}/identities/corp/1": ("DELETE",),
        f"/api/teams/{people.team}": ("GET", "PATCH", "DELETE"),
        f"/api/teams/{people.team}/members": ("GET",),
        f"/api/teams/{people.team}/members/{member.id}": ("DELETE",),
    }
    for path, methods in others.items():
        for method in methods:
            body = {"name": "mine"} if method == "PATCH" else None
            answer = people.ask(who, method, path, body, {"if-match": "*"} if method in ("PATCH", "DELETE") else {})
            assert answer.status_code in (401, 403, 404), f"{method} {path}: {answer.text}"
    assert people.ask(who, "POST", f"/api/keys/{people.who['key'].id}/rotate").status_code in (401, 403, 404)
    assert people.get("member", f"/api/keys/{people.who['key'].id}")["status"] == "active"


def test_whoever_leads_a_team_takes_and_gives_nothing_beyond_it(people: People) -> None:
    other = people.make("owner", "/api/teams", {"name": "others"})["id"]
    theirs, _ = people.new_key("owner", name="of-others", team_id=other)
    ours, _ = people.new_key("leader", name="of-the-crew", team_id=people.team)
    for wish in ({"team_id": other}, {"team_id": None, "user_id": people.who["stranger"].id}):
        assert people.change("leader", f"/api/keys/{ours}", wish).status_code == 403
    for key in (theirs, people.who["key"].id):
        assert people.change("leader", f"/api/keys/{key}", {"team_id": people.team}).status_code == 404
    for path, body in (
        (f"/api/teams/{other}/members", {"user_id": people.who["leader"].id, "role": "admin"}),
        ("/api/keys", {"name": "x", "team_id": other}),
        ("/api/keys", {"name": "x", "user_id": people.who["owner"].id}),
    ):
        assert people.ask("leader", "POST", path, body).status_code in (403, 404)
    assert people.ask("member", "POST", f"/api/keys/{ours}/rotate").status_code == 403, "members look on"
    assert people.change("member", f"/api/teams/{people.team}", {"description": "mine"}).status_code == 403


@pytest.mark.parametrize("header", ["x-http-method-override", "x-http-method", "x-method-override"])
def test_a_method_is_what_the_request_line_says(people: People, header: str) -> None:
    path = f"/api/keys/{people.who['key'].id}"
    assert people.ask("member", "GET", path, None, {header: "DELETE"}).json()["status"] == "active"
    assert people.get("member", path)["status"] == "active"


def test_an_answer_is_repeated_to_whoever_asked_alone(people: People) -> None:
    wish, repeated = {"name": "repeated"}, {"idempotency-key": "of-everybody"}
    made = people.ask("stranger", "POST", "/api/keys", wish, repeated)
    assert made.status_code == 201
    assert people.ask("stranger", "POST", "/api/keys", wish, repeated).json() == made.json()
    for who in ("member", "owner", "anonymous", "viewer"):
        answer = people.ask(who, "POST", "/api/keys", wish, repeated)
        assert made.json()["secret"] not in answer.text
        assert answer.status_code in (401, 403, 409)


def test_what_was_once_answered_is_not_repeated_to_somebody_who_may_no_longer_ask(people: People) -> None:
    user = people.make("owner", "/api/users", {"email": "once@example.com", "role": "admin", "invite": False})["user"]
    people.who["once"] = people.who["owner"]._replace(id=user["id"])
    people.who["once"] = people.sign_in("once")
    wish, repeated = {"email": "friend@example.com", "role": "member"}, {"idempotency-key": "friend"}
    made = people.ask("once", "POST", "/api/users", wish, repeated)
    assert "slg-lnk-" in made.text
    assert people.change("owner", f"/api/users/{user['id']}", {"role": "member"}).status_code == 200
    assert people.ask("once", "POST", "/api/users", wish, repeated).status_code == 401
    people.who["once"] = people.sign_in("once")
    assert people.ask("once", "POST", "/api/users", wish, repeated).status_code == 403


# Twice at once


def test_of_all_who_use_a_link_at_once_one_chooses_the_password(people: People) -> None:
    user = people.make("owner", "/api/users", {"email": "linked@example.com", "invite": False})["user"]
    token = people.make("owner", f"/api/users/{user['id']}/password-link", {"hours": 1})["token"]
    tries = [f"the password of number {number}" for number in range(6)]
    with ThreadPoolExecutor(len(tries)) as threads:
        answers = list(
            threads.map(lambda said: send_form(people, "/password", token=token, password=said, again=said), tries)
        )
    assert [answer.status_code for answer in answers].count(303) == 1
    assert sum("sluicegate=slg-ses-" in answer.headers.get("set-cookie", "") for answer in answers) == 1
    assert len([entry for entry in people.trail(action="user.password") if entry["target_id"] == user["id"]]) == 1


# What everybody shares


def resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def test_bodies_of_strangers_do_not_fill_the_memory_of_a_worker(people: People) -> None:
    """It was eight megabytes a connection, of as many connections as there can be, before anybody asked who it is."""
    (worker,) = people.gateway.workers()
    before, size = resident(worker), FORWARDED_BODY_BYTES
    head = f"POST /api/keys HTTP/1.1\r\nhost: x\r\ncontent-length: {size}\r\n\r\n".encode()
    strangers = []
    with ExitStack() as stack:
        for _ in range(3 * LARGE_BODIES_BYTES // size):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", people.gateway.port)))
            connection.settimeout(10)
            with suppress(OSError):  # refused, and closed, while it was still being sent
                connection.sendall(head + b"x" * (size - 1))
            strangers.append(connection)
        assert resident(worker) - before < 2 * LARGE_BODIES_BYTES + 32 * MIB
        # Whoever has a byte left to send and hears something was refused: an answer, or that the connection is closed.
        until(lambda: len(select.select(strangers, [], [], 0)[0]) > LARGE_BODIES_BYTES // size, 10)
        assert send_form(people, "/login", email=email("member"), password=PASSWORD).status_code == 303
        answer = people.ask("owner", "POST", "/api/import", {"document": "x" * 5 * MIB})
        assert (answer.status_code, answer.json()["code"]) == (503, "control_unavailable")
        assert answer.headers["retry-after"] == "2"

    def has_room() -> bool:
        return people.ask("owner", "POST", "/api/import", {"document": "x" * 5 * MIB}).status_code == 422

    until(has_room, 10)


def test_one_key_does_not_keep_a_worker_busy(people: People) -> None:
    many = [f"*{number}*z" for number in range(50_000)]
    answer = people.ask("member", "POST", "/api/keys", {"name": "busy", "models": many})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/models")
    key_id, secret = people.new_key("member", name="less-busy", models=many[:100])
    assert httpx.get(f"{people.gateway.url}/v1/models", headers=bearer(secret)).json()["data"] == []
    assert people.change("member", f"/api/keys/{key_id}", {"tags": many}).status_code == 422


# What others on the machine see


def test_neither_arguments_nor_environment_of_any_process_hold_a_secret(people: People) -> None:
    operator = people.who["operator"].headers["x-sluicegate-operator"]
    vault_key = (people.gateway.data_dir / "vault.key").read_text().strip()
    pids = (people.gateway.process.pid, *people.gateway.pids())
    assert len(pids) == 3
    told = b"".join(Path(f"/proc/{pid}/{kind}").read_bytes() for pid in pids for kind in ("cmdline", "environ"))
    for secret in (CLIENT_KEY, PROVIDER_KEY, operator, vault_key):
        assert secret.encode() not in told


def test_no_file_of_the_gateway_is_for_others(people: People) -> None:
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in people.gateway.data_dir.rglob("*")}
    assert len(modes) > 5
    assert not [str(path) for path, mode in modes.items() if mode & 0o077]

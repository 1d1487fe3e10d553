"""Ways around the door: other spellings of a path, other hosts, headers that only a worker says, keys elsewhere.

Raw bytes on the wire: HTTP clients would tidy up what is tried here. None of it may get anybody further than the plain
request does.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest

from tests.e2e.inventory import API, OTHERS, WHO, verdicts
from tests.e2e.inventory_pages import PAGES
from tests.e2e.people import NOTHING, People, live
from tests.e2e.routes import path_of
from tests.e2e.wire import Answer, Cut, ask, chat_body, request
from tests.providers import MockProcess

LOOKS = [path_of(route) for route, row in verdicts(API, WHO).items() if route[0] == "GET" and row["anonymous"] == 401]
ASIDE = [
    path_of(route)
    for route, row in verdicts(PAGES, WHO).items()
    if route[0] == "GET" and row["owner"] == 200 and row["anonymous"] != 200
]

SPELLINGS = (
    "/api/%6beys",
    "/%61pi/keys",
    "/api%2fkeys",
    "/api%2Fkeys",
    "/api%252fkeys",
    "/api//keys",
    "//api/keys",
    "///api/keys",
    "/api/keys/",
    "/api/keys//",
    "/API/keys",
    "/Api/KEYS",
    "/./api/keys",
    "/api/./keys",
    "/api/me/../keys",
    "/api/problems/../keys",
    "/api/openapi.json/../keys",
    "/api/openapi.json/..%2fkeys",
    "/static/../api/keys",
    "/static/..%2fapi/keys",
    "/login/../api/keys",
    "/healthz/../api/keys",
    "/healthz/..%2fapi%2fkeys",
    "/v1/../api/keys",
    "/v1/models/../../api/keys",
    "/v1/models/%2e%2e/%2e%2e/api/keys",
    "/%2e/api/keys",
    "/api/%2e/keys",
    "/api/keys;x",
    "/api;x/keys",
    "/api/keys;/openapi.json",
    "/api/keys%3b",
    "/api/keys%00",
    "/api/keys%0a",
    "/api/keys%20",
    "/api/keys%3f",
    "/api/keys?",
    "/api/keys?/openapi.json",
    "/api/keys#/api/openapi.json",
    "/api/keys.json",
    "/api\\keys",
    "/api/keys\\",
    "/api/k%C4%B1eys",
    "/api/%EF%BD%8Beys",
    "http://gateway.test/api/keys",
    "http://x@gateway.test/api/keys",
    "http://gateway.test//api/keys",
    "https://gateway.test/api/openapi.json/../keys",
    "api/keys",
    "*/api/keys",
)

INSIDE = (
    "/internal/count-tokens",
    "/INTERNAL/count-tokens",
    "//internal/count-tokens",
    "/internal/count-tokens/",
    "/%69nternal/count-tokens",
    "/internal/./count-tokens",
    "/internal%2fcount-tokens",
    "/v1/../internal/count-tokens",
    "/api/../internal/count-tokens",
    "/internal/count-tokens;x",
    "http://localhost/internal/count-tokens",
)

HOSTS = (
    "localhost",
    "127.0.0.1",
    "[::1]",
    "control.sock",
    "a/#@b",
    "localhost/api/openapi.json?",
    "localhost/api/openapi.json#",
    "localhost:80@elsewhere",
    "user@localhost",
    "..",
    "/healthz",
    "localhost, elsewhere",
    "elsewhere.example",
    "elsewhere.example:0",
    "x" * 300,
)

KEPT_OUT = (400, 401, 403, 404, 405)
"""Statuses of answers that show nothing; a page sends one on to the login besides."""


@pytest.fixture(scope="module")
def everybody(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    with live(tmp_path_factory.mktemp("evaded"), mock.url) as made:
        yield made
        assert made.gateway.close() == 0, made.gateway.tail()


async def say(
    people: People, path: str, who: str = "anonymous", body: bytes = b"", headers: Mapping[str, str] = NOTHING
) -> Answer:
    """The answer to a request with exactly this target."""
    method = "POST" if body else "GET"
    shown = {**people.who[who].headers, **headers}
    data = request(method, "/", body, key=None, headers=shown).replace(b" / HTTP", f" {path} HTTP".encode("latin-1"), 1)
    try:
        return await ask(people.gateway.port, data)
    except Cut:  # closed without a word: that is a refusal, too
        return Answer(400, [], b"")


def secrets_of(people: People) -> tuple[bytes, ...]:
    """What stands in the list of keys, and nowhere that the key's own client may look."""
    return b"of-the-member", people.who["key"].id.encode(), people.who["member"].id.encode()


@pytest.mark.parametrize("who", ["anonymous", "key", "token", "pending", "viewer"])
async def test_no_spelling_of_a_path_gets_anybody_further(everybody: People, who: str) -> None:
    for path in SPELLINGS:
        answer = await say(everybody, path, who)
        # Below /v1/models/ anything may be the name of a model; what it means in other paths it does not mean there.
        assert answer.status in KEPT_OUT or (who == "key" and path.startswith("/v1/models/")), path
        assert not any(secret in answer.body for secret in secrets_of(everybody)), path


async def test_whoever_may_look_is_not_led_astray_by_one_either(everybody: People) -> None:
    """The same spelling never means another thing: it is the list, or nothing."""
    plain = listed((await say(everybody, "/api/keys", "owner")).body)
    for path in SPELLINGS:
        answer = await say(everybody, path, "owner")
        assert answer.status in KEPT_OUT or listed(answer.body) == plain, path


def listed(body: bytes) -> list[dict[str, Any]]:
    """The keys in a list, but when they were last used, which changes meanwhile."""
    return [{**key, "last_used_at": None} for key in json.loads(body)["items"]]


@pytest.mark.parametrize("who", ["anonymous", "key", "owner"])
async def test_what_is_for_workers_is_for_workers_alone(everybody: People, who: str) -> None:
    for path in INSIDE:
        answer = await say(everybody, path, who, b'["some text"]')
        assert answer.status in KEPT_OUT, path
        assert b'"tokens":' not in answer.body, path


@pytest.mark.parametrize("host", HOSTS)
async def test_no_host_opens_a_door(everybody: People, host: str) -> None:
    for path in (*LOOKS, *ASIDE):
        answer = await say(everybody, path, headers={"host": host})
        assert answer.status in (*KEPT_OUT, 303), (path, answer)
        assert not (answer.header("location") or "/").startswith("//")
        assert (answer.header("location") or "/").startswith("/"), "nobody is sent to a host that was made up"


def forged(people: People) -> list[dict[str, str]]:
    """Headers with which a worker or the operator would be believed."""
    operator = people.who["operator"].headers["x-sluicegate-operator"]
    key, user = people.who["key"].id, people.who["owner"].id
    return [
        {"x-sluicegate-operator": operator},
        {"X-Sluicegate-Operator": operator, "x-sluicegate-forwarded": ""},
        {"x-sluicegate-operator": operator, "connection": "x-sluicegate-forwarded"},
        {"x-sluicegate-operator": operator, "connection": "close, x-sluicegate-forwarded, x-sluicegate-client"},
        {"x_sluicegate_operator": operator},
        {"x-sluicegate-operator ": operator},
        {"authorization": f"Bearer {operator}"},
        {"x-api-key": operator},
        {"x-sluicegate-key": "of-the-member", "x-sluicegate-key-id": key},
        {"x-sluicegate-key-id": user, "connection": "x-sluicegate-key-id"},
        {"x-sluicegate-forwarded": "1", "x-sluicegate-client": "127.0.0.1"},
        {"x-sluicegate-forwarded": "0"},
        {"x-sluicegate-user": user, "x-sluicegate-permissions": "keys:read"},
        {"x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "https", "x-real-ip": "127.0.0.1"},
        {"x-forwarded-user": "owner@example.com", "x-remote-user": "owner@example.com", "remote-user": "owner"},
        {"x-original-url": "/api/openapi.json", "x-rewrite-url": "/api/openapi.json"},
        {"x-forwarded-uri": "/api/openapi.json", "x-forwarded-prefix": "/api/openapi.json"},
        {"cookie": "__Host-sluicegate=; sluicegate=owner"},
        {"cookie": f"__Host-sluicegate=slg-ses-{'a' * 43}.{'a' * 43}"},
        {"authorization": "Bearer slg-api-" + "a" * 43},
        {"authorization": "Basic b3duZXI6"},
        {"authorization": "Bearer "},
    ]


async def test_nobody_is_believed_for_what_only_a_worker_says(everybody: People) -> None:
    for headers in forged(everybody):
        for path in ("/api/keys", "/api/usage", "/api/health", "/api/me", "/account"):
            answer = await say(everybody, path, headers=headers)
            assert answer.status in (*KEPT_OUT, 303), (path, headers)


async def test_what_is_made_up_is_not_remembered(everybody: People) -> None:
    made = {"x-sluicegate-client": "192.0.2.1", "x-forwarded-for": "192.0.2.2", "forwarded": "for=192.0.2.3"}
    made |= {"x-sluicegate-key": "somebody", "sec-fetch-site": "same-origin"}
    answer = await say(everybody, "/api/teams", "owner", b'{"name": "made up"}', made)
    assert answer.status == 201
    (entry,) = [each for each in everybody.trail(action="team.create") if each["target_name"] == "made up"]
    assert (entry["actor_name"], entry["address"]) == ("owner@example.com", "127.0.0.1")


PLACES = ("authorization", "x-api-key", "x-goog-api-key")


@pytest.mark.parametrize("who", ["key", "token"])
@pytest.mark.parametrize("place", PLACES)
async def test_a_secret_is_worth_the_same_wherever_it_is_shown(everybody: People, who: str, place: str) -> None:
    secret = everybody.who[who].secret
    shown = {place: f"Bearer {secret}" if place == "authorization" else secret}
    table = verdicts(API, WHO) | verdicts(OTHERS, WHO)
    for route in [route for route in table if route[0] == "GET"]:
        assert (await say(everybody, path_of(route), headers=shown)).status == table[route][who], route


@pytest.mark.parametrize("place", PLACES)
async def test_what_a_key_may_not_ask_for_it_may_not_ask_for_anywhere(everybody: People, place: str) -> None:
    name = f"embedder-{place}"
    _, secret = everybody.new_key("owner", name=name, endpoints=["/v1/embeddings"], models=["mock/text*"])
    shown = {place: f"Bearer {secret}" if place == "authorization" else secret}
    chat, embed = chat_body("gpt"), json.dumps({"model": "mock/text-x", "input": "Hi"}).encode()
    for path, body, status in (
        ("/v1/embeddings", embed, 200),
        ("/v1/embeddings", embed.replace(b"text-x", b"gpt"), 403),
        ("/v1/chat/completions", chat, 403),
        ("/v1/%63hat/completions", chat, 403),
        ("/v1beta/models/mock%2Ftext-x:generateContent", b'{"contents": []}', 403),
    ):
        answer = await say(everybody, path, body=body, headers=shown)
        assert answer.status == status, (path, answer.body)


async def test_two_secrets_are_no_more_than_one(everybody: People) -> None:
    """Whoever shows several is the one whose place comes first, and nobody is both."""
    key, token = everybody.who["key"].secret, everybody.who["token"].secret
    shown = {"authorization": f"Bearer {key}", "x-api-key": token}
    assert (await say(everybody, "/api/audit", headers=shown)).status == 403
    shown = {"authorization": f"Bearer {token}", "x-api-key": key, **_cookie(everybody, "owner")}
    assert (await say(everybody, "/api/audit", headers=shown)).status == 200
    assert (await say(everybody, "/api/keys", headers=shown)).status == 403
    shown = {"authorization": "Bearer sk-slg-unknown", **_cookie(everybody, "owner")}
    assert (await say(everybody, "/api/keys", headers=shown)).status == 401


async def test_a_session_counts_only_as_it_was_signed(everybody: People) -> None:
    value = everybody.who["owner"].headers["cookie"].partition("=")[2]
    token, _, signature = value.partition(".")
    other = everybody.who["viewer"].headers["cookie"].partition("=")[2]
    for wrong in (token, f"{token}.", f"{token}.{signature[:-1]}", f"{token}.{other.partition('.')[2]}", f"{value}x"):
        answer = await say(everybody, "/api/me", headers={"cookie": f"__Host-sluicegate={wrong}"})
        assert answer.status == 401, wrong
    for name in ("sluicegate", "__host-sluicegate", "__Secure-sluicegate", "session"):
        assert (await say(everybody, "/api/me", headers={"cookie": f"{name}={value}"})).status == 401, name


async def test_secrets_do_not_count_in_an_address(everybody: People) -> None:
    for secret in (everybody.who["key"].secret, everybody.who["token"].secret):
        for name in ("key", "api_key", "access_token", "token"):
            answer = await say(everybody, f"/api/usage?{name}={quote(secret)}")
            assert answer.status in (400, 401), name
            assert secret.encode() not in answer.body
    assert not re.search('sk-slg-[^"]{20}|slg-api-[^"]{20}', everybody.gateway.said())


async def test_the_door_holds_while_many_come_at_once(everybody: People) -> None:
    """No request is taken for the one beside it: each hears what is its own."""
    who = ("anonymous", "key", "token", "viewer", "member", "owner")
    expected = dict(zip(who, (401, 403, 403, 403, 200, 200), strict=True))
    asked = [who[number % len(who)] for number in range(120)]
    answers = await asyncio.gather(*(say(everybody, "/api/keys", name) for name in asked))
    assert [answer.status for answer in answers] == [expected[name] for name in asked]


def _cookie(people: People, who: str) -> dict[str, str]:
    return {"cookie": people.who[who].headers["cookie"]}

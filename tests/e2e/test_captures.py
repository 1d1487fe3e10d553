"""What is said on all sides is kept where that is wanted, and nothing else is: through whole gateways."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import operator
from gateway.captures.places import folder_of, place_of
from gateway.captures.writing import write_whole
from gateway.credentials.vault import SHAPE
from gateway.playing import Playing
from gateway.records.captures import SLIP
from tests.e2e.wire import CHAT, Answer, ask, chat, chat_body, connect, content, leave, read_until, request
from tests.gateway.captures.takes import id_at
from tests.gateway_process import CLIENT_KEY, PROVIDER_KEY, GatewayProcess, configuration, running
from tests.providers import MockProcess
from tests.waiting import until

MODEL = "gpt-4o-mini;chunks=2"

MOST = 2000

PRIVATE_KEY, PROVIDER_HEADER = "sk-private-key-of-the-tests", "a-header-of-the-tests"

MORE = """
[capture]
mode      = "{mode}"
max_bytes = {most}
redact    = ["(?i)patient \\\\d+"]

[[client_keys]]
name    = "private"
key     = "{private}"
capture = false

[[providers]]
id       = "claude"
format   = "anthropic"
base_url = "{mock}"
headers  = {{ x-team = "{header}" }}

[[providers.credentials]]
name    = "second"
api_key = "{key}"

[[aliases]]
name   = "claude-sonnet-4-5"
target = "claude/claude-sonnet-4-5"

[[combos]]
name    = "twice"
targets = ["mock/gpt-4o-mini;status=500;tattle", "claude/claude-sonnet-4-5;chunks=2"]
"""


def toml(mock: MockProcess, mode: str) -> str:
    said = {"mode": mode, "most": MOST, "private": PRIVATE_KEY, "header": PROVIDER_HEADER, "key": PROVIDER_KEY}
    return configuration(mock.url, MORE.format(mock=mock.url, **said))


@pytest.fixture(scope="module")
def capturing(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """One that keeps everything."""
    with running(tmp_path_factory.mktemp("captures"), toml(mock, "all")) as made:
        make_kept(made.complete(), MODEL)
        yield made
        assert made.close() == 0, made.tail()
        assert made.stored("select count(*) > 5 from requests where captured") == [(True,)]
        assert made.stored("select count(*) from requests where captured and key = 'private'") == [(0,)]


def make_kept(gateway: GatewayProcess, model: str) -> None:
    """Ask until it is kept: a worker begins with that once it has the key that captures are sealed under."""

    def kept() -> bool:
        sock = connect(gateway.port)
        sock.sendall(chat(model))
        request_id = id_in(read_until(sock, b"}"))
        sock.close()
        with suppress(AssertionError):
            return bool(bodies(gateway, request_id, 0.3))
        return False

    until(kept, 15)


def id_in(head: bytes) -> str:
    found = re.search(rb"x-sluicegate-request-id: (\S+)", head)
    assert found is not None, head
    return found[1].decode()


async def asked(gateway: GatewayProcess, data: bytes) -> tuple[str, Answer]:
    """The id of a request, and its answer."""
    answer = await ask(gateway.port, data)
    return answer.header("x-sluicegate-request-id") or "", answer


def bodies(gateway: GatewayProcess, request_id: str, seconds: float = 5.0) -> Any:
    """What was said, once it is kept."""

    def found() -> Any:
        with suppress(operator.NotAnswered):
            return operator.ask(gateway.data_dir, f"/api/usage/{request_id}/bodies", {})
        return None

    return until(found, seconds)


def named(headers: list[Mapping[str, str]]) -> dict[str, str]:
    return {header["name"]: header["value"] for header in headers}


def files(gateway: GatewayProcess) -> list[Path]:
    return sorted(folder_of(gateway.data_dir).rglob("*.cap"))


async def test_a_translated_stream_is_kept_on_all_four_sides(capturing: GatewayProcess) -> None:
    request_id, answer = await asked(capturing, chat("claude/claude-sonnet-4-5;chunks=2", stream=True))
    said = bodies(capturing, request_id)
    (attempt,) = said["attempts"]
    assert (said["id"], said["request"]["method"], said["request"]["url"]) == (
        request_id,
        "POST",
        "/v1/chat/completions",
    )
    assert json.loads(said["request"]["body"]["text"])["messages"] == [{"role": "user", "content": "Hello"}]
    assert (attempt["provider"], attempt["model"], attempt["error"]) == ("claude", "claude-sonnet-4-5;chunks=2", None)
    assert attempt["request"]["url"].endswith("/v1/messages")
    sent = json.loads(attempt["request"]["body"]["text"])
    assert (sent["model"], sent["stream"]) == ("claude-sonnet-4-5;chunks=2", True)
    assert named(attempt["request"]["headers"])["anthropic-version"] == "2023-06-01"
    assert attempt["answer"]["body"]["text"].startswith("event: message_start")
    assert '"type":"message_stop"' in attempt["answer"]["body"]["text"].replace(" ", "")
    assert said["answer"]["status"] == 200
    assert said["answer"]["body"]["text"].encode() == answer.body
    assert content(answer.body)
    heard = dict(answer.headers)
    kept = named(said["answer"]["headers"])
    assert kept.items() <= heard.items()
    assert kept["x-sluicegate-credential"] == "second"


async def test_what_passes_is_kept_once(capturing: GatewayProcess) -> None:
    body = b'{"model":"claude-sonnet-4-5","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}'
    request_id, answer = await asked(capturing, request("POST", "/v1/messages", body))
    said = bodies(capturing, request_id)
    (attempt,) = said["attempts"]
    assert said["request"]["body"]["text"].encode() == body
    assert (attempt["request"]["body"]["same_as"], attempt["request"]["body"]["size"]) == ("request", len(body))
    assert attempt["answer"]["body"]["text"].encode() == answer.body
    assert (said["answer"]["body"]["same_as"], said["answer"]["body"]["text"]) == ("attempts.0.answer", None)


async def test_every_attempt_is_kept(capturing: GatewayProcess) -> None:
    data = request("POST", CHAT, chat_body("mock/x").replace(b"mock/x", b"twice"))
    request_id, answer = await asked(capturing, data)
    assert answer.status == 200
    first, second = bodies(capturing, request_id)["attempts"]
    assert (first["provider"], first["answer"]["status"], first["error"]) == ("mock", 500, "upstream_status_500")
    assert "error" in json.loads(first["answer"]["body"]["text"])
    assert (second["provider"], second["answer"]["status"], second["error"]) == ("claude", 200, None)


async def test_nobody_asked_is_kept_too(capturing: GatewayProcess) -> None:
    request_id, answer = await asked(capturing, chat("mock/gpt-4o-mini;reset=0"))
    said = bodies(capturing, request_id)
    assert answer.status == 502
    assert {attempt["error"] for attempt in said["attempts"]} == {"upstream_closed"}
    assert {attempt["answer"] for attempt in said["attempts"]} == {None}
    request_id, answer = await asked(capturing, chat("nowhere/m"))
    said = bodies(capturing, request_id)
    assert (answer.status, said["attempts"], said["answer"]["status"]) == (404, [], 404)


async def test_secrets_are_redacted_on_every_side(capturing: GatewayProcess) -> None:
    prompt = f"patient 4711 says {CLIENT_KEY} {PROVIDER_KEY} {PROVIDER_HEADER} and sk-proj-0123456789abcdef"
    model = "claude/claude-sonnet-4-5;echo"
    data = request(
        "POST",
        CHAT,
        json.dumps({"model": model, "messages": [{"role": "user", "content": prompt}]}).encode(),
        cookie="session=of-somebody",
    )
    request_id, answer = await asked(capturing, data)
    assert b"patient 4711" in answer.body, "the client hears what the model says"
    shown = json.dumps(bodies(capturing, request_id))
    for secret in ("4711", CLIENT_KEY, PROVIDER_KEY, PROVIDER_HEADER, "of-somebody", "0123456789abcdef"):
        assert secret not in shown, secret
    assert shown.count("[redacted]") > 10
    assert b"patient" not in place_of(folder_of(capturing.data_dir), request_id).read_bytes()


async def test_a_key_in_an_address_is_not_kept(capturing: GatewayProcess) -> None:
    body = b'{"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}'
    path = f"/v1beta/models/claude-sonnet-4-5:generateContent?key={CLIENT_KEY}"
    request_id, answer = await asked(capturing, request("POST", path, body, key=None))
    assert answer.status == 200
    said = bodies(capturing, request_id)
    assert said["request"]["url"] == "/v1beta/models/claude-sonnet-4-5:generateContent"
    assert CLIENT_KEY not in json.dumps(said)


async def test_bodies_are_cut_where_the_settings_say(capturing: GatewayProcess) -> None:
    long = [{"role": "user", "content": "x" * 50_000}]
    request_id, answer = await asked(capturing, chat("gpt-4o-mini;chunks=90;size=100", stream=True, messages=long))
    said = bodies(capturing, request_id)
    for body in (
        said["request"]["body"],
        *(said["attempts"][0][side]["body"] for side in ("request", "answer")),
        said["answer"]["body"],
    ):
        assert body["cut"]
        assert len(body["text"]) == MOST
        assert body["size"] > 5000
    assert said["answer"]["body"]["size"] == len(answer.body)
    assert answer.body.startswith(said["answer"]["body"]["text"].encode())


async def test_a_client_that_leaves_leaves_what_it_heard(capturing: GatewayProcess) -> None:
    sock = connect(capturing.port)
    sock.sendall(chat("gpt-4o-mini;chunks=900;pace=20ms", stream=True))
    request_id = id_in(read_until(sock, b"delta"))
    leave(sock, "fin")
    said = bodies(capturing, request_id)
    assert '"delta"' in said["answer"]["body"]["text"]
    assert "[DONE]" not in said["answer"]["body"]["text"]


async def test_what_a_key_forbids_is_not_kept(capturing: GatewayProcess) -> None:
    data = chat(MODEL).replace(CLIENT_KEY.encode(), PRIVATE_KEY.encode())
    request_id, answer = await asked(capturing, data)
    assert answer.status == 200
    playing = Playing(capturing.data_dir)
    async with playing.asked("/v1/chat/completions", chat_body(MODEL), PRIVATE_KEY, shown=True) as shown:
        assert b"".join([part async for part in shown.parts])
        assert not place_of(folder_of(capturing.data_dir), shown.headers["x-sluicegate-request-id"]).exists()
    await asked(capturing, chat(MODEL))
    with pytest.raises(operator.NotAnswered, match="Nothing is kept here"):
        operator.ask(capturing.data_dir, f"/api/usage/{request_id}/bodies", {})


async def test_nor_is_what_comes_without_a_key(capturing: GatewayProcess) -> None:
    data = chat(MODEL).replace(CLIENT_KEY.encode(), b"sk-client-key-of-nobody-at-all")
    request_id, answer = await asked(capturing, data)
    assert answer.status == 401
    await asked(capturing, chat(MODEL))
    assert not place_of(folder_of(capturing.data_dir), request_id).exists()


async def test_files_are_sealed_and_nobody_elses(capturing: GatewayProcess) -> None:
    request_id, _ = await asked(capturing, chat(MODEL))
    bodies(capturing, request_id)
    for path in files(capturing):
        assert path.read_bytes().startswith(SHAPE)
        assert b"messages" not in path.read_bytes()
        assert path.stat().st_mode & 0o777 == 0o600


async def test_another_vault_key_opens_them_and_those_that_follow(capturing: GatewayProcess) -> None:
    before, _ = await asked(capturing, chat(MODEL))
    bodies(capturing, before)
    assert operator.tell(capturing.data_dir, "POST", "/api/vault/rotate")["sealed_anew"] == 3
    after, _ = await asked(capturing, chat(MODEL))
    assert bodies(capturing, before)["id"] == before
    assert bodies(capturing, after)["id"] == after


async def test_they_are_deleted_on_demand_and_in_time(capturing: GatewayProcess) -> None:
    request_id, _ = await asked(capturing, chat(MODEL))
    bodies(capturing, request_id)
    operator.tell(capturing.data_dir, "DELETE", f"/api/usage/{request_id}/bodies")
    place = place_of(folder_of(capturing.data_dir), request_id)
    assert not place.exists()
    old = place_of(folder_of(capturing.data_dir), id_at(datetime.now(UTC) - timedelta(days=8)))
    write_whole(old, b"x")
    there = len(files(capturing))
    operator.tell(capturing.data_dir, "POST", "/api/jobs/forget-captures/run")
    until(lambda: not old.parent.parent.exists())
    assert len(files(capturing)) == there - 1


async def test_a_disk_that_refuses_costs_captures_alone(capturing: GatewayProcess, tmp_path: Path) -> None:
    folder = folder_of(capturing.data_dir)
    shutil.move(folder, tmp_path / "away")
    folder.touch()
    try:
        for _ in range(3):
            _, answer = await asked(capturing, chat(MODEL))
            assert answer.status == 200
        until(lambda: capturing.total("sluicegate_captures_dropped_total") == 3)
    finally:
        folder.unlink()
        shutil.move(tmp_path / "away", folder)
    request_id, _ = await asked(capturing, chat(MODEL))
    assert bodies(capturing, request_id)["id"] == request_id


async def test_of_errors_alone_nothing_else_is_kept_and_of_nothing_nothing(mock: MockProcess, tmp_path: Path) -> None:
    with running(tmp_path, toml(mock, "off")) as gateway:
        gateway.complete()
        for model in (MODEL, "gpt-4o-mini;status=400"):
            await asked(gateway, chat(model))
        assert not folder_of(gateway.data_dir).exists()
        # Whoever asks from the playground has leave to see one: nobody else has it by the same words.
        playing = Playing(gateway.data_dir)
        body = chat_body(MODEL)
        async with playing.asked("/v1/chat/completions", body, CLIENT_KEY, shown=True) as shown:
            request_id = shown.headers["x-sluicegate-request-id"]
            assert b"".join([part async for part in shown.parts])
        until(lambda: place_of(folder_of(gateway.data_dir), request_id).exists())
        assert bodies(gateway, request_id)["attempts"][0]["answer"]["status"] == 200
        await asked(gateway, request("POST", "/v1/chat/completions", body, headers={SLIP: "A" * 43}))
        assert len(files(gateway)) == 1
        gateway.reload(toml(mock, "errors"))

        make_kept(gateway, "gpt-4o-mini;status=400")
        before = len(files(gateway))
        well, _ = await asked(gateway, chat(MODEL, stream=True))
        badly, _ = await asked(gateway, chat("gpt-4o-mini;status=400"))
        assert bodies(gateway, badly)["answer"]["status"] == 400
        assert not place_of(folder_of(gateway.data_dir), well).exists()
        assert len(files(gateway)) == before + 1
        assert gateway.close() == 0, gateway.tail()
    rows = gateway.stored("select status, bool_or(captured), bool_and(captured) from requests group by 1 order by 1")
    assert [(status, some) for status, some, _ in rows] == [(200, False), (400, True)]
    assert rows[1][2] is False, "those of before were not captured"

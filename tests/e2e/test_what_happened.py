"""What a usage record tells of a request beside its figures: what it was called by, who answered, and when what was."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests.e2e.spoken import BODIES, PATHS
from tests.e2e.wire import CHAT, ask, chat, chat_body, request
from tests.gateway_process import GatewayProcess, configuration, running
from tests.providers import MockProcess

TAGGED_KEY = "sk-tagged-key-of-the-tests"
PAUSE = 0.1

SETTINGS = f"""
[server]
node = "rack-7"

[retries]
pause_seconds = {PAUSE}

[[providers]]
id              = "claudes"
format          = "anthropic"
base_url        = "{{mock}}"
forward_headers = ["x-kept"]

[[providers]]
id       = "fresh"
format   = "openai_chat"
base_url = "{{elsewhere}}/v1"

[[client_keys]]
name = "tagged"
key  = "{TAGGED_KEY}"

[[aliases]]
name   = "quick-*"
target = "mock/gpt-4o-mini;*"

[[combos]]
name    = "either"
targets = ["mock/gpt-4o;status=500", "claudes/claude-haiku-4-5"]
"""


ANSWERED = ("provider", "model", "credential", "error")


@pytest.fixture(scope="module")
def rack(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    elsewhere = mock.url.replace("127.0.0.1", "localhost")  # another address has connections of its own
    toml = configuration(mock.url, SETTINGS.format(mock=mock.url, elsewhere=elsewhere))
    with running(tmp_path_factory.mktemp("happened"), toml) as made:
        yield made.complete()
        assert made.close() == 0, made.tail()


async def recorded(rack: GatewayProcess, tag: str, data: bytes, status: int = 200) -> dict[str, Any]:
    """The usage record of a request whose user agent is the tag."""
    answer = await ask(rack.port, data)
    assert answer.status == status, answer
    record = rack.record(tag)
    if record["error"] is None:
        # Statements rely on this: such a request need not be asked for its attempts.
        last = record["attempts"][-1]
        assert [last[name] or None for name in ANSWERED] == [record[name] for name in ANSWERED]
    return record


async def test_attempts_begin_one_after_another_and_only_new_connections_are_made(
    rack: GatewayProcess, tag: str
) -> None:
    """Nobody has connected there before."""
    body = chat_body(f"fresh/gpt-4o-mini;first=30ms;status=503;times=1;tag={tag}")
    record = await recorded(rack, tag, request("POST", CHAT, body, user_agent=tag))
    first, second = record["attempts"]
    assert [each["status"] for each in record["attempts"]] == [503, 200]
    assert 0 < record["admitted_us"] <= first["began_us"]
    assert 0 < first["connect_us"] <= first["head_us"]
    assert 30_000 <= first["head_us"] <= first["duration_us"]
    pause = second["began_us"] - first["began_us"] - first["duration_us"]
    assert PAUSE * 0.8e6 <= record["waited_us"] <= pause
    assert second["connect_us"] is None
    assert 0 < second["head_us"] <= second["duration_us"]
    assert second["began_us"] + second["head_us"] <= record["first_byte_us"] <= record["total_us"]
    assert record["tries"] == 2

    again = await recorded(rack, f"{tag}2", request("POST", CHAT, chat_body("fresh/gpt-4o-mini"), user_agent=f"{tag}2"))
    assert [each["connect_us"] for each in again["attempts"]] == [None]
    assert (again["waited_us"], again["tries"], again["node"]) == (0, 1, "rack-7")


async def test_a_request_is_found_by_what_its_client_calls_it(
    rack: GatewayProcess, mock: MockProcess, tag: str
) -> None:
    headers = {"x-sluicegate-tags": "nightly, team=blue", "x-kept": "yes", "user-agent": tag}
    body = json.dumps({**BODIES["messages"], "model": f"claudes/claude-haiku-4-5;tag={tag}", "stream": False}).encode()
    record = await recorded(rack, tag, request("POST", PATHS["messages"], body, key=TAGGED_KEY, headers=headers))
    assert (record["tags"], record["via"], record["has_tools"]) == (["nightly", "team=blue"], None, False)
    ((sent,),) = ([each["headers"] for each in mock.requests(tag)],)
    names = {name.lower() for name, _ in sent}
    assert "x-kept" in names
    assert not any(name.startswith("x-sluicegate") for name in names)


TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}


async def test_an_alias_or_a_combo_is_told_by_the_name_it_is_configured_under(rack: GatewayProcess, tag: str) -> None:
    alias = request("POST", CHAT, json.dumps({**BODIES["chat"], "model": f"quick-tag={tag}", "tools": [TOOL]}).encode())
    record = await recorded(rack, tag, alias)
    assert (record["via"], record["requested_model"]) == ("quick-*", f"quick-tag={tag}")
    assert (record["model"], record["has_tools"]) == (f"gpt-4o-mini;tag={tag}", True)

    combo = request("POST", CHAT, json.dumps({**BODIES["chat"], "model": "either"}).encode(), user_agent=f"{tag}-combo")
    record = await recorded(rack, f"{tag}-combo", combo)
    assert (record["via"], record["provider"], record["tries"]) == ("either", "claudes", 2)
    assert (record["ordered_by"], record["passed_over"]) == ("fallback", [])


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("client", ["chat", "messages", "responses"])
@pytest.mark.parametrize("provider", ["mock/gpt-4o-mini", "claudes/claude-haiku-4-5"])
async def test_the_model_that_says_it_has_answered_is_told_where_it_is_another(
    rack: GatewayProcess, tag: str, client: str, provider: str, stream: bool
) -> None:
    """The mock goes by the name without the script behind it."""
    body = json.dumps({**BODIES[client], "model": f"{provider};tag={tag}", "stream": stream}).encode()
    record = await recorded(rack, tag, request("POST", PATHS[client], body))
    assert record["answered_model"] == provider.partition("/")[2]


async def test_the_model_that_was_asked_is_not_told_twice(rack: GatewayProcess, tag: str) -> None:
    record = await recorded(rack, tag, request("POST", CHAT, chat_body("gpt-4o-mini"), user_agent=tag))
    assert (record["model"], record["answered_model"]) == ("gpt-4o-mini", None)


async def test_of_a_request_that_was_not_let_in_there_is_no_moment_at_which_it_was(
    rack: GatewayProcess, tag: str
) -> None:
    record = await recorded(rack, tag, chat(f"nobody/{tag}"), 404)
    assert (record["admitted_us"], record["waited_us"], record["via"], record["tries"]) == (None, 0, None, 0)
    record = await recorded(rack, f"{tag}-key", request("POST", CHAT, key="wrong", user_agent=f"{tag}-key"), 401)
    assert (record["tags"], record["node"], record["has_tools"]) == ([], "rack-7", None)


async def test_no_two_attempts_overlap_but_those_that_race(rack: GatewayProcess, tag: str) -> None:
    body = chat_body(f"gpt-4o-mini;status=503;tag={tag}")
    record = await recorded(rack, tag, request("POST", CHAT, body, user_agent=tag), 503)
    assert len(record["attempts"]) == 4
    for before, after in pairwise(record["attempts"]):
        assert after["began_us"] >= before["began_us"] + before["duration_us"]
    assert record["waited_us"] >= PAUSE * 0.8e6 * (1 + 2 + 4)


async def test_a_machine_goes_by_its_host_name_where_it_has_no_other(gateway: GatewayProcess, tag: str) -> None:
    record = await recorded(gateway, tag, request("POST", CHAT, chat_body("gpt-4o-mini"), user_agent=tag))
    assert record["node"] == socket.gethostname()

"""Every case of `tests/cases` through a running gateway: what the provider hears, and what the client is told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import httpx
import pytest

from tests.e2e.replaying import Heard, Replaying, replaying
from tests.gateway_process import CLIENT_KEY, GatewayProcess, running
from tests.vectors import NAMES, Case, cases, compare

PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}

CONFIGURATION = f"""
[[client_keys]]
name = "tester"
key  = "{CLIENT_KEY}"
"""

PROVIDER = """
[[providers]]
id       = "{id}"
format   = "{format}"
base_url = "{url}"
models   = [{model}]

[[providers.model_facts]]
model = {model}
{facts}

[[aliases]]
name   = {alias}
target = "{id}/{bare}"
"""

COMPLETE = [pytest.param(case, id=case.id) for case in cases()]
STREAMED = [pytest.param(case, id=case.id) for case in cases() if case.get("upstream_stream")]


def alias(case: Case) -> str:
    """Many cases use the same names; here they are asked of one gateway."""
    return f"{case.client_model}--{case.id}"


def configured(provider: Replaying) -> str:
    """A provider and an alias for each case."""
    return CONFIGURATION + "".join(_section(case, provider.url) for case in cases())


def _section(case: Case, url: str) -> str:
    facts = {name: value for name, value in asdict(case.facts).items() if value not in (None, ())}
    version = "/v1" if case.upstream in ("chat", "responses") else ""
    return PROVIDER.format(
        id=case.id,
        format=NAMES[case.upstream],
        url=f"{url}/{case.id}{version}",
        model=json.dumps(case.upstream_model),
        bare=case.upstream_model,
        facts="\n".join(f"{name} = {json.dumps(value)}" for name, value in facts.items()),
        alias=json.dumps(alias(case)),
    )


@pytest.fixture(scope="module")
def provider() -> Iterator[Replaying]:
    with replaying(cases()) as made:
        yield made


@pytest.fixture(scope="module")
def gateway(provider: Replaying, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with running(tmp_path_factory.mktemp("cases"), configured(provider)) as process:
        yield process
        assert process.close() == 0, process.tail()


def renamed(case: Case, value: Any) -> Any:
    """Expected values with the name this gateway knows the model by."""
    return json.loads(json.dumps(value).replace(json.dumps(case.client_model), json.dumps(alias(case))))


def send(gateway: GatewayProcess, case: Case, *, stream: bool) -> httpx.Response:
    body = dict(case.stream_request if stream else case.request)
    path = case.fields["client_request"].get("path") or PATHS.get(case.client, "")
    if case.client == "gemini":
        path = f"/v1beta/models/{alias(case)}:{'streamGenerateContent?alt=sse' if stream else 'generateContent'}"
    else:
        body["model"] = alias(case)
    headers = {"authorization": f"Bearer {CLIENT_KEY}", **(case.fields["client_request"].get("headers") or {})}
    return httpx.post(gateway.url + path, json=body, headers=headers, timeout=20, trust_env=False)


def expects_nothing_sent(case: Case) -> bool:
    return "expect_upstream_request" in case.fields and case.fields["expect_upstream_request"] is None


def expected_body(case: Case, *, stream: bool) -> Any:
    body = dict(case.fields["expect_upstream_request"]["body"])
    if stream and case.upstream != "gemini":
        body["stream"] = True
    if stream and case.upstream == "chat":
        body["stream_options"] = {"include_usage": True}
    return body


def check_sent(case: Case, heard: Heard, answer: httpx.Response, *, stream: bool) -> None:
    """The provider heard what it should have, and the client was told what it did not."""
    assert compare.diff_request(case.upstream, expected_body(case, stream=stream), heard.body) == []
    wanted = case.fields["expect_upstream_request"].get("headers") or {}
    assert {name: heard.headers.get(name) for name in wanted} == wanted
    dropped = set(re.split(r",\s*", answer.headers.get("x-sluicegate-dropped", "")))
    assert set(case.get("expect_dropped") or ()) <= dropped


@pytest.mark.parametrize("case", COMPLETE)
def test_whole(case: Case, gateway: GatewayProcess, provider: Replaying) -> None:
    if case.get("upstream_stream") is not None and case.get("upstream_response") is None:
        return  # a stream only: below
    provider.heard.pop(case.id, None)
    answer = send(gateway, case, stream=False)
    if expects_nothing_sent(case):
        assert case.id not in provider.heard
    elif case.get("expect_upstream_request") is not None:
        check_sent(case, provider.heard[case.id][0], answer, stream=False)
    expected = case.get("expect_client_response")
    if expected is not None:
        assert answer.status_code == expected["status"], answer.text
        assert compare.diff_response(case.client, renamed(case, expected["body"]), answer.json()) == []
        for name, value in (expected.get("headers") or {}).items():
            assert answer.headers[name] == value


@pytest.mark.parametrize("case", STREAMED)
def test_streamed(case: Case, gateway: GatewayProcess, provider: Replaying) -> None:
    provider.heard.pop(case.id, None)
    answer = send(gateway, case, stream=True)
    if case.get("expect_upstream_request") is not None:
        check_sent(case, provider.heard[case.id][0], answer, stream=True)
    expected = case.get("expect_client_stream")
    if expected is None:
        refused = case.fields["expect_client_response"]
        assert answer.status_code == refused["status"], answer.text
        assert compare.diff_response(case.client, renamed(case, refused["body"]), answer.json()) == []
        return
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = compare.parse_sse(answer.content)
    assert compare.diff_stream(case.client, renamed(case, expected["events"]), events) == []

"""Responses that the provider keeps itself: whose they are is known here, and only who made them is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from typing import Any

import openai
import pytest

from tests.e2e.keeping import OTHER_KEY, keeping, model_of, say, sdk, toml
from tests.e2e.odd_provider import OddProvider, Told, odd_provider
from tests.gateway_process import GatewayProcess
from tests.providers import MockProcess
from tests.waiting import until

SECRETS = {"first": "sk-first-secret", "second": "sk-second-secret", "only": "sk-odd-secret"}

MORE = """
[[providers]]
id       = "pair"
format   = "openai_responses"
base_url = "{mock}/v1"

[[providers.credentials]]
name    = "first"
api_key = "sk-first-secret"

[[providers.credentials]]
name    = "second"
api_key = "sk-second-secret"

[[providers]]
id       = "odd"
format   = "openai_responses"
base_url = "{odd}"
models   = ["odd-*"]

[[providers.credentials]]
name    = "only"
api_key = "sk-odd-secret"

[[combos]]
name     = "either"
targets  = ["responses/gpt-5.5", "pair/gpt-5.5"]
strategy = "round_robin"
"""


@pytest.fixture(scope="module")
def odd() -> Iterator[OddProvider]:
    with odd_provider() as made:
        yield made


@pytest.fixture(scope="module")
def gateway(mock: MockProcess, odd: OddProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    more = MORE.format(mock=mock.url, odd=odd.url)
    with keeping(tmp_path_factory.mktemp("native"), mock.url, more) as process:
        yield process
        assert process.close() == 0, process.tail()


@pytest.fixture
def client(gateway: GatewayProcess) -> Iterator[openai.OpenAI]:
    with sdk(gateway) as made:
        yield made


def place(client: openai.OpenAI, model: str, **more: Any) -> tuple[str, tuple[str, str]]:
    """The id of a response, and the provider and credential that made it."""
    raw = client.responses.with_raw_response.create(model=model, input="one", **more)
    headers = raw.headers
    return raw.parse().id, (headers["x-sluicegate-provider"], headers["x-sluicegate-credential"])


@pytest.mark.parametrize("model", ["pair/gpt-5.5", "either"])
def test_a_conversation_stays_where_it_began(client: openai.OpenAI, model: str) -> None:
    begun = set()
    for _ in range(4):
        response_id, first = place(client, model)
        begun.add(first)
        for _ in range(2):
            response_id, following = place(client, model, previous_response_id=response_id)
            assert following == first
    assert len(begun) > 1, "conversations begin in several places"


@pytest.mark.parametrize(("script", "attempts"), [(";status=429", 1), (";status=503", 4), (";reset=0", 4)])
def test_nobody_else_is_asked_when_whoever_has_it_fails(client: openai.OpenAI, script: str, attempts: int) -> None:
    for _ in range(2):
        response_id, (_, credential) = place(client, "pair/gpt-5.5")
        with pytest.raises(openai.APIStatusError) as failed:
            place(client, f"pair/gpt-5.5{script}", previous_response_id=response_id)
        assert failed.value.status_code in (429, 503, 502)
        assert failed.value.response.headers["x-sluicegate-attempts"] == str(attempts)
        assert failed.value.response.headers["x-sluicegate-credential"] == credential


def test_questions_go_to_the_credential_that_made_it(
    client: openai.OpenAI, gateway: GatewayProcess, mock: MockProcess
) -> None:
    for _ in range(2):
        response_id, (_, credential) = place(client, "pair/gpt-5.5")
        client.responses.retrieve(response_id)
        client.responses.input_items.list(response_id, order="asc", limit=3)
        client.responses.delete(response_id)
        asked = [each for each in mock.state()["last_requests"] if response_id in each["path"]]
        assert [each["method"] for each in asked] == ["GET", "GET", "DELETE"]
        assert {dict(each["headers"])["authorization"] for each in asked} == {f"Bearer {SECRETS[credential]}"}
        assert not any(gateway.key in str(each["headers"]) for each in asked)


def test_one_that_another_provider_keeps_cannot_be_continued_elsewhere(client: openai.OpenAI) -> None:
    response_id, _ = place(client, "pair/gpt-5.5")
    for provider in ("chat", "messages", "gemini"):
        with pytest.raises(openai.BadRequestError) as refused:
            say(client, model_of(provider), "two", previous_response_id=response_id)
        assert refused.value.param == "previous_response_id"


def kept(gateway: GatewayProcess, response_id: str) -> list[tuple[Any, ...]]:
    """What is noted of a response."""
    with closing(connect(gateway.data_dir / "state.sqlite3")) as state:
        query = "select key, provider, credential, native, input, response from responses where id = ?"
        return state.execute(query, (response_id,)).fetchall()


def test_nothing_of_what_was_said_is_kept_here(client: openai.OpenAI, gateway: GatewayProcess) -> None:
    response_id, (provider, credential) = place(client, "pair/gpt-5.5")
    assert kept(gateway, response_id) == [("tester", provider, credential, 1, None, None)]


def test_whose_it_is_is_known_before_its_last_event_is_there(
    client: openai.OpenAI, gateway: GatewayProcess, odd: OddProvider
) -> None:
    odd.may_end.clear()
    try:
        with client.responses.create(model="odd/odd-1", input="one", stream=True) as events:
            ended = next(event for event in events if event.type == "response.completed")
            assert kept(gateway, ended.response.id) == [("tester", "odd", "only", 1, None, None)]
    finally:
        odd.may_end.set()


# What providers say when asked


PAGE = b"<html>sk-odd-secret</html>"


@pytest.mark.parametrize(
    ("told", "status", "message"),
    [
        (Told(401, b'{"error": {"message": "bad key sk-odd-secret"}}'), 502, "refused the gateway's credential"),
        (Told(403, b"{}"), 502, "refused the gateway's credential"),
        (Told(200, PAGE, "text/html"), 502, "without a JSON object"),
        (Told(200), 502, "without a JSON object"),
        (Told(200, b"[]"), 502, "without a JSON object"),
        (Told(302, b"{}", headers=(("location", "/x"),)), 502, "302"),
        (Told(502, PAGE, "text/html"), 502, "Upstream returned status 502"),
        (Told(404, PAGE, "text/html"), 404, "Upstream returned status 404"),
        (Told(429, b""), 429, "Upstream returned status 429"),
        (Told(429, b'{"error": {"message": "slow down, sk-odd-secret"}}'), 429, r"slow down, \*\*\*"),
        (Told(503, b'{"error": {"message": "busy"}}', headers=(("retry-after", "7"),)), 503, "busy"),
    ],
)
@pytest.mark.parametrize("what", ["retrieve", "delete", "cancel"])
def test_what_it_says_reaches_the_client_as_an_error_it_understands(
    client: openai.OpenAI, odd: OddProvider, what: str, told: Told, status: int, message: str
) -> None:
    response_id, _ = place(client, "odd/odd-1")
    odd.answer = told
    with pytest.raises(openai.APIStatusError, match=message) as failed:
        getattr(client.responses, what)(response_id)
    answer = failed.value.response
    assert (failed.value.status_code, answer.headers["content-type"]) == (status, "application/json")
    assert "sk-odd-secret" not in answer.text
    if status in (429, 503):
        assert answer.headers["retry-after"] == dict(told.headers).get("retry-after", "1")


def test_one_that_the_provider_has_lost_can_be_deleted(
    client: openai.OpenAI, gateway: GatewayProcess, odd: OddProvider
) -> None:
    response_id, _ = place(client, "odd/odd-1")
    odd.answer = Told(404, b'{"error": {"message": "not found", "type": "invalid_request_error"}}')
    with pytest.raises(openai.NotFoundError):
        client.responses.delete(response_id)
    assert kept(gateway, response_id) == []


def test_another_keys_questions_never_reach_it(gateway: GatewayProcess, odd: OddProvider) -> None:
    with sdk(gateway) as client, sdk(gateway, OTHER_KEY) as other:
        response_id, _ = place(client, "odd/odd-1")
        odd.asked.clear()
        for call in (other.responses.retrieve, other.responses.delete, other.responses.input_items.list):
            with pytest.raises(openai.NotFoundError):
                call(response_id)
        assert odd.asked == []


def test_a_provider_that_is_not_configured_any_more_is_named(
    mock: MockProcess, odd: OddProvider, tmp_path: Path
) -> None:
    more = MORE.format(mock=mock.url, odd=odd.url)
    with keeping(tmp_path, mock.url, more) as gateway, sdk(gateway) as client:
        response_id, _ = place(client, "odd/odd-1")
        odd.answer = Told(200, b"{}")
        assert client.responses.retrieve(response_id) is not None
        gateway.reload(toml(mock.url))

        def said() -> str:
            try:
                client.responses.retrieve(response_id)
            except openai.InternalServerError as error:
                return str(error)
            return ""

        assert "The provider odd, which keeps this response, is not configured any more." in until(said)
        assert gateway.close() == 0, gateway.tail()

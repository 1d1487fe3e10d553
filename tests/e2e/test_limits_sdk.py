"""What programs with the official clients make of our limits: an error of their own, and tries that make sense."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import anthropic
import httpx
import openai
import pytest
from google import genai
from google.genai import errors, types

from tests.e2e.limited import MODELS, Key, Limited, limited
from tests.providers import MockProcess

HELLO: list[Any] = [{"role": "user", "content": "hello"}]
RETRIES = 2


class Sdk(NamedTuple):
    """A client of a vendor."""

    limited: type[Exception]
    ask: Callable[[str, str], object]
    """With this address and key."""


def openai_client(url: str, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=RETRIES)


def ask_chat(url: str, key: str) -> object:
    with openai_client(url, key) as client:
        return client.chat.completions.create(model=MODELS["openai_chat"], messages=HELLO)


def ask_responses(url: str, key: str) -> object:
    with openai_client(url, key) as client:
        return client.responses.create(model=MODELS["openai_responses"], input="hello")


def ask_messages(url: str, key: str) -> object:
    with anthropic.Anthropic(base_url=url, api_key=key, max_retries=RETRIES) as client:
        return client.messages.create(model=MODELS["anthropic"], max_tokens=16, messages=HELLO)


def ask_gemini(url: str, key: str) -> object:
    options = types.HttpOptions(base_url=url, client_args={"trust_env": False})
    client = genai.Client(api_key=key, vertexai=False, http_options=options)
    try:
        return client.models.generate_content(model=MODELS["gemini"], contents="hello")
    finally:
        client.close()


SDKS = {
    "chat": Sdk(openai.RateLimitError, ask_chat),
    "responses": Sdk(openai.RateLimitError, ask_responses),
    "messages": Sdk(anthropic.RateLimitError, ask_messages),
    "gemini": Sdk(errors.ClientError, ask_gemini),
}


@pytest.fixture(scope="module")
def here(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Limited]:
    with limited(tmp_path_factory.mktemp("sdk"), mock.url, workers=1) as made:
        yield made
        assert made.gateway.close() == 0, made.gateway.tail()


def refused(here: Limited, sdk: str, key: Key) -> Any:
    """What a client raises."""
    with pytest.raises(SDKS[sdk].limited) as raised:
        SDKS[sdk].ask(here.gateway.url, key.secret)
    return raised.value


def header(error: Any, name: str) -> str | None:
    """Of the answer behind an error."""
    value: str | None = error.response.headers.get(name)
    return value


@pytest.mark.parametrize("sdk", SDKS)
def test_a_quota_is_an_error_of_theirs_and_no_reason_to_try_again(here: Limited, sdk: str) -> None:
    key = here.key(requests_per_month=1)
    SDKS[sdk].ask(here.gateway.url, key.secret)
    error = refused(here, sdk, key)
    assert "1 requests a month" in str(error)
    assert int(header(error, "retry-after") or "") > 0
    assert [row["status"] for row in here.records(key, 2)] == [429, 200]


@pytest.mark.parametrize("sdk", [sdk for sdk in SDKS if sdk != "gemini"])
def test_what_is_held_for_a_moment_is_tried_again_until_it_is_there(here: Limited, sdk: str, mock: MockProcess) -> None:
    """They wait as long as they are told: a second each time."""
    key = here.key(max_parallel=1)
    body = {"model": "mock/gpt;chunks=14;pace=100ms", "messages": HELLO, "stream": True}
    headers = {"authorization": f"Bearer {key.secret}"}
    url = f"{here.gateway.url}/v1/chat/completions"
    with httpx.stream("POST", url, json=body, headers=headers, trust_env=False) as stream:
        assert stream.status_code == 200
        began = time.monotonic()
        SDKS[sdk].ask(here.gateway.url, key.secret)
        assert time.monotonic() - began >= 1.4
    rows = here.records(key, 4)
    assert sorted(row["status"] for row in rows) == [200, 200, 429, 429]


@pytest.mark.parametrize("sdk", SDKS)
def test_a_minute_is_told_as_their_vendor_would(here: Limited, sdk: str) -> None:
    key = here.key(requests_per_minute=1)
    SDKS[sdk].ask(here.gateway.url, key.secret)
    names = {"messages": "anthropic-ratelimit-requests-remaining", "gemini": "retry-after"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "sleep", lambda seconds: None)
        error = refused(here, sdk, key)
    said = header(error, names.get(sdk, "x-ratelimit-remaining-requests"))
    assert said == "0" if sdk != "gemini" else int(said or "") > 50
    assert 50 < int(header(error, "retry-after") or "") <= 60

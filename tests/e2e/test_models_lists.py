"""Models lists through the official SDKs of three vendors: each in its own shape, each with what its key may use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import anthropic
import httpx
import openai
import pytest
from google import genai
from google.genai import errors as google_errors
from google.genai import types as google

from tests.e2e.keeping import keeping
from tests.gateway_process import GatewayProcess
from tests.providers import MockProcess

NARROW_KEY = "sk-narrow-key-of-the-tests"
NAMES = ("fast", "best", "few/alpha", "few/beta", "few/with:colon", "chat/gpt-4o-mini", "gemini/gemini-2.5-flash")
FOR_NARROW = {"fast", "few/alpha", "few/beta", "few/with:colon"}

MORE = f"""
[[client_keys]]
name   = "narrow"
key    = "{NARROW_KEY}"
models = ["few/*", "fast"]

[[providers]]
id       = "few"
format   = "openai_chat"
base_url = "{{mock}}/v1"
models   = ["alpha", "beta", "with:colon"]

[[aliases]]
name   = "fast"
target = "chat/gpt-4o-mini"

[[combos]]
name    = "best"
targets = ["messages/claude-sonnet-4-5", "chat/gpt-4o"]
"""


@pytest.fixture(scope="module")
def gateway(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with keeping(tmp_path_factory.mktemp("models"), mock.url, MORE.format(mock=mock.url)) as process:
        yield process
        assert process.close() == 0, process.tail()


class Vendor(NamedTuple):
    """One vendor's client: the names in its list, page by page, and one model."""

    list: Callable[[str, str, int], list[str]]
    """URL, key, size of a page."""
    get: Callable[[str, str, str], str]
    """URL, key, name."""


def openai_list(url: str, key: str, page: int) -> list[str]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        models = client.models.list()
        assert (models.object, {model.object for model in models}) == ("list", {"model"})
        return [model.id for model in models]


def openai_get(url: str, key: str, name: str) -> str:
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        return client.models.retrieve(name).id


def anthropic_list(url: str, key: str, page: int) -> list[str]:
    with anthropic.Anthropic(base_url=url, api_key=key, max_retries=0) as client:
        return [model.id for model in client.models.list(limit=page)]


def anthropic_get(url: str, key: str, name: str) -> str:
    with anthropic.Anthropic(base_url=url, api_key=key, max_retries=0) as client:
        model = client.models.retrieve(name)
        assert (model.type, bool(model.display_name), bool(model.created_at)) == ("model", True, True)
        return model.id


def google_client(url: str, key: str, version: str | None) -> genai.Client:
    options = google.HttpOptions(base_url=url, api_version=version)
    return genai.Client(api_key=key, http_options=options)


def google_vendor(version: str | None) -> Vendor:
    def listed(url: str, key: str, page: int) -> list[str]:
        client = google_client(url, key, version)
        try:
            models = list(client.models.list(config={"page_size": page}))
        finally:
            client.close()
        assert all("generateContent" in (model.supported_actions or ()) for model in models)
        return [(model.name or "").removeprefix("models/") for model in models]

    def get(url: str, key: str, name: str) -> str:
        client = google_client(url, key, version)
        try:
            return (client.models.get(model=name).name or "").removeprefix("models/")
        finally:
            client.close()

    return Vendor(listed, get)


VENDORS = {
    "openai": Vendor(openai_list, openai_get),
    "anthropic": Vendor(anthropic_list, anthropic_get),
    "google": google_vendor(None),
    "google-v1": google_vendor("v1"),
    "google-v1beta": google_vendor("v1beta"),
}
REFUSALS = (openai.APIStatusError, anthropic.APIStatusError, google_errors.ClientError)

ASKED: dict[str, Callable[[Vendor, str, str], object]] = {
    "list": lambda vendor, url, key: vendor.list(url, key, 10),
    "get": lambda vendor, url, key: vendor.get(url, key, "fast"),
}

every_vendor = pytest.mark.parametrize("vendor", VENDORS)


def status_of(error: Any) -> int:
    """The status in the words of any SDK."""
    return int(getattr(error, "status_code", None) or error.code)


@every_vendor
@pytest.mark.parametrize("page", [3, 1000])
def test_the_list_has_all_that_may_be_asked_for_each_once(gateway: GatewayProcess, vendor: str, page: int) -> None:
    names = VENDORS[vendor].list(gateway.url, gateway.key, page)
    assert set(NAMES) <= set(names)
    assert len(names) == len(set(names))
    assert {name.partition("/")[0] for name in names} == {
        "fast",
        "best",
        "few",
        "chat",
        "responses",
        "messages",
        "gemini",
    }


@every_vendor
def test_a_key_sees_what_it_may_use_and_nothing_else(gateway: GatewayProcess, vendor: str) -> None:
    assert set(VENDORS[vendor].list(gateway.url, NARROW_KEY, 1000)) == FOR_NARROW
    assert set(VENDORS[vendor].list(gateway.url, NARROW_KEY, 1)) == FOR_NARROW


@every_vendor
@pytest.mark.parametrize("name", NAMES)
def test_one_model_is_shown_under_the_name_it_is_asked_for_by(gateway: GatewayProcess, vendor: str, name: str) -> None:
    assert VENDORS[vendor].get(gateway.url, gateway.key, name) == name


@every_vendor
@pytest.mark.parametrize("name", ["chat/gpt-4o-mini", "best", "few/gamma", "nobody/knows"])
def test_a_model_that_a_key_may_not_use_is_not_there(gateway: GatewayProcess, vendor: str, name: str) -> None:
    with pytest.raises(REFUSALS) as refused:
        VENDORS[vendor].get(gateway.url, NARROW_KEY, name)
    assert status_of(refused.value) == 404
    assert name in str(refused.value)


@every_vendor
@pytest.mark.parametrize("what", ASKED)
def test_who_has_no_key_learns_nothing(gateway: GatewayProcess, vendor: str, what: str) -> None:
    with pytest.raises(REFUSALS) as refused:
        ASKED[what](VENDORS[vendor], gateway.url, "sk-nobody")
    assert status_of(refused.value) == 401


# Without an SDK: the same lists by the headers alone


def get(gateway: GatewayProcess, target: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.get(gateway.url + target, headers=named, trust_env=False)


SHAPES = {"openai": {"object", "data"}, "anthropic": {"data", "has_more", "first_id", "last_id"}}


@pytest.mark.parametrize("where", ["authorization", "x_api_key"])
@pytest.mark.parametrize("dialect", SHAPES)
def test_the_version_header_makes_it_anthropics_list(gateway: GatewayProcess, where: str, dialect: str) -> None:
    key = {where: f"Bearer {gateway.key}" if where == "authorization" else gateway.key}
    version = {"anthropic_version": "2023-06-01"} if dialect == "anthropic" else {}
    answer = get(gateway, "/v1/models", **key, **version)
    assert (answer.status_code, set(answer.json())) == (200, SHAPES[dialect])


@pytest.mark.parametrize("target", ["/v1beta/models?pageSize=1000", "/v1/models?pageSize=1000"])
@pytest.mark.parametrize("where", ["header", "query"])
def test_googles_key_makes_it_googles_list(gateway: GatewayProcess, target: str, where: str) -> None:
    in_header = where == "header"
    answer = get(
        gateway,
        target if in_header else f"{target}&key={gateway.key}",
        **({"x_goog_api_key": gateway.key} if in_header else {}),
    )
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"models"}
    assert all(model["name"].startswith("models/") for model in answer.json()["models"])


@pytest.mark.parametrize("prefix", ["/v1beta", "/v1"])
@pytest.mark.parametrize("name", ["chat/gpt-4o-mini", "chat%2Fgpt-4o-mini"])
def test_googles_key_in_the_query_shows_one_model(gateway: GatewayProcess, prefix: str, name: str) -> None:
    answer = get(gateway, f"{prefix}/models/{name}?key={gateway.key}")
    assert (answer.status_code, answer.json()["name"]) == (200, "models/chat/gpt-4o-mini")


@pytest.mark.parametrize("prefix", ["/v1beta", "/v1"])
def test_a_wrong_key_in_the_query_is_refused_in_googles_words(gateway: GatewayProcess, prefix: str) -> None:
    answer = get(gateway, f"{prefix}/models?key=sk-nobody")
    assert (answer.status_code, answer.json()["error"]["status"]) == (401, "UNAUTHENTICATED")
    assert "sk-nobody" not in answer.text


def test_the_query_is_no_place_for_a_key_elsewhere(gateway: GatewayProcess) -> None:
    for target in ("/v1/responses/resp_1", "/v1/chat/completions"):
        assert get(gateway, f"{target}?key={gateway.key}").status_code in (401, 405)


def test_pages_of_anthropics_list_go_both_ways(gateway: GatewayProcess) -> None:
    with anthropic.Anthropic(base_url=gateway.url, api_key=NARROW_KEY, max_retries=0) as client:
        whole = [model.id for model in client.models.list(limit=1000)]
        after = client.models.list(limit=2, after_id=whole[0])
        assert ([model.id for model in after.data], after.has_more) == (whole[1:3], True)
        before = client.models.list(limit=2, before_id=whole[3])
        assert ([model.id for model in before.data], before.has_more) == (whole[1:3], True)
        first = client.models.list(limit=5, before_id=whole[1])
        assert ([model.id for model in first.data], first.has_more) == (whole[:1], False)

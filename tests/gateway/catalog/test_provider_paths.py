"""Where requests to each provider of the catalogue go, whole: as table, so that a changed address is seen."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

import pytest

from gateway.api.endpoints import BY_PATH, ENDPOINTS
from gateway.assemble import providers_of
from gateway.catalog.presets import presets
from gateway.errors import InvalidRequest
from gateway.formats.paths import (
    counted_path,
    listed_path,
    spoken_in,
    translated_path,
    upstream_path,
    with_query,
)
from gateway.records import Credential, Provider
from gateway.relay.compose import Composer
from gateway.settings.model import Settings
from gateway.settings.objects import ProviderSettings
from gateway.settings.providers import fill
from tests.gateway.catalog.places_known import values_for

MODEL = "m-1"
CHAT, MODELS = "/chat/completions", "/models"
VERTEX = "https://aiplatform.googleapis.com/v1/projects/acme-1/locations/global"
EXPRESS = "https://aiplatform.googleapis.com/v1/publishers/google"
AWS = "https://bedrock-runtime.eu-central-1.amazonaws.com"
AZURE = "https://acme.openai.azure.com/openai"
CLOUDFLARE = "https://api.cloudflare.com/client/v4/accounts/0123456789abcdef0123456789abcdef/ai/v1"

CHATS: dict[str, tuple[str, bool]] = {
    "azure-v1": (f"{AZURE}/v1", False),
    "bedrock-openai": (f"{AWS}/openai/v1", False),
    "cerebras": ("https://api.cerebras.ai/v1", True),
    "chutes": ("https://llm.chutes.ai/v1", True),
    "cloudflare": (CLOUDFLARE, False),
    "cohere": ("https://api.cohere.ai/compatibility/v1", False),
    "dashscope": ("https://dashscope.aliyuncs.com/compatible-mode/v1", True),
    "dashscope-intl": ("https://dashscope-intl.aliyuncs.com/compatible-mode/v1", True),
    "deepseek": ("https://api.deepseek.com/v1", True),
    "fireworks": ("https://api.fireworks.ai/inference/v1", True),
    "github-models": ("https://models.github.ai/inference", False),
    "groq": ("https://api.groq.com/openai/v1", True),
    "hyperbolic": ("https://api.hyperbolic.xyz/v1", True),
    "kimi-code": ("https://api.kimi.com/coding/v1", True),
    "lmstudio": ("http://127.0.0.1:1234/v1", True),
    "minimax": ("https://api.minimax.io/v1", True),
    "minimax-cn": ("https://api.minimaxi.com/v1", True),
    "mistral": ("https://api.mistral.ai/v1", True),
    "moonshot": ("https://api.moonshot.ai/v1", True),
    "moonshot-cn": ("https://api.moonshot.cn/v1", True),
    "nebius": ("https://api.tokenfactory.nebius.com/v1", True),
    "nvidia": ("https://integrate.api.nvidia.com/v1", True),
    "ollama": ("http://127.0.0.1:11434/v1", True),
    "ollama-cloud": ("https://ollama.com/v1", True),
    "openai": ("https://api.openai.com/v1", True),
    "openrouter": ("https://openrouter.ai/api/v1", True),
    "perplexity": ("https://api.perplexity.ai", False),
    "qwen-coding": ("https://coding-intl.dashscope.aliyuncs.com/v1", True),
    "siliconflow": ("https://api.siliconflow.com/v1", True),
    "together": ("https://api.together.xyz/v1", True),
    "vertex-openai": (f"{VERTEX}/endpoints/openapi", False),
    "vllm": ("http://127.0.0.1:8000/v1", True),
    "volcengine": ("https://ark.cn-beijing.volces.com/api/v3", False),
    "xai": ("https://api.x.ai/v1", True),
    "zai": ("https://api.z.ai/api/paas/v4", False),
    "zai-coding": ("https://api.z.ai/api/coding/paas/v4", False),
    "zhipu": ("https://open.bigmodel.cn/api/paas/v4", False),
}
"""Those with the paths of OpenAI's chat: their addresses, and whether they are asked for their models."""

OTHERS: dict[str, tuple[str, str, str | None, str | None]] = {
    "anthropic": (
        "https://api.anthropic.com/v1/messages",
        "https://api.anthropic.com/v1/messages",
        "https://api.anthropic.com/v1/messages/count_tokens",
        "https://api.anthropic.com/v1/models?limit=1000",
    ),
    "azure": (
        f"{AZURE}/deployments/m-1/chat/completions?api-version=2024-10-21",
        f"{AZURE}/deployments/m-1/chat/completions?api-version=2024-10-21",
        None,
        None,
    ),
    "bedrock": (f"{AWS}/model/m-1/invoke", f"{AWS}/model/m-1/invoke-with-response-stream", None, None),
    "gemini": (
        "https://generativelanguage.googleapis.com/v1beta/models/m-1:generateContent",
        "https://generativelanguage.googleapis.com/v1beta/models/m-1:streamGenerateContent?alt=sse",
        "https://generativelanguage.googleapis.com/v1beta/models/m-1:countTokens",
        "https://generativelanguage.googleapis.com/v1beta/models?pageSize=1000",
    ),
    "vertex": (
        f"{VERTEX}/publishers/google/models/m-1:generateContent",
        f"{VERTEX}/publishers/google/models/m-1:streamGenerateContent?alt=sse",
        f"{VERTEX}/publishers/google/models/m-1:countTokens",
        None,
    ),
    "vertex-anthropic": (
        f"{VERTEX}/publishers/anthropic/models/m-1:rawPredict",
        f"{VERTEX}/publishers/anthropic/models/m-1:streamRawPredict",
        f"{VERTEX}/publishers/anthropic/models/count-tokens:rawPredict",
        None,
    ),
    "vertex-express": (
        f"{EXPRESS}/models/m-1:generateContent",
        f"{EXPRESS}/models/m-1:streamGenerateContent?alt=sse",
        f"{EXPRESS}/models/m-1:countTokens",
        None,
    ),
}
"""A reply, a stream, a count and the list of models."""

ANTHROPICS = {
    "deepseek": "https://api.deepseek.com/anthropic",
    "kimi-code": "https://api.kimi.com/coding",
    "minimax": "https://api.minimax.io/anthropic",
    "minimax-cn": "https://api.minimaxi.com/anthropic",
    "moonshot": "https://api.moonshot.ai/anthropic",
    "ollama": "http://127.0.0.1:11434",
    "ollama-cloud": "https://ollama.com",
    "openrouter": "https://openrouter.ai/api",
    "zai": "https://api.z.ai/api/anthropic",
    "zai-coding": "https://api.z.ai/api/anthropic",
    "zhipu": "https://open.bigmodel.cn/api/anthropic",
}
"""Where others speak Anthropic's format."""

SECRETS = {
    "bearer": b"authorization: Bearer sk-secret\r\n",
    "x-api-key": b"x-api-key: sk-secret\r\n",
    "x-goog-api-key": b"x-goog-api-key: sk-secret\r\n",
    "api-key": b"api-key: sk-secret\r\n",
}
DYNAMIC = ("vertex", "vertex-anthropic", "vertex-openai", "bedrock")
"""Those whose secret is never sent itself."""


def provider(name: str, **said: object) -> Provider:
    """A preset with a credential, as the relay meets it."""
    usual = ProviderSettings(id=name, variables=values_for(presets()[name]))
    settings = Settings(providers=(fill(usual, (), presets()),))
    return replace(providers_of(settings)[0], credentials=(Credential(name, "first", "sk-secret"),), **said)  # type: ignore[arg-type]


def test_the_tables_have_every_preset() -> None:
    assert {*CHATS, *OTHERS} == set(presets())
    assert {name for name, preset in presets().items() if preset.also_at} == ANTHROPICS.keys()


def urls(one: Provider) -> tuple[str | None, ...]:
    paths = (
        translated_path(one, MODEL, stream=False),
        translated_path(one, MODEL, stream=True),
        counted_path(one, MODEL),
        listed_path(one),
    )
    return tuple(path if path is None else one.base_url + path for path in paths)


@pytest.mark.parametrize("name", CHATS)
def test_a_provider_with_the_paths_of_chat_is_asked_there(name: str) -> None:
    address, lists = CHATS[name]
    assert urls(provider(name)) == (address + CHAT, address + CHAT, None, address + MODELS if lists else None)


@pytest.mark.parametrize("name", OTHERS)
def test_a_provider_with_other_paths_is_asked_there(name: str) -> None:
    assert urls(provider(name)) == OTHERS[name]


@pytest.mark.parametrize("name", sorted(presets()))
def test_a_request_that_stays_in_its_dialect_goes_where_a_translated_one_does(name: str) -> None:
    one = provider(name)
    for endpoint in ENDPOINTS:
        if endpoint.format == one.format and endpoint.operation == "generate":
            streams = "stream" in endpoint.upstream_path
            for stream in (streams,) if one.format == "gemini" else (False, True):
                expected = translated_path(one, MODEL, stream=stream)
                assert upstream_path(one, endpoint, MODEL, stream=stream) == expected


@pytest.mark.parametrize("name", sorted(presets()))
def test_its_requests_are_composed_with_its_secret_unless_that_is_never_sent(name: str) -> None:
    one = provider(name)
    (credential,) = one.credentials
    composer = Composer(one, b"host.example", b"agent")
    path = translated_path(one, MODEL, stream=True)
    heads = [
        composer.compose_translated(path, credential, (), 2),
        composer.compose(path, credential, (), 2, one.format),
    ]
    if listed := listed_path(one):
        heads.append(composer.compose_plain("GET", listed, credential))
    for head in heads:
        if name in DYNAMIC or one.auth == "none":
            assert b"sk-secret" not in head
        else:
            assert SECRETS[one.auth] in head


@pytest.mark.parametrize("name", ANTHROPICS)
def test_a_client_of_anthropic_s_format_is_taken_to_where_that_is_spoken(name: str) -> None:
    there = spoken_in(provider(name), "anthropic")
    assert there is not None
    path = upstream_path(there, BY_PATH["/v1/messages"], MODEL, stream=True)
    assert there.base_url + path == ANTHROPICS[name] + "/v1/messages"
    head = Composer(there, b"h", b"agent").compose(path, there.credentials[0], (), 2, "anthropic")
    assert b"anthropic-version: 2023-06-01\r\n" in head
    assert there.auth == presets()[name].auth


def test_a_provider_is_translated_to_where_it_speaks_nothing_of_the_client_s() -> None:
    assert spoken_in(provider("groq"), "anthropic") is None
    openai = provider("openai")
    assert spoken_in(openai, "openai_chat") is spoken_in(openai, "openai_responses") is openai


def test_other_addresses_are_those_of_the_preset_alone() -> None:
    """At an address of the operator's own nobody knows of any other."""
    said = ProviderSettings(id="deepseek", base_url="https://192.0.2.1/v1")
    assert providers_of(Settings(providers=(fill(said, (), presets()),)))[0].also_at == ()


AZURE_PATHS = {
    "/v1/embeddings": "/deployments/m-1/embeddings?api-version=2024-10-21",
    "/v1/completions": "/deployments/m-1/completions?api-version=2024-10-21",
    "/v1/images/generations": "/deployments/m-1/images/generations?api-version=2024-10-21",
    "/v1/audio/transcriptions": "/deployments/m-1/audio/transcriptions?api-version=2024-10-21",
    "/v1/responses": "/responses?api-version=2024-10-21",
}


@pytest.mark.parametrize("path", AZURE_PATHS)
def test_deployments_of_azure_stand_in_every_path_but_that_of_responses(path: str) -> None:
    assert upstream_path(provider("azure"), BY_PATH[path], MODEL, stream=False) == AZURE_PATHS[path]


def test_embeddings_of_gemini_go_to_google_cloud_as_well() -> None:
    endpoint = BY_PATH["/v1beta/models/{model}:embedContent"]
    assert upstream_path(provider("vertex"), endpoint, MODEL, stream=False) == "/models/m-1:embedContent"


ARN = "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0"


@pytest.mark.parametrize("model", ["anthropic.claude-sonnet-4-5-20250929-v1:0", ARN])
def test_a_model_of_bedrock_is_one_segment_of_the_path(model: str) -> None:
    path = translated_path(provider("bedrock"), model, stream=False)
    assert path.count("/") == 3
    assert path == f"/model/{quote(model, safe='')}/invoke"


def test_a_model_of_claude_at_google_keeps_its_version() -> None:
    path = translated_path(provider("vertex-anthropic"), "claude-sonnet-4-5@20250929", stream=False)
    assert path == "/models/claude-sonnet-4-5@20250929:rawPredict"


@pytest.mark.parametrize("model", ["..", ".", "", "../../x/models/m", "a//b"])
@pytest.mark.parametrize("name", ["vertex", "vertex-anthropic", "vertex-express", "azure", "bedrock"])
def test_no_name_of_a_model_leads_elsewhere(name: str, model: str) -> None:
    """Bedrock and Azure write a slash so that it is part of the name."""
    try:
        path = translated_path(provider(name), model, stream=False)
    except InvalidRequest:
        return
    assert name == "bedrock"
    assert path.count("/") == 3
    assert ".." not in path.split("/")


def test_what_a_cloud_does_not_serve_is_refused_with_its_name() -> None:
    completions = replace(BY_PATH["/v1/messages"], upstream_path="/v1/complete")
    for name in ("bedrock", "vertex-anthropic"):
        with pytest.raises(InvalidRequest, match=f"The provider {name} does not serve /v1/complete"):
            upstream_path(provider(name), completions, MODEL, stream=False)


@pytest.mark.parametrize(
    ("path", "query", "whole"),
    [("/a", "", "/a"), ("/a", "b=c", "/a?b=c"), ("/a?api-version=1", "b=c", "/a?api-version=1&b=c")],
)
def test_a_client_s_query_stands_behind_the_provider_s_own(path: str, query: str, whole: str) -> None:
    assert with_query(path, query) == whole


def test_a_provider_that_is_not_to_be_asked_lists_nothing() -> None:
    assert listed_path(provider("openai", list_models=False)) is None
    assert listed_path(provider("openai", models_path="/catalog")) == "/catalog"

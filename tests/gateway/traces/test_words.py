"""The tables name what there is."""

from __future__ import annotations

from gateway.api.endpoints import ENDPOINTS
from gateway.catalog.presets import presets
from gateway.traces.words import OPERATIONS, PROVIDERS

WELL_KNOWN = {
    "anthropic",
    "aws.bedrock",
    "azure.ai.inference",
    "azure.ai.openai",
    "cohere",
    "deepseek",
    "gcp.gemini",
    "gcp.gen_ai",
    "gcp.vertex_ai",
    "groq",
    "ibm.watsonx.ai",
    "mistral_ai",
    "moonshot_ai",
    "openai",
    "perplexity",
    "x_ai",
}
"""https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/registry/attributes/gen-ai.md"""


def test_every_endpoint_is_an_operation() -> None:
    assert OPERATIONS.keys() == {endpoint.path for endpoint in ENDPOINTS}


def test_other_names_are_those_of_presets_and_of_the_conventions() -> None:
    assert PROVIDERS.keys() <= presets().keys()
    assert set(PROVIDERS.values()) <= WELL_KNOWN


def test_providers_that_the_conventions_know_go_by_their_names() -> None:
    ours = {PROVIDERS.get(name, name) for name in presets()}
    assert ours >= WELL_KNOWN - {"azure.ai.inference", "gcp.gen_ai", "ibm.watsonx.ai"}

"""What OpenTelemetry's conventions for generative AI call our endpoints and providers. Tables; nothing is decided here.

https://github.com/open-telemetry/semantic-conventions-genai (in development: names may still change)
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

OPERATIONS: Mapping[str, str] = MappingProxyType(
    {
        "/v1/chat/completions": "chat",
        "/v1/responses": "chat",
        "/v1/responses/input_tokens": "count_tokens",
        "/v1/responses/compact": "compact",
        "/v1/messages": "chat",
        "/v1/messages/count_tokens": "count_tokens",
        "/v1beta/models/{model}:generateContent": "generate_content",
        "/v1beta/models/{model}:streamGenerateContent": "generate_content",
        "/v1beta/models/{model}:countTokens": "count_tokens",
        "/v1beta/models/{model}:embedContent": "embeddings",
        "/v1beta/models/{model}:batchEmbedContents": "embeddings",
        "/v1/completions": "text_completion",
        "/v1/embeddings": "embeddings",
        "/v1/moderations": "moderation",
        "/v1/rerank": "rerank",
        "/v1/images/generations": "image_generation",
        "/v1/images/edits": "image_edit",
        "/v1/images/variations": "image_variation",
        "/v1/audio/speech": "speech",
        "/v1/audio/transcriptions": "transcription",
        "/v1/audio/translations": "translation",
    }
)
"""`gen_ai.operation.name` by endpoint; where the conventions have no word, one of ours."""

OUTPUTS: Mapping[str, str] = MappingProxyType(
    {
        "/v1/images/generations": "image",
        "/v1/images/edits": "image",
        "/v1/images/variations": "image",
        "/v1/audio/speech": "speech",
    }
)
"""`gen_ai.output.type` of endpoints that can answer with nothing else."""

PROVIDERS: Mapping[str, str] = MappingProxyType(
    {
        "azure": "azure.ai.openai",
        "azure-v1": "azure.ai.openai",
        "bedrock": "aws.bedrock",
        "bedrock-openai": "aws.bedrock",
        "gemini": "gcp.gemini",
        "kimi-code": "moonshot_ai",
        "mistral": "mistral_ai",
        "moonshot": "moonshot_ai",
        "moonshot-cn": "moonshot_ai",
        "vertex": "gcp.vertex_ai",
        "vertex-anthropic": "gcp.vertex_ai",
        "vertex-express": "gcp.vertex_ai",
        "vertex-openai": "gcp.vertex_ai",
        "xai": "x_ai",
    }
)
"""`gen_ai.provider.name` of presets that the conventions call otherwise than we do; of all others it is the id."""

"""Usage as providers tell it, and the bill for it by hand: tokens times USD per million, written out.

Shapes are those of the vendors' references (`source`); numbers and bills are ours. A bill is a sum of `count*price`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Case:
    """One answer: who told its usage, in which dialect, and what it costs."""

    name: str
    format: str
    place: str
    """The list of its prices, of the bundled registry."""
    model: str
    usage: dict[str, Any]
    bill: str
    """USD times a million."""


OPENAI = (
    Case(
        "chat",
        "openai_chat",
        "openai",
        "gpt-4o-2024-08-06",
        {
            "prompt_tokens": 2006,
            "completion_tokens": 300,
            "total_tokens": 2306,
            "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 10,
                "rejected_prediction_tokens": 3,
            },
        },
        "86*2.5 + 1920*1.25 + 300*10",
    ),
    Case(
        "chat that reasons",
        "openai_chat",
        "openai",
        "gpt-5",
        {
            "prompt_tokens": 1500,
            "completion_tokens": 900,
            "total_tokens": 2400,
            "prompt_tokens_details": {"cached_tokens": 1024},
            "completion_tokens_details": {"reasoning_tokens": 640},
        },
        "476*1.25 + 1024*0.125 + 900*10",
    ),
    Case(
        "responses",
        "openai_responses",
        "openai",
        "gpt-5-2025-08-07",
        {
            "input_tokens": 36_000,
            "input_tokens_details": {"cached_tokens": 30_000, "cache_write_tokens": 2000},
            "output_tokens": 1200,
            "output_tokens_details": {"reasoning_tokens": 1000},
            "total_tokens": 37_200,
        },
        "4000*1.25 + 30000*0.125 + 2000*1.25 + 1200*10",
    ),
    Case(
        "embeddings",
        "openai_chat",
        "openai",
        "text-embedding-3-small",
        {"prompt_tokens": 12_345, "total_tokens": 12_345},
        "12345*0.02",
    ),
)

ANTHROPIC = (
    Case(
        "written to the cache for five minutes and for an hour, and read from it",
        "anthropic",
        "anthropic",
        "claude-sonnet-4-5-20250929",
        {
            "input_tokens": 50,
            "cache_creation_input_tokens": 3000,
            "cache_read_input_tokens": 18_000,
            "cache_creation": {"ephemeral_5m_input_tokens": 1000, "ephemeral_1h_input_tokens": 2000},
            "output_tokens": 400,
            "service_tier": "standard",
        },
        "50*3 + 1000*3.75 + 2000*6 + 18000*0.3 + 400*15",
    ),
    Case(
        "without lifetimes",
        "anthropic",
        "anthropic",
        "claude-opus-4-5",
        {
            "input_tokens": 7,
            "cache_creation_input_tokens": 2048,
            "cache_read_input_tokens": 0,
            "output_tokens": 96,
            "output_tokens_details": {"thinking_tokens": 40},
        },
        "7*5 + 2048*6.25 + 96*25",
    ),
    Case(
        "on Vertex AI",
        "anthropic",
        "google-vertex-anthropic",
        "claude-haiku-4-5",
        {"input_tokens": 1000, "cache_read_input_tokens": 500, "output_tokens": 100},
        "1000*1 + 500*0.1 + 100*5",
    ),
)

GEMINI = (
    Case(
        "thoughts beside candidates",
        "gemini",
        "google",
        "gemini-2.5-pro",
        {
            "promptTokenCount": 29,
            "candidatesTokenCount": 15,
            "thoughtsTokenCount": 804,
            "totalTokenCount": 848,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 29}],
        },
        "29*1.25 + 819*10",
    ),
    Case(
        "a long prompt, mostly cached",
        "gemini",
        "google",
        "gemini-2.5-pro",
        {
            "promptTokenCount": 250_000,
            "cachedContentTokenCount": 200_000,
            "candidatesTokenCount": 1000,
            "totalTokenCount": 251_000,
        },
        "50000*2.5 + 200000*0.25 + 1000*15",
    ),
    Case(
        "a prompt of exactly the size of the tier",
        "gemini",
        "google",
        "gemini-2.5-pro",
        {"promptTokenCount": 200_000, "candidatesTokenCount": 10, "totalTokenCount": 200_010},
        "200000*1.25 + 10*10",
    ),
    Case(
        "audio, some of it cached, and what tools brought in",
        "gemini",
        "google",
        "models/gemini-2.5-flash",
        {
            "promptTokenCount": 1600,
            "cachedContentTokenCount": 1000,
            "toolUsePromptTokenCount": 100,
            "candidatesTokenCount": 50,
            "thoughtsTokenCount": 20,
            "totalTokenCount": 1770,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 600},
                {"modality": "AUDIO", "tokenCount": 1000},
            ],
            "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 700}, {"modality": "TEXT", "tokenCount": 300}],
        },
        # fresh: 300 of audio, 300 of text, 100 of tools
        "300*1 + 400*0.3 + 1000*0.03 + 70*2.5",
    ),
)

COMPATIBLE = (
    Case(
        "DeepSeek",
        "openai_chat",
        "deepseek",
        "deepseek-chat",
        {
            "prompt_tokens": 1100,
            "completion_tokens": 320,
            "total_tokens": 1420,
            "prompt_tokens_details": {"cached_tokens": 1000},
            "prompt_cache_hit_tokens": 1000,
            "prompt_cache_miss_tokens": 100,
        },
        "100*0.14 + 1000*0.028 + 320*0.28",
    ),
    Case(
        "xAI, that leaves reasoning out of its completion",
        "openai_chat",
        "xai",
        "grok-4.3",
        {
            "prompt_tokens": 320,
            "completion_tokens": 9,
            "total_tokens": 1229,
            "prompt_tokens_details": {"text_tokens": 64, "audio_tokens": 0, "image_tokens": 256, "cached_tokens": 128},
            "completion_tokens_details": {"reasoning_tokens": 900, "audio_tokens": 0},
            "num_sources_used": 0,
        },
        "192*1.25 + 128*0.2 + 909*2.5",
    ),
    Case(
        "xAI, that says what it charged",
        "openai_responses",
        "xai",
        "grok-4.3",
        {
            "input_tokens": 199,
            "input_tokens_details": {"cached_tokens": 163},
            "output_tokens": 1,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 200,
            "cost_in_usd_ticks": 1_585_000,
        },
        "1*158.5",
    ),
    Case(
        "OpenRouter, that says what it charged",
        "openai_chat",
        "openrouter",
        "anthropic/claude-sonnet-4.5",
        {
            "prompt_tokens": 194,
            "completion_tokens": 2,
            "total_tokens": 196,
            "cost": 0.0014245,
            "is_byok": False,
            "cost_details": {"upstream_inference_cost": None},
            "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 100, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "image_tokens": 0},
        },
        "1*1424.5",
    ),
    Case(
        "OpenRouter, with a key of the caller's own",
        "openai_chat",
        "openrouter",
        "openai/gpt-4o",
        {
            "prompt_tokens": 100,
            "completion_tokens": 10,
            "total_tokens": 110,
            "cost": 0.0000175,
            "is_byok": True,
            "cost_details": {"upstream_inference_cost": 0.00035},
        },
        "1*17.5 + 1*350",
    ),
    Case(
        "OpenRouter, that says nothing of money",
        "openai_chat",
        "openrouter",
        "anthropic/claude-sonnet-4.5:thinking",
        {
            "prompt_tokens": 210_000,
            "completion_tokens": 100,
            "prompt_tokens_details": {"cached_tokens": 190_000, "cache_write_tokens": 15_000},
        },
        "5000*6 + 190000*0.6 + 15000*7.5 + 100*22.5",
    ),
    Case(
        "OpenRouter, of what is free",
        "openai_chat",
        "openrouter",
        "openai/gpt-oss-20b:free",
        {"prompt_tokens": 9000, "completion_tokens": 800, "total_tokens": 9800},
        "0*1",
    ),
    Case(
        "Z.ai",
        "openai_chat",
        "zai",
        "glm-4.6",
        {
            "prompt_tokens": 5000,
            "completion_tokens": 700,
            "total_tokens": 5700,
            "prompt_tokens_details": {"cached_tokens": 4096},
        },
        "904*0.6 + 4096*0.11 + 700*2.2",
    ),
    Case(
        "Z.ai in Anthropic's dialect",
        "anthropic",
        "zai",
        "glm-4.6",
        {"input_tokens": 904, "cache_read_input_tokens": 4096, "output_tokens": 700},
        "904*0.6 + 4096*0.11 + 700*2.2",
    ),
    Case(
        "Kimi",
        "openai_chat",
        "moonshotai",
        "kimi-k2-thinking",
        {"prompt_tokens": 8192, "completion_tokens": 256, "total_tokens": 8448, "cached_tokens": 8000},
        "192*0.6 + 8000*0.15 + 256*2.5",
    ),
    Case(
        "MiniMax, whose list says nothing of caches",
        "anthropic",
        "minimax",
        "minimax-m2",
        {"input_tokens": 100, "cache_read_input_tokens": 900, "output_tokens": 50},
        "1000*0.3 + 50*1.2",
    ),
    Case(
        "Mistral",
        "openai_chat",
        "mistral",
        "mistral-large-2411",
        {"prompt_tokens": 2000, "completion_tokens": 100, "total_tokens": 2100, "prompt_audio_seconds": None},
        "2000*2 + 100*6",
    ),
    Case(
        "Groq",
        "openai_chat",
        "groq",
        "llama-3.3-70b-versatile",
        {
            "queue_time": 0.037,
            "prompt_tokens": 1000,
            "prompt_time": 0.0006,
            "completion_tokens": 500,
            "completion_time": 0.46,
            "total_tokens": 1500,
            "total_time": 0.46,
        },
        "1000*0.59 + 500*0.79",
    ),
    Case(
        "Perplexity, that says what it charged",
        "openai_chat",
        "perplexity",
        "sonar",
        {
            "prompt_tokens": 10,
            "completion_tokens": 20,
            "total_tokens": 30,
            "search_context_size": "low",
            "cost": {
                "input_tokens_cost": 0.00001,
                "output_tokens_cost": 0.00002,
                "request_cost": 0.005,
                "total_cost": 0.00503,
            },
        },
        "1*5030",
    ),
    Case(
        "Qwen by Alibaba",
        "openai_chat",
        "alibaba",
        "qwen3-max",
        {"prompt_tokens": 1000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 0}},
        "1000*1.2 + 100*6",
    ),
)

CASES = (*OPENAI, *ANTHROPIC, *GEMINI, *COMPATIBLE)

"""The programs that ask: their client keys, when they are busy, and what they ask for. Tables, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from gateway.settings.demo import DEMO_ALIASES, DEMO_COMBOS
from gateway.settings.section import FormatName

Dialect = Literal["chat", "responses", "messages", "gemini", "embeddings"]

Rhythm = Literal["office", "shop", "night", "steady", "builds"]


@dataclass(frozen=True, slots=True)
class Spoken:
    """How a client speaks: its format, and the paths it asks."""

    format: FormatName
    path: str
    """As the table of endpoints has it."""
    stream_path: str


SPOKEN = MappingProxyType(
    {
        "chat": Spoken("openai_chat", "/v1/chat/completions", "/v1/chat/completions"),
        "responses": Spoken("openai_responses", "/v1/responses", "/v1/responses"),
        "messages": Spoken("anthropic", "/v1/messages", "/v1/messages"),
        "gemini": Spoken(
            "gemini", "/v1beta/models/{model}:generateContent", "/v1beta/models/{model}:streamGenerateContent"
        ),
        "embeddings": Spoken("openai_chat", "/v1/embeddings", "/v1/embeddings"),
    }
)

AGENTS = MappingProxyType(
    {
        "openai-python": ("OpenAI/Python 2.8.1", "OpenAI/Python 2.9.0", "AsyncOpenAI/Python 2.8.1"),
        "openai-js": ("OpenAI/JS 6.9.1", "OpenAI/JS 6.10.0"),
        "openai-go": ("OpenAI/Go 3.8.1",),
        "anthropic-python": ("Anthropic/Python 0.74.1", "Anthropic/Python 0.75.0", "AsyncAnthropic/Python 0.75.0"),
        "anthropic-js": ("Anthropic/JS 0.70.1", "Anthropic/JS 0.71.0"),
        "claude-code": ("claude-cli/2.0.42 (external, cli)", "claude-cli/2.0.50 (external, cli)"),
        "codex": ("codex_cli_rs/0.60.1 (Ubuntu 24.4.0; x86_64)", "codex_cli_rs/0.61.0 (Mac OS 26.1.0; arm64)"),
        "genai": ("google-genai-sdk/1.51.0 gl-python/3.12.3", "google-genai-sdk/1.52.0 gl-python/3.13.1"),
        "scanners": ("curl/8.14.1", "python-requests/2.32.4", "Go-http-client/1.1"),
        "curl": ("curl/8.5.0", "curl/8.14.1"),
    }
)
"""How the usual libraries call themselves, in some versions."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A kind of request that a program makes again and again."""

    name: str
    """The model, as it is asked for."""
    dialect: Dialect
    agent: str
    weight: int = 1
    """How many of them there are, beside the others of the same key."""
    prompt: int = 800
    """Tokens of it, in half of all cases."""
    answer: int = 250
    stream: float = 0.0
    """Share of requests whose answer is streamed; those that follow are shares too."""
    tools: float = 0.0
    cached: float = 0.0
    """Requests of whose prompt the provider has kept the most part."""
    since: float = 0.0
    """What part of all the time is over when the first of them comes."""
    until: float = 1.0
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Key:
    """A client key, and what is asked with it."""

    name: str
    owner: str
    """Name of a team, or of a person."""
    rhythm: Rhythm
    weight: float
    """How busy it is at its busiest hour, beside the others."""
    asks: tuple[Ask, ...]
    tags: tuple[str, ...] = ()
    traced: bool = False
    refused: float = 0.0
    """Share of requests that come too fast for its limits."""
    left: float = 0.01
    """Share of streams whose reader goes before the end."""
    per_minute: int | None = None
    """Most requests in a minute."""
    models: tuple[str, ...] = ("*",)
    """What it may ask for."""
    has_tenants: bool = False
    """Whether its requests say for which of our customers they are."""
    spent: float = 0.0
    """What part of its budget it uses; 0 for one without a budget."""


def targets_of(name: str) -> tuple[str, ...]:
    """Where a request for a name goes, first to last."""
    if name in DEMO_ALIASES:
        return (DEMO_ALIASES[name],)
    return DEMO_COMBOS.get(name, (name,))


def via(name: str) -> str | None:
    """The alias or combo that a name is; None where it names a model."""
    return name if name in DEMO_ALIASES or name in DEMO_COMBOS else None


def _coding(name: str, dialect: Dialect, agent: str, weight: int = 1) -> Ask:
    """What those who write programs with a model's help send all day: all that was said so far, and tools."""
    return Ask(name, dialect, agent, weight, prompt=21_000, answer=520, stream=1.0, tools=1.0, cached=0.82)


KEYS = (
    # Platform
    Key("ci", "platform", "builds", 5.0, (
        Ask("coding", "responses", "openai-python", 3, 6_200, 700, tools=0.5, cached=0.3),
        Ask("mini", "chat", "openai-python", 4, 1_400, 90),
    ), tags=("env=ci",), refused=0.006, per_minute=600, spent=0.72),
    Key("code-review-bot", "platform", "office", 2.4, (
        Ask("smart", "messages", "anthropic-python", 3, 9_500, 640, cached=0.45, tools=0.2),
        Ask("flagship", "messages", "anthropic-python", 1, 14_000, 900, cached=0.5),
    ), tags=("env=prod", "bot"), spent=0.93),
    Key("deploy-notes", "platform", "office", 0.4, (Ask("smart", "chat", "openai-js", 1, 3_800, 420),), spent=0.2),
    Key("log-triage", "platform", "steady", 1.8, (
        Ask("cheap", "chat", "openai-go", 3, 5_400, 160),
        Ask("gemini/gemini-3.1-flash-lite", "chat", "openai-go", 2, 5_400, 150, since=0.45),
    ), tags=("env=prod",), traced=True),
    Key("terraform-plans", "platform", "builds", 0.5, (
        Ask("gemini/gemini-3.5-flash", "gemini", "genai", 1, 7_000, 350),
    )),
    # Search
    Key("search-service", "search", "shop", 9.0, (
        Ask("quick", "chat", "openai-go", 5, 620, 45, tags=("feature=rewrite",)),
        Ask("gemini/gemini-3.1-flash-lite", "chat", "openai-go", 3, 1_900, 120, tags=("feature=summary",)),
        Ask("groq/openai/gpt-oss-120b", "chat", "openai-go", 2, 900, 60, since=0.6, tags=("feature=rewrite",)),
    ), tags=("env=prod",), traced=True, refused=0.004, per_minute=3000, spent=0.55),
    Key("search-embeddings", "search", "shop", 6.5, (
        Ask("embed", "embeddings", "openai-python", 1, 340, 0),
    ), tags=("env=prod",), traced=True, models=("embed", "openai/text-embedding-*")),
    Key("catalog-enrichment", "search", "night", 5.5, (
        Ask("cheap", "chat", "openai-python", 2, 1_100, 310),
        Ask("openai/gpt-4o-mini", "chat", "openai-python", 2, 1_100, 300, until=0.62),
        Ask("openai/gpt-5.4-mini", "chat", "openai-python", 2, 1_100, 280, since=0.62),
    ), tags=("batch",), spent=0.64),
    Key("recommendations", "search", "shop", 1.6, (
        Ask("gemini/gemini-3.5-flash", "gemini", "genai", 1, 2_400, 130, stream=0.4, tags=("feature=recommend",)),
    ), tags=("env=prod",), traced=True),
    Key("query-experiments", "search", "office", 0.6, (
        Ask("openai/gpt-5.4-mini", "responses", "openai-python", 1, 900, 140, stream=0.3),
        Ask("anthropic/claude-haiku-4-5", "messages", "anthropic-python", 1, 900, 150, stream=0.3),
    ), tags=("env=staging",)),
    # Support
    Key("support-bot", "support", "shop", 6.0, (
        Ask("support", "chat", "openai-js", 6, 3_100, 190, stream=1.0, tools=0.7, cached=0.6),
        Ask("local", "chat", "openai-js", 2, 2_200, 170, stream=1.0, since=0.4),
    ), tags=("env=prod", "bot"), traced=True, refused=0.012, left=0.06, per_minute=900, has_tenants=True,
        models=("support", "local"), spent=0.81),
    Key("support-drafts", "support", "office", 2.2, (
        Ask("smart", "messages", "anthropic-js", 3, 4_200, 380, stream=0.9, cached=0.5),
        Ask("openai/gpt-5.4", "chat", "openai-js", 1, 4_200, 360, stream=0.9),
    ), tags=("env=prod",), left=0.04, spent=0.47),
    Key("ticket-summaries", "support", "steady", 1.7, (
        Ask("anthropic/claude-haiku-4-5", "chat", "openai-python", 2, 6_400, 210),
        Ask("cheap", "chat", "openai-python", 1, 6_400, 200),
    ), tags=("batch",)),
    Key("translation-desk", "support", "office", 1.3, (
        Ask("gemini/gemini-3.5-flash", "chat", "openai-js", 2, 700, 640, stream=0.6),
        Ask("deepseek/deepseek-v4-pro", "chat", "openai-js", 1, 700, 650, stream=0.6),
    )),
    # Research
    Key("nightly-evals", "research", "night", 7.0, (
        Ask("openai/gpt-5.4", "responses", "openai-python", 3, 1_800, 650, tags=("suite=reasoning",)),
        Ask("anthropic/claude-opus-4-7", "messages", "anthropic-python", 2, 1_800, 700, tags=("suite=reasoning",)),
        Ask("gemini/gemini-3.1-pro-preview", "gemini", "genai", 2, 1_800, 600, tags=("suite=reasoning",)),
        Ask("deepseek/deepseek-v4-pro", "chat", "openai-python", 2, 1_800, 680, tags=("suite=reasoning",)),
        Ask("local", "chat", "openai-python", 1, 1_800, 500, tags=("suite=regression",)),
    ), tags=("batch", "evals"), refused=0.02, per_minute=1200, spent=0.97),
    Key("paper-digest", "research", "steady", 0.5, (
        Ask("gemini/gemini-3.1-pro-preview", "gemini", "genai", 1, 38_000, 900, cached=0.2),
    ), tags=("batch",), spent=0.38),
    Key("synthetic-data", "research", "steady", 1.5, (
        Ask("groq/openai/gpt-oss-120b", "chat", "openai-python", 2, 1_200, 900, until=0.75),
        Ask("deepseek/deepseek-v4-flash", "chat", "openai-python", 1, 1_200, 950),
    ), tags=("batch",), spent=0.5),
    Key("notebook-shared", "research", "office", 0.9, (
        Ask("flagship", "chat", "openai-python", 2, 2_600, 800, stream=0.7),
        Ask("lab/qwen3-32b-support", "chat", "openai-python", 1, 1_500, 420, stream=0.7),
    ), left=0.03),
    # People
    Key("ide-alice", "alice", "office", 1.5, (
        _coding("anthropic/claude-opus-4-7", "messages", "claude-code", 3),
        Ask("anthropic/claude-haiku-4-5", "messages", "claude-code", 2, 2_400, 60, stream=1.0),
    ), tags=("ide",), left=0.05, spent=0.88),
    Key("ide-tobias", "tobias", "office", 1.4, (_coding("openai/gpt-5.3-codex", "responses", "codex", 1),),
        tags=("ide",), left=0.05, spent=0.44),
    Key("ide-yuki", "yuki", "office", 1.3, (
        _coding("coding", "messages", "claude-code", 3),
        _coding("smart", "messages", "claude-code", 2),
    ), tags=("ide",), left=0.04, spent=0.61),
    Key("ide-omar", "omar", "office", 1.0, (_coding("smart", "messages", "claude-code", 1),),
        tags=("ide",), left=0.05, spent=0.35),
    Key("ide-ines", "ines", "office", 0.8, (_coding("gemini/gemini-3.1-pro-preview", "chat", "openai-js", 1),),
        tags=("ide",), left=0.06),
    Key("laptop-kenji", "kenji", "office", 0.3, (
        Ask("quick", "chat", "curl", 1, 200, 180, stream=0.8),
        Ask("chat", "chat", "openai-python", 2, 500, 300, stream=0.8),
    ), refused=0.02, left=0.03, per_minute=6, models=("quick", "chat", "mini")),
    Key("playground-jonas", "jonas", "office", 0.3, (
        Ask("chat", "chat", "openai-js", 3, 400, 350, stream=1.0),
        Ask("flagship", "responses", "openai-js", 1, 400, 500, stream=1.0),
    ), refused=0.03, left=0.05, per_minute=20, models=("chat", "flagship", "mini")),
)  # fmt: skip

NOBODY = Key("", "", "steady", 0.0, (Ask("", "chat", "scanners"),))
"""Whoever has no client key."""

DROPPED = MappingProxyType(
    {
        ("openai_chat", "anthropic"): ("seed", "logit_bias", "frequency_penalty"),
        ("openai_chat", "gemini"): ("logit_bias", "user", "parallel_tool_calls (emulated)"),
        ("openai_responses", "anthropic"): ("truncation", "top_logprobs"),
        ("openai_responses", "gemini"): ("truncation", "metadata"),
        ("anthropic", "openai_chat"): ("top_k", "stop_sequences (emulated)"),
        ("gemini", "openai_chat"): ("safetySettings", "topK"),
        ("gemini", "anthropic"): ("safetySettings", "candidateCount"),
    }
)
"""What a client says, in its format, that a provider's has no word for."""

"""What every table of the configuration is made of: the kinds of values, and what a table of them can do."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from gateway.errors import ProviderFault

Seconds = Annotated[float, Meta(gt=0)]
NonNegativeSeconds = Annotated[float, Meta(ge=0)]
Bytes = Annotated[int, Meta(ge=1024)]
Count = Annotated[int, Meta(ge=1, le=2**53)]
Tokens = Annotated[int, Meta(ge=0, le=2**53)]
Usd = Annotated[float, Meta(ge=0)]
Pattern = Annotated[str, Meta(max_length=300)]
Word = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
Identifier = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]

FormatName = Literal["openai_chat", "openai_responses", "anthropic", "gemini"]
BudgetPeriod = Literal["day", "week", "month", "total"]
Strategy = Literal["round_robin", "fill_first", "weighted", "least_busy", "lowest_latency", "lowest_cost", "headroom"]
ComboStrategy = Literal[
    "fallback", "round_robin", "weighted", "least_busy", "lowest_latency", "lowest_cost", "headroom"
]
LimitSubject = Literal["key", "user", "team", "model", "everybody"]
Fault = Literal[ProviderFault, "unreachable", "closed", "malformed"]
"""What a failure means: a provider's error, or the lack of an answer."""
Quirk = Literal[
    "developer_as_system",
    "joined_text",
    "without_names",
    "without_stream_options",
    "max_tokens",
    "choice_needs_tools",
    "reasoning_echo",
    "deepseek_effort",
    "deepseek_interrupted",
    "kimi_model_name",
    "kimi_thinking",
    "kimi_sampling",
    "minimax_reasoning_split",
    "minimax_errors",
    "qwen_tool_choice",
    "xai_reasoning",
    "xai_usage",
    "zai_thinking",
    "zai_tool_stream",
    "vertex_contents",
    "vertex_anthropic",
    "bedrock_anthropic",
]
"""Fixes that the catalogue knows."""
Next = Literal["retry", "next_credential", "next_target", "stop"]
RestScope = Literal["credential", "model"]
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["json", "console"]
RoleName = Literal["owner", "admin", "member", "viewer", "pending"]
LoginKind = Literal["oidc", "google", "microsoft", "github"]


class Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One table of the configuration file. Its `repr` shows that a secret is there, never which."""

    secrets: ClassVar[frozenset[str]] = frozenset()
    """Fields that hold secrets, or may."""

    def __repr__(self) -> str:
        shown = ((name, getattr(self, name)) for name in self.__struct_fields__)
        said = (f"{name}={'***' if value and name in self.secrets else repr(value)}" for name, value in shown)
        return f"{type(self).__name__}({', '.join(said)})"

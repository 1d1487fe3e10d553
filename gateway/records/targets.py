"""Who answers: providers with their credentials, models and what they can do, and what we serve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

ANY = ("*",)
"""The pattern that matches every name."""


class Target(NamedTuple):
    """A model of a provider."""

    provider: str
    model: str


@dataclass(frozen=True, slots=True)
class FailureRule:
    """What an error answer of a provider means. All that is said must match."""

    status: tuple[int, ...] = ()
    codes: tuple[str, ...] = ()
    """Codes or types in the error."""
    contains: tuple[str, ...] = ()
    """Lower-case words, one of which is in its message."""
    fault: str | None = None
    """What it means; the verdict on that holds as far as nothing else is said here."""
    then: str | None = None
    rest: str | None = None
    rest_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Credential:
    """One secret of a provider. Its `repr` never shows the secret."""

    provider: str
    name: str
    secret: str
    priority: int = 0
    """Those of a higher one go first, as long as one of them is available."""
    weight: int = 1
    models: tuple[str, ...] = ("*",)
    """Patterns of the models it may be used for; none while it is paused."""
    max_parallel: int | None = None
    proxy: str | None = None
    """Resolved proxy URL, or empty for none; None: that of the provider."""
    proxy_guarded: bool = False
    """That proxy was said by API: where it leads is judged."""
    headers: tuple[tuple[str, str], ...] = ()
    """Added to every request with it, over those of the provider."""

    def __repr__(self) -> str:
        return f"Credential(provider={self.provider!r}, name={self.name!r})"


@dataclass(frozen=True, slots=True)
class Provider:
    """One upstream service, as the relay needs it."""

    id: str
    format: str
    base_url: str
    models: tuple[str, ...]
    """Patterns of the model ids it serves."""
    strategy: str
    credentials: tuple[Credential, ...]
    """In order of priority; empty for a server that asks for no key."""
    proxy: str = ""
    """Resolved proxy URL, or empty."""
    guarded: bool = False
    """Its address was said by API and not by the configuration file: where it leads is judged at each connection."""
    proxy_guarded: bool = False
    """The same of its proxy."""
    headers: tuple[tuple[str, str], ...] = ()
    """Added to every request."""
    forward_headers: tuple[str, ...] = ()
    """Further client headers to pass on, lower-case."""
    stream_usage: bool = True
    """Whether its streams may be asked for usage."""
    auth: str = "bearer"
    """How the secret is presented."""
    also_speaks: tuple[str, ...] = ()
    """Formats beside its own that it takes at the same address, as they are."""
    drop_fields: tuple[str, ...] = ()
    """Fields of a request that it refuses, though its dialect has them: they are left out."""
    prefixes: tuple[str, ...] = ()
    """Further names its models are addressed by."""
    list_models: bool = True
    """Whether it is asked which models it serves."""
    sticky_requests: int = 1
    """How many requests in a row go to one credential, with `round_robin`."""
    session_affinity: bool = True
    rests: bool = True
    """Whether its credentials rest."""
    variables: tuple[tuple[str, str], ...] = ()
    """Values for the places in addresses of its preset, such as `region`."""
    quirks: tuple[str, ...] = ()
    """Names of the fixes that its requests need."""
    failures: tuple[FailureRule, ...] = ()
    """What its errors mean, the operator's rules first, then those of its preset."""
    price_list: str = ""
    """Its name in the price list; empty for a server of the operator's own."""
    facts: tuple[tuple[str, ModelFacts], ...] = ()
    """What the operator says of its models: patterns in order, an earlier one first."""
    also_at: tuple[tuple[str, str], ...] = ()
    """Other addresses of its own, each behind the format that is spoken there (`gateway.formats.paths.spoken_in`)."""
    paths: str = ""
    """Name of the scheme by which its paths are made; empty where they are its format's own."""
    models_path: str | None = ""
    """Where it lists its models, below its address; empty: where its format usually does; None: nowhere."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a model can do. None where nobody said: then writers assume what most models of its format can, and nothing
    is kept from it."""

    context: int | None = None
    """Most tokens of prompt and answer together."""
    max_input: int | None = None
    """Most tokens of a prompt."""
    images: bool | None = None
    audio: bool | None = None
    documents: bool | None = None
    """It takes images, audio, documents such as PDF."""
    tools: bool | None = None
    """It calls tools."""
    max_output: int | None = None
    """Most output tokens."""
    temperature: bool | None = None
    """It accepts sampling parameters."""
    thinking: Literal["adaptive", "budget", "level", "none"] | None = None
    """How it is told to think: Anthropic `adaptive` or `budget`, Gemini `level` or `budget`; `none` if it does not."""
    effort: tuple[str, ...] = ()
    """Effort levels it accepts, in rising order; empty means any."""
    levels: tuple[str, ...] = ()
    """Gemini's thinking levels it accepts, in rising order."""
    budget_min: int | None = None
    """Least thinking budget, tokens."""
    budget_max: int | None = None
    mid_system: bool | None = None
    """Anthropic: it accepts system messages between turns."""
    signature_required: bool | None = None
    """Gemini: the first call of each step must carry a thought signature."""
    media_in_function_response: bool | None = None
    """Gemini: function responses may carry media."""
    gemini_schema: str | None = None
    """Gemini: how schemas are told to it, `json`, or `proto` to older services."""
    provider: str | None = None
    """Gemini: whose service it is, `developer` or `vertex`."""
    token_param: str | None = None
    """OpenAI Chat: `max_tokens` or `max_completion_tokens`."""
    custom_tools: bool | None = None
    """OpenAI Chat: it takes free-form tools."""
    echo_reasoning: bool | None = None
    """OpenAI Chat: reasoning must be sent back as `reasoning_content`."""
    user_after_tool: bool | None = None
    """OpenAI Chat: the user may speak right after results of tools."""
    cache_marks: bool | None = None
    """OpenAI: it takes explicit cache breakpoints."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One inference endpoint we serve: a row of `ENDPOINTS`."""

    path: str
    """As the client asks for it; also its name in usage records and metrics."""
    upstream_path: str
    """What is added to a provider's base URL; of Gemini's endpoints the method behind the colon."""
    format: str
    operation: Literal["generate", "count", "compact", "pass"] = "pass"
    """`generate`: a reply, in any dialect. `count`: tokens of a prompt. `compact`: a summary that stands for a
    conversation. `pass`: only providers that speak its dialect serve it."""
    body: Literal["json", "multipart"] = "json"
    ends_with_done: bool = False
    """Whether its streams end with `data: [DONE]` and may be asked for usage."""
    default_model: str | None = None
    """The model that OpenAI takes when the request names none."""
    once: bool = False
    """It has something made that is paid for by the piece: not asked for again where that may have been done, as RFC
    9110, section 9.2.2 has it of proxies. What is merely computed, text too, is: there an answer matters more."""

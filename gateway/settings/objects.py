"""What an operator may have several of, as types: keys, providers, credentials, prices, names, limits.

As in `model`, every field carries its own documentation. Durations are seconds, money USD.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from gateway.settings.section import (
    BudgetPeriod,
    ComboStrategy,
    Count,
    Fault,
    FormatName,
    Identifier,
    LimitSubject,
    Next,
    NonNegativeSeconds,
    Pattern,
    Quirk,
    RestScope,
    Section,
    Strategy,
    Tokens,
    Usd,
    Word,
)


class LimitRules(Section, frozen=True):
    """Limits of whoever or whatever they are for."""

    requests_per_minute: Annotated[Count | None, Meta(description="Limit on requests a minute.")] = None
    tokens_per_minute: Annotated[Count | None, Meta(description="Limit on tokens a minute, input and output.")] = None
    max_parallel: Annotated[Count | None, Meta(description="Limit on requests at once.")] = None
    requests_per_month: Annotated[Count | None, Meta(description="Quota of requests a calendar month.")] = None
    tokens_per_month: Annotated[Count | None, Meta(description="Quota of tokens a calendar month, input and output.")] = None
    budget_usd: Annotated[Usd | None, Meta(description="Budget in USD for `budget_period`.")] = None
    budget_period: Annotated[BudgetPeriod, Meta(description="Calendar period after which the budget begins anew, in `limits.time_zone`.")] = "month"


class KeyRules(LimitRules, frozen=True):
    """What a client key may use, and its limits."""

    models: Annotated[tuple[Pattern, ...], Meta(description="Models the key may use, as the client names them; `*` is a wildcard.")] = ("*",)
    providers: Annotated[tuple[Pattern, ...], Meta(description="Providers the key may use, by id; `*` is a wildcard.")] = ("*",)
    credentials: Annotated[tuple[Pattern, ...], Meta(description="Credentials the key may use, as `provider/name`; `*` is a wildcard.")] = ("*",)
    endpoints: Annotated[tuple[Pattern, ...], Meta(description="Endpoints the key may use, as `/v1/chat/completions`; `*` is a wildcard.")] = ("*",)
    expires_at: Annotated[str, Meta(max_length=64, description="Date or instant (RFC 3339) from which the key is refused; empty for never.")] = ""
    paused: Annotated[bool, Meta(description="Whether the key is refused for now.")] = False
    tags: Annotated[tuple[Word, ...], Meta(description="Words to find the key by, and its requests.")] = ()
    strict: Annotated[bool, Meta(description="Whether requests are refused of which a translation would have to drop something; a client may ask for the same with `x-sluicegate-strict: 1`.")] = False
    allow_unpriced: Annotated[bool, Meta(description="Whether a key with a budget may use models without a known price, which its budget cannot count.")] = False
    capture: Annotated[bool, Meta(description="Whether bodies of its requests may be kept, where `capture.mode` asks for it.")] = True


class ClientKeySettings(KeyRules, frozen=True, kw_only=True):
    """A key that clients call with."""

    secrets = frozenset({"key"})

    name: Annotated[Identifier, Meta(description="Name of the key in usage records and logs; unique.")]
    key: Annotated[str, Meta(description="The key itself. Prefer `key_env` or `key_file`.")] = ""
    key_env: Annotated[str, Meta(description="Environment variable that holds the key.")] = ""
    key_file: Annotated[str, Meta(description="File that holds the key; a relative path starts at the configuration file.")] = ""


class CredentialRules(Section, frozen=True):
    """When a credential is used, and what goes with it."""

    secrets = frozenset({"proxy", "headers"})

    priority: Annotated[int, Meta(ge=-1000, le=1000, description="Credentials of a higher priority are used as long as one of them is available; the strategy picks among equals.")] = 0
    weight: Annotated[int, Meta(ge=1, le=1000, description="Share of requests with the strategy `weighted`.")] = 1
    models: Annotated[tuple[Pattern, ...], Meta(description="Models it may be used for; `*` is a wildcard, `!` in front excludes.")] = ("*",)
    max_parallel: Annotated[Count | None, Meta(description="Most requests with it at once, over all workers of one machine; more go to the next one.")] = None
    paused: Annotated[bool, Meta(description="Whether it is not used for now; conversations that it holds go on with others.")] = False
    proxy: Annotated[str, Meta(max_length=2000, description="Proxy for this credential; `none` for no proxy; empty follows the provider.")] = ""
    headers: Annotated[dict[Pattern, Annotated[str, Meta(max_length=8000)]], Meta(description="Headers added to every request with it, over those of the provider.")] = field(default_factory=dict)


class CredentialSettings(CredentialRules, frozen=True, kw_only=True):
    """One secret that a provider accepts."""

    secrets = CredentialRules.secrets | {"api_key"}

    name: Annotated[Identifier, Meta(description="Name of the credential in usage records and headers; unique within its provider.")]
    api_key: Annotated[str, Meta(description="The secret itself. Prefer `api_key_env` or `api_key_file`.")] = ""
    api_key_env: Annotated[str, Meta(description="Environment variable that holds the secret.")] = ""
    api_key_file: Annotated[str, Meta(description="File that holds the secret, such as a Google service account; a relative path starts at the configuration file.")] = ""


class FailureSettings(Section, frozen=True, kw_only=True):
    """What a provider's error answer means, where the table of verdicts is wrong. Everything that is said must match; the first that matches counts."""

    status: Annotated[tuple[Annotated[int, Meta(ge=100, le=599)], ...], Meta(description="HTTP statuses.")] = ()
    codes: Annotated[tuple[Pattern, ...], Meta(description="Codes or types in the error, as the provider writes them.")] = ()
    contains: Annotated[tuple[Pattern, ...], Meta(description="Words in its message, one of which must be there; case does not matter.")] = ()
    fault: Annotated[Fault | None, Meta(description="What it means: the verdict on that follows, as far as nothing else is said here.")] = None
    then: Annotated[Next | None, Meta(description="What to do: `retry` the same credential, the `next_credential`, the `next_target`, or `stop`.")] = None
    rest: Annotated[RestScope | None, Meta(description="What rests: the `credential`, or the credential for this `model` alone.")] = None
    rest_seconds: Annotated[NonNegativeSeconds | None, Meta(description="How long it rests where the provider does not say; 0 for not at all.")] = None


class ModelFactsSettings(Section, frozen=True, kw_only=True):
    """What models of a provider can do, where the catalogue does not know it or is wrong. The first table that matches a model and says something decides it."""

    model: Annotated[str, Meta(max_length=300, description="Model id; `*` is a wildcard.")]
    context: Annotated[Count | None, Meta(description="Most tokens of prompt and answer together.")] = None
    max_input: Annotated[Count | None, Meta(description="Most tokens of a prompt, where that is less.")] = None
    max_output: Annotated[Count | None, Meta(description="Most output tokens.")] = None
    images: Annotated[bool | None, Meta(description="Whether it takes images.")] = None
    audio: Annotated[bool | None, Meta(description="Whether it takes audio.")] = None
    documents: Annotated[bool | None, Meta(description="Whether it takes documents such as PDF.")] = None
    tools: Annotated[bool | None, Meta(description="Whether it calls tools.")] = None
    temperature: Annotated[bool | None, Meta(description="Whether it accepts sampling parameters.")] = None
    thinking: Annotated[Literal["adaptive", "budget", "level", "none"] | None, Meta(description="How the model is told to think: Claude `adaptive` or `budget`, Gemini `level` or `budget`; `none` for a model that does not.")] = None
    effort: Annotated[tuple[Pattern, ...], Meta(description="Effort levels it accepts, from the lowest up.")] = ()
    levels: Annotated[tuple[Pattern, ...], Meta(description="Thinking levels of Gemini it accepts, from the lowest up.")] = ()
    budget_min: Annotated[Tokens | None, Meta(description="Least thinking budget, tokens.")] = None
    budget_max: Annotated[Tokens | None, Meta(description="Largest thinking budget, tokens.")] = None
    mid_system: Annotated[bool | None, Meta(description="Claude: whether it accepts system messages between turns.")] = None
    signature_required: Annotated[bool | None, Meta(description="Gemini: whether thought signatures must come back.")] = None
    media_in_function_response: Annotated[bool | None, Meta(description="Gemini: whether function responses may carry media.")] = None
    gemini_schema: Annotated[Literal["json", "proto"] | None, Meta(description="Gemini: how it is told schemas; `proto` for services that know no `parametersJsonSchema`.")] = None
    provider: Annotated[Literal["developer", "vertex"] | None, Meta(description="Gemini: whose service it is, where the rules differ.")] = None
    token_param: Annotated[Literal["max_tokens", "max_completion_tokens"] | None, Meta(description="Chat: name of its output limit parameter.")] = None
    custom_tools: Annotated[bool | None, Meta(description="Chat: whether it accepts custom tools.")] = None
    echo_reasoning: Annotated[bool | None, Meta(description="Chat: whether reasoning must be sent back as `reasoning_content`.")] = None
    user_after_tool: Annotated[bool | None, Meta(description="Chat: whether the user may speak right after results of tools; if not, the assistant is made to say a word between them.")] = None
    cache_marks: Annotated[bool | None, Meta(description="OpenAI: whether it takes explicit cache breakpoints.")] = None


class ProviderRules(Section, frozen=True):
    """Where a provider is, what it speaks and serves."""

    secrets = frozenset({"proxy", "headers"})

    format: Annotated[FormatName | UnsetType, Meta(description="Wire format it speaks; presets know theirs.")] = UNSET
    base_url: Annotated[str, Meta(max_length=2000, description="Address as the vendor's SDK takes it: OpenAI formats with `/v1`, others without a version; presets know theirs.")] = ""
    also_speaks: Annotated[tuple[FormatName, ...] | UnsetType, Meta(description="Further formats it takes at the same address; requests in them are not translated. Presets know theirs, at their own address.")] = UNSET
    models: Annotated[tuple[Pattern, ...], Meta(description="Model ids it serves; `*` is a wildcard, `!` in front excludes.")] = ("*",)
    list_models: Annotated[bool, Meta(description="Whether it is asked now and then which models it serves.")] = True
    prefixes: Annotated[tuple[Identifier, ...], Meta(description="Further names to address its models by, as `prefix/model`.")] = ()
    strategy: Annotated[Strategy, Meta(description="How a credential is picked among those of the highest priority that are available.")] = "round_robin"
    sticky_requests: Annotated[int, Meta(ge=1, le=1_000_000, description="With `round_robin`: how many requests in a row go to one credential.")] = 1
    session_affinity: Annotated[bool, Meta(description="Whether a conversation stays with the credential that holds its prompt cache, as long as that does not rest.")] = True
    rests: Annotated[bool, Meta(description="Whether its credentials rest after failures that are theirs.")] = True
    variables: Annotated[dict[Identifier, Annotated[str, Meta(max_length=200)]], Meta(description="Values for the places in a preset's address, such as `region`, `project` or `resource`.")] = field(default_factory=dict)
    quirks: Annotated[tuple[Quirk, ...] | UnsetType, Meta(description="Fixes its requests need, by name; presets know theirs.")] = UNSET
    failures: Annotated[tuple[FailureSettings, ...], Meta(description="What its errors mean, where that is known better here.")] = ()
    proxy: Annotated[str, Meta(max_length=2000, description="Proxy for this provider; `none` for no proxy; empty follows `upstream.proxy`.")] = ""
    headers: Annotated[dict[Pattern, Annotated[str, Meta(max_length=8000)]], Meta(description="Headers added to every request to this provider.")] = field(default_factory=dict)
    drop_fields: Annotated[tuple[Pattern, ...], Meta(description="Fields of a request that this provider refuses, though its format has them; they are left out, and named in `x-sluicegate-dropped`.")] = ()
    forward_headers: Annotated[tuple[Pattern, ...], Meta(description="Further client headers passed to this provider, by name; `baggage` only where it is named here.")] = ()
    stream_usage: Annotated[
        bool,
        Meta(description="Whether streams are asked for usage; `false` for a server that refuses `stream_options`."),
    ] = True
    model_facts: Annotated[tuple[ModelFactsSettings, ...], Meta(description="What its models can do.")] = ()


class ProviderSettings(ProviderRules, frozen=True, kw_only=True):
    """An upstream service: a preset of the catalogue, or a server of your own."""

    id: Annotated[Identifier, Meta(description="Preset id, or a new name. Clients address its models as `id/model`.")]
    credentials: Annotated[tuple[CredentialSettings, ...], Meta(description="Its credentials in order of priority; none for a server that asks for no key.")] = ()


class PriceRates(Section, frozen=True):
    """USD per million tokens of each kind."""

    input: Annotated[float, Meta(ge=0, description="Input that was not cached.")]
    output: Annotated[float, Meta(ge=0, description="Output.")]
    cache_read: Annotated[Usd | None, Meta(description="Input read from the provider's cache; the input price where unset.")] = None
    cache_write: Annotated[Usd | None, Meta(description="Input written to the provider's cache; the input price where unset.")] = None
    cache_write_1h: Annotated[Usd | None, Meta(description="The same, to be kept for an hour; twice the input price where unset and `cache_write` is given, else as `cache_write`.")] = None
    reasoning: Annotated[Usd | None, Meta(description="Output spent on reasoning; the output price where unset.")] = None
    input_audio: Annotated[Usd | None, Meta(description="Input that is audio; the input price where unset.")] = None
    output_audio: Annotated[Usd | None, Meta(description="Output that is audio; the output price where unset.")] = None
    input_image: Annotated[Usd | None, Meta(description="Input that is images; the input price where unset.")] = None
    output_image: Annotated[Usd | None, Meta(description="Output that is images; the output price where unset.")] = None


class PriceTierSettings(PriceRates, frozen=True, kw_only=True):
    """Other prices for the whole of a request whose prompt is longer."""

    above: Annotated[Count, Meta(description="Tokens of prompt beyond which they hold.")]


class PriceSettings(PriceRates, frozen=True, kw_only=True):
    """A price override, USD per million tokens. The first match wins."""

    model: Annotated[str, Meta(max_length=300, description="`provider/model`; `*` is a wildcard.")]
    request: Annotated[Usd | None, Meta(description="USD for each request beside its tokens.")] = None
    tiers: Annotated[tuple[PriceTierSettings, ...], Meta(description="Prices of long prompts.")] = ()


class AliasSettings(Section, frozen=True):
    """Another name for a model."""

    name: Annotated[str, Meta(min_length=1, max_length=200, description="What clients may ask for; one `*` stands for anything.")]
    target: Annotated[str, Meta(min_length=1, max_length=300, description="`provider/model`, a combo or another alias; `*` in it is what stood for the `*` of the name.")]


class ComboSettings(Section, frozen=True):
    """A named, ordered list of models."""

    name: Annotated[str, Meta(min_length=1, max_length=200, description="What clients may ask for.")]
    targets: Annotated[tuple[Pattern, ...], Meta(min_length=1, description="`provider/model`, an alias or another combo each.")]
    strategy: Annotated[ComboStrategy, Meta(description="`fallback` tries them in order; the others pick the one to begin with.")] = "fallback"
    weights: Annotated[tuple[Annotated[int, Meta(ge=1, le=1000)], ...], Meta(description="With `weighted`: the share of each target.")] = ()
    attempts: Annotated[Annotated[int, Meta(ge=1, le=16)] | None, Meta(description="Most attempts for one request; `retries.attempts` where unset.")] = None
    next_on: Annotated[tuple[Fault, ...], Meta(description="Failures after which the next target is tried although the request seems to be at fault, such as `context_too_long`.")] = ()
    stop_on: Annotated[tuple[Fault, ...], Meta(description="Failures that are the answer, although another target might do better.")] = ()
    hedge_ms: Annotated[Annotated[int, Meta(ge=1, le=600_000)] | None, Meta(description="Milliseconds without a first token after which the next target is asked as well; the one that is slower is given up.")] = None


class LimitRuleSettings(LimitRules, frozen=True, kw_only=True):
    """Limits of users, teams, models, or of everybody together."""

    name: Annotated[Word, Meta(description="Name of the rule; unique.")]
    per: Annotated[LimitSubject, Meta(description="Whom or what it counts: each `key`, `user`, `team` or `model` by itself, or `everybody` together.")]
    match: Annotated[Pattern, Meta(description="Which of them: id of the user or team, name of the key, `provider/model`; `*` is a wildcard.")] = "*"
    together: Annotated[bool, Meta(description="Whether all that match are counted as one.")] = False

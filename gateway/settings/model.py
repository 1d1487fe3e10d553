"""What an operator can say, as types. Where it was said (file, environment, line) is `load`'s business.

Every field carries its own documentation: `docs/settings.md` is generated from it. Durations are seconds, sizes bytes,
money USD. Unknown names are errors.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

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
CredentialStrategy = Literal["round_robin", "fill_first"]
ComboStrategy = Literal["fallback", "round_robin"]
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


class ServerSettings(Section):
    """The public port, the processes and the data directory."""

    listen: Annotated[str, Meta(description="Address and port of the public endpoint, `HOST:PORT`; IPv6 in brackets.")] = "127.0.0.1:8080"
    workers: Annotated[int, Meta(ge=1, le=256, description="Relay worker processes. One carries thousands of requests a second.")] = 1
    data_dir: Annotated[str, Meta(description="Directory of everything the gateway keeps; made with mode 0700.")] = "./data"
    drain_seconds: Annotated[float, Meta(ge=0, description="After SIGTERM, how long running requests and streams may take to finish.")] = 30.0
    max_body_bytes: Annotated[int, Meta(ge=1024, description="Largest request body accepted; larger ones are answered with 413 without being read.")] = 32 * 1024 * 1024
    max_requests: Annotated[int, Meta(ge=1, description="Requests and streams one worker holds at once; more wait to be accepted.")] = 16384
    header_timeout_seconds: Annotated[float, Meta(gt=0, description="How long a client may take to send its request headers; an idle connection is closed after the same time.")] = 30.0
    body_timeout_seconds: Annotated[float, Meta(gt=0, description="Longest silence while a client sends its request body.")] = 60.0
    trusted_proxies: Annotated[tuple[str, ...], Meta(description="Networks of reverse proxies whose `X-Forwarded-For`, `-Proto` and `-Host` are believed, as `10.1.0.0/16` or one address; `unix` for the other end of a Unix socket.")] = ()
    public_url: Annotated[str, Meta(description="Address of the gateway as browsers know it, such as `https://llm.example.com`; empty takes it from each request.")] = ""
    watch_config: Annotated[bool, Meta(description="Whether a changed configuration file is read anew by itself; SIGHUP and the management API ask for it at any time.")] = True
    cors_origins: Annotated[tuple[str, ...], Meta(description='Origins that browsers may call from; `["*"]` for any; empty switches CORS off.')] = ()
    access_log: Annotated[bool, Meta(description="One structured line a request on standard error.")] = True
    log_level: Annotated[LogLevel, Meta(description="Least severe messages written.")] = "info"
    log_format: Annotated[LogFormat, Meta(description="`json` for machines, `console` for eyes.")] = "json"


class StreamSettings(Section):
    """How streamed answers are carried."""

    keepalive_seconds: Annotated[float, Meta(ge=0, description="Silence of the provider after which a keep-alive is sent to the client; 0 switches it off.")] = 10.0
    idle_timeout_seconds: Annotated[float, Meta(gt=0, description="Silence of the provider, once the stream has begun, after which it counts as dead.")] = 300.0
    commit_seconds: Annotated[float, Meta(ge=0, description="How long a stream that has begun without content is held back, so that a failure can still be answered with a status or by another provider; 0 holds it until there is content.")] = 5.0
    window_bytes: Annotated[int, Meta(ge=16384, description="Most bytes held for a client that stops reading before its provider is made to wait.")] = 256 * 1024
    client_stall_seconds: Annotated[float, Meta(gt=0, description="How long a client may take nothing of an answer that is waiting for it before it is dropped.")] = 300.0


class UpstreamSettings(Section):
    """Connections to providers; a provider may override `proxy`."""

    secrets = frozenset({"proxy"})

    connect_timeout_seconds: Annotated[float, Meta(gt=0, description="Name look-up and TCP connect, proxy included.")] = 10.0
    tls_timeout_seconds: Annotated[float, Meta(gt=0, description="TLS handshake.")] = 10.0
    first_byte_timeout_seconds: Annotated[float, Meta(gt=0, description="From the last byte sent to the first byte of the answer.")] = 600.0
    idle_timeout_seconds: Annotated[float, Meta(gt=0, description="Silence within the body of an answer that is not streamed.")] = 120.0
    max_connections: Annotated[int, Meta(ge=1, description="Connections to one origin in one worker, busy and idle.")] = 4096
    max_idle_connections: Annotated[int, Meta(ge=0, description="Idle connections kept to one origin in one worker.")] = 256
    idle_seconds: Annotated[float, Meta(ge=0, description="How long an idle connection is kept.")] = 60.0
    max_header_bytes: Annotated[int, Meta(ge=1024, description="Largest response head accepted from a provider.")] = 64 * 1024
    max_reply_bytes: Annotated[int, Meta(ge=1024, description="Unpacked size from which a compressed answer that grows more than a hundredfold is refused.")] = 128 * 1024 * 1024
    proxy: Annotated[str, Meta(description="Proxy for every provider (`http://`, `https://`, `socks5://`, `socks5h://`); empty uses HTTP(S)_PROXY, ALL_PROXY and NO_PROXY; `none` uses no proxy.")] = ""
    ca_file: Annotated[str, Meta(description="PEM file of further certificate authorities to trust.")] = ""


class UsageSettings(Section):
    """How usage records travel from the workers to the analytics store."""

    segment_seconds: Annotated[float, Meta(gt=0, description="Age at which a worker closes its spool segment.")] = 0.5
    segment_bytes: Annotated[int, Meta(ge=4096, description="Size at which a worker closes its spool segment.")] = 8 * 1024 * 1024
    spool_max_bytes: Annotated[int, Meta(ge=1024 * 1024, description="Spool size beyond which new records are dropped and counted, should the control process be away for long.")] = 2 * 1024 * 1024 * 1024
    duckdb_memory_limit: Annotated[str, Meta(description="Memory limit of the analytics store, as DuckDB writes it.")] = "1GB"


class ResponsesSettings(Section):
    """What is kept of answers on `/v1/responses`, so that `previous_response_id` works with every provider."""

    store: Annotated[bool, Meta(description="Whether responses are kept whose client did not say `store: false`.")] = True
    keep_hours: Annotated[float, Meta(gt=0, le=876_000, description="How long a response is kept.")] = 720.0
    max_bytes: Annotated[int, Meta(ge=1024, description="Largest response kept, with the items its request added; a larger one cannot be referred to.")] = 1024 * 1024


class MediaSettings(Section):
    """Getting what URLs in prompts lead to, for providers that take only the content itself."""

    fetch: Annotated[bool, Meta(description="Whether URLs of images and documents are fetched where the provider takes none.")] = True
    max_bytes: Annotated[int, Meta(ge=1024, description="Largest image or document fetched.")] = 20 * 1024 * 1024
    max_urls: Annotated[int, Meta(ge=1, description="Most URLs fetched for one request.")] = 16
    timeout_seconds: Annotated[float, Meta(gt=0, description="How long one may take.")] = 20.0
    allow: Annotated[tuple[str, ...], Meta(description="Networks that may be fetched from although they are private, as `10.1.0.0/16` or one address.")] = ()


class DatabaseSettings(Section):
    """Where the operational state is: users, keys, credentials, settings. Read once, at the start."""

    secrets = frozenset({"url"})

    url: Annotated[str, Meta(description="`postgresql://user:password@host/name` shares the state between machines; empty keeps it in SQLite in the data directory. May hold a password: `SLUICEGATE_DATABASE__URL` keeps it out of the file.")] = ""
    timeout_seconds: Annotated[float, Meta(gt=0, description="How long one question to the database may take.")] = 10.0


class VaultSettings(Section):
    """The key that seals the secrets kept in the database. Read once, at the start."""

    secrets = frozenset({"key"})

    key: Annotated[str, Meta(description="32 bytes in base64. Prefer `key_env` or `key_file`. With none of the three the file `vault.key` in the data directory is used, and made at the first start.")] = ""
    key_env: Annotated[str, Meta(description="Environment variable that holds the key.")] = ""
    key_file: Annotated[str, Meta(description="File that holds the key, or a credential of the systemd unit; a relative path starts at the configuration file.")] = ""


class NetworkSettings(Section):
    """Where the gateway may connect to on behalf of those who use its API, dashboard or OpenID login."""

    allow: Annotated[tuple[str, ...], Meta(description="Private networks that addresses given by API or dashboard may lead to, as `10.1.0.0/16` or one address. What the configuration file says is always allowed.")] = ()


class LoginRoleSettings(Section):
    """Which role a group of an OpenID provider gives. The first that matches counts."""

    group: Annotated[str, Meta(min_length=1, description="Name of the group as the provider says it; `*` is a wildcard.")]
    role: Annotated[RoleName, Meta(description="Role of its members.")]


class LoginProviderSettings(Section):
    """An OpenID provider that people may log in with, or GitHub."""

    secrets = frozenset({"client_secret"})

    id: Annotated[Identifier, Meta(description="Name in addresses: `/login/<id>/callback` is what the provider must be told.")]
    client_id: Annotated[str, Meta(min_length=1, description="Id of this gateway at the provider.")]
    kind: Annotated[LoginKind, Meta(description="`google`, `microsoft` and `github` know their addresses; `oidc` is any other with an `issuer`.")] = "oidc"
    label: Annotated[str, Meta(max_length=60, description="What the button says; the id where it is empty.")] = ""
    issuer: Annotated[str, Meta(description="Issuer, as its discovery document says it. Microsoft: `https://login.microsoftonline.com/<tenant>/v2.0`; GitHub Enterprise: the address of the server.")] = ""
    client_secret: Annotated[str, Meta(description="Its secret. Prefer `client_secret_env` or `client_secret_file`.")] = ""
    client_secret_env: Annotated[str, Meta(description="Environment variable that holds the secret.")] = ""
    client_secret_file: Annotated[str, Meta(description="File that holds the secret; a relative path starts at the configuration file.")] = ""
    scopes: Annotated[tuple[str, ...], Meta(description="Scopes asked for; empty for those usual with the kind.")] = ()
    groups_claim: Annotated[str, Meta(description="Claim that lists a user's groups. For GitHub groups are `organization` and `organization/team`.")] = "groups"
    allowed_domains: Annotated[tuple[str, ...], Meta(description="Domains of e-mail addresses that may log in; empty allows any.")] = ()
    default_role: Annotated[RoleName, Meta(description="Role of a new user whom no group gives one; `pending` waits for an admin.")] = "pending"
    roles: Annotated[tuple[LoginRoleSettings, ...], Meta(description="Roles by group; taken anew at each login.")] = ()


class LoginSettings(Section):
    """How people log in to the dashboard and how long a session lasts."""

    passwords: Annotated[bool, Meta(description="Whether users may log in with a password.")] = True
    insecure: Annotated[bool, Meta(description="Whether logins over plain HTTP are accepted from other machines. Anybody on the way can read them.")] = False
    idle_minutes: Annotated[float, Meta(gt=0, description="How long a session lasts without a request.")] = 480.0
    session_hours: Annotated[float, Meta(gt=0, description="How long a session lasts at most.")] = 168.0
    providers: Annotated[tuple[LoginProviderSettings, ...], Meta(description="OpenID providers.")] = ()


class KeyRules(Section, frozen=True):
    """What a client key may use, and its limits."""

    models: Annotated[tuple[Pattern, ...], Meta(description="Models the key may use, as the client names them; `*` is a wildcard.")] = ("*",)
    providers: Annotated[tuple[Pattern, ...], Meta(description="Providers the key may use, by id; `*` is a wildcard.")] = ("*",)
    credentials: Annotated[tuple[Pattern, ...], Meta(description="Credentials the key may use, as `provider/name`; `*` is a wildcard.")] = ("*",)
    endpoints: Annotated[tuple[Pattern, ...], Meta(description="Endpoints the key may use, as `/v1/chat/completions`; `*` is a wildcard.")] = ("*",)
    expires_at: Annotated[str, Meta(max_length=64, description="Date or instant (RFC 3339) from which the key is refused; empty for never.")] = ""
    paused: Annotated[bool, Meta(description="Whether the key is refused for now.")] = False
    tags: Annotated[tuple[Word, ...], Meta(description="Words to find the key by.")] = ()
    strict: Annotated[bool, Meta(description="Whether requests are refused of which a translation would have to drop something; a client may ask for the same with `x-sluicegate-strict: 1`.")] = False
    requests_per_minute: Annotated[Count | None, Meta(description="Limit on requests a minute.")] = None
    tokens_per_minute: Annotated[Count | None, Meta(description="Limit on tokens a minute.")] = None
    max_parallel: Annotated[Count | None, Meta(description="Limit on requests at once.")] = None
    requests_per_month: Annotated[Count | None, Meta(description="Quota of requests a calendar month.")] = None
    tokens_per_month: Annotated[Count | None, Meta(description="Quota of tokens a calendar month.")] = None
    budget_usd: Annotated[Usd | None, Meta(description="Budget in USD for `budget_period`.")] = None
    budget_period: Annotated[BudgetPeriod, Meta(description="Period after which the budget begins anew.")] = "month"


class ClientKeySettings(KeyRules, frozen=True, kw_only=True):
    """A key that clients call with."""

    secrets = frozenset({"key"})

    name: Annotated[Identifier, Meta(description="Name of the key in usage records and logs; unique.")]
    key: Annotated[str, Meta(description="The key itself. Prefer `key_env` or `key_file`.")] = ""
    key_env: Annotated[str, Meta(description="Environment variable that holds the key.")] = ""
    key_file: Annotated[str, Meta(description="File that holds the key; a relative path starts at the configuration file.")] = ""


class CredentialSettings(Section):
    """One secret that a provider accepts."""

    secrets = frozenset({"api_key"})

    name: Annotated[Identifier, Meta(description="Name of the credential in usage records and headers; unique within its provider.")]
    api_key: Annotated[str, Meta(description="The secret itself. Prefer `api_key_env` or `api_key_file`.")] = ""
    api_key_env: Annotated[str, Meta(description="Environment variable that holds the secret.")] = ""
    api_key_file: Annotated[str, Meta(description="File that holds the secret; a relative path starts at the configuration file.")] = ""


class ModelFactsSettings(Section):
    """What models of a provider can do, where the catalogue does not know it or is wrong. The first table that matches a model and says something decides it."""

    model: Annotated[str, Meta(max_length=300, description="Model id; `*` is a wildcard.")]
    max_output: Annotated[Count | None, Meta(description="Most output tokens.")] = None
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
    models: Annotated[tuple[Pattern, ...], Meta(description="Model ids it serves; `*` is a wildcard.")] = ("*",)
    strategy: Annotated[CredentialStrategy, Meta(description="How a credential is picked.")] = "round_robin"
    proxy: Annotated[str, Meta(max_length=2000, description="Proxy for this provider; `none` for no proxy; empty follows `upstream.proxy`.")] = ""
    headers: Annotated[dict[Pattern, Annotated[str, Meta(max_length=8000)]], Meta(description="Headers added to every request to this provider.")] = field(default_factory=dict)
    drop_fields: Annotated[tuple[Pattern, ...], Meta(description="Fields of a request that this provider refuses, though its format has them; they are left out, and named in `x-sluicegate-dropped`.")] = ()
    forward_headers: Annotated[tuple[Pattern, ...], Meta(description="Further client headers passed to this provider, by name.")] = ()
    stream_usage: Annotated[
        bool,
        Meta(description="Whether streams are asked for usage; `false` for a server that refuses `stream_options`."),
    ] = True
    model_facts: Annotated[tuple[ModelFactsSettings, ...], Meta(description="What its models can do.")] = ()


class ProviderSettings(ProviderRules, frozen=True, kw_only=True):
    """An upstream service: a preset of the catalogue, or a server of your own."""

    id: Annotated[Identifier, Meta(description="Preset id, or a new name. Clients address its models as `id/model`.")]
    credentials: Annotated[tuple[CredentialSettings, ...], Meta(description="Its credentials in order of priority; none for a server that asks for no key.")] = ()


class PriceSettings(Section, frozen=True):
    """A price override, USD per million tokens. The first match wins."""

    model: Annotated[str, Meta(max_length=300, description="`provider/model`; `*` is a wildcard.")]
    input: Annotated[float, Meta(ge=0, description="Input that was not cached.")]
    output: Annotated[float, Meta(ge=0, description="Output, reasoning included.")]
    cache_read: Annotated[Usd | None, Meta(description="Input read from the provider's cache; the input price where unset.")] = None
    cache_write: Annotated[Usd | None, Meta(description="Input written to the provider's cache; the input price where unset.")] = None


class AliasSettings(Section, frozen=True):
    """Another name for a model."""

    name: Annotated[str, Meta(min_length=1, max_length=200, description="What clients may ask for.")]
    target: Annotated[str, Meta(min_length=1, max_length=300, description="`provider/model`, or a combo.")]


class ComboSettings(Section, frozen=True):
    """A named, ordered list of models."""

    name: Annotated[str, Meta(min_length=1, max_length=200, description="What clients may ask for.")]
    targets: Annotated[tuple[Pattern, ...], Meta(min_length=1, description="`provider/model` each.")]
    strategy: Annotated[ComboStrategy, Meta(description="`fallback` tries them in order; `round_robin` begins with the next one each time.")] = "fallback"


class Settings(Section):
    """Everything an operator can say. Secrets are resolved: `key` and `api_key` hold values once loaded."""

    server: ServerSettings = ServerSettings()
    stream: StreamSettings = StreamSettings()
    upstream: UpstreamSettings = UpstreamSettings()
    usage: UsageSettings = UsageSettings()
    responses: ResponsesSettings = ResponsesSettings()
    media: MediaSettings = MediaSettings()
    database: DatabaseSettings = DatabaseSettings()
    vault: VaultSettings = VaultSettings()
    network: NetworkSettings = NetworkSettings()
    login: LoginSettings = LoginSettings()
    client_keys: tuple[ClientKeySettings, ...] = ()
    providers: tuple[ProviderSettings, ...] = ()
    prices: tuple[PriceSettings, ...] = ()
    aliases: tuple[AliasSettings, ...] = ()
    combos: tuple[ComboSettings, ...] = ()

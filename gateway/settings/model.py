"""What an operator can say, as types. Where it was said (file, environment, line) is `load`'s business.

Every field carries its own documentation: `docs/settings.md` is generated from it. Durations are seconds, sizes bytes,
money USD. Unknown names are errors.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from gateway.settings.alerting import AlertSettings
from gateway.settings.objects import (
    AliasSettings,
    ClientKeySettings,
    ComboSettings,
    LimitRuleSettings,
    PriceSettings,
    ProviderSettings,
)
from gateway.settings.section import (
    Count,
    Identifier,
    LogFormat,
    LoginKind,
    LogLevel,
    NonNegativeSeconds,
    RoleName,
    Seconds,
    Section,
)


class ServerSettings(Section):
    """The public port, the processes and the data directory."""

    listen: Annotated[str, Meta(description="Address and port of the public endpoint, `HOST:PORT`; IPv6 in brackets.")] = "127.0.0.1:8080"
    workers: Annotated[int, Meta(ge=1, le=64, description="Relay worker processes. One carries thousands of requests a second.")] = 1
    node: Annotated[str, Meta(max_length=100, description="Name of this machine in usage records; empty takes its host name.")] = ""
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


class BucketSettings(Section):
    """Where the archive is copied to: a bucket of S3, or of what speaks its API (MinIO, R2, Ceph). It asks for the extra `s3`; without a `url` nothing is copied. A change holds from the next copy on."""

    secrets = frozenset({"secret_access_key"})

    url: Annotated[str, Meta(max_length=1000, description="Bucket, and what names of files in it begin with: `s3://bucket/prefix`. Each gateway asks for a prefix of its own.")] = ""
    endpoint: Annotated[str, Meta(max_length=2000, description="Address of the service, such as `https://minio.example.com`; the bucket then stands in the path. Empty is AWS.")] = ""
    region: Annotated[Identifier, Meta(description="Region that requests are signed for; of R2 `auto`.")] = "us-east-1"
    access_key_id: Annotated[str, Meta(max_length=256, description="Id of the access key. Without one the environment is asked as AWS has it (`AWS_ACCESS_KEY_ID` and the like), then the role of the container or machine.")] = ""
    secret_access_key: Annotated[str, Meta(max_length=1024, description="Its secret. Prefer `secret_access_key_env` or `secret_access_key_file`.")] = ""
    secret_access_key_env: Annotated[str, Meta(description="Environment variable that holds the secret.")] = ""
    secret_access_key_file: Annotated[str, Meta(description="File that holds the secret; a relative path starts at the configuration file.")] = ""
    allow_http: Annotated[bool, Meta(description="Whether `endpoint` may be an `http://` address: usage records can then be read on the way.")] = False
    days: Annotated[int, Meta(ge=0, le=36_500, description="Whole days before today of which files are kept in the bucket; 0 keeps them for ever.")] = 0


class UsageSettings(Section):
    """How usage records travel from the workers to the analytics store, and how long they are kept."""

    segment_seconds: Annotated[float, Meta(gt=0, description="Age at which a worker closes its spool segment.")] = 0.5
    segment_bytes: Annotated[int, Meta(ge=4096, description="Size at which a worker closes its spool segment.")] = 8 * 1024 * 1024
    spool_max_bytes: Annotated[int, Meta(ge=1024 * 1024, description="Spool size beyond which new records are dropped and counted, should the control process be away for long.")] = 2 * 1024 * 1024 * 1024
    duckdb_memory_limit: Annotated[str, Meta(description="Memory limit of the analytics store, as DuckDB writes it.")] = "1GB"
    retention_days: Annotated[int, Meta(ge=0, le=36_500, description="Whole days (UTC) before today of which every request is kept; of older ones there are sums by day. 0 keeps them for ever.")] = 90
    rollup_days: Annotated[int, Meta(ge=0, le=36_500, description="Whole days before today of which sums by day are kept; of older ones there is what was spent in all. 0 keeps them for ever.")] = 730
    archive: Annotated[str, Meta(description="Directory for a Parquet file of each day, in its directory `usage`; a relative path starts in the data directory, and empty writes none. Read at the start.")] = "archive"
    archive_days: Annotated[int, Meta(ge=0, le=36_500, description="Whole days before today of which these files are kept; 0 keeps them for ever.")] = 90
    bucket: Annotated[BucketSettings, Meta(description="A bucket that these files are copied to.")] = BucketSettings()


class CaptureSettings(Section):
    """What is kept of what was said: headers and bodies of requests and answers on all sides, redacted and sealed."""

    mode: Annotated[Literal["off", "errors", "sampled", "all"], Meta(description="Of which requests: of none, of those that went wrong, of a `share` of all and of those that went wrong, or of all.")] = "off"
    share: Annotated[float, Meta(ge=0, le=1, description="With `sampled`: share of the requests that went well, from 0 to 1.")] = 0.01
    max_bytes: Annotated[int, Meta(ge=1024, le=8 * 1024 * 1024, description="Most bytes kept of one body; the rest is cut off.")] = 256 * 1024
    keep_days: Annotated[float, Meta(gt=0, le=36_500, description="How long captures are kept.")] = 7.0
    max_total_bytes: Annotated[int, Meta(ge=1024 * 1024, description="Disk space for all captures of this machine; the oldest go first.")] = 2 * 1024 * 1024 * 1024
    redact: Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=300)], ...], Meta(max_length=32, description="Regular expressions (RE2) of what else is replaced by `[redacted]` before anything is kept. Secrets of the usual shapes always are.")] = ()


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


class RetrySettings(Section):
    """How often and how fast a request that failed is tried again. Never once the client has had a byte of its answer."""

    attempts: Annotated[int, Meta(ge=1, le=16, description="Most attempts for one request, over all credentials and targets.")] = 4
    pause_seconds: Annotated[NonNegativeSeconds, Meta(description="Pause before the same credential is tried again; doubled each time, and varied by chance.")] = 0.25
    longest_pause_seconds: Annotated[Seconds, Meta(description="Longest such pause.")] = 8.0
    longest_wait_seconds: Annotated[NonNegativeSeconds, Meta(description="How long a request waits, at most, for a credential whose rest is about to end when all others rest as well.")] = 2.0


class RestSettings(Section):
    """How long credentials and models rest after failures that are theirs."""

    enabled: Annotated[bool, Meta(description="Whether anybody rests at all; `rests` of a provider says it for that one.")] = True
    first_seconds: Annotated[Seconds, Meta(description="Rest after a rate limit for which the provider names no time; doubled with each that follows.")] = 1.0
    longest_backoff_seconds: Annotated[Seconds, Meta(description="Longest rest made of doubling.")] = 300.0
    longest_seconds: Annotated[Seconds, Meta(description="Longest rest at all, whatever a provider asks for.")] = 3600.0
    probe_seconds: Annotated[NonNegativeSeconds, Meta(description="Every so often one request tries a credential that still rests, so that it recovers as soon as its provider lets it; 0 for never.")] = 60.0
    breaker_failures: Annotated[int, Meta(ge=0, description="Failures of a target in a row after which nobody is sent there for a while; 0 for never.")] = 5
    breaker_seconds: Annotated[Seconds, Meta(description="How long that is; doubled while it fails on.")] = 10.0
    breaker_longest_seconds: Annotated[Seconds, Meta(description="How long at most.")] = 300.0


class LimitSettings(Section):
    """How limits, quotas and budgets are counted, and those that are not of a single key."""

    secrets = frozenset({"redis_url"})

    rules: Annotated[tuple[LimitRuleSettings, ...], Meta(description="Limits of users, teams, models and everybody.")] = ()
    time_zone: Annotated[str, Meta(max_length=60, description="Time zone in which days, weeks and months begin, such as `Europe/Berlin`.")] = "UTC"
    output_tokens: Annotated[Count, Meta(description="Output tokens for which money is set aside where neither request nor model bounds them.")] = 32768
    redis_url: Annotated[str, Meta(max_length=2000, description="`redis://` or `rediss://` address of a Redis or Valkey in which several gateways count together; empty counts on this machine.")] = ""
    redis_timeout_seconds: Annotated[Seconds, Meta(description="How long one question to it may take.")] = 0.5
    redis_away: Annotated[Literal["local", "refuse"], Meta(description="While it does not answer: count on this machine alone, with limits divided by `nodes`, or refuse what is limited.")] = "local"
    nodes: Annotated[int, Meta(ge=1, le=1000, description="How many gateways share it.")] = 1


class RegistrySettings(Section):
    """Where prices and what models can do are learnt from."""

    url: Annotated[str, Meta(max_length=2000, description="Address of the price list, in the form of https://models.dev/api.json.")] = "https://models.dev/api.json"
    refresh_hours: Annotated[NonNegativeSeconds, Meta(description="How often it is fetched; 0 for never: then the list that came with this version holds.")] = 24.0
    suspicious_factor: Annotated[float, Meta(gt=1, description="A price that changes by this factor or more is not believed.")] = 10.0
    models_minutes: Annotated[NonNegativeSeconds, Meta(description="How often providers are asked for the models they serve; 0 for never.")] = 60.0


class LiveSettings(Section):
    """Watching what happens while it happens."""

    max_viewers: Annotated[int, Meta(ge=1, le=10_000, description="How many may watch at once, pages of the dashboard included; more are answered with 503.")] = 100


class TraceSettings(Section):
    """Traces of exchanges for an OpenTelemetry collector; they ask for the extra `otel`."""

    secrets = frozenset({"headers"})

    enabled: Annotated[bool, Meta(description="Whether exchanges leave traces.")] = False
    endpoint: Annotated[str, Meta(max_length=2000, description="Where they are sent, by OTLP over HTTP.")] = "http://127.0.0.1:4318/v1/traces"
    headers: Annotated[str, Meta(max_length=8000, description="Headers that the collector asks for, as `name=value,name=value` with `%2C` for a comma in a value; as OTEL_EXPORTER_OTLP_HEADERS has them. Prefer `headers_env` or `headers_file`.")] = ""
    headers_env: Annotated[str, Meta(description="Environment variable that holds them, such as OTEL_EXPORTER_OTLP_HEADERS.")] = ""
    headers_file: Annotated[str, Meta(description="File that holds them; a relative path starts at the configuration file.")] = ""
    sample: Annotated[float, Meta(ge=0, le=1, description="Share of the traces that begin here that are kept. Of a trace that began elsewhere, whoever began it has decided.")] = 1.0
    service_name: Annotated[str, Meta(min_length=1, max_length=200, description="What the gateway is called in traces.")] = "sluicegate"
    timeout_seconds: Annotated[Seconds, Meta(description="How long the collector may take for one batch.")] = 10.0
    pass_on: Annotated[Literal["always", "sampled", "never"], Meta(description="Whether providers are told of the trace, in `traceparent` and `tracestate`: `always`, of `sampled` ones only, or `never`. While tracing is off, what clients say goes along as it is, unless this is `never`. With `never` no provider gets `baggage` either, whatever its `forward_headers` name.")] = "always"  # noqa: S105 # nothing of a password


class Settings(Section):
    """Everything an operator can say. Secrets are resolved: `key` and `api_key` hold values once loaded."""

    server: ServerSettings = ServerSettings()
    stream: StreamSettings = StreamSettings()
    upstream: UpstreamSettings = UpstreamSettings()
    usage: UsageSettings = UsageSettings()
    responses: ResponsesSettings = ResponsesSettings()
    capture: CaptureSettings = CaptureSettings()
    media: MediaSettings = MediaSettings()
    database: DatabaseSettings = DatabaseSettings()
    vault: VaultSettings = VaultSettings()
    network: NetworkSettings = NetworkSettings()
    login: LoginSettings = LoginSettings()
    retries: RetrySettings = RetrySettings()
    rests: RestSettings = RestSettings()
    limits: LimitSettings = LimitSettings()
    registry: RegistrySettings = RegistrySettings()
    live: LiveSettings = LiveSettings()
    alerts: AlertSettings = AlertSettings()
    traces: TraceSettings = TraceSettings()
    client_keys: tuple[ClientKeySettings, ...] = ()
    providers: tuple[ProviderSettings, ...] = ()
    prices: tuple[PriceSettings, ...] = ()
    aliases: tuple[AliasSettings, ...] = ()
    combos: tuple[ComboSettings, ...] = ()

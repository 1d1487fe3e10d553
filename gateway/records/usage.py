"""What is left of an exchange: the usage record, and responses that clients may refer to."""

from __future__ import annotations

from msgspec import Struct

from gateway.records.money import CostSource, Tokens, UsageSource


class AttemptRecord(Struct, frozen=True, gc=False):
    """One try of an exchange, as the usage record keeps it."""

    provider: str
    model: str
    credential: str
    status: int | None
    """HTTP status the provider answered; none when it did not answer."""
    error: str | None
    """Kind of failure (`gateway/errors/`), none when the attempt was the answer."""
    duration_us: int
    verdict: str | None = None
    """What was made of the failure: `retry`, `next_credential`, `next_target` or `stop`."""
    rest_us: int | None = None
    """How long the credential, or the model with it, was laid to rest for it."""
    reason: str | None = None
    """Why, in a word or two."""
    began_us: int | None = None
    """From the request seen to this attempt's being sent."""
    connect_us: int | None = None
    """How long a connection to the provider took to be made, TLS and proxy included; none when there was one."""
    head_us: int | None = None
    """From its being sent to the head of the answer, a new connection included; none when there was no answer."""
    rest_by: str | None = None
    """What of the answer told how long to rest: the name of a header, or `answer`; none where nothing did."""
    chosen_by: str | None = None
    """Why this credential: the strategy of its pool (`weighted 3/4`: its weight, of all), `priority`, `session` where
    it holds the conversation, `probe`, `resting` where it is tried although it rests, `again`, `hedge`, `pinned` where
    it alone has what is continued; none where it was the only one, or the next in line."""


class PassedOver(Struct, frozen=True, gc=False):
    """Somebody who could have answered an exchange, and was not asked when others were."""

    provider: str
    model: str
    credential: str | None
    """None: the target, with all of its credentials."""
    reason: str
    """What it rests for, `busy`, `key` and `paused`; of a target what it lacks, such as `no images`, that nobody knows
    its price (`unpriced`), or the code of the error with which it could not be asked."""
    until_us: int | None = None
    """Unix time in microseconds at which that ends, as it was known then; none where it does not, or nobody knew."""
    holds: bool = False
    """It holds the conversation, and with it the provider's cache."""


class UsageRecord(Struct, frozen=True, gc=False):
    """The row left by an exchange. Times are microseconds, money nano-USD, sizes bytes of body."""

    id: str
    """UUIDv7; also the value of `x-sluicegate-request-id`."""
    started_at_us: int
    """Unix time in microseconds at which the request was seen."""
    key: str | None
    """Name of the client key; none when the request was refused before a key was known."""
    endpoint: str
    """Path as in the endpoint table, e.g. `/v1/chat/completions`."""
    requested_model: str | None
    """What the client asked for."""
    provider: str | None
    model: str | None
    """The model id sent upstream."""
    credential: str | None
    status: int
    """HTTP status the client got; 499 when it left before one could be sent."""
    error: str | None
    """Kind of failure, e.g. `client_disconnected`, `upstream_timeout`, `invalid_key`; none for success."""
    stream: bool
    tokens: Tokens
    usage_source: UsageSource
    """Whose the numbers of tokens are: `reported`, `counted`, `estimated`, `none`."""
    cost_nano_usd: int | None
    """None when the model has no price."""
    attempts: tuple[AttemptRecord, ...]
    total_us: int
    """From the request seen to the last byte handed to the client."""
    first_byte_us: int | None
    """From the request seen to the first body byte handed to the client."""
    upstream_us: int
    """Time spent waiting on providers: every attempt, from sending to its last byte."""
    overhead_us: int
    """What we added before the first byte to the client: the time until then, less the wait for providers."""
    request_bytes: int
    response_bytes: int
    upstream_request_id: str | None
    user_agent: str | None
    worker: int
    dropped: tuple[str, ...] = ()
    """What translation could not carry over, in the client's words; `(emulated)` behind what was got by other means."""
    upstream_format: str | None = None
    """The dialect spoken with the provider."""
    key_id: str | None = None
    """What tells the key from others that had its name: its name in the configuration file, else `key:<uuid>`."""
    user_id: str | None = None
    """The user whom the key belonged to."""
    team_id: str | None = None
    """The team which the key belonged to."""
    cost_source: CostSource = "none"
    price: str | None = None
    """The row of the price list that the cost was reckoned by."""
    tags: tuple[str, ...] = ()
    """The key's own, and those of the request's `x-sluicegate-tags`."""
    via: str | None = None
    """The alias or combo by whose name the model was asked for, as it is configured; none where it was named itself."""
    answered_model: str | None = None
    """The model that the provider says has answered, where it is another than the one sent; none where it is the same,
    or the provider does not say, or said it in an answer too large to be held."""
    node: str | None = None
    """The machine, by `server.node`."""
    has_tools: bool | None = None
    """Whether tools were offered to the model; none where an endpoint knows no tools."""
    admitted_us: int | None = None
    """From the request seen to its being let in: head, body, key and limits; none when it was refused before that."""
    waited_us: int | None = None
    """Pauses between attempts: for a rest to end, or before the same is tried again."""
    trace_id: str | None = None
    """Of the trace that it is part of (W3C)."""
    captured: bool = False
    """Bodies and headers of all sides were handed to be kept (`[capture]`)."""
    ordered_by: str | None = None
    """Why this target: the strategy of the combo (`weighted 3/4`: its weight, of all), `session` where the conversation
    stays with it; none where there was no choice."""
    passed_over: tuple[PassedOver, ...] = ()
    """Who could have answered and was not asked, in the order in which that was found; a few of them."""
    passed_more: int = 0
    """How many more there were."""


class StoredResponse(Struct, frozen=True, gc=False, kw_only=True):
    """A response of the Responses API that its client may refer to by id. Times are Unix seconds."""

    id: str
    key: str
    """Id of the client key it was given to; nobody else sees it."""
    created_at: int
    expires_at: int
    previous_id: str | None
    """The response it continues."""
    provider: str
    credential: str | None
    model: str
    """As the client named it."""
    status: str
    """As the Response object says it, e.g. `completed`."""
    native: bool = False
    """The provider keeps it itself: we only know whose it is."""
    input: bytes | None = None
    """JSON array of the items its request added; none when native or omitted."""
    response: bytes | None = None
    """JSON of the whole Response object; none when native or omitted."""
    omitted: bool = False
    """It was larger than what is kept; set by the store."""

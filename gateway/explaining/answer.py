"""What an explanation tells, in the words of the API. Knows no way to find it out.

Money is nano-USD. Nothing here is a secret, and nothing of a prompt is repeated unless `bodies` asks for it.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from gateway.limits.limiter import LimitName
from gateway.routing.explain import State
from gateway.settings.instants import Moment

NanoUsd = Annotated[int, Meta(description="Billionths of a US dollar.")]


class Told(Struct, frozen=True, kw_only=True):
    """A part of an explanation."""


class Refusal(Told, frozen=True, kw_only=True):
    """What a client would hear instead of an answer."""

    status: int
    code: str
    message: str
    param: Annotated[str | None, Meta(description="The field at fault.")]
    retry_after_seconds: Annotated[float | None, Meta(description="When another try makes sense.")]


class ExplainedKey(Told, frozen=True, kw_only=True):
    """The client key that asks."""

    id: str
    name: str


class ExplainedSession(Told, frozen=True, kw_only=True):
    """The conversation that the request is part of."""

    source: Annotated[str, Meta(description="What tells it.")]
    holders: Annotated[
        dict[str, str], Meta(description="By provider, the credential that holds it: it goes before the others.")
    ]


class ExplainedStep(Told, frozen=True, kw_only=True):
    """A credential at a target, and what would become of it."""

    provider: str
    model: str
    credential: Annotated[str | None, Meta(description="`null` for a server that asks for none, or for all of them.")]
    state: Annotated[
        State,
        Meta(
            description="`first` is asked, `next` after those before it have failed, `beyond` would come after the "
            "last attempt there may be, `passed_over` is not asked at all."
        ),
    ]
    reason: Annotated[
        str,
        Meta(
            description="Why: what it rests for, `busy`, `session`, `probe`, `pinned`, `key`, `models`, `paused`; of a "
            "target what it cannot do, such as `no images` or `context 8192 < 20000`, or what keeps it from this "
            "request, such as `unpriced`. Empty where there is nothing to say."
        ),
    ]
    until: Annotated[Moment | None, Meta(description="When that ends, where anybody knows.")]
    chosen_by: Annotated[
        str,
        Meta(
            description="Of who is asked: how this credential is chosen, as `chosen_by` of an attempt in the usage "
            "record; empty for the only one, and for the next in line."
        ),
    ]
    ordered_by: Annotated[
        str,
        Meta(
            description="The same of its target, as `ordered_by` of the usage record; empty where there is no choice."
        ),
    ]


class ExplainedLimit(Told, frozen=True, kw_only=True):
    """How it stands with one limit."""

    subject: Annotated[str, Meta(description="Whom it counts.")]
    target: Annotated[str | None, Meta(description="The target it is of, `provider/model`; `null`: the request's own.")]
    limit: LimitName
    most: Annotated[int, Meta(description="What the limit is; a budget in billionths of a US dollar.")]
    used: Annotated[int, Meta(description="With what is set aside for running requests.")]
    left: int
    resets_at: Moment | None


class ExplainedReserve(Told, frozen=True, kw_only=True):
    """What is set aside for the request until it is over."""

    tokens: Annotated[int, Meta(description="The most it can use, input and output.")]
    nano_usd: Annotated[NanoUsd, Meta(description="The most it can cost.")]
    input_tokens: Annotated[int, Meta(description="What its input is likely to be.")]


class ExplainedPrice(Told, frozen=True, kw_only=True):
    """The row of the price list that holds."""

    source: Annotated[str, Meta(description="Where it is from.")]
    pico_usd: Annotated[dict[str, int], Meta(description="Per token of each kind, as far as said.")]
    above_input_tokens: Annotated[int | None, Meta(description="The tier that the likely input reaches; `null`: none.")]
    request_nano_usd: NanoUsd


class ExplainedCost(Told, frozen=True, kw_only=True):
    """What the request would cost at a target."""

    price: Annotated[ExplainedPrice | None, Meta(description="`null`: nobody knows what it costs.")]
    input_tokens: Annotated[int, Meta(description="What its input is likely to be.")]
    most_tokens: Annotated[int, Meta(description="The most it can use, input and output.")]
    input_nano_usd: Annotated[NanoUsd | None, Meta(description="What the likely input costs.")]
    most_nano_usd: Annotated[NanoUsd | None, Meta(description="The most that all of it can cost.")]


class ExplainedTarget(Told, frozen=True, kw_only=True):
    """A target that the request may go to."""

    provider: str
    model: str
    strategy: Annotated[str, Meta(description="By which the credentials of its provider are chosen.")]
    format: Annotated[str, Meta(description="The dialect that the provider is asked in.")]
    translated: bool
    path: Annotated[
        str | None, Meta(description="Below the provider's address; `null`: nobody is asked, as for a count.")
    ]
    dropped: Annotated[tuple[str, ...], Meta(description="Fields that the provider would not hear of.")]
    emulated: Annotated[tuple[str, ...], Meta(description="Fields whose effect is got by other means.")]
    quirks: Annotated[tuple[str, ...], Meta(description="Fixes that change this request.")]
    fetched_urls: Annotated[
        int, Meta(description="URLs of images and documents that would be fetched; they were not, for this.")
    ]
    body: Annotated[
        dict[str, Any] | None,
        Meta(
            description="What it would be sent, where `bodies` asks for that; in place of what URLs lead to, nothing."
        ),
    ]
    refused: Annotated[Refusal | None, Meta(description="Why it cannot be asked for this.")]
    lags: Annotated[str, Meta(description="Why it is tried after the others; empty where it is not.")]
    cost: ExplainedCost


class ExplainedChoice(Told, frozen=True, kw_only=True):
    """The combo that the name is, and those within it."""

    name: str
    strategy: str
    members: Annotated[
        list[Any], Meta(description="`provider/model`, or a combo, which is an object like this one, in their order.")
    ]


class Explanation(Told, frozen=True, kw_only=True):
    """What would become of a request."""

    at: Moment
    endpoint: str
    model: Annotated[str | None, Meta(description="As it was asked for; `null` where the body does not say.")]
    key: Annotated[ExplainedKey | None, Meta(description="`null`: no client key, and nothing it may not do.")]
    refused: Annotated[Refusal | None, Meta(description="`null`: it would be sent.")]
    waits_seconds: Annotated[float, Meta(description="It would wait for somebody who rests.")] = 0.0
    choice: ExplainedChoice | None = None
    session: ExplainedSession | None = None
    steps: Annotated[list[ExplainedStep], Meta(description="Who is asked, in that order, then who is not.")] = []
    reserve: ExplainedReserve | None = None
    limits: list[ExplainedLimit] = []
    targets: list[ExplainedTarget] = []

"""From an exchange that is over to its usage record. Nothing is written here."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from msgspec import structs

from gateway.catalog.prices import PriceList
from gateway.formats.ask import Ask
from gateway.formats.format import Fields
from gateway.records import AttemptRecord, ClientKey, PassedOver, Tokens, UsageRecord
from gateway.routing.dispatch import Dispatch
from gateway.traces.context import PARENT, trace_id_of
from gateway.usage.meter import NOTHING_TO_PAY, Bill, bill_of

from .reckoning import reckoned
from .tags import TAGS, all_tags, own_tags
from .times import waited_us

if TYPE_CHECKING:
    from .attempt import Trial
    from .exchange import Exchange

NO_TOKENS = Tokens()

TOOLS = frozenset(("tools", "functions"))
"""Fields that offer tools; `functions` is what OpenAI once called them."""

NAME = slice(400)
"""How much is kept of a name that a client or a provider made up."""

CLIENT_GONE_STATUS = 499
"""Status recorded when the client left before one could be sent (nginx's number for it)."""


class Place(NamedTuple):
    """Who has handled an exchange."""

    worker: int
    node: str
    """The machine."""


class Whose(TypedDict):
    """Columns about the key."""

    key: str | None
    key_id: str | None
    user_id: str | None
    team_id: str | None
    tags: tuple[str, ...]


class Wanted(TypedDict):
    """Columns about the request."""

    requested_model: str | None
    via: str | None
    stream: bool
    has_tools: bool | None


class Answering(TypedDict):
    """Columns about the attempt that answered, or else was the last."""

    provider: str | None
    model: str | None
    credential: str | None
    answered_model: str | None
    upstream_request_id: str | None
    upstream_format: str | None
    dropped: tuple[str, ...]


class Chosen(TypedDict, total=False):
    """Columns about why it went there."""

    ordered_by: str | None
    passed_over: tuple[PassedOver, ...]
    passed_more: int


NO_CHOICE: Chosen = {}
NOBODYS: Whose = {"key": None, "key_id": None, "user_id": None, "team_id": None, "tags": ()}
UNREAD: Wanted = {"requested_model": None, "via": None, "stream": False, "has_tools": None}
UNASKED: Answering = {
    "provider": None,
    "model": None,
    "credential": None,
    "answered_model": None,
    "upstream_request_id": None,
    "upstream_format": None,
    "dropped": (),
}


def record_of(exchange: Exchange, prices: PriceList, place: Place) -> UsageRecord:
    """The usage record of an exchange that has just ended."""
    now, ask, key, times = time.monotonic_ns(), exchange.ask, exchange.key, exchange.times
    tokens, source = reckoned(exchange)
    trials, agent = exchange.trials, exchange.caller.user_agent
    trial, dispatch = trials[-1] if trials else None, exchange.dispatch
    bill = _bill(exchange, trial, tokens, prices)
    # Columns in groups: one call with all of them by name would take twice as many steps.
    return UsageRecord(
        id=exchange.id,
        started_at_us=times.started_at_us,
        endpoint=exchange.endpoint.path,
        status=exchange.sink.status or CLIENT_GONE_STATUS,
        error=exchange.kind,
        tokens=tokens or NO_TOKENS,
        usage_source=source,
        cost_nano_usd=bill.cost_nano_usd,
        cost_source=bill.source,
        price=bill.price,
        attempts=tuple(map(_attempt, trials, repeat(times.started_ns))),
        user_agent=agent[NAME] if agent else None,
        trace_id=trace_id_of(exchange.trace, exchange.named) if exchange.trace or PARENT in exchange.named else None,
        **(_whose(exchange, key) if key else NOBODYS),
        **(_wanted(exchange, ask) if ask else UNREAD),
        **(_answering(trial) if trial else UNASKED),
        **(_chosen(dispatch, trials) if dispatch is not None and dispatch.has_chosen else NO_CHOICE),
        total_us=(now - times.started_ns) // 1000,
        first_byte_us=times.first_byte_us,
        upstream_us=waited_us(trials, now),
        overhead_us=exchange.overhead_us(now) if times.head_overhead_us < 0 else times.head_overhead_us,
        admitted_us=times.admitted_us,
        waited_us=times.paused_us,
        request_bytes=len(exchange.body),
        response_bytes=exchange.sink.bytes_sent,
        captured=exchange.captured,
        worker=place.worker,
        node=place.node,
    )


def _whose(exchange: Exchange, key: ClientKey) -> Whose:
    tags = own_tags(key.tags) if key.tags else ()
    return {
        "key": key.name,
        "key_id": key.id,
        "user_id": key.user_id,
        "team_id": key.team_id,
        "tags": all_tags(tags, exchange.headers) if TAGS in exchange.named else tags,
    }


def _wanted(exchange: Exchange, ask: Ask) -> Wanted:
    return {
        "requested_model": ask.model[NAME],
        "via": exchange.via,
        "stream": ask.stream,
        "has_tools": has_tools(ask.fields) if exchange.endpoint.operation == "generate" else None,
    }


def _answering(trial: Trial) -> Answering:
    attempt, passage, answer = trial.attempt, trial.passage, trial.answered or trial.pipeline
    target = attempt.target
    model, said = target.model[NAME], answer.answered_model if answer else ""
    return {
        "provider": target.provider,
        "model": model,
        "credential": attempt.credential.name or None,
        "answered_model": said[NAME] if said and said != model else None,
        "upstream_request_id": _upstream_id(trial),
        "upstream_format": passage.upstream.name,
        "dropped": passage.losses,
    }


def _chosen(dispatch: Dispatch, trials: Sequence[Trial]) -> Chosen:
    asked = {(trial.attempt.target, trial.attempt.credential.name) for trial in trials}
    passed, more = dispatch.passed_over(asked)
    return {
        "ordered_by": dispatch.ordered_by(trials[-1].attempt.target) if trials else None,
        "passed_over": tuple(map(_cut, passed)),
        "passed_more": more,
    }


def _cut(other: PassedOver) -> PassedOver:
    return other if len(other.model) <= NAME.stop else structs.replace(other, model=other.model[NAME])


def has_tools(fields: Fields) -> bool:
    """Whether a request offers tools to the model, in whatever dialect."""
    return not TOOLS.isdisjoint(fields) and any(map(fields.get, TOOLS))


def _bill(exchange: Exchange, trial: Trial | None, tokens: Tokens | None, prices: PriceList) -> Bill:
    """Nothing is paid for a request that no provider took, or for what only counts tokens."""
    if trial is None or (tokens is None and not _is_answered(exchange, trial)):
        return NOTHING_TO_PAY
    target = trial.attempt.target
    return bill_of(tokens, prices.find(target.provider, target.model))


def _is_answered(exchange: Exchange, trial: Trial) -> bool:
    return 200 <= trial.status < 300 and exchange.endpoint.operation != "count"


def _attempt(trial: Trial, started_ns: int) -> AttemptRecord:
    attempt, status, verdict = trial.attempt, trial.status, trial.verdict
    target, credential = attempt.target, attempt.credential.name
    kind = None
    if trial.error is not None:
        kind = trial.error.kind
    elif status >= 400:
        kind = f"upstream_status_{status}"
    call, sent_ns, head_ns = trial.call, trial.sent_ns, trial.head_ns
    made = AttemptRecord(
        target.provider,
        target.model,
        credential,
        status or None,
        kind,
        trial.waited_us,
        verdict.then if verdict else None,
        trial.rest_us or None,
        verdict.reason if verdict else None,
        (sent_ns - started_ns) // 1000,
        (call.connect_us or None) if call else None,
        (head_ns - sent_ns) // 1000 if head_ns else None,
        None,
        attempt.chosen_by,
    )
    return made if not trial.rest_us or verdict is None else structs.replace(made, rest_by=verdict.by or None)


def _upstream_id(trial: Trial) -> str | None:
    said = trial.header(b"x-request-id") or trial.header(b"request-id")
    return said[NAME].decode("latin-1") if said else None

"""From what was found out to what is told. Decides nothing. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from msgspec import structs

from gateway.errors import GatewayError
from gateway.limits.limiter import Left, Reserve
from gateway.records import Price, Target, Tokens
from gateway.routing.affinity import Session, pooled
from gateway.routing.explain import Step
from gateway.routing.targets import Choice
from gateway.settings.instants import write_instant, write_moment
from gateway.usage.meter import cost_of

from .answer import (
    ExplainedChoice,
    ExplainedCost,
    ExplainedKey,
    ExplainedLimit,
    ExplainedPrice,
    ExplainedReserve,
    ExplainedSession,
    ExplainedStep,
    ExplainedTarget,
    Explanation,
    Refusal,
)
from .question import Question, Sight
from .rendering import Rendered


@dataclass(frozen=True, slots=True)
class Weighed:
    """A target, and what a request would be there."""

    made: Rendered
    reserve: Reserve
    error: GatewayError | None
    """Why it cannot be asked for this."""


@dataclass(slots=True)
class Findings:
    """What was found out, as far as it went."""

    question: Question
    sight: Sight
    now_us: int
    refused: GatewayError | None = None
    model: str | None = None
    passed: dict[Target, str] = field(default_factory=dict)
    """Targets that are out of the question, and why."""
    behind: dict[Target, str] = field(default_factory=dict)
    """Those that are tried after the others, and why."""
    choice: Choice | None = None
    session: Session | None = None
    reserve: Reserve | None = None
    limits: list[tuple[Target | None, Left]] = field(default_factory=list)
    """Of the request as a whole, and of targets."""
    weighed: dict[Target, Weighed] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    waits_seconds: float = 0.0


def tell(found: Findings) -> Explanation:
    """All of it."""
    key = found.question.key
    return Explanation(
        at=write_instant(found.now_us),
        endpoint=found.question.endpoint.path,
        model=found.model,
        key=ExplainedKey(id=key.id, name=key.name) if key is not None else None,
        refused=_refusal(found.refused),
        waits_seconds=found.waits_seconds,
        choice=_choice(found.choice) if found.choice is not None else None,
        session=_session(found),
        steps=[*map(_step, found.steps), *(_passed(target, why) for target, why in found.passed.items())],
        reserve=_reserve(found.reserve),
        limits=[_limit(target, left) for target, left in found.limits],
        targets=[_target(found, target, each) for target, each in found.weighed.items()],
    )


def _refusal(error: GatewayError | None) -> Refusal | None:
    if error is None:
        return None
    return Refusal(
        status=error.status,
        code=error.code,
        message=error.message,
        param=error.param,
        retry_after_seconds=error.retry_after,
    )


def _choice(choice: Choice) -> ExplainedChoice:
    members = [_choice(each) if isinstance(each, Choice) else _name(each) for each in choice.members]
    return ExplainedChoice(name=choice.name, strategy=choice.strategy, members=members)


def _session(found: Findings) -> ExplainedSession | None:
    session = found.session
    if session is None:
        return None
    providers = [found.sight.providers[name] for name in dict.fromkeys(target.provider for target in found.weighed)]
    held = {
        each.id: found.sight.board.holder(pooled(session.name, each.id), found.now_us)
        for each in providers
        if each.session_affinity
    }
    holders = {name: holder.decode(errors="replace") for name, holder in held.items() if holder is not None}
    return ExplainedSession(source=session.source, holders=holders)


def _step(step: Step) -> ExplainedStep:
    return ExplainedStep(
        provider=step.target.provider,
        model=step.target.model,
        credential=step.credential or None,
        state=step.state,
        reason=step.reason,
        until=write_moment(step.until_us or None),
        chosen_by=step.chosen_by,
        ordered_by=step.ordered_by,
    )


def _passed(target: Target, why: str) -> ExplainedStep:
    return _step(Step(target, "", "passed_over", why))


def _reserve(reserve: Reserve | None) -> ExplainedReserve | None:
    if reserve is None:
        return None
    return ExplainedReserve(tokens=reserve.tokens, nano_usd=reserve.nano_usd, input_tokens=reserve.input_tokens)


def _limit(target: Target | None, left: Left) -> ExplainedLimit:
    return ExplainedLimit(
        subject=left.subject,
        target=_name(target) if target is not None else None,
        limit=left.field,
        most=left.limit,
        used=left.used,
        left=left.remaining,
        resets_at=write_moment(left.resets_at_us or None),
    )


def _target(found: Findings, target: Target, each: Weighed) -> ExplainedTarget:
    provider, made = found.sight.providers[target.provider], each.made
    return ExplainedTarget(
        provider=target.provider,
        model=target.model,
        strategy=provider.strategy,
        format=made.format,
        translated=made.translated,
        path=made.path,
        dropped=made.dropped,
        emulated=made.emulated,
        quirks=made.quirks,
        fetched_urls=made.urls,
        body=made.body if found.question.bodies else None,
        refused=_refusal(each.error),
        lags=found.behind.get(target, ""),
        cost=_cost(found.sight.prices.find(target.provider, target.model), each.reserve),
    )


def _cost(price: Price | None, reserve: Reserve) -> ExplainedCost:
    likely = Tokens(input=reserve.input_tokens)
    return ExplainedCost(
        price=_price(price, reserve.input_tokens) if price is not None else None,
        input_tokens=reserve.input_tokens,
        most_tokens=reserve.tokens,
        input_nano_usd=cost_of(likely, price) if price is not None else None,
        most_nano_usd=reserve.nano_usd if price is not None else None,
    )


def _price(price: Price, input_tokens: int) -> ExplainedPrice:
    reached = [tier for tier in price.tiers if tier[0] < input_tokens]
    above, rates = reached[-1] if reached else (None, price.rates)
    said: dict[str, Any] = structs.asdict(price.rates) | dict(_said(structs.asdict(rates)))
    return ExplainedPrice(
        source=price.source,
        pico_usd=dict(_said(said)),
        above_input_tokens=above,
        request_nano_usd=price.request_nano_usd,
    )


def _said(rates: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((kind, rate) for kind, rate in rates.items() if rate is not None)


def _name(target: Target) -> str:
    return f"{target.provider}/{target.model}"

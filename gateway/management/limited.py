"""How keys stand with their limits, and those whom rules count beside them; and having a key counted from nothing.

Knows whose keys somebody may look at, and what the audit log keeps. How limits are counted is not known here: who does
is handed in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Protocol

from msgspec import Meta, Struct

from gateway.assemble import keys_of, limit_rules_of
from gateway.errors import InvalidRequest, UnknownResource
from gateway.limits.limiter import Left, LimitName, Plan
from gateway.limits.rules import subjects_of, target_subjects
from gateway.management import keys
from gateway.management.keys import KeyView, get_client_key
from gateway.management.office import Actor, Change, Office, Subject
from gateway.records import ClientKey, LimitRule, Limits, Target
from gateway.settings.instants import Moment, write_instant
from gateway.store.keys import ID_PREFIX, changed_keys
from gateway.store.session import Session

EVERYBODYS = "usage:read"
"""What one must be allowed to see how others stand."""


class Counter(Protocol):
    """Whoever counts limits."""

    async def left(self, plan: Plan) -> tuple[Left, ...]:
        """How it stands with each limit of these subjects. Raises LimitsUnavailable where nobody can tell."""

    def reset(self, key_id: str, subjects: Sequence[bytes], now_us: int) -> None:
        """Count a key, that is these subjects, from nothing."""


class LimitStanding(Struct, frozen=True, kw_only=True):
    """How it stands with one limit."""

    subject: Annotated[str, Meta(description="Whom it counts, in words.")]
    limit: LimitName
    most: Annotated[int, Meta(description="What the limit is; a budget in billionths of a US dollar.")]
    used: Annotated[int, Meta(description="With what is set aside for running requests. It can be more than `most`.")]
    left: int
    resets_at: Annotated[
        Moment | None,
        Meta(description="When all of it is free again if nothing is used until then; null where no time does that."),
    ]


class LimitStandings(Struct, frozen=True, kw_only=True):
    """How it stands with every limit of somebody or something."""

    items: tuple[LimitStanding, ...]


class LimitedKeys:
    """All keys that are not revoked, and when each was counted from nothing. What has not changed is not read again."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._number = -1
        self._keys: Sequence[ClientKey] = ()

    async def read(self) -> tuple[Sequence[ClientKey], Mapping[str, int]]:
        """Those of the configuration file too. Raises StateUnavailable."""
        number, found, resets = await self._office.read(self._look)
        if found is not None:
            self._number, self._keys = number, found
        return (*(key for _, key in keys_of(self._office.settings)), *self._keys), resets

    def _look(self, session: Session) -> tuple[int, Sequence[ClientKey] | None, Mapping[str, int]]:
        numbers = {row["name"]: row["value"] for row in session.rows("generations/all")}
        resets = {row["key_id"]: row["at"] for row in session.rows("limits/resets")}
        if numbers["keys"] == self._number:
            return self._number, None, resets
        return numbers["keys"], [one.key for one in changed_keys(session, 0)], resets


async def show_key(office: Office, actor: Actor, key_id: str, counter: Counter) -> LimitStandings:
    """How it stands with every limit that a request with this key counts against, by the key's id, or its name.

    Raises NotPermitted, UnknownResource, LimitsUnavailable.
    """
    return await of_key(office, await get_client_key(office, actor, key_id), counter)


async def of_key(office: Office, key: ClientKey, counter: Counter) -> LimitStandings:
    """The same of a key that whoever asks has shown. Raises LimitsUnavailable."""
    return await _standings(Plan(subjects_of(key, limit_rules_of(office.settings))), counter)


async def budgets_of(found: Iterable[ClientKey], counter: Counter) -> Mapping[str, LimitStanding]:
    """How it stands with budgets of their own, by the ids of those keys that have one. Raises LimitsUnavailable."""
    owners = [key for key in found if key.limits is not None and key.limits.budget_nano_usd is not None]
    each = await asyncio.gather(*(_standings(Plan(subjects_of(key, ())), counter) for key in owners))
    return {
        key.id: one
        for key, standings in zip(owners, each, strict=True)
        for one in standings.items
        if one.limit == "budget_nano_usd"
    }


async def reset_key(office: Office, actor: Actor, key_id: str, counter: Counter) -> None:
    """Count a key from nothing: what it has used does not count any more, against limits of its own. Those that it
    shares with others stay. Raises NotPermitted, UnknownResource, LimitsUnavailable."""
    actor.require(keys.WRITE)
    key = await get_client_key(office, actor, key_id)
    own = own_plan(key, limit_rules_of(office.settings))
    before = {f"{one.subject}: {one.field}": one.used for one in await counter.left(own)}

    def perform(change: Change) -> int:
        change.session.run("limits/reset", {"key_id": key.id, "now_us": change.now_us})
        change.note("key.reset_limits", Subject("key", key.id.removeprefix(ID_PREFIX), key.name), before=before)
        return change.now_us

    counter.reset(key.id, own.ids, await office.change(actor, perform))


async def show_rule(office: Office, actor: Actor, name: str, subject: str, counter: Counter) -> LimitStandings:
    """How it stands with a rule for one of those it counts: the id of a user or team, the name of a key, or
    `provider/model`; nobody where it counts all of them together. Raises NotPermitted, UnknownResource,
    LimitsUnavailable."""
    actor.require(EVERYBODYS)
    rule = next((one for one in limit_rules_of(office.settings) if one.name == name), None)
    if rule is None:
        raise UnknownResource(f"There is no limit `{name}`.")
    plan = await _plan_of(office, actor, rule, subject)
    if not plan.subjects:
        raise UnknownResource(f"The limit `{name}` does not count `{subject}`.")
    return await _standings(plan, counter)


def said_keys(office: Office) -> tuple[ClientKey, ...]:
    """The keys of the configuration file; they are for whoever may see all keys."""
    return tuple(key for _, key in keys_of(office.settings))


def counted(key: KeyView) -> ClientKey:
    """A key as far as its own limits go."""
    return ClientKey(key.name, id=f"{ID_PREFIX}{key.id}", limits=Limits.of(key))


def own_plan(key: ClientKey, rules: tuple[LimitRule, ...]) -> Plan:
    """Those of the subjects of a key that count it alone."""
    return Plan(subjects_of(key, tuple(rule for rule in rules if rule.per == "key" and not rule.together)))


async def _plan_of(office: Office, actor: Actor, rule: LimitRule, subject: str) -> Plan:
    if rule.together or rule.per == "everybody":
        rule, subject = replace(rule, match="*"), subject or "any/any"
    elif not subject:
        raise InvalidRequest(f"Say of which {rule.per}: `subject`.", param="subject")
    if rule.per == "model":
        return Plan(target_subjects(Target(*subject.partition("/")[::2]), (rule,)))
    if rule.per == "key" and not rule.together:
        return Plan(subjects_of(await get_client_key(office, actor, subject), (rule,)))
    return Plan(subjects_of(ClientKey("", id=subject, user_id=subject, team_id=subject), (rule,)))


async def _standings(plan: Plan, counter: Counter) -> LimitStandings:
    left = await counter.left(plan) if plan.subjects else ()
    return LimitStandings(
        items=tuple(
            LimitStanding(
                subject=one.subject,
                limit=one.field,
                most=one.limit,
                used=one.used,
                left=one.remaining,
                resets_at=write_instant(one.resets_at_us) if one.resets_at_us else None,
            )
            for one in left
        )
    )

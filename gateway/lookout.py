"""What alerts are judged by, gathered from wherever it is known in the control process.

Knows where to ask. What cannot be told at the moment is left out, and says so by being left out. What is wrong with it
is for `gateway.alerts` to judge.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import tzinfo
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from gateway.alerts.courier import Courier
from gateway.alerts.figures import Disk, Failing, Figures, Prices, Ration, Refused, Spool
from gateway.alerts.rules import HOUR_US, MINUTE_US
from gateway.alerts.watch import Tools, Watch
from gateway.errors import ControlUnavailable, LimitsUnavailable
from gateway.ledger import Read
from gateway.limits.limiter import Left, Plan, Subject
from gateway.limits.periods import period_of
from gateway.limits.rationed import counts_models, rationed
from gateway.management.limited import LimitedKeys
from gateway.management.office import Office, new_id
from gateway.oversight import Oversight
from gateway.pools.board import Rest
from gateway.pools.fields import Kind
from gateway.records import ClientKey, Credential, LimitRule, Provider, RegistryState, Target, Whom
from gateway.routing.pool import nobody
from gateway.settings.instants import read_instant, read_zone
from gateway.settings.model import Settings
from gateway.store.state import database_of
from gateway.usage import segments

AT_ONCE = 100
"""Subjects that are looked at in one go, so that nobody waits long for it."""

MOST_MODELS = 2000
"""Models that are looked at: clients may make names up."""

LONGEST_REQUEST_US = HOUR_US
"""A request that ended lately may have begun so long before."""

PROOF_US = 6 * HOUR_US
"""How far back requests are counted that are to prove a provider well again."""

LEAST_TRIED_US = HOUR_US
"""How far back, at least, it is seen how it went with a credential that does not rest."""


class Sources(NamedTuple):
    """Where to ask."""

    settings: Callable[[], Settings]
    providers: Callable[[], Sequence[Provider]]
    """Those in use."""
    oversight: Oversight
    keys: LimitedKeys
    read: Read
    """Asks the analytics store."""
    registry: Callable[[], RegistryState]
    trouble: Callable[[], str | None]
    """Why no usage records are taken; None where they are."""


def watching(office: Office, sources: Sources) -> Watch:
    """What watches over a control process."""
    lookout = Lookout(sources, lambda: office.now_us)
    courier = Courier(sources.settings, lambda: office.declared.settings)
    tools = Tools(sources.settings, lookout.look, lambda: office.now_us, lambda: new_id(office.now_us))
    return Watch(office.state, courier, tools)


class Lookout:
    """Of one control process. Remembers nothing that another could not find out as well."""

    def __init__(self, sources: Sources, now_us: Callable[[], int] = lambda: time.time_ns() // 1000) -> None:
        self._sources, self._now_us = sources, now_us
        self._rationed: _Rationed | None = None

    async def look(self, failing_since: Mapping[str, int] = MappingProxyType({})) -> Figures:
        """How things stand. `failing_since` says by provider of whose failures there is an alert, empty for that of
        all, when that was last found to be so. Raises StateUnavailable."""
        settings = self._sources.settings()
        failing = await self._failing(settings)
        place = Path(settings.server.data_dir)
        spool, disk = await asyncio.to_thread(_measure, place, settings.usage.spool_max_bytes)
        return Figures(
            rations=await self.rations() if settings.alerts.budget_percent else None,
            refused=await self._refused(settings.alerts.credential_minutes),
            failing=failing,
            since_failing=await self._since_failing(failing or (), settings, failing_since),
            prices=_prices(self._sources.registry(), settings),
            spool=spool._replace(trouble=self._sources.trouble() or ""),
            disk=disk,
            node=_node(settings),
        )

    async def rations(self, key_ids: Collection[str] | None = None) -> Sequence[Ration] | None:
        """Every budget and quota, and what of it is used; None where nobody can tell. Where keys are named, those alone
        that a request with one of them counts against, whatever its model. Raises StateUnavailable."""
        settings = self._sources.settings()
        keys, resets = await self._sources.keys.read()
        rules = self._sources.oversight.rules
        try:
            if key_ids is not None:
                own = tuple(key for key in keys if key.id in key_ids)
                known = _rationed(own, tuple(rule for rule in rules if rule.per != "model"), ())
            else:
                targets = await self._targets(rules, settings.limits.time_zone) if counts_models(rules) else ()
                known = self._known(keys, rules, targets)
            return [one for plan in known.plans for one in await self._looked_at(plan, known.whom, resets)]
        except (ControlUnavailable, LimitsUnavailable):
            return None

    def _known(self, keys: Sequence[ClientKey], rules: tuple[LimitRule, ...], targets: Sequence[Target]) -> _Rationed:
        """Whom to look at, some at a time; the same as the last time as long as nothing has changed."""
        known = self._rationed
        if known is None or not known.is_of(keys, rules, targets):
            known = self._rationed = _rationed(keys, rules, targets)
        return known

    async def _looked_at(self, plan: Plan, whom: Mapping[bytes, Whom], resets: Mapping[str, int]) -> list[Ration]:
        left = iter(await self._sources.oversight.left_anywhere(plan))
        await asyncio.sleep(0)
        found = [(subject, next(left)) for subject in plan.subjects for _ in range(_number(subject))]
        zone = read_zone(self._sources.settings().limits.time_zone)
        return [
            _ration(subject, one, zone, _reset_at_us(whom[subject.id], resets))._replace(whom=whom[subject.id])
            for subject, one in found
        ]

    async def _targets(self, rules: tuple[LimitRule, ...], time_zone: str) -> Sequence[Target]:
        """The models that were asked in the longest period that a rule has."""
        lasts = any(rule.per == "model" and rule.limits.budget_period == "total" for rule in rules)
        month = period_of("month", self._now_us() // 1_000_000, read_zone(time_zone))
        since_us = 0 if lasts else month.starts * 1_000_000
        rows = await self._sources.read("usage/asked_models", {"since_us": since_us, "limit": MOST_MODELS})
        return [Target(row["provider"], row["model"]) for row in rows]

    async def _refused(self, minutes: float) -> list[Refused]:
        now_us, board, providers = self._now_us(), self._sources.oversight.board, self._sources.providers()
        tried = await self._tried([provider.id for provider in providers if not provider.rests], minutes)
        found: list[Refused] = []
        for provider in providers:
            # One that is paused answers for nobody, and is missed by nobody.
            in_use = tuple(each for each in provider.credentials if each.models)
            credentials = in_use or (nobody(provider.id),)
            if provider.rests:
                found += _of_provider(credentials, board.unproven(credentials, now_us))
            else:
                found += _of_attempts(credentials, tried)
        return found

    async def _tried(self, providers: Sequence[str], minutes: float) -> _Tried:
        """How it went of late with the credentials of providers that have none rest; of none where nobody can tell."""
        if not providers or not minutes:
            return {}
        from_us = self._now_us() - max(round(2 * minutes * MINUTE_US), LEAST_TRIED_US)
        try:
            rows = await self._sources.read("usage/refused", {"from_us": from_us, "providers": list(providers)})
        except ControlUnavailable:
            return {}
        return {(row["provider"], row["credential"]): row for row in rows}

    async def _failing(self, settings: Settings) -> Sequence[Failing] | None:
        if not settings.alerts.error_percent:
            return None
        try:
            return await self._failing_since(self._now_us() - round(settings.alerts.error_minutes * MINUTE_US))
        except ControlUnavailable:
            return None

    async def _since_failing(
        self, failing: Sequence[Failing], settings: Settings, since: Mapping[str, int]
    ) -> Sequence[Failing]:
        """How requests went since each of these was last found to fail, where those of late are too few to tell."""
        enough = {one.provider for one in failing if one.requests >= settings.alerts.error_requests}
        earliest_us = self._now_us() - PROOF_US
        doubted = {provider: max(at_us, earliest_us) for provider, at_us in since.items() if provider not in enough}
        found: list[Failing] = []
        try:
            for since_us in set(doubted.values()) if settings.alerts.error_percent else ():
                each = await self._failing_since(since_us)
                found += [one for one in each if doubted.get(one.provider) == since_us]
        except ControlUnavailable:
            return ()
        return found

    async def _failing_since(self, since_us: int) -> Sequence[Failing]:
        """How the requests went that have ended since. Raises ControlUnavailable."""
        wanted = {"since_us": since_us, "from_us": since_us - LONGEST_REQUEST_US}
        rows = await self._sources.read("usage/failing", wanted)
        return [Failing(row["provider"], row["requests"], row["failed"], row["commonest"] or "") for row in rows]


_Tried = Mapping[tuple[str, str], Mapping[str, Any]]
"""Rows by provider and credential."""


class _Rationed(NamedTuple):
    """Whom to look at, and what that was made of."""

    keys: Sequence[ClientKey]
    rules: tuple[LimitRule, ...]
    targets: Sequence[Target]
    plans: tuple[Plan, ...]
    whom: Mapping[bytes, Whom]
    """By the id of a subject."""

    def is_of(self, keys: Sequence[ClientKey], rules: tuple[LimitRule, ...], targets: Sequence[Target]) -> bool:
        """Whether the same would be made of these."""
        return self.keys == keys and self.rules == rules and self.targets == targets


def _rationed(keys: Sequence[ClientKey], rules: tuple[LimitRule, ...], targets: Sequence[Target]) -> _Rationed:
    found = rationed(keys, rules, targets)
    subjects = tuple(each.subject for each in found)
    plans = tuple(Plan(subjects[at : at + AT_ONCE]) for at in range(0, len(subjects), AT_ONCE))
    return _Rationed(keys, rules, targets, plans, {each.subject.id: each.whom for each in found})


def _number(subject: Subject) -> int:
    """How many limits are looked at."""
    limits = subject.limits
    said = (limits.requests_per_month, limits.tokens_per_month, limits.budget_nano_usd)
    return sum(limit is not None for limit in said)


def _ration(subject: Subject, left: Left, zone: tzinfo, reset_at_us: int) -> Ration:
    began_us, used = _began_us(subject, left, zone), max(left.used - left.held, 0)
    counted = (left.field, used, left.limit, left.resets_at_us, began_us)
    return Ration(subject.id.hex(), subject.name, *counted, reset_at_us, left.held)


def _reset_at_us(whom: Whom, resets: Mapping[str, int]) -> int:
    """When somebody had a subject counted from nothing, which is done to those that count one key alone."""
    return resets.get(whom.of, 0) if whom.per == "key" and whom.of else 0


def _began_us(subject: Subject, left: Left, zone: tzinfo) -> int:
    """When the period began that was counted; 0 for one that never begins anew. By its end: by now another one may have
    begun."""
    kind = subject.limits.budget_period if left.field == "budget_nano_usd" else "month"
    return period_of(kind, left.resets_at_us // 1_000_000 - 1, zone).starts * 1_000_000


def _of_provider(credentials: Sequence[Credential], rests: Iterable[Rest]) -> Iterator[Refused]:
    """Those of a provider that are refused, once each."""
    by_name: dict[str, list[Rest]] = {}
    for rest in rests:
        by_name.setdefault(rest.credential, []).append(rest)
    whole = {name for name, some in by_name.items() if any(_is_whole(rest) and rest.standing.hard for rest in some)}
    hard = {name: {rest.model for rest in some if rest.standing.hard} for name, some in by_name.items()}
    for name, some in by_name.items():
        meant = [rest for rest in some if _is_whole(rest)] or some
        worst = max(meant, key=lambda rest: rest.standing.until_us)
        models = () if _is_whole(worst) else tuple(sorted(rest.model for rest in meant if rest.standing.hard))
        since_us = min(rest.since_us for rest in meant if rest.standing.hard) if worst.standing.hard else None
        others = (each.name for each in credentials if each.name not in (name, *whole))
        is_last = bool(name in whole or models) and all(not _is_left(hard.get(one, ()), models) for one in others)
        yield Refused(worst.provider, name, models, worst.standing.reason, since_us, is_last)


def _of_attempts(credentials: Sequence[Credential], tried: _Tried) -> Iterator[Refused]:
    """The same of a provider that has none rest: those that were refused since a request was last answered, and those
    of which nobody knows."""
    known = {each.name: tried.get((each.provider, each.name)) for each in credentials}
    refused = {name for name, row in known.items() if row is not None and row["refused_us"] is not None}
    for each in credentials:
        row = known[each.name]
        if row is None:
            yield Refused(each.provider, each.name, (), "", None, is_last=False)
        elif each.name in refused:
            is_last = refused == known.keys()
            yield Refused(each.provider, each.name, (), row["reason"], row["refused_us"], is_last)


def _is_left(refused: Collection[str], models: tuple[str, ...]) -> bool:
    """Whether a credential that rests for some models at the most answers for any of these; for all where none is
    named."""
    return not models or not set(models) <= set(refused)


def _is_whole(rest: Rest) -> bool:
    return rest.kind is Kind.CREDENTIAL


def _prices(state: RegistryState, settings: Settings) -> Prices:
    """A list that is not meant to be fetched is as old as its maker wanted."""
    is_fetched = settings.registry.refresh_hours > 0
    known_at_us = max(state.confirmed_at_us or 0, _day_us(state.date))
    error = state.error if is_fetched else None
    is_tried = not is_fetched or state.tried_at_us is not None
    return Prices(known_at_us, error or "", is_tried, state.suspicious)


def _day_us(date: str) -> int:
    try:
        return read_instant(date)
    except ValueError:
        return 0


def _measure(place: Path, most: int) -> tuple[Spool, Disk | None]:
    """What lies on the disk, and how full that is. In a thread."""
    spool = place / "spool"
    waiting = segments.closed(spool)
    oldest_us = min((segment.changed_ns for segment in waiting), default=0) // 1000 or None
    found = Spool(oldest_us, segments.weigh(spool), most, "")
    try:
        usage = shutil.disk_usage(place)
    except OSError:
        return found, None
    # What is kept for the administrator is not ours to use.
    return found, Disk(str(place), usage.used, usage.used + usage.free)


def _node(settings: Settings) -> str:
    """The machine, where several share the state."""
    return (settings.server.node or socket.gethostname()) if database_of(settings).is_shared else ""

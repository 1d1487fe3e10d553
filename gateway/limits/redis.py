"""The limiter of several machines: they count together in a Redis or Valkey, exactly. One call lets a request in.

Knows what is asked there and what the answers mean. What running requests hold belongs to a lease, which each process
renews: of one that was killed it is free again after six seconds at most. The connection is for `redis_link`,
settlements for `redis_outbox`, an outage for `redis_alone`, and what is counted for the scripts in `lua/`.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from gateway import logs
from gateway.errors import RequestRefused
from gateway.limits.embedded import EmbeddedLimiter
from gateway.limits.limiter import (
    FIRST_OUTPUT,
    UNUSED,
    Admission,
    Left,
    Plan,
    Reserve,
    Spent,
    Used,
    bounded,
    tightest,
)
from gateway.limits.periods import Period
from gateway.limits.plans import Plans
from gateway.limits.redis_alone import AdmittedAlone, Alone
from gateway.limits.redis_calendar import Calendar
from gateway.limits.redis_corrections import Corrections
from gateway.limits.redis_link import Answer, Away, Link, Orphan, Refused, Script, Told, Words
from gateway.limits.redis_outbox import Outbox
from gateway.limits.redis_rows import (
    Settlement,
    Today,
    dates,
    held,
    needed_until,
    raise_row,
    settled,
    shortages,
    spent_after,
    standing,
    standing_after,
    subject_row,
)
from gateway.limits.redis_scripts import ADMIT, LEAVE, PREFIX, RENEW, RESTATE, RESTS
from gateway.limits.refusals import refusal
from gateway.records import ClientKey, LimitRule, Target
from gateway.settings.model import LimitSettings

RENEW_SECONDS = 2.0
"""How often a lease is renewed; it ends after three times that (`LEASE_MS` in `lua/counters.lua`)."""

REMEMBERED = 8192
"""Plans whose rows are kept."""

log = logs.get("limits")

Reply = Sequence[int]


class _Asked(NamedTuple):
    """A plan as the script is asked about it, on one day."""

    plan: Plan
    today: Today
    rows: tuple[str, ...]


class _Admitted(Admission, eq=False, kw_only=True):
    """Let in by Redis; with what is held of each subject."""

    held: tuple[Settlement, ...]


class RedisLimiter:
    """Limits, counted together with other machines. Lives in one event loop, from `start` to `close`."""

    def __init__(self, settings: LimitSettings, local: EmbeddedLimiter, unix: Callable[[], float] = time.time) -> None:
        """`local` counts while Redis is away. Raises ValueError for an address that is none."""
        self._local, self._calendar = local, Calendar(unix)
        self._refuses = settings.redis_away == "refuse"
        self._alone = Alone(local, settings.nodes, refuses=self._refuses, today=self._calendar.today)
        self._lease = secrets.token_hex(8)
        told = Told(self._prepare, self._note_away, self._note_back)
        self._link = Link(settings.redis_url, settings.redis_timeout_seconds, told)
        self._outbox = Outbox(self._link, self._lease, self._calendar.today, self._note_taken)
        self._corrections = Corrections(self._link, self._calendar.today)
        self._held: dict[str, list[int]] = {}
        self._asked: dict[Plan, _Asked] = {}
        self._learning: asyncio.Task[None] | None = None
        self._plans = Plans()
        self._renewing: asyncio.Task[None] | None = None
        self.outages = 0
        """How often Redis ceased to answer."""

    @property
    def is_here(self) -> bool:
        """Whether Redis answers."""
        return self._link.is_here

    async def start(self) -> None:
        """Connect; whoever asks meanwhile waits for it."""
        self._link.begin()
        self._corrections.begin()
        self._renewing = asyncio.create_task(self._renew())

    async def close(self) -> None:
        """Say what is left to say, as long as there is somebody to say it to, and let go."""
        for task in (self._renewing, self._learning):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        await self._outbox.flushed()
        if self._link.is_here:
            with suppress(Away, Refused):
                await self._link.run(LEAVE, 1, PREFIX, self._lease)
        await self._corrections.end()
        await self._link.end()

    def follow(self, rules: tuple[LimitRule, ...], time_zone: str) -> None:
        """Go by these rules from now on, and by the days, weeks and months of this zone. ValueError for an unknown
        one. What was counted stays counted."""
        self._calendar.follow(time_zone)
        self._local.follow(rules, time_zone)
        self._plans = Plans(rules)
        self._asked.clear()

    def plan(self, key: ClientKey) -> Plan | None:
        """Whom a request with this key is counted for; None where nothing limits it."""
        return self._plans.of_key(key)

    def target_plan(self, target: Target) -> Plan | None:
        """Whom an attempt at this target is counted for, whoever's key it is; None where nothing limits it."""
        return self._plans.of_target(target)

    async def admit(self, plan: Plan, reserve: Reserve) -> Admission:
        """Let a request in, for all of its subjects or for none. Raises LimitReached, QuotaSpent, BudgetSpent, and
        LimitsUnavailable where nobody can tell."""
        asked = self._ask(plan)
        reserve = bounded(reserve)

        def give_back(answer: Answer) -> None:
            # Whoever asked is gone, and would never settle.
            if not answer.cancelled() and answer.exception() is None and answer.result()[0]:
                self.settle(self._let_in(asked, reserve, answer.result()), UNUSED)

        request = f"{reserve.tokens} {reserve.nano_usd} {reserve.input_tokens} {FIRST_OUTPUT}"
        words: Words = (1, PREFIX, self._lease, "admit", request, asked.today.text, *asked.rows)
        self._outbox.flush()
        reply: Reply | None = await self._ask_server(ADMIT, words, give_back)
        if reply is None:
            return await self._alone.admit(plan, reserve)
        if not reply[0]:
            short = shortages(plan, reply, self._calendar.unix(), asked.today)
            self._alone.hear_short(plan, short)
            raise refusal(short)
        return self._let_in(asked, reserve, reply)

    def admit_at_once(self, plan: Plan, reserve: Reserve) -> Admission | None:
        """Never: Redis has to be asked."""
        return None

    def settle(self, admission: Admission, used: Used) -> None:
        """Put what was used in the place of what was set aside; a second time changes nothing."""
        if admission.settled:
            return
        admission.settled = True
        if isinstance(admission, AdmittedAlone):
            self._outbox.add(self._alone.settle(admission, used))
            return
        assert isinstance(admission, _Admitted)
        today = self._calendar.today()
        when = dates(today)
        self._outbox.add(
            [
                settled(row, subject, admission.reserve, used)._replace(
                    needed_until=needed_until(subject.limits, today), **when
                )
                for row, subject in zip(admission.held, admission.plan.subjects, strict=True)
            ]
        )

    async def refused(self, plan: Plan) -> RequestRefused | None:
        """What `admit` would raise now; None where it would let a request in. Raises LimitsUnavailable where nobody can
        tell."""
        asked, reply = await self._look(plan, "judge")
        if reply is None:
            return await self._alone.refused(plan)
        return None if reply[0] else refusal(shortages(plan, reply, self._calendar.unix(), asked.today))

    async def left(self, plan: Plan) -> tuple[Left, ...]:
        """How it stands with each limit of each subject. Raises LimitsUnavailable where nobody can tell."""
        asked, reply = await self._look(plan, "look")
        if reply is None:
            return await self._alone.left(plan)
        return standing(plan, reply, self._calendar.unix(), asked.today)

    async def _look(self, plan: Plan, how: str) -> tuple[_Asked, Reply | None]:
        asked = self._ask(plan)
        request = f"0 0 0 {FIRST_OUTPUT}"
        self._outbox.flush()
        return asked, await self._ask_server(
            ADMIT, (1, PREFIX, self._lease, how, request, asked.today.text, *asked.rows)
        )

    def reset(self, subject_id: bytes) -> None:
        """Forget what a subject has used, as soon as Redis answers. What is running goes on being counted."""
        self._local.reset(subject_id)
        self._corrections.forget(subject_id.hex())

    def raise_spent(self, subject_id: bytes, period: Period, spent: Spent) -> None:
        """Count at least what the ledger knows of a period, where that is the present one; as soon as Redis answers."""
        self._alone.raise_spent(subject_id, period, spent)
        self._corrections.raise_to(raise_row(subject_id, period, spent))

    async def share_rests(self, said: Sequence[str]) -> Sequence[bytes] | None:
        """Tell the other machines of rests and hear of theirs; None where nobody answers."""
        heard: Sequence[bytes] | None = await self._ask_server(RESTS, (1, PREFIX, *said))
        return heard

    async def _ask_server(self, script: Script, words: Words, orphan: Orphan | None = None) -> Any:
        """Its answer; None where there is none."""
        try:
            return await self._link.run(script, *words, orphan=orphan)
        except Away:
            return None
        except Refused as error:
            log.error("Redis refuses what it was asked", error=str(error))
            return None

    def _ask(self, plan: Plan) -> _Asked:
        today = self._calendar.today()
        asked = self._asked.get(plan)
        if asked is None or asked.today is not today:
            if len(self._asked) >= REMEMBERED:
                self._asked.clear()
            rows = tuple(subject_row(subject, today) for subject in plan.subjects)
            asked = self._asked[plan] = _Asked(plan, today, rows)
        return asked

    def _let_in(self, asked: _Asked, reserve: Reserve, reply: Reply) -> _Admitted:
        rows = held(asked.plan, reply, reserve, asked.today)
        for row in rows:
            self._count_held(row, 1)
        stands = tightest(standing_after(asked.plan, reply, self._calendar.unix(), asked.today))
        self._alone.hear(asked.plan, spent_after(asked.plan, reply))
        if reply[1]:
            self._link.restart("it had let go of what this process holds")
        return _Admitted(asked.plan, reserve, stands, held=rows)

    def _count_held(self, row: Settlement, sign: int) -> None:
        own = self._held.setdefault(row.subject, [0, 0, 0, 0])
        for place, amount in enumerate((row.running, row.expected, row.tokens, row.nano_usd)):
            own[place] += sign * amount
        if not own[0]:
            del self._held[row.subject]

    # What the link and the outbox tell

    async def _prepare(self) -> None:
        await self._outbox.resend()
        rows = (f"{subject} {' '.join(map(str, own))}" for subject, own in self._held.items())
        await self._link.prepare(RESTATE, 1, PREFIX, self._lease, *rows)
        loop = asyncio.get_running_loop()
        loop.call_soon(self._outbox.flush)
        loop.call_soon(self._corrections.go_on)

    def _note_taken(self, rows: Sequence[Settlement]) -> None:
        for row in rows:
            if row.running:
                self._count_held(row, -1)

    def _note_away(self, reason: str) -> None:
        self.outages += 1
        self._alone.forget()
        self._learning = asyncio.create_task(self._alone.teach())
        meanwhile = "what is limited is refused" if self._refuses else "limits are counted on this machine alone"
        log.warning(f"Redis does not answer: {meanwhile}", reason=reason)

    def _note_back(self, seconds: float) -> None:
        log.warning("Redis answers again: limits are counted there", away_seconds=round(seconds, 1))

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            if not self._link.is_here:
                continue
            with suppress(Away, Refused):
                if not await self._link.run(RENEW, 1, PREFIX, self._lease):
                    self._link.restart("it had let go of what this process holds")

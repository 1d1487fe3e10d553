"""Which attempt comes next. Time, turns, chance and outcomes are handed in; nothing is sent, and nobody sleeps.

The targets are tried one after another, and of each the credentials that can be used now: first the one that holds the
conversation, else one that rests and is due to be probed, then by priority and strategy. Nobody is tried twice, but by
a verdict that says so. When all who are left rest, a request waits a little for the first to be back, or is told when.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from msgspec import Struct, structs

from gateway.records import Credential, PassedOver, Provider, Target

from . import passing
from .affinity import pooled
from .ordering import Conduct, Seen, in_order, is_open, is_usable, line_up, look, order_targets
from .passing import BUSY, NOBODY, Passed, is_well
from .pool import Pool, pinned_to, pool_of
from .targets import TargetList
from .verdicts import Verdict, backoff

NO_CREDENTIAL = Credential("", "", "")
"""For a server that asks for no key."""

BUSY_US = 100_000
"""How often a request asks again whether one of them is done."""
LIMITS = frozenset({"rate_limit", "quota", BUSY})
"""Reasons to rest that are limits: who meets nothing else has asked for too much."""


class Attempt(Struct, frozen=True, gc=False):
    """One try: a target, and the credential to use."""

    target: Target
    provider: Provider
    credential: Credential
    is_probe: bool = False
    """The credential rests; this one request tries whether it must."""
    claimed_at_us: int = 0
    """When this was made the one request that tries a target whose breaker is half open; 0 where it is closed."""
    chosen_by: str | None = None
    """Why this credential, as the usage record has it."""


class Wait(Struct, frozen=True, gc=False):
    """Nobody can be asked yet: ask again after so many seconds."""

    seconds: float


class Resting(NamedTuple):
    """Everybody who could answer rests."""

    until_us: int
    """Unix microseconds at which the first of them is back."""
    limited: bool
    """All of them for their limits."""


class Dispatch(Struct, eq=False):
    """The attempts of one exchange, one after another."""

    _found: TargetList
    _conduct: Conduct
    session: bytes | None = None
    """The conversation that this is part of."""
    pinned: tuple[str, str] | None = None
    """The provider and credential that alone can serve this, for as long as they are there: anybody else would say that
    what is asked for does not exist, and hide why the one that has it does not answer."""
    _left: int = 0
    _targets: Sequence[Target] | None = None
    _at: int = 0
    _line: list[Credential] | None = None
    """Who else is to be tried at this target, the first one last; None before anybody is chosen by strategy."""
    _tried: set[tuple[Target, str]] = set()
    _turns: dict[str, int] = {}
    _last: Attempt | None = None
    _again: Attempt | None = None
    _retries: int = 0
    _pause_us: int = 0
    _waited_us: int = 0
    _probed: bool = False
    _stays: bool = False
    """The conversation stays with its target."""
    _passed: Passed | None = None
    """Who is not asked; None as long as that is nobody."""

    def __post_init__(self) -> None:
        """How many attempts there may be is said once and for all."""
        self._left = self._found.terms.attempts or self._conduct.attempts

    def next(self, now_us: int) -> Attempt | Wait | None:
        """What to do next; None when there is nothing left to try."""
        if self._left <= 0:
            return None
        if self._pause_us:
            pause, self._pause_us = Wait(self._pause_us / 1e6), 0
            return pause
        if self._again is not None and (attempt := self._repeated(now_us)) is not None:
            return self._begun(attempt)
        attempt = self._search(now_us)
        return self._begun(attempt) if attempt is not None else self._wait(now_us)

    def hedge(self, now_us: int) -> Attempt | None:
        """An attempt to make beside the one that takes long: with a target that comes after it."""
        if self._left <= 0 or self._targets is None:
            return None
        line, attempt = self._line, None
        for target in self._targets[self._at + 1 :]:
            self._line = None
            if (attempt := self._pick(target, now_us)) is not None:
                break
        self._line = line
        return self._begun(structs.replace(attempt, chosen_by=passing.HEDGE)) if attempt is not None else None

    def failed(self, verdict: Verdict, now_us: int, *, attempt: Attempt | None = None, chance: float = 1.0) -> Verdict:
        """The attempt, else the last one, failed, and this is what that means. What is made of it is returned: a combo
        may want it otherwise, and where there is nobody else the same may be tried again, unless the provider asks to
        wait for longer than a request does. `chance` is 0 to 1."""
        failed = attempt or self._last
        assert failed is not None  # nothing fails that was not begun
        terms = self._found.terms
        if verdict.reason in terms.stop_on:
            verdict = verdict._replace(then="stop")
        elif verdict.then == "stop" and verdict.reason in terms.next_on:
            verdict = verdict._replace(then="next_target")
        if verdict.then == "stop":
            self._left = 0
        elif verdict.then == "next_target":
            self._leave(failed, by_way=verdict.by_way)
        named = verdict.seconds or 0.0
        is_soon = named <= self._conduct.longest_wait_seconds
        if verdict.then == "retry" and not is_soon:
            verdict = verdict._replace(then="next_credential")
        elif verdict.again and is_soon and self._left > 0 and not self._has_others(now_us):
            verdict = verdict._replace(then="retry")
        if verdict.then == "retry":
            self._repeat(failed, named, chance)
        return verdict

    def skipped(self, verdict: Verdict, now_us: int, *, attempt: Attempt | None = None, why: str = "") -> None:
        """The attempt, else the last one, was not made: it cannot be, for a reason that `verdict` tells, and `why` says
        in a word. It counts for nothing."""
        self._left += 1
        skipped = attempt or self._last
        assert skipped is not None  # nothing is skipped that was not begun
        credential = skipped.credential.name if verdict.then == "next_credential" else None
        self._notes().note((*skipped.target, credential), why)
        self.failed(verdict, now_us, attempt=skipped)

    def resting(self, now_us: int) -> Resting | None:
        """When the first is back of all who could answer, tried or not; None where somebody does not rest."""
        ends = [self._end(target, seen, now_us) for target, seen in self._everybody(now_us)]
        if not ends or not all(until_us for until_us, _ in ends):
            return None
        return Resting(min(until_us for until_us, _ in ends), all(reason in LIMITS for _, reason in ends))

    def has_anybody(self, now_us: int) -> bool:
        """Whether there is anybody at all, resting or not."""
        return bool(self._everybody(now_us))

    def session_at(self, provider: Provider) -> bytes | None:
        """The name to bind to the credential that answers, in the pool of its provider; None for no conversation."""
        if self.session is None or not provider.session_affinity:
            return None
        return pooled(self.session, provider.id)

    def ordered_by(self, target: Target) -> str | None:
        """Why this target, as the usage record has it; None where there was no choice."""
        label = self._found.ordered_by.get(target)
        return (
            passing.SESSION
            if self._stays and label is not None and label.partition(" ")[0] in passing.BY_TURN
            else label
        )

    def passed_over(self, asked: Collection[tuple[Target, str]]) -> tuple[tuple[PassedOver, ...], int]:
        """Who could have answered and was not among those that were asked, and how many more there were."""
        left_out = self._found.left_out
        return self._notes().told(left_out, asked) if left_out or self._passed is not None else NOBODY

    @property
    def has_chosen(self) -> bool:
        """Whether there is anything to tell by these two: there seldom is."""
        return self._passed is not None or bool(self._found.ordered_by or self._found.left_out)

    def _notes(self) -> Passed:
        self._passed = self._passed or Passed()
        return self._passed

    # Choosing

    def _begun(self, attempt: Attempt) -> Attempt:
        self._left -= 1
        self._last = attempt
        self._tried.add((attempt.target, attempt.credential.name))
        return attempt

    def _search(self, now_us: int) -> Attempt | None:
        """The first who can be asked now."""
        if self._targets is None:
            self._targets = self._ordered()
        for start in (self._at, 0):  # who rested when it was passed may be back
            for at in range(start, len(self._targets)):
                self._at = at
                if (attempt := self._pick(self._targets[at], now_us)) is not None:
                    return attempt
                self._line = None
        return None

    def _pick(self, target: Target, now_us: int) -> Attempt | None:
        """Who can be asked now at a target."""
        board, pool = self._conduct.board, self._pool(target)
        if pool.left_out:
            self._notes().note_all(pool.left_out)
        is_new = self._line is None and not self._tried and self.pinned is None
        if is_new and not pool.is_bounded and board.is_calm(pool.credentials, target, now_us):
            return self._calmly(pool, now_us)
        standing = board.target_standing(target, now_us)
        if not is_open(standing, now_us):
            attempt = self._choose(pool, now_us)
            if attempt is None or standing.until_us <= now_us:
                return attempt
            if board.claim_target_probe(target, now_us):
                return structs.replace(attempt, claimed_at_us=now_us)
        self._notes().note((*target, None), standing.reason, standing.until_us)
        return None

    def _calmly(self, pool: Pool, now_us: int) -> Attempt | None:
        """Who is asked first where nobody rests: who holds the conversation, or by strategy."""
        if self.session is not None and (holder := self._holder(pool, now_us)) is not None:
            return Attempt(pool.target, pool.provider, holder, False, 0, passing.SESSION)
        lines = pool.lines
        if not lines:
            return self._first_of(pool, in_order(self._conduct, pool, pool.credentials, self._turn))
        turn = self._turn(pool.turns, pool.sticky) if len(lines) > 1 else 0
        line = self._line = [*lines[turn % len(lines)]]
        first = line.pop()
        return Attempt(pool.target, pool.provider, first, False, 0, pool.labels.get(first.name))

    def _choose(self, pool: Pool, now_us: int) -> Attempt | None:
        """Who of those in a pool."""
        target, provider = pool.target, pool.provider
        if self._line is None:
            untried = self._untried(pool)
            if len(untried) != 1:
                return self._first(pool, untried, now_us)
            self._line = list(untried)
        while self._line:
            seen = look(self._conduct, provider, self._line.pop(), target.model, now_us)
            if is_usable(seen):
                return Attempt(target, provider, seen.credential, chosen_by=passing.chosen_late(pool, seen))
            if self._may_probe(seen, target, now_us):
                return Attempt(target, provider, seen.credential, True, chosen_by=passing.PROBE)
            self._notes().note_seen(target, seen)
        return None

    def _first(self, pool: Pool, untried: tuple[Credential, ...], now_us: int) -> Attempt | None:
        """Who of several is asked first: who holds the conversation, who is due to be probed, or by strategy."""
        conduct, target, provider = self._conduct, pool.target, pool.provider
        seen = [look(conduct, provider, credential, target.model, now_us) for credential in untried]
        holder = self._holder(pool, now_us)
        for each in seen:
            if each.credential is holder:
                if is_well(each):
                    return Attempt(target, provider, holder, chosen_by=passing.SESSION)
                self._notes().note_seen(target, each, holds=True)
        for each in seen:
            if each.standing.hard and self._may_probe(each, target, now_us):
                return Attempt(target, provider, each.credential, True, chosen_by=passing.PROBE)
        attempt = self._first_of(pool, line_up(conduct, pool, seen, self._turn))
        if attempt is not None and not any(map(is_well, seen)):
            attempt = structs.replace(attempt, chosen_by=passing.RESTING)
        for each in passing.unwell_before(pool, seen, attempt.credential if attempt is not None else None):
            self._notes().note_seen(target, each)
        return attempt

    def _first_of(self, pool: Pool, line: list[Credential]) -> Attempt | None:
        """The first of a line; the others are kept for when it fails."""
        line.reverse()
        self._line = line
        if not line:
            return None
        first = line.pop()
        return Attempt(pool.target, pool.provider, first, chosen_by=pool.labels.get(first.name))

    def _holder(self, pool: Pool, now_us: int) -> Credential | None:
        """Who of a pool holds the conversation, resting or not."""
        session = self.session_at(pool.provider)
        if session is None:
            return None
        return pool.by_name.get(self._conduct.board.holder(session, now_us) or b"")

    def _may_probe(self, seen: Seen, target: Target, now_us: int) -> bool:
        """Whether this request is the one to try a credential that rests."""
        if self._probed or seen.is_full or not seen.standing.probe_due:
            return False
        self._probed = self._conduct.board.claim_probe(seen.credential, target.model, now_us)
        return self._probed

    def _ordered(self) -> Sequence[Target]:
        targets = self._found.targets
        if self.pinned is not None:
            keeping = tuple(target for target in targets if target.provider == self.pinned[0])
            targets = keeping or targets
        if len(targets) == 1:
            return targets
        providers = self._conduct.providers
        self._stays = self.session is not None and any(providers[each.provider].session_affinity for each in targets)
        turn = self._turn_of_session if self._stays else self._turn
        return order_targets(self._conduct, self._found, targets, turn)

    def _pool(self, target: Target) -> Pool:
        """Who may be asked at a target."""
        pool = pool_of(self._found, self._conduct.providers[target.provider], target)
        return pool if self.pinned is None else pinned_to(pool, self.pinned)

    def _untried(self, pool: Pool) -> tuple[Credential, ...]:
        if not self._tried:
            return pool.credentials
        return tuple(each for each in pool.credentials if (pool.target, each.name) not in self._tried)

    def _turn(self, name: str, sticky: int) -> int:
        """One turn of each count an exchange, however often it is asked for."""
        turn = self._turns.get(name)
        if turn is None:
            turn = self._turns[name] = self._conduct.board.take_turn(name, sticky)
        return turn

    def _turn_of_session(self, name: str, sticky: int) -> int:
        """A conversation always has the same turn: it stays with one target as long as that answers."""
        assert self.session is not None  # asked only then
        return int.from_bytes(self.session[:4])

    # What comes of failures

    def _leave(self, failed: Attempt, *, by_way: bool) -> None:
        """Try nobody else at a target, but for those who take another way where that is what failed."""
        target = failed.target
        for each in self._pool(target).credentials:
            if not by_way or each.proxy == failed.credential.proxy:
                self._tried.add((target, each.name))
        self._line = None

    def _repeat(self, failed: Attempt, named_seconds: float, chance: float) -> None:
        """Once more after a pause, which is never shorter than what the provider asks for."""
        conduct = self._conduct
        seconds = backoff(self._retries, conduct.pause_seconds, conduct.longest_pause_seconds, chance)
        self._retries += 1
        self._again, self._pause_us = failed, round(max(seconds, named_seconds) * 1e6)

    def _repeated(self, now_us: int) -> Attempt | None:
        """The same attempt once more, if nobody has found that it cannot be made."""
        attempt, self._again = self._again, None
        assert attempt is not None  # asked only then
        seen = look(self._conduct, attempt.provider, attempt.credential, attempt.target.model, now_us)
        if self._end(attempt.target, seen, now_us)[0]:
            return None
        return structs.replace(attempt, claimed_at_us=0, chosen_by=passing.AGAIN)

    def _has_others(self, now_us: int) -> bool:
        return any(self._end(target, seen, now_us)[0] == 0 for target, seen in self._others(now_us))

    def _wait(self, now_us: int) -> Wait | None:
        """For the first who is back, if that is soon."""
        ends = [self._end(target, seen, now_us)[0] for target, seen in self._others(now_us)]
        if not ends:
            return None
        wait_us = max(min(ends) - now_us, 1)
        self._waited_us += wait_us
        if self._waited_us > self._conduct.longest_wait_seconds * 1e6:
            return None
        return Wait(wait_us / 1e6)

    def _others(self, now_us: int) -> list[tuple[Target, Seen]]:
        """Everybody who was not tried."""
        return [each for each in self._everybody(now_us) if (each[0], each[1].credential.name) not in self._tried]

    def _everybody(self, now_us: int) -> list[tuple[Target, Seen]]:
        if self._targets is None:
            self._targets = self._ordered()
        conduct, providers = self._conduct, self._conduct.providers
        return [
            (target, look(conduct, providers[target.provider], credential, target.model, now_us))
            for target in self._targets
            for credential in self._pool(target).credentials
        ]

    def _end(self, target: Target, seen: Seen, now_us: int) -> tuple[int, str]:
        """When somebody can be asked again, and why not before; 0 for at once."""
        standing = self._conduct.board.target_standing(target, now_us)
        until_us, reason = (standing.until_us, standing.reason) if is_open(standing, now_us) else (0, "")
        if seen.standing.hard and seen.standing.until_us > until_us:
            return seen.standing.until_us, seen.standing.reason
        if seen.is_full and not until_us:
            return now_us + BUSY_US, BUSY
        return until_us, reason

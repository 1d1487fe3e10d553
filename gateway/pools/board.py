"""What all workers know together of credentials, targets and sessions: who rests, how busy and how fast each is, whose
turn it is, and who holds which conversation.

Answers what `gateway.routing.standing.Board` asks, and is told by the relay how requests went. Reads words of shared
memory without a lock, about 1 µs a question; locks a slot only to change a rest or to take a turn. Where there is no
room in shared memory, nothing rests and nothing is counted for what did not fit: no request fails for it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from gateway.pools.breaker import Breaker
from gateway.pools.cells import Cell, Cells, Pair, as_kept, model_name, owner_of
from gateway.pools.deadlines import us
from gateway.pools.fields import (
    HARD,
    HEADROOM,
    HEADROOM_RESETS,
    LATENCY,
    TOKEN_UNTIL,
    TOUCHED,
    TURN,
    UNTIL,
    Kind,
)
from gateway.pools.quotas import Quota, Quotas
from gateway.pools.resting import Resting
from gateway.pools.sessions import Sessions
from gateway.records import Credential, Target
from gateway.routing.rate_headers import Window
from gateway.routing.standing import AVAILABLE, UNKNOWN, Figures, Standing
from gateway.routing.verdicts import Verdict
from gateway.settings.model import RestSettings
from gateway.shared.memory import SharedMemory

NEWEST = 0.034
"""Share of the newest request in the average of latencies: what is known loses half of its weight in 20 requests."""


UNTOLD_SECONDS = 60.0
"""How long what is left of a limit is taken to be true where the provider does not say when it resets."""


class Rest(NamedTuple):
    """A rest, for people. Times are Unix microseconds."""

    kind: Kind
    provider: str
    credential: str
    """Empty of a target."""
    model: str
    """Empty of a credential as a whole."""
    standing: Standing
    since_us: int = 0
    """Since when it is refused without a break, where it was asked what nothing has proven well; else 0."""


class Told(NamedTuple):
    """What a provider has told of a credential, for people. Times are Unix microseconds."""

    headroom: float | None = None
    """The share of its rate limits that is left, all of it once they have reset; None where no header told of any."""
    resets_at_us: int = 0
    """When the tightest of them does; 0 where it has by now."""
    token_until_us: int = 0
    """When the access token ends that was asked for last; 0 where there was none."""
    quotas: tuple[Quota, ...] = ()
    """Each of its rate limits, as it was told last, in no order."""


class Which(NamedTuple):
    """What is meant among everything that may rest: all of a provider, or those of it that are named."""

    provider: str
    credential: str | None = None
    model: str | None = None
    """Of all credentials, and as a target, where none is named."""


class Board:
    """The state of one machine's pools, as seen from one process. For one thread, as is the memory."""

    def __init__(
        self,
        memory: SharedMemory,
        settings: RestSettings,
        column: int | None = None,
        clock: Callable[[], int] = lambda: time.time_ns() // 1000,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`column` is the worker's number; a process without one has nothing in flight. The clock tells Unix
        microseconds where the caller does not."""
        self._cells = Cells(memory, column, clock)
        self._words, self._reals = self._cells.words, self._cells.reals
        self._resting = Resting(self._cells, settings, chance)
        self._breaker = Breaker(self._cells, settings)
        self._sessions = Sessions(memory)
        self._quotas = Quotas(memory)
        self._counts, self._clock = column is not None, clock
        self._own_turns: dict[str, int] = {}

    def follow(self, settings: RestSettings) -> None:
        """Go by these settings from now on."""
        self._resting.follow(settings)
        self._breaker.follow(settings)
        self._cells.forget()

    # What routing asks

    def is_calm(self, credentials: tuple[Credential, ...], target: Target, now_us: int) -> bool:
        """Whether nothing at all is the matter with any of these at a target, nor with the target."""
        watch, words = self._cells.watch(credentials, target), self._words
        if words[watch.breaker]:
            return False
        for at in watch.ends:  # noqa: SIM110  # a generator would cost as much as all the looks
            if words[at] > now_us:
                return False
        return True

    def standing(self, credential: Credential, model: str, now_us: int) -> Standing:
        """How a credential stands for a model: a hard rest before a soft one, the later one of equals."""
        cell = self._cells.of(credential)
        by_model = self._cells.with_model(cell, model)
        words = self._words
        if words[cell.at + UNTIL] <= now_us and words[by_model.at + UNTIL] <= now_us:
            return AVAILABLE
        return self._resting.standing((cell, by_model), now_us)

    def target_standing(self, target: Target, now_us: int) -> Standing:
        """Whether the circuit breaker of a target is open."""
        cell = self._cells.of_target(target)
        return self._breaker.standing(cell, now_us) if self._words[cell.at + UNTIL] else AVAILABLE

    def figures(self, credential: Credential) -> Figures:
        """What strategies go by among credentials."""
        return self._figures(self._cells.of(credential))

    def target_figures(self, target: Target) -> Figures:
        """What strategies go by among targets."""
        return self._figures(self._cells.of_target(target))

    def take_turn(self, name: str, sticky: int = 1) -> int:
        """The next number of a count by that name, exact over all processes; it goes on every `sticky` calls."""
        cell = self._cells.of_turn(name)
        turn = self._cells.count_up(cell, TURN) if cell.slot is not None or self._cells.make(cell) else None
        if turn is None:
            turn = self._own_turns.get(name, 0)
            self._own_turns[name] = turn + 1
        return turn // sticky

    def peek_turn(self, name: str, sticky: int = 1) -> int:
        """What `take_turn` would say, which stays as it is."""
        cell = self._cells.of_turn(name)
        turn: int = self._own_turns.get(name, 0) if cell.slot is None else self._words[cell.at + TURN]
        return turn // sticky

    def claim_probe(self, credential: Credential, model: str, now_us: int) -> bool:
        """Whether the caller may try a credential that rests. Each time one is due, it is true for one caller only."""
        cell = self._cells.of(credential)
        return self._resting.claim_probe((cell, self._cells.with_model(cell, model)), now_us)

    def claim_target_probe(self, target: Target, now_us: int) -> bool:
        """The same of a target whose breaker is half open."""
        return self._breaker.claim(self._cells.of_target(target), now_us)

    def holder(self, session: bytes, now_us: int) -> bytes | None:
        """Name of the credential that a session is bound to; None where there is none."""
        return self._sessions.holder(session, now_us)

    # What the relay tells

    def begin(self, credential: Credential, target: Target) -> None:
        """A request is sent."""
        if not self._counts:
            return
        pair, words = self._cells.pair(credential, target), self._words
        for cell in (pair.credential, pair.target):
            if cell.slot is not None or self._cells.make(cell):
                words[cell.own] += 1

    def end(self, credential: Credential, target: Target) -> None:
        """It has ended, however it did."""
        if not self._counts:
            return
        pair, words = self._cells.pair(credential, target), self._words
        for cell in (pair.credential, pair.target):
            if cell.slot is not None and words[cell.own] > 0:
                words[cell.own] -= 1

    def rest(self, credential: Credential, model: str | None, verdict: Verdict, now_us: int) -> int:
        """Let a credential rest, as a whole or for a model, as the verdict says; for how many microseconds."""
        cell = self._cells.of(credential)
        until_us = self._resting.begin(cell if model is None else self._cells.with_model(cell, model), verdict, now_us)
        return max(until_us - now_us, 0)

    def succeeded(self, credential: Credential, target: Target, waited_us: int, now_us: int) -> None:
        """A request was answered, `waited_us` after it was sent: whatever rested before that rests no more."""
        pair, words, reals = self._cells.pair(credential, target), self._words, self._reals
        if words[pair.rest] or words[pair.rest_by_model] or words[pair.failures]:
            self._recover(pair, now_us - waited_us)
        # Without a lock: of two who learn at once one is not heard, and an average does not mind.
        for at in pair.learning:
            known = reals[at + LATENCY]
            reals[at + LATENCY] = known + (waited_us - known) * NEWEST if known else waited_us
            words[at + TOUCHED] = now_us

    def note_headroom(self, credential: Credential, left: float, reset_seconds: float | None, now_us: int) -> None:
        """What a provider says is left of its limits, as a share, and in how many seconds that will not be true any
        more."""
        cell = self._cells.of(credential)
        if cell.slot is not None:
            self._words[cell.at + HEADROOM_RESETS] = now_us + us(
                UNTOLD_SECONDS if reset_seconds is None else reset_seconds
            )
            self._reals[cell.at + HEADROOM] = left

    def note_windows(self, credential: Credential, told: tuple[Window, ...], now_us: int) -> None:
        """What a provider says of each of its limits, for people. Locks a slot: for a few answers a second."""
        if told:
            self._quotas.note(self._cells.of(credential).name, told, now_us)

    def note_token(self, credential: Credential, until_us: int) -> None:
        """There is an access token for a credential, until then."""
        cell = self._cells.of(credential)
        if cell.slot is not None or self._cells.make(cell):
            self._words[cell.at + TOKEN_UNTIL] = until_us

    def failed_target(self, target: Target, now_us: int) -> None:
        """A request failed for a reason that is the target's."""
        self._breaker.failed(self._cells.of_target(target), now_us)

    def give_back(self, target: Target, claimed_at_us: int, now_us: int) -> None:
        """The request that was to try a target is over without a word on that: it was the client's fault, or a
        credential's, or nobody waited for its end."""
        self._breaker.give_back(self._cells.of_target(target), claimed_at_us, now_us)

    def bind(self, session: bytes, credential: Credential, now_us: int) -> None:
        """The credential holds the prompt cache of this session now."""
        self._sessions.bind(session, credential.name, now_us)

    # What people ask and tell

    def rests(self, now_us: int) -> tuple[Rest, ...]:
        """Everything that rests, the first to be back first."""
        found = (self._rest_of(cell, now_us) for cell in self._cells.all() if self._words[cell.at + UNTIL])
        return tuple(
            sorted((rest for rest in found if rest.standing.until_us), key=lambda rest: rest.standing.until_us)
        )

    def told(self, credential: Credential, now_us: int) -> Told:
        """What a provider has told of a credential."""
        cell, words = self._cells.of(credential), self._words
        quotas = self._quotas.of(cell.name)
        if cell.slot is None:
            return Told(quotas=quotas)
        resets_at_us, token_us = words[cell.at + HEADROOM_RESETS], words[cell.at + TOKEN_UNTIL]
        if resets_at_us <= now_us:
            return Told(1.0 if resets_at_us else None, 0, token_us, quotas)
        return Told(self._reals[cell.at + HEADROOM], resets_at_us, token_us, quotas)

    def unproven(self, credentials: Iterable[Credential], now_us: int) -> tuple[Rest, ...]:
        """Hard rests of these, as a whole or for a model, that nothing has ended: those included whose time is over, as
        long as no request has been answered since. Of the rests of a secret that was replaced nothing is told, nor of
        models whose names are too long to be kept."""
        own = {cell.owner: cell for cell in map(self._cells.of, credentials)}
        found = (cell for cell in self._cells.all() if self._words[cell.at + HARD] and cell.kind is not Kind.TARGET)
        return tuple(self._unproven(cell, now_us) for cell in found if _is_of(cell, own.get(cell.owner)))

    def end_rests(self, which: Which, now_us: int) -> int:
        """End the rests of whatever is meant, and close its breakers; how many there were."""
        return sum(self._end(cell, now_us) for cell in self._cells.all() if _is_meant(cell, which))

    def let_try(self, which: Which, now_us: int) -> int:
        """Let the next request try each of these that rests; how many there are. Breakers have tries of their own."""
        meant = (cell for cell in self._cells.all() if cell.kind is not Kind.TARGET and _is_meant(cell, which))
        return sum(self._resting.let_probe(cell, now_us) for cell in meant)

    def _end(self, cell: Cell, now_us: int) -> bool:
        return (self._breaker if cell.kind is Kind.TARGET else self._resting).clear(cell, now_us)

    def _rest_of(self, cell: Cell, now_us: int) -> Rest:
        if cell.kind is Kind.TARGET:
            provider, model = (*cell.parts, "")[:2]
            return Rest(cell.kind, provider, "", model, self._breaker.standing(cell, now_us))
        provider, credential, model = (*cell.parts, "", "")[:3]
        return Rest(cell.kind, provider, credential, model, self._resting.standing((cell,), now_us))

    def _unproven(self, cell: Cell, now_us: int) -> Rest:
        provider, credential, model = (*cell.parts, "", "")[:3]
        standing = self._resting.standing((cell,), now_us)
        reason = standing.reason or self._resting.reason(cell)
        since_us = self._resting.since_us(cell, now_us)
        return Rest(cell.kind, provider, credential, model, standing._replace(reason=reason), since_us)

    def _figures(self, cell: Cell) -> Figures:
        if cell.slot is None:
            return UNKNOWN
        reals, resets_at_us = self._reals, self._words[cell.at + HEADROOM_RESETS]
        headroom = reals[cell.at + HEADROOM] if resets_at_us and resets_at_us > self._clock() else 1.0
        return Figures(self._cells.in_flight(cell.column), int(reals[cell.at + LATENCY]), headroom)

    def _recover(self, pair: Pair, sent_at_us: int) -> None:
        """Whatever rested before a request was sent that was answered now rests no more."""
        words = self._words
        if words[pair.rest]:
            self._resting.succeeded(pair.credential, sent_at_us)
        if words[pair.rest_by_model]:
            self._resting.succeeded(pair.by_model, sent_at_us)
        if words[pair.failures]:
            self._breaker.succeeded(pair.target, sent_at_us)


def _is_of(cell: Cell, credential: Cell | None) -> bool:
    """Whether a cell is that of a credential, or of a model with it."""
    if credential is None or cell.kind is not Kind.MODEL:
        return credential is not None and cell.name == credential.name
    return cell.name == model_name(credential, cell.parts[-1])


def _is_meant(cell: Cell, which: Which) -> bool:
    provider, credential, model = which
    if cell.kind is Kind.TURN or cell.parts[0] != provider:
        return False
    if cell.kind is Kind.TARGET:
        return credential is None and (model is None or cell.parts == as_kept(provider, model))
    if credential is not None and cell.owner != owner_of(provider, credential):
        return False
    return model is None or (cell.kind is Kind.MODEL and cell.parts == as_kept(*cell.parts[:2], model))

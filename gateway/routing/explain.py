"""What `dispatch` would do with a request now, and why: the same decisions, without doing anything.

No turn is taken and no probe is claimed: whoever asks changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Literal, NamedTuple

from gateway.records import Credential, Provider, Target

from .dispatch import Attempt, Dispatch, Resting, Wait
from .ordering import Conduct, is_open, look
from .passing import BUSY
from .pool import nobody, usable
from .standing import Board
from .targets import TargetList
from .verdicts import Verdict

State = Literal["first", "next", "beyond", "passed_over"]

EVERYBODY = 1_000_000
"""More attempts than anybody has credentials."""

PASSED = Verdict("next_target")

NOTHING: Mapping[Target, str] = MappingProxyType({})


class Step(NamedTuple):
    """A credential for a target, and what would become of it."""

    target: Target
    credential: str
    """Its name; empty for a server that asks for none."""
    state: State
    """`first` is asked, `next` after those before it have failed, `beyond` would come after the last attempt there may
    be, `passed_over` is not asked at all."""
    reason: str = ""
    """Why: what it rests for, `busy`, `session` for the one that holds the conversation, `probe`, `pinned` for what is
    kept elsewhere, `key` and `models` for whom it is not, `paused`."""
    until_us: int = 0
    """Unix microseconds at which that ends; 0 where it does not, or nobody knows."""
    chosen_by: str = ""
    """Of who is asked: how this credential is chosen, as the usage record has it."""
    ordered_by: str = ""
    """The same of its target."""


class Explained(NamedTuple):
    """What would become of a request."""

    steps: tuple[Step, ...]
    """Everybody who serves its name: who is asked, in the order in which that happens, then who is passed over."""
    barred: tuple[Target, ...] = ()
    """The targets that its turn came to, and that could not be asked."""
    waits_seconds: float = 0.0
    """It waits so long before anybody is asked."""
    resting: Resting | None = None
    """Where nobody is asked, and all who could be rest."""


class _Onlooker:
    """The board as somebody sees it who leaves everything as it is."""

    def __init__(self, board: Board) -> None:
        self.is_calm = board.is_calm
        self.standing = board.standing
        self.target_standing = board.target_standing
        self.figures = board.figures
        self.target_figures = board.target_figures
        self.take_turn = self.peek_turn = board.peek_turn
        self.holder = board.holder

    def claim_probe(self, credential: Credential, model: str, now_us: int) -> bool:
        """As if nobody else were there to claim it."""
        return True

    def claim_target_probe(self, target: Target, now_us: int) -> bool:
        """The same."""
        return True


class Case(NamedTuple):
    """What of a request matters beside its targets; as `Dispatch` is told it."""

    session: bytes | None = None
    pinned: tuple[str, str] | None = None
    barred: Mapping[Target, str] = NOTHING
    """Targets that cannot be asked for it, for a reason that is not theirs, and why."""


PLAIN = Case()


def explain(found: TargetList, conduct: Conduct, now_us: int, case: Case = PLAIN) -> Explained:
    """What becomes of a request now that may go to these targets."""
    session, pinned, barred = case
    most = found.terms.attempts or conduct.attempts
    unseen = replace(conduct, board=_Onlooker(conduct.board))
    unlimited = replace(found, terms=replace(found.terms, attempts=EVERYBODY))
    dispatch = Dispatch(unlimited, unseen, session=session, pinned=pinned)
    steps: list[Step] = []
    skipped: dict[Target, None] = {}
    while isinstance(attempt := dispatch.next(now_us), Attempt):
        if attempt.target in barred:
            skipped[attempt.target] = None
            dispatch.skipped(PASSED, now_us, attempt=attempt)
            continue
        state: State = "first" if not steps else "next" if len(steps) < most else "beyond"
        held = dispatch.session_at(attempt.provider)
        step = _asked(unseen, attempt, state, held, now_us)
        ordered_by = dispatch.ordered_by(attempt.target) or ""
        steps.append(step._replace(chosen_by=attempt.chosen_by or "", ordered_by=ordered_by))
    asked = {(step.target, step.credential) for step in steps}
    passed = (
        Step(target, credential.name, "passed_over", barred[target])
        if target in skipped
        else _passed(found, conduct, target, credential, now_us)
        for target in found.targets
        for credential in conduct.providers[target.provider].credentials or (nobody(target.provider),)
        if (target, credential.name) not in asked
    )
    every = (*steps, *passed)
    if steps:
        return Explained(every, tuple(skipped))
    waits = attempt.seconds if isinstance(attempt, Wait) else 0.0
    return Explained(every, tuple(skipped), waits, dispatch.resting(now_us))


def _asked(conduct: Conduct, attempt: Attempt, state: State, session: bytes | None, now_us: int) -> Step:
    target, credential = attempt.target, attempt.credential
    standing = look(conduct, attempt.provider, credential, target.model, now_us).standing
    if attempt.is_probe:
        return Step(target, credential.name, state, "probe", standing.until_us)
    if standing.until_us:
        return Step(target, credential.name, state, standing.reason, standing.until_us)
    holder = conduct.board.holder(session, now_us) if session is not None else None
    held = holder is not None and credential.name.encode() == holder
    return Step(target, credential.name, state, "session" if held else "")


def _passed(found: TargetList, conduct: Conduct, target: Target, credential: Credential, now_us: int) -> Step:
    """Why somebody is not asked."""
    provider = conduct.providers[target.provider]
    seen = look(conduct, provider, credential, target.model, now_us)
    breaker = conduct.board.target_standing(target, now_us)
    reason, until_us = "pinned", 0
    if not _is_held(found, provider, credential):
        reason = "key"
    elif credential not in usable(found, provider, target.model):
        reason = "models" if credential.models else "paused"
    elif is_open(breaker, now_us):
        reason, until_us = breaker.reason, breaker.until_us
    elif seen.standing.hard:
        reason, until_us = seen.standing.reason, seen.standing.until_us
    elif seen.is_full:
        reason = BUSY
    return Step(target, credential.name, "passed_over", reason, until_us)


def _is_held(found: TargetList, provider: Provider, credential: Credential) -> bool:
    """Whether the key may use a credential."""
    return found.credentials is None or not credential.name or credential in found.credentials[provider.id]

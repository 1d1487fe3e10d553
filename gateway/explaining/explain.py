"""What would become of a request, found out by the functions that the relay decides by. Nothing is sent or counted, no
turn is taken, no probe is claimed.

Goes the way of an exchange: key, body, targets, limits, then each attempt. What would end the exchange is noted, and as
much as can be told is told all the same.
"""

from __future__ import annotations

from gateway.access.keys import refusal
from gateway.errors import EndpointForbidden, GatewayError, RequestRefused
from gateway.formats.ask import Ask
from gateway.formats.written import request_bytes
from gateway.limits.limiter import Left, Plan
from gateway.limits.rules import subjects_of
from gateway.records import ClientKey, Target
from gateway.relay import conversation, passages, prospects
from gateway.relay.caller import is_strict
from gateway.relay.conversation import Thread
from gateway.relay.prospects import PASSED, UNPRICED, UNSPOKEN, Wanted
from gateway.relay.setting_aside import reserve
from gateway.routing.affinity import Session, find_session
from gateway.routing.explain import Case, Explained, Step, explain
from gateway.routing.reach import KEY, may_use_endpoint
from gateway.routing.targets import TargetList

from .answer import Explanation
from .question import Question, Sight
from .rendering import Given, rendered
from .telling import Findings, Weighed, tell

NOBODY = ClientKey("", id="", allow_unpriced=True)
"""Who asks where no key does: only the limits of everybody together are theirs."""


async def explained(question: Question, sight: Sight, now_us: int) -> Explanation:
    """What would become of it at this moment, Unix microseconds. Raises StateUnavailable."""
    inquiry = _Inquiry(question, sight, now_us)
    try:
        await inquiry.run()
    except RequestRefused as error:
        inquiry.note(error)
    return tell(inquiry.found)


class _Inquiry:
    """One request, looked into."""

    def __init__(self, question: Question, sight: Sight, now_us: int) -> None:
        self._question, self._sight, self._now_us = question, sight, now_us
        self._key = question.key or NOBODY
        self.found = Findings(question, sight, now_us)
        self._passed: dict[Target, str] = {}
        """Targets that are out of the question, and why."""
        self._thread: Thread | None = None

    def note(self, error: GatewayError) -> None:
        """This is what the client would hear, if it hears nothing before."""
        if self.found.refused is None:
            self.found.refused = error

    async def run(self) -> None:
        """Find out everything. Raises RequestRefused where there is no more to find out."""
        self._look_at_key()
        ask, body = await self._read()
        wanted = Wanted(self._question.endpoint, ask.fields, body)
        plan = self._plan()
        targets = self._targets(ask, wanted, plan)
        self.found.choice = targets.choice
        self.found.reserve = reserve(wanted, targets.targets, self._sight.bounds)
        await self._look_at_limits(plan, None)
        given = Given(
            self._question.endpoint,
            ask,
            not self._question.model,
            is_strict(self._key, dict(self._question.headers)),
            self._thread,
        )
        for target in targets.targets:
            provider = self._sight.providers[target.provider]
            made = rendered(given, provider, target.model, self._sight.facts(target))
            set_aside = reserve(wanted, (target,), self._sight.bounds)
            limited = await self._look_at_limits(self._sight.limiter.target_plan(target), target)
            self.found.weighed[target] = Weighed(made, set_aside, made.error or limited)
        self._follow(targets, ask, len(body))

    # Before anything is looked for

    def _look_at_key(self) -> None:
        key = self._key
        if (error := refusal(key, self._now_us)) is not None:
            self.note(error)
        path = self._question.endpoint.path
        if not may_use_endpoint(key, path):
            self.note(EndpointForbidden(f"Your key may not use {path}."))

    async def _read(self) -> tuple[Ask, bytes]:
        """The request, with the conversation that it continues in front."""
        question = self._question
        ask = passages.read_json_ask(question.endpoint, question.model, question.body)
        self.found.model = ask.model
        if question.endpoint.format != conversation.FORMAT:
            return ask, question.body
        key_id = question.key.id if question.key is not None else None
        self._thread, whole = await conversation.thread_of(self._sight.responses, key_id, ask)
        return whole, question.body if whole is ask else request_bytes(whole.fields)

    # Who could answer

    def _targets(self, ask: Ask, wanted: Wanted, plan: Plan | None) -> TargetList:
        sight, endpoint = self._sight, self._question.endpoint
        every = sight.resolver.resolve(ask.model, NOBODY)
        self._passed = self.found.passed = dict.fromkeys(every.targets, KEY)
        found = sight.resolver.resolve(ask.model, self._key)
        self._leave(found, UNSPOKEN.format(endpoint.format))
        found = prospects.speaking(found, sight.providers, endpoint)
        sifted = prospects.fitting(wanted, found, sight.facts)
        self._leave(sifted.targets, UNPRICED)
        self._passed.update(sifted.passed_over)
        self.found.behind = dict(sifted.behind)
        found = prospects.affordable(sifted.targets, plan, self._key, sight.prices)
        for target in found.targets:
            del self._passed[target]
        return found

    def _leave(self, found: TargetList, reason: str) -> None:
        """Those of these that do not come further do not for this reason."""
        self._passed.update(dict.fromkeys(found.targets, reason))

    # What it is counted against

    def _plan(self) -> Plan | None:
        if self._question.key is not None:
            return self._sight.limiter.plan(self._question.key)
        rules = tuple(rule for rule in self._sight.rules if rule.per == "everybody")
        subjects = subjects_of(NOBODY, rules)
        return Plan(subjects) if subjects else None

    async def _look_at_limits(self, plan: Plan | None, target: Target | None) -> RequestRefused | None:
        """Note how it stands with them; what keeps a request from being let in now."""
        if plan is None:
            return None
        try:
            left: tuple[Left, ...] = await self._sight.limiter.left(plan)
            error = await self._sight.limiter.refused(plan)
        except RequestRefused as unknown:
            left, error = (), unknown
        self.found.limits += [(target, each) for each in left]
        if target is None and error is not None:
            self.note(error)
        return error

    # Who is asked

    def _follow(self, targets: TargetList, ask: Ask, body_bytes: int) -> None:
        sight, settings = self._sight, self._sight.settings
        if prospects.may_hold_sessions(targets, sight.providers):
            self.found.session = find_session(
                self._question.headers, ask.fields, key_id=self._key.id, body_bytes=body_bytes
            )
        conduct = prospects.conduct_of(
            settings, sight.providers, sight.board, lambda target: prospects.cost_at(sight.prices, target)
        )
        errors = {target: each.error for target, each in self.found.weighed.items() if each.error is not None}
        session: Session | None = self.found.session
        case = Case(
            session=session.name if session is not None else None,
            pinned=self._thread.pinned if self._thread is not None else None,
            barred={target: error.code for target, error in errors.items() if isinstance(error, PASSED)},
        )
        told = explain(targets, conduct, self._now_us, case)
        self.found.steps, self.found.waits_seconds = told.steps, told.waits_seconds
        self._conclude(told, errors, ask)

    def _conclude(self, told: Explained, errors: dict[Target, GatewayError], ask: Ask) -> None:
        """What the client would hear of whoever is, or is not, asked first."""
        first: Step | None = next((step for step in told.steps if step.state == "first"), None)
        if first is not None:
            if first.target in errors:
                self.note(errors[first.target])
        elif not told.waits_seconds:
            if told.barred:
                self.note(errors[told.barred[-1]])
            else:
                self.note(prospects.nobody_left(ask.model, told.resting, self._now_us))

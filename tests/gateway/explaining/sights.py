"""What requests go by, as a test writes it down, and what is told of a request by it."""

from __future__ import annotations

import json
from typing import Any

from gateway import assemble
from gateway.api.endpoints import find
from gateway.catalog.registry import bundled
from gateway.catalog.served import Served
from gateway.errors import RequestRefused
from gateway.explaining.answer import Explanation
from gateway.explaining.explain import explained
from gateway.explaining.question import Question, Sight
from gateway.limits.limiter import Left, Plan
from gateway.limits.plans import Plans
from gateway.records import ClientKey, LimitRule, StoredResponse, Target
from gateway.settings.model import LimitSettings, RetrySettings, Settings
from gateway.settings.objects import (
    ComboSettings,
    CredentialSettings,
    LimitRuleSettings,
    ModelFactsSettings,
    PriceSettings,
    ProviderSettings,
)
from gateway.settings.overlay import Effective
from tests.gateway.routing.boards import NOW, Slate

CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"


class Till:
    """A limiter in which everything is as it is written down: by the name of a subject what of it is used."""

    def __init__(self, rules: tuple[LimitRule, ...]) -> None:
        self._plans = Plans(rules)
        self.used: dict[str, int] = {}
        self.refusals: dict[str, RequestRefused] = {}

    def plan(self, key: ClientKey) -> Plan | None:
        return self._plans.of_key(key)

    def target_plan(self, target: Target) -> Plan | None:
        return self._plans.of_target(target)

    async def refused(self, plan: Plan) -> RequestRefused | None:
        return next((self.refusals[each.name] for each in plan.subjects if each.name in self.refusals), None)

    async def left(self, plan: Plan) -> tuple[Left, ...]:
        return tuple(
            Left(each.name, "requests_per_month", each.limits.requests_per_month or 0, self.used.get(each.name, 0), 0)
            for each in plan.subjects
        )


class Shelf:
    """Kept responses: one that a provider keeps itself, and one of ours."""

    async def keep(self, record: StoredResponse) -> None:
        raise AssertionError("nothing is kept")

    async def find(self, response_id: str, key: str) -> StoredResponse | None:
        if response_id not in ("resp_theirs", "resp_ours"):
            return None
        native = response_id == "resp_theirs"
        return StoredResponse(
            id=response_id,
            key=key,
            created_at=0,
            expires_at=1,
            previous_id=None,
            provider="c",
            credential="c2",
            model="m",
            status="completed",
            native=native,
            input=None,
            response=None,
        )

    async def history(self, response_id: str, key: str) -> list[dict[str, Any]] | None:
        return [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "word " * 4000}]}]


def provider(name: str, format_name: str = "openai_chat", names: int = 1, **more: Any) -> ProviderSettings:
    """A provider with credentials of its name and a number."""
    held = tuple(CredentialSettings(name=f"{name}{number + 1}", api_key="sk-secret") for number in range(names))
    return ProviderSettings(
        **{"id": name, "format": format_name, "base_url": "http://127.0.0.1:1", "credentials": held, **more}
    )


def facts(**said: Any) -> dict[str, Any]:
    """What is said of all models of a provider."""
    return {"model_facts": (ModelFactsSettings(model="*", **said),)}


PROVIDERS = (
    provider("a", names=2, strategy="fill_first", **facts(images=False, context=1000)),
    provider("b", "anthropic", **facts(images=True, max_output=4096)),
    provider("c", "openai_responses", names=2),
)
SETTINGS = Settings(
    providers=PROVIDERS,
    combos=(ComboSettings(name="all", strategy="fallback", targets=("a/m", "b/m", "c/m")),),
    prices=(PriceSettings(model="a/*", input=3.0, output=15.0), PriceSettings(model="b/*", input=1.0, output=5.0)),
    limits=LimitSettings(
        rules=(
            LimitRuleSettings(name="everybody's", per="everybody", requests_per_month=100),
            LimitRuleSettings(name="of b", per="model", match="b/*", requests_per_month=50),
        )
    ),
    retries=RetrySettings(longest_wait_seconds=2.0),
)


def sight(settings: Settings = SETTINGS, **rests: Any) -> Sight:
    """All of it, with those that rest by the name of their credential."""
    made = assemble.assembled(Effective(settings), settings, Served(), bundled())
    rules = assemble.limit_rules_of(settings)
    return Sight(
        settings=settings,
        providers={each.id: each for each in made.providers},
        resolver=made.resolver,
        prices=made.prices,
        known=made.known,
        rules=rules,
        board=Slate(**rests),
        limiter=Till(rules),  # type: ignore[arg-type]  # nobody is let in here
        responses=Shelf(),
    )


async def told(seen: Sight, key: ClientKey | None = None, at: str = CHAT, **said: Any) -> Explanation:
    """What is told of a request for `all`; `headers` are its own."""
    headers, bodies = said.pop("headers", {}), said.pop("bodies", False)
    body = {"model": "all", **said}
    if at in (CHAT, MESSAGES):
        body.setdefault("messages", [{"role": "user", "content": "Hello"}])
    found = find(at)
    assert found is not None
    lines = tuple((name.encode(), value.encode()) for name, value in headers.items())
    question = Question(found.endpoint, found.model, json.dumps(body).encode(), lines, key, bodies=bodies)
    return await explained(question, seen, NOW)


def steps(explanation: Explanation) -> list[str]:
    """Each in a line."""
    return [
        f"{each.provider}/{each.credential or '*'} {each.state} {each.reason}".rstrip() for each in explanation.steps
    ]

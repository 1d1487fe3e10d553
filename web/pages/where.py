"""Where a request would go, told without sending it: who would be asked in which order and why, who is passed over,
what is left of limits, what it would cost, what translation would lose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.errors import GatewayError, Unacceptable
from gateway.management import configuration, keys
from gateway.management.keys import KeyFilter
from gateway.settings.instants import read_instant
from gateway.usage import figures
from web.around import Inquiry
from web.display import Meaning, State
from web.filters import address
from web.forms import Form, Problem
from web.frame import Choice
from web.page import Action, Page, Sent, Shown, Site, Visit
from web.pages.models import tabs_at
from web.seeing import EVERYBODYS

PATH = "/models/where"
ASK = "/models/where/ask"
USUAL = "/v1/chat/completions"
PLACE = "{model}"

MOST_KEYS = 200
LONGEST_BODY = 60_000

HELLO = "Hello"
TALK: Mapping[str, Any] = {"messages": [{"role": "user", "content": HELLO}]}
GEMINI: Mapping[str, Any] = {"contents": [{"role": "user", "parts": [{"text": HELLO}]}]}
BODIES: Mapping[str, Mapping[str, Any]] = {
    "/v1/chat/completions": TALK,
    "/v1/messages": {**TALK, "max_tokens": 1024},
    "/v1/messages/count_tokens": TALK,
    "/v1/completions": {"prompt": HELLO},
    "/v1/images/generations": {"prompt": HELLO},
    "/v1/images/edits": {"prompt": HELLO},
    "/v1/rerank": {"query": HELLO, "documents": [HELLO]},
    "/v1beta/models/{model}:embedContent": {"content": {"parts": [{"text": HELLO}]}},
    "/v1beta/models/{model}:batchEmbedContents": {"requests": []},
}
"""What is asked where nobody says: the least that makes sense at an endpoint."""

STATES: Mapping[str, State] = {
    "first": State("asked first", "good"),
    "next": State("then", "neutral"),
    "beyond": State("beyond the last attempt", "warning"),
    "passed_over": State("passed over", "warning"),
}

REASONS: Mapping[str, str] = {
    "busy": "as many requests run as it may have",
    "session": "it holds the conversation, and with it the provider's cache",
    "probe": "it rests, and this would try whether it is well again",
    "pinned": "what the conversation refers to is kept elsewhere",
    "key": "not for this client key",
    "models": "it may not be asked for this model",
    "paused": "it is paused",
    "unpriced": "nobody knows what it costs, and the key may not use such models",
    "rate_limit": "it rests: its rate limit is used up",
    "quota": "it rests: its quota is used up",
    "auth": "it rests: the provider refuses its secret",
    "server": "it rests after failures of the provider",
    "overloaded": "it rests: the provider was overloaded",
    "unreachable": "it rests: it could not be reached",
    "breaker": "too much failed there lately: its circuit breaker is open",
}
"""Words of an explanation as sentences; others say themselves what they mean."""

BUDGET = "budget_nano_usd"

WORDS = ("endpoint", "model", "key")
"""Of the form and of the address."""


@dataclass(frozen=True, slots=True)
class Step:
    """Somebody who would be asked, or would not."""

    target: str
    credential: str
    state: State
    reason: str
    until_us: int | None


@dataclass(frozen=True, slots=True)
class Limit:
    """How it stands with a limit."""

    subject: str
    target: str
    what: str
    most: str
    used: str
    left: str
    is_used_up: bool
    resets_at_us: int | None


@dataclass(frozen=True, slots=True)
class Target:
    """What a target would be sent, and what that would cost."""

    name: str
    strategy: str
    asked_at: str
    translated: bool
    input_tokens: int
    input_nano_usd: int | None
    most_nano_usd: int | None
    price: str
    remarks: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Told:
    """What would become of a request."""

    outcome: str
    meaning: Meaning
    model: str
    choice: str
    session: str
    reserve: str
    asked: tuple[Step, ...]
    passed: tuple[Step, ...]
    limits: tuple[Limit, ...]
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Where:
    """What the template shows."""

    tabs: tuple[Choice, ...]
    endpoints: tuple[str, ...]
    endpoint: str
    model: str
    models: tuple[str, ...]
    """Names to choose from; any other can be typed."""
    key: str
    keys: tuple[tuple[str, str], ...]
    may_ask_for_nobody: bool
    body: str
    told: Told | None
    problem: Problem | None


async def load(site: Site, visit: Visit) -> Where:
    """The page's context. An address that names a model asks for it by itself."""
    form, problem, told = visit.form, visit.problem, visit.made if isinstance(visit.made, Told) else None
    if told is None and problem is None and visit.query.get("model"):
        form = Form({word: (visit.query[word],) for word in WORDS if word in visit.query})
        try:
            told = await _asked(site, visit, form)
        except GatewayError as error:
            if error.status >= 500:
                raise
            problem = Problem(ASK, error.param, error.message)
    return Where(
        tabs=tabs_at(PATH),
        endpoints=site.endpoints,
        endpoint=form.raw("endpoint") or USUAL,
        model=form.raw("model"),
        models=await model_names(site, visit),
        key=form.raw("key"),
        keys=await _keys(site, visit),
        may_ask_for_nobody=visit.person.may(EVERYBODYS),
        body=form.raw("body"),
        told=told,
        problem=problem,
    )


async def ask(site: Site, visit: Visit) -> Sent | Shown:
    """What would become of the request that was typed. It has an address to hand on, unless there is a body: what
    people have typed there is kept nowhere."""
    told = await _asked(site, visit, visit.form)
    if visit.form.raw("body").strip():
        return Shown(told)
    return Sent(address(PATH, {word: visit.form.raw(word).strip() for word in WORDS}))


async def _asked(site: Site, visit: Visit, form: Form) -> Told:
    endpoint, model = form.text("endpoint", 500) or USUAL, form.text("model", 300)
    inquiry = Inquiry(endpoint, _body(endpoint, model, form.raw("body")), model, form.text("key", 300))
    try:
        return told_of(await site.around.foresight.told(visit.person, inquiry))
    except Unacceptable as error:
        raise Unacceptable(error.message, param=(error.param or "").rpartition("/")[2] or None) from None


def _body(endpoint: str, model: str, text: str) -> bytes:
    """What would be sent: what was typed, with the model that was chosen. Raises Unacceptable."""
    if len(text) > LONGEST_BODY:
        raise Unacceptable(f"This may have at most {LONGEST_BODY:,} characters here.", param="body")
    try:
        said = msgspec.json.decode(text.encode()) if text.strip() else dict(least_body(endpoint))
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Unacceptable(f"This is no JSON: {error}.", param="body") from None
    names_model = PLACE not in endpoint
    if not model and not (isinstance(said, dict) and said.get("model")):
        raise Unacceptable("Say which model is asked for.", param="model")
    return msgspec.json.encode({**said, "model": model} if isinstance(said, dict) and model and names_model else said)


def least_body(endpoint: str) -> Mapping[str, Any]:
    """What is asked at an endpoint where nobody says, but for the model."""
    return BODIES.get(endpoint, GEMINI if PLACE in endpoint else {"input": HELLO})


async def model_names(site: Site, visit: Visit) -> tuple[str, ...]:
    """Everything that can be asked for by name: combos, aliases, models. Raises NotPermitted, StateUnavailable."""
    configured = [
        *await configuration.list_objects(site.office, visit.person, "combo"),
        *await configuration.list_objects(site.office, visit.person, "alias"),
    ]
    models = await site.around.foresight.models(visit.person)
    return (*(getattr(each, "name", "") for each in configured), *(f"{each.provider}/{each.model}" for each in models))


async def _keys(site: Site, visit: Visit) -> tuple[tuple[str, str], ...]:
    """Those that whoever asks may ask for, by id."""
    if not visit.person.may("keys:read", "keys:own"):
        return ()
    found = await keys.list_keys(site.office, visit.person, KeyFilter(), after_id=None, limit=MOST_KEYS)
    return tuple((each.id, each.name) for each in found)


# An explanation in words


def told_of(said: Mapping[str, Any]) -> Told:
    """An explanation, as people read it."""
    outcome, meaning = _outcome(said)
    steps = [(step["state"], _step(step)) for step in said["steps"]]
    session, reserve = said["session"], said["reserve"]
    held = ", ".join(f"{provider}/{name}" for provider, name in session["holders"].items()) if session else ""
    return Told(
        outcome=outcome,
        meaning=meaning,
        model=said["model"] or "",
        choice=_choice(said["choice"]) if said["choice"] else "",
        session=f"known by {session['source']}; held by {held or 'nobody yet'}" if session else "",
        reserve=_reserve(reserve) if reserve else "",
        asked=tuple(step for state, step in steps if state != "passed_over"),
        passed=tuple(step for state, step in steps if state == "passed_over"),
        limits=tuple(map(_limit, said["limits"])),
        targets=tuple(map(_target, said["targets"])),
    )


def _outcome(said: Mapping[str, Any]) -> tuple[str, Meaning]:
    if refused := said["refused"]:
        again = refused["retry_after_seconds"]
        after = "" if again is None else f" Another try makes sense in {again:.0f} s."
        return f"It would be refused: {refused['status']} {refused['code']}. {refused['message']}{after}", "bad"
    if said["waits_seconds"]:
        return f"It would wait {said['waits_seconds']:g} s for somebody who rests.", "warning"
    first = said["steps"][0]
    by = f" with the credential {first['credential']}" if first["credential"] else ""
    return f"It would go to {first['provider']}/{first['model']}{by}.", "good"


def _choice(choice: Mapping[str, Any]) -> str:
    members = (member if isinstance(member, str) else f"({_choice(member)})" for member in choice["members"])
    return f"{choice['name']}, {choice['strategy']}: {', '.join(members)}"


def _reserve(reserve: Mapping[str, Any]) -> str:
    tokens, about = figures.exact_count(reserve["tokens"]), figures.exact_count(reserve["input_tokens"])
    return (
        f"{tokens} tokens and {figures.money(reserve['nano_usd'])}, until it is over; its input is about {about} tokens"
    )


def _step(step: Mapping[str, Any]) -> Step:
    reason = step["reason"]
    return Step(
        target=f"{step['provider']}/{step['model']}",
        credential=step["credential"] or "",
        state=STATES[step["state"]],
        reason=REASONS.get(reason, reason.replace("_", " ")),
        until_us=_instant(step["until"]),
    )


def _limit(limit: Mapping[str, Any]) -> Limit:
    shown = figures.money if limit["limit"] == BUDGET else figures.exact_count
    return Limit(
        subject=limit["subject"],
        target=limit["target"] or "",
        what=limit["limit"].replace("_nano_usd", "").replace("_", " "),
        most=shown(limit["most"]),
        used=shown(limit["used"]),
        left=shown(limit["left"]),
        is_used_up=limit["left"] <= 0,
        resets_at_us=_instant(limit["resets_at"]),
    )


REMARKS = (
    ("dropped", "Left out"),
    ("emulated", "Got by other means"),
    ("quirks", "Fixed for it"),
)


def _target(target: Mapping[str, Any]) -> Target:
    cost = target["cost"]
    return Target(
        name=f"{target['provider']}/{target['model']}",
        strategy=target["strategy"].replace("_", " "),
        asked_at=f"{target['format']} {target['path']}" if target["path"] else "nobody is asked",
        translated=target["translated"],
        input_tokens=cost["input_tokens"],
        input_nano_usd=cost["input_nano_usd"],
        most_nano_usd=cost["most_nano_usd"],
        price=cost["price"]["source"] if cost["price"] else "",
        remarks=tuple(_remarks(target)),
    )


def _remarks(target: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    said = [(words, ", ".join(target[name])) for name, words in REMARKS if target[name]]
    if target["fetched_urls"]:
        said.append(("To be fetched", f"{target['fetched_urls']} URLs, which were not fetched for this"))
    if target["lags"]:
        said.append(("After the others", target["lags"]))
    if target["refused"]:
        said.append(("Cannot be asked", target["refused"]["message"]))
    return said


def _instant(moment: str | None) -> int | None:
    return read_instant(moment) if moment else None


PAGE = Page(
    path=PATH,
    title="Where would this go?",
    summary="Who would be asked for a request, in which order and why. Nothing is sent.",
    template="where.html",
    load=load,
    permissions=(configuration.READ,),
)

ACTIONS = (Action(ASK, PAGE, ask),)

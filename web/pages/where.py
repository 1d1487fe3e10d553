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
from web import reasons
from web.around import Inquiry
from web.dialects import PLACE
from web.display import Meaning, State
from web.entries import mark
from web.filters import address
from web.forms import Form, Problem
from web.frame import Choice
from web.least import least_body
from web.page import Action, Page, Sent, Shown, Site, Visit
from web.pages.models import tabs_at
from web.seeing import EVERYBODYS
from web.why import Places

PATH = "/models/where"
COMBOS = "/models/combos"
ASK = "/models/where/ask"
USUAL = "/v1/chat/completions"
MOST_KEYS = 200
LONGEST_BODY = 60_000

STATES: Mapping[str, State] = {
    "first": State("asked first", "good"),
    "next": State("then", "neutral"),
    "beyond": State("beyond the last attempt", "warning"),
    "passed_over": State("passed over", "warning"),
}

PASSED = "passed_over"

ALONE = "no other can be chosen"
"""Why somebody is asked where there is nothing to choose from."""

PLACES = Places(configured=True)
"""Whoever may see this page may see those of providers."""

BUDGET = "budget_nano_usd"

WORDS = ("endpoint", "model", "key")
"""Of the form and of the address."""


@dataclass(frozen=True, slots=True)
class Step:
    """Somebody who would be asked, or would not."""

    target: str
    target_link: str
    credential: str
    credential_link: str
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
    link: str
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
    choice_link: str
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
    asked = [step for step in said["steps"] if step["state"] != PASSED]
    session, reserve = said["session"], said["reserve"]
    held = ", ".join(f"{provider}/{name}" for provider, name in session["holders"].items()) if session else ""
    return Told(
        outcome=outcome,
        meaning=meaning,
        model=said["model"] or "",
        choice=_choice(said["choice"]) if said["choice"] else "",
        choice_link=f"{COMBOS}#{mark(said['choice']['name'])}" if said["choice"] else "",
        session=f"known by {session['source']}; held by {held or 'nobody yet'}" if session else "",
        reserve=_reserve(reserve, said["targets"]) if reserve else "",
        asked=tuple(_step(step, _why(step, asked[:place])) for place, step in enumerate(asked)),
        passed=tuple(
            _step(step, f"it {reasons.lacks(step['reason'])}") for step in said["steps"] if step["state"] == PASSED
        ),
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


def _reserve(reserve: Mapping[str, Any], targets: Sequence[Mapping[str, Any]]) -> str:
    tokens, about = figures.exact_count(reserve["tokens"]), figures.exact_count(reserve["input_tokens"])
    is_priced = [target["cost"]["price"] is not None for target in targets]
    money = figures.money(reserve["nano_usd"]) if any(is_priced) else "no money, since nobody knows what it costs"
    unpriced = "" if all(is_priced) or not any(is_priced) else ", without the targets that have no price"
    return f"{tokens} tokens and {money}{unpriced}, until it is over; its input is about {about} tokens"


def _step(step: Mapping[str, Any], why: str) -> Step:
    provider, credential = step["provider"], step["credential"] or ""
    return Step(
        target=f"{provider}/{step['model']}",
        target_link=PLACES.provider(provider),
        credential=credential,
        credential_link=PLACES.credential(provider, credential) if credential else "",
        state=STATES[step["state"]],
        reason=why,
        until_us=_instant(step["until"]),
    )


def _why(step: Mapping[str, Any], before: Sequence[Mapping[str, Any]]) -> str:
    """Why somebody is asked, and after those before."""
    if step["state"] == "beyond":
        most = sum(each["state"] != "beyond" for each in before)
        return f"there may be {most} attempt{'s' if most > 1 else ''} at most"
    words = list[str]()
    if not before and step["ordered_by"]:
        words.append(reasons.ordered(step["ordered_by"]).be)
    elif before:
        words.append("next in line" if _target_of(before[-1]) == _target_of(step) else "the next target")
    if reasons.rests_for(step["reason"]):
        words.append(f"it {reasons.lacks(step['reason'])}")
    if step["chosen_by"]:
        words.append(reasons.chosen(step["chosen_by"]).be)
    return "; ".join(words) or ALONE


def _target_of(step: Mapping[str, Any]) -> tuple[str, str]:
    return step["provider"], step["model"]


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
        link=PLACES.provider(target["provider"]),
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
        said.append(("After the others", f"it {reasons.lacks(target['lags'])}"))
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

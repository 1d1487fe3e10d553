"""What a client key may do and has used, for whoever has it: nobody need be a user here.

The key is sent once, in a form; from then on the browser shows a signed cookie that names it, for an hour. Nothing can
be changed here, and of requests there are figures, no bodies.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import LimitsUnavailable, NotSignedIn, Unacceptable
from gateway.management import limited, own_keys
from gateway.records import ClientKey
from web.budgets import Budgets, Seen, budgets_of
from web.forms import Problem
from web.names import Names
from web.page import Action, Page, Sent, Site, Visit
from web.pages.keyed import (
    SPAN,
    KeyUse,
    Standing,
    curl_of,
    limits_in_words,
    said_patterns,
    sdk_of,
    standings_of,
    use_of,
)

LONGEST_KEY = 1000


@dataclass(frozen=True, slots=True)
class Shown:
    """A key, as whoever has it sees it."""

    name: str
    models: str
    endpoints: str
    limits: tuple[str, ...]
    expires_us: int | None
    standings: tuple[Standing, ...] | None
    """None while nobody can tell."""
    budgets: Budgets
    use: KeyUse
    curl: str
    sdk: str


@dataclass(frozen=True, slots=True)
class Own:
    """What the template shows."""

    shown: Shown | None
    """None until somebody shows a key."""
    over: str
    """Why one that was shown is shown no more."""
    minutes: int
    """How long a key stays shown."""
    problem: Problem | None


async def load(site: Site, visit: Visit) -> Own:
    """The page's context."""
    value, over, key = visit.browser.own_key, "", None
    if value and visit.problem is None:
        try:
            key = await own_keys.recall(site.office, value)
        except NotSignedIn as error:
            over = error.message
    return Own(
        shown=None if key is None else await _shown(site, visit, key),
        over=over,
        minutes=own_keys.LIFE_SECONDS // 60,
        problem=visit.problem,
    )


async def _shown(site: Site, visit: Visit, key: ClientKey) -> Shown:
    return Shown(
        name=key.name,
        models=said_patterns(key.models),
        endpoints=said_patterns(key.endpoints),
        limits=limits_in_words(key.limits),
        expires_us=key.expires_at_us,
        standings=await _standings(site, key),
        budgets=await budgets_of(site, visit, Seen((key.id,), of=key.id), Names({}, {}, {}), "/own"),
        use=await use_of(site, visit, key.id),
        curl=curl_of(site, visit, key),
        sdk=sdk_of(site, visit, key),
    )


async def _standings(site: Site, key: ClientKey) -> tuple[Standing, ...] | None:
    try:
        found = await limited.of_key(site.office, key, site.around.oversight)
    except LimitsUnavailable:
        return None
    return standings_of(found.items)


async def show(site: Site, visit: Visit) -> Sent:
    """The browser remembers which key it was."""
    secret = visit.form.raw("key").strip()
    if not secret:
        raise Unacceptable("Paste the key here.", param="key")
    if len(secret) > LONGEST_KEY:
        raise Unacceptable("This is longer than any key.", param="key")
    found = await own_keys.show(site.office, secret, visit.browser.address)
    return Sent("/own", visit.browser.keep_own_key(found.value, own_keys.LIFE_SECONDS))


async def forget(site: Site, visit: Visit) -> Sent:
    """It does no longer."""
    return Sent("/own?said=key-forgotten", visit.browser.forget_own_key())


PAGE = Page(
    path="/own",
    title="Your key",
    summary="What a client key may do, what is left of its limits, and what it has used.",
    template="own.html",
    load=load,
    is_public=True,
    takes_secrets=True,
    span=SPAN,
)

ACTIONS = (Action("/own", PAGE, show), Action("/own/forget", PAGE, forget))

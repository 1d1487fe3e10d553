"""What is wrong, by figures and settings: one function a kind of alert; `RULES` is their list. Pure.

Knows thresholds and how to say what was found. Does not know what was wrong before, nor who is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from gateway.alerts.figures import Figures, Ration, Refused
from gateway.alerts.numbers import amount, clock, minutes, money, percent, share, size
from gateway.settings.alerting import ALERT_KINDS, AlertKind, AlertSettings

Severity = Literal["warning", "critical"]

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US

FULL_PERCENT = 80.0
"""Of the spool, from which it is told: beyond all of it records are dropped."""

SHOWN = 5
"""Names in a text; the rest are counted."""

ERRORS = "errors/"
"""What fingerprints of failures begin with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Something that is wrong at this moment."""

    fingerprint: str
    """What is the same about it as long as it is the same thing."""
    kind: AlertKind
    subject: str
    """Whom or what it is about."""
    severity: Severity
    text: str
    """What is wrong, in one sentence without its point."""
    detail: str = ""
    """What else is known of it."""
    advice: str
    """What to do next."""
    figure: float
    threshold: float
    unit: str
    since_us: int
    """Since when, as far as it is known."""
    node: str = ""
    """The machine it is about; empty where it is none in particular."""
    level: int = 0
    """It is told again when this rises."""
    opens: bool = True
    """False where it only keeps an alert open that is there already."""
    is_certain: bool = True
    """False where nobody has seen it, but neither that it is over: what was last known of it holds."""
    edition: int = 0
    """Of what begins anew again and again, as a budget: which time it is, a number that rises."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found, and about what."""

    conditions: tuple[Condition, ...]
    known: frozenset[AlertKind]
    """Kinds of which it is known how it stands; of the others nobody can tell."""
    off: frozenset[AlertKind]
    """Kinds that nobody wants to hear of."""
    well: Mapping[AlertKind, frozenset[str]] = field(default_factory=dict)
    """By kind, fingerprints of what is known to be well, where it proves nothing that something was not found; of
    other kinds, what was not found is well."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of alert."""

    find: Callable[[Figures, AlertSettings, int], Iterator[Condition]]
    is_wanted: Callable[[AlertSettings], bool]
    """Whether anybody wants to hear of it."""
    is_known: Callable[[Figures, AlertSettings, int], bool]
    """Whether the figures tell."""
    find_well: Callable[[Figures, AlertSettings], Iterator[str]] | None = None
    """Fingerprints of what is well; None where that is whatever is not found."""


def judge(figures: Figures, said: AlertSettings, now_us: int) -> Judged:
    """What is wrong."""
    off = frozenset(kind for kind in ALERT_KINDS if not RULES[kind].is_wanted(said))
    known = frozenset(kind for kind in ALERT_KINDS if kind not in off and RULES[kind].is_known(figures, said, now_us))
    found = (
        condition for kind in ALERT_KINDS if kind in known for condition in RULES[kind].find(figures, said, now_us)
    )
    well = {
        kind: frozenset(find_well(figures, said)) for kind in known if (find_well := RULES[kind].find_well) is not None
    }
    return Judged(tuple(found), known, off, well)


def rations(figures: Figures, said: AlertSettings, now_us: int) -> Iterator[Condition]:
    """Budgets and quotas that are used up so far that somebody is to know."""
    for ration in figures.rations or ():
        used = share(ration.used, ration.most)
        reached = [threshold for threshold in said.budget_percent if used >= threshold]
        # Who may spend nothing at all is meant to.
        if reached and ration.most:
            yield _rationed(ration, used, max(reached), last=max(reached) == max(said.budget_percent), now_us=now_us)


def credentials(figures: Figures, said: AlertSettings, now_us: int) -> Iterator[Condition]:
    """Credentials that rest for long: what is over and not proven keeps an alert open, and opens none."""
    for one in figures.refused or ():
        lasted = 0.0 if one.since_us is None else (now_us - one.since_us) / MINUTE_US
        what, name = "credential", f"{one.provider}/{one.credential}"
        if not one.credential:  # it asks for none
            what, name = "provider", one.provider
        yield Condition(
            fingerprint=f"credential/{name}",
            kind="credential",
            subject=name,
            severity="critical" if one.is_last and not one.models else "warning",
            text=f"the {what} `{name}` is refused{_for_models(one)}: {one.reason}",
            detail="No other credential of the provider is left." if one.is_last and not one.models else "",
            advice=ADVICE.get(one.reason, ADVICE[""]),
            figure=round(lasted, 1),
            threshold=said.credential_minutes,
            unit="minutes",
            since_us=now_us if one.since_us is None else one.since_us,
            opens=_is_news(one, lasted, said),
            is_certain=_is_news(one, lasted, said),
        )


def errors(figures: Figures, said: AlertSettings, now_us: int) -> Iterator[Condition]:
    """Providers at which too much fails, and all of them together. Of few requests it opens none that they fail, but
    it is not over either: rests and breakers send what there was elsewhere."""
    for one in figures.failing or ():
        failed = share(one.failed, one.requests)
        if not one.requests or failed < said.error_percent:
            continue
        whose = f"requests to `{one.provider}`" if one.provider else "all requests"
        yield Condition(
            fingerprint=f"{ERRORS}{one.provider}",
            kind="errors",
            subject=one.provider or "all requests",
            severity="warning" if one.provider else "critical",
            text=f"{percent(failed)} of {whose} fail",
            detail=f"{one.failed} of {one.requests} in {minutes(said.error_minutes)}, most for `{one.commonest}`.",
            advice="See which requests fail and why; the provider's own status page may know more.",
            figure=round(failed, 1),
            threshold=said.error_percent,
            unit="%",
            since_us=now_us - round(said.error_minutes * MINUTE_US),
            opens=one.requests >= said.error_requests,
        )


def errors_over(figures: Figures, said: AlertSettings) -> Iterator[str]:
    """Providers of which enough requests tell that they are well: those of late, or all since they last were not."""
    for one in (*(figures.failing or ()), *figures.since_failing):
        if one.requests >= said.error_requests and share(one.failed, one.requests) < said.error_percent:
            yield f"{ERRORS}{one.provider}"


def provider_of(fingerprint: str) -> str:
    """Whose requests an alert of errors is about; empty for all."""
    return fingerprint.removeprefix(ERRORS)


def prices(figures: Figures, said: AlertSettings, now_us: int) -> Iterator[Condition]:
    """A list that has grown old because it cannot be fetched, and prices in it that were not believed."""
    known = figures.prices
    if known is None:
        return
    hours = (now_us - known.known_at_us) / HOUR_US
    if said.price_hours and known.error and hours >= said.price_hours:
        yield Condition(
            fingerprint="prices/age",
            kind="prices",
            subject="price list",
            severity="warning",
            text=f"the price list is {amount(round(hours))} hours old and cannot be fetched",
            detail=f"{known.error}.",
            advice="Costs go by the last good list. See that `registry.url` can be reached, or name a mirror there.",
            figure=round(hours, 1),
            threshold=said.price_hours,
            unit="hours",
            since_us=known.known_at_us,
        )
    if said.doubted_prices and known.doubted:
        many = len(known.doubted)
        yield Condition(
            fingerprint="prices/doubted",
            kind="prices",
            subject="price list",
            severity="warning",
            text=f"{many} new price{'s are' if many > 1 else ' is'} not believed, and the former stay",
            detail=_listed(known.doubted),
            advice="If the change is real, say the new price in `[[prices]]`.",
            figure=many,
            threshold=1,
            unit="prices",
            since_us=now_us,
        )


def records(figures: Figures, said: AlertSettings, now_us: int) -> Iterator[Condition]:
    """Usage records that do not get into the analytics store, or soon have no room to wait for it."""
    spool = figures.spool
    if spool is None:
        return
    waited = 0.0 if spool.oldest_us is None else (now_us - spool.oldest_us) / MINUTE_US
    full = share(spool.size, spool.most)
    if waited < said.record_minutes and full < FULL_PERCENT:
        return
    is_full = full >= FULL_PERCENT
    yield Condition(
        fingerprint=_at("records", figures.node),
        kind="records",
        subject="usage records",
        severity="critical" if is_full else "warning",
        text=f"the spool is {percent(full)} full, and beyond that usage records are dropped"
        if is_full
        else f"usage records have been waiting for {minutes(waited)} to get into the analytics store",
        detail=f"{spool.trouble}." if spool.trouble else f"{size(spool.size)} are waiting.",
        advice="Requests go on. See the log of the control process, and whether its disk has room.",
        figure=round(full if is_full else waited, 1),
        threshold=FULL_PERCENT if is_full else said.record_minutes,
        unit="%" if is_full else "minutes",
        since_us=now_us if spool.oldest_us is None else spool.oldest_us,
        node=figures.node,
        level=int(is_full),
    )


def disk(figures: Figures, said: AlertSettings, now_us: int) -> Iterator[Condition]:
    """The disk of the data directory, on its way to being full."""
    known = figures.disk
    used = 0.0 if known is None else share(known.used, known.total)
    reached = [threshold for threshold in said.disk_percent if used >= threshold]
    if known is None or not reached:
        return
    yield Condition(
        fingerprint=_at("disk", figures.node),
        kind="disk",
        subject=known.place,
        severity="critical" if max(reached) == max(said.disk_percent) else "warning",
        text=f"the disk of `{known.place}` is {percent(used)} full",
        detail=f"{size(known.total - known.used)} of {size(known.total)} are left.",
        advice="Make room, or keep usage records for a shorter time: without room they cannot be kept.",
        figure=round(used, 1),
        threshold=max(reached),
        unit="%",
        since_us=now_us,
        node=figures.node,
        level=max(reached),
    )


def _are_known(figures: Figures, said: AlertSettings, now_us: int) -> bool:
    """A list that is old right after the start is about to be fetched."""
    known = figures.prices
    return known is not None and (known.is_tried or now_us - known.known_at_us < said.price_hours * HOUR_US)


RULES: Mapping[AlertKind, Rule] = MappingProxyType(
    {
        "budget": Rule(
            rations,
            lambda said: bool(said.budget_percent),
            lambda figures, said, now_us: figures.rations is not None,
        ),
        "credential": Rule(
            credentials,
            lambda said: said.credential_minutes > 0,
            lambda figures, said, now_us: figures.refused is not None,
        ),
        "errors": Rule(
            errors,
            lambda said: said.error_percent > 0,
            lambda figures, said, now_us: figures.failing is not None,
            errors_over,
        ),
        "prices": Rule(
            prices,
            lambda said: said.price_hours > 0 or said.doubted_prices,
            _are_known,
        ),
        "records": Rule(
            records,
            lambda said: said.record_minutes > 0,
            lambda figures, said, now_us: figures.spool is not None,
        ),
        "disk": Rule(
            disk,
            lambda said: bool(said.disk_percent),
            lambda figures, said, now_us: figures.disk is not None,
        ),
    }
)
"""By kind, what finds it."""

ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "auth": "Replace the secret of the credential, or take it out.",
        "forbidden": "See at the provider what the credential is allowed to do, or take it out.",
        "quota": "Top up the account at the provider, or wait until its quota begins anew.",
        "rate_limit": "Add another credential, or have the provider raise its limits.",
        "": "Test the credential, and see at the provider how the account stands.",
    }
)
"""What to do about a credential, by what it rests for."""

RATIONED: Mapping[str, tuple[str, Callable[[int], str]]] = MappingProxyType(
    {
        "budget_nano_usd": ("budget", money),
        "tokens_per_month": ("quota of tokens", lambda number: f"{amount(number)} tokens"),
        "requests_per_month": ("quota of requests", lambda number: f"{amount(number)} requests"),
    }
)
"""What limits are called, and how amounts of them are written."""


def _rationed(ration: Ration, used: float, threshold: int, *, last: bool, now_us: int) -> Condition:
    what, write = RATIONED[ration.field]
    begins = f"; it begins anew at {clock(ration.resets_at_us)}" if ration.resets_at_us else ""
    return Condition(
        fingerprint=f"budget/{ration.id}/{ration.field}",
        kind="budget",
        subject=ration.subject,
        severity="critical" if last else "warning",
        text=f"{ration.subject} has used {percent(used)} of its {what}",
        detail=f"{write(ration.used)} of {write(ration.most)}{begins}.",
        advice="Its requests are refused from now on: raise the limit, or wait until it begins anew."
        if used >= 100
        else "See what is spent on; once all of it is used, requests are refused.",
        figure=round(used, 1),
        threshold=threshold,
        unit="%",
        since_us=now_us,
        level=threshold,
        edition=max(ration.began_us, ration.reset_at_us),
    )


def _is_news(one: Refused, lasted: float, said: AlertSettings) -> bool:
    """Whether somebody is to know of a credential now. A limited one is nothing to look after as long as others answer:
    that is what they are for."""
    is_long = one.since_us is not None and lasted >= said.credential_minutes
    return is_long and (one.is_last or one.reason != "rate_limit")


def _for_models(one: Refused) -> str:
    return f" for {', '.join(f'`{each}`' for each in one.models[:SHOWN])}{_more(one.models)}" if one.models else ""


def _listed(names: tuple[str, ...]) -> str:
    return f"{'; '.join(names[:SHOWN])}{_more(names)}."


def _more(names: tuple[str, ...]) -> str:
    return f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""


def _at(what: str, node: str) -> str:
    return f"{what}@{node}" if node else what

"""Alerts in words: where the thing is that one is about, when there is one at all, who is told. Pure.

Knows the settings of alerts, and the words of those who write them. Does not know which alerts there are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from types import MappingProxyType
from urllib.parse import quote

from gateway.settings.alerting import ALERT_KINDS, AlertKind, AlertSettings
from gateway.usage import figures
from web.filters import address

KINDS: Mapping[AlertKind, str] = MappingProxyType(
    {
        "budget": "Budgets and quotas",
        "credential": "Credentials",
        "errors": "Failures",
        "prices": "Prices",
        "records": "Usage records",
        "disk": "Disk",
    }
)
"""What alerts are about, by the word of the settings."""

EVERYTHING = "all requests"
"""Stands in the place of a provider where failures are of all."""

_KEY = re.compile(r"client key `(.+)`")
_MOMENT = re.compile(r"\b(\d{4}-\d\d-\d\d \d\d:\d\d) UTC\b")
_MONEY = re.compile(r"(?<![\d.,])(\d[\d,]*(?:\.\d+)?) USD\b")
_HOURS = re.compile(r"(?<![\d.,])(\d[\d,]*(?:\.\d+)?) hours\b")

MANY_HOURS = 48
"""From so many on, they are days."""


def as_seen(text: str, zone: tzinfo) -> str:
    """What is told of an alert, as pages say it: without the marks of code and with a capital in front, in the zone of
    whoever looks, with money and long times as everywhere."""
    said = _MOMENT.sub(lambda found: _moment(found[1], zone), text.replace("`", ""))
    said = _MONEY.sub(lambda found: figures.money(round(_number(found[1]) * 10**9)), said)
    said = _HOURS.sub(lambda found: _days(found[0], _number(found[1])), said)
    return f"{said[:1].upper()}{said[1:]}"


def _moment(text: str, zone: tzinfo) -> str:
    at = datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"


def _number(text: str) -> float:
    return float(text.replace(",", ""))


def _days(text: str, hours: float) -> str:
    return text if hours < MANY_HOURS else f"{hours / 24:,.0f} days"


def link_of(kind: AlertKind, subject: str) -> str:
    """Where the thing is that an alert is about."""
    return LINKS[kind](subject)


def _budget(subject: str) -> str:
    named = _KEY.fullmatch(subject)
    return address("/keys", {"search": named[1]}) if named else "/spend"


def _credential(subject: str) -> str:
    provider, _, name = subject.partition("/")
    there = f"/providers/{quote(provider, safe='')}"
    return f"{there}/credentials/{quote(name, safe='')}" if name else there


def _errors(subject: str) -> str:
    return address("/requests", {"outcome": "failed", "provider": "" if subject == EVERYTHING else subject})


LINKS: Mapping[AlertKind, Callable[[str], str]] = MappingProxyType(
    {
        "budget": _budget,
        "credential": _credential,
        "errors": _errors,
        "prices": lambda subject: "/models",
        "records": lambda subject: "/system",
        "disk": lambda subject: "/system",
    }
)


@dataclass(frozen=True, slots=True)
class Threshold:
    """From when on there is an alert of a kind."""

    title: str
    when: str
    settings: tuple[str, ...]
    """Names of those that say so."""
    is_off: bool


def thresholds_of(said: AlertSettings) -> tuple[Threshold, ...]:
    """Of every kind, as they hold now."""
    return tuple(
        Threshold(KINDS[kind], WHEN[kind][0](said) or "never", WHEN[kind][1], not WHEN[kind][0](said))
        for kind in ALERT_KINDS
    )


def _percents(percents: Sequence[int], what: str) -> str:
    """`80 % or 100 % of it is used`."""
    return f"{' or '.join(f'{each} %' for each in percents)} {what}" if percents else ""


def _minutes(minutes: float) -> str:
    return figures.duration(round(minutes * figures.MINUTE))


def _when_errors(said: AlertSettings) -> str:
    if not said.error_percent:
        return ""
    return (
        f"{said.error_percent:g} % of the requests of {_minutes(said.error_minutes)} fail, of all or of one provider, "
        f"where there were {said.error_requests} of them"
    )


def _when_prices(said: AlertSettings) -> str:
    old = f"the list is {said.price_hours:g} h old and cannot be fetched" if said.price_hours else ""
    doubted = "new prices are not believed" if said.doubted_prices else ""
    return ", or ".join(filter(None, (old, doubted)))


def _when_credential(said: AlertSettings) -> str:
    refused = said.credential_minutes
    if not refused:
        return ""
    limited = "one that is limited where no other is left"
    return f"its provider has refused one for {_minutes(refused)} without a break; {limited}"


def _when_records(said: AlertSettings) -> str:
    waited = said.record_minutes
    return f"they wait for {_minutes(waited)}, or the spool is 80 % full" if waited else ""


WHEN: Mapping[AlertKind, tuple[Callable[[AlertSettings], str], tuple[str, ...]]] = MappingProxyType(
    {
        "budget": (lambda said: _percents(said.budget_percent, "of one is used"), ("alerts.budget_percent",)),
        "credential": (_when_credential, ("alerts.credential_minutes",)),
        "errors": (_when_errors, ("alerts.error_percent", "alerts.error_minutes", "alerts.error_requests")),
        "prices": (_when_prices, ("alerts.price_hours", "alerts.doubted_prices")),
        "records": (_when_records, ("alerts.record_minutes",)),
        "disk": (lambda said: _percents(said.disk_percent, "of it is used"), ("alerts.disk_percent",)),
    }
)
"""By kind, what says when in words (empty for never), and the settings it goes by."""


def course_of(said: AlertSettings) -> tuple[str, ...]:
    """How often somebody is told, in sentences."""
    again = f"again every {said.repeat_hours:g} h while it lasts" if said.repeat_hours else "not again while it lasts"
    over = "and once more when it is over" if said.recovery else "and not when it is over"
    calm = _minutes(said.calm_minutes) if said.calm_minutes else ""
    return (
        f"Told once, again when it grows worse, {again}, {over}.",
        f"Over when it has been well for {calm}." if calm else "Over as soon as it is well.",
    )


@dataclass(frozen=True, slots=True)
class Receiver:
    """Somebody who is told."""

    name: str
    """`webhook/<name>` or `email`."""
    how: str
    kinds: str


def receivers_of(said: AlertSettings, names: Sequence[str]) -> tuple[Receiver, ...]:
    """Those of these names. Addresses of webhooks are secrets."""
    formats = {f"webhook/{hook.name}": hook for hook in said.webhooks}
    return tuple(
        Receiver(name, f"POST, {hook.format}{', signed' if hook.secret else ''}", _kinds(hook.kinds))
        if (hook := formats.get(name)) is not None
        else Receiver(name, f"mail to {', '.join(said.email.to)} by {said.email.host}", _kinds(said.email.kinds))
        for name in names
    )


def _kinds(kinds: Sequence[AlertKind]) -> str:
    return ", ".join(KINDS[kind].lower() for kind in kinds) or "all"

"""Notices as they are told: a mail, a text for a chat, or fields for a program. Pure.

Everything that is told in one go to one receiver is one message, the worst first. Nothing secret is in it, for nothing
secret is in a notice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from gateway import __version__
from gateway.alerts.course import Event, Notice
from gateway.alerts.numbers import clock, minutes
from gateway.alerts.rules import MINUTE_US
from gateway.settings.instants import write_instant

MOST_SHOWN = 50
"""Notices of one message, the worst of them; the rest are counted."""

LONGEST_SUBJECT = 160

PAGES: Mapping[str, str] = MappingProxyType(
    {
        "budget": "/spend",
        "credential": "/providers",
        "errors": "/requests?outcome=failed",
        "prices": "/models",
        "records": "/system",
        "disk": "/system",
        "test": "/system",
    }
)
"""By kind of alert, where to look."""

LEAD: Mapping[Event, str] = MappingProxyType(
    {"opened": "", "worse": "worse: ", "reminder": "still so after {lasted}: ", "over": "over after {lasted}: "}
)
"""What a title begins with."""

PRESUMED = "taken to be over after {lasted}: "
"""The same where nobody knows that it is."""


class Message(NamedTuple):
    """What a receiver is told."""

    notices: Sequence[Notice]
    at_us: int
    public_url: str
    """Where browsers find the gateway; empty where nobody said."""

    @property
    def ranked(self) -> list[Notice]:
        """The worst first: what is critical, what is new before what is known already, and last what is over."""
        return sorted(self.notices, key=_rank)


def title(notice: Notice) -> str:
    """A notice in one line."""
    lasted = minutes((notice.at_us - notice.since_us) / MINUTE_US)
    lead = (PRESUMED if notice.is_presumed else LEAD.get(notice.event, "")).format(lasted=lasted)
    where = f" (on {notice.node})" if notice.node else ""
    return f"{lead}{notice.text}{where}"


def link(notice: Notice, public_url: str) -> str | None:
    """Where to look; None where nobody knows where the gateway is found."""
    return f"{public_url.rstrip('/')}{PAGES.get(notice.kind, '/')}" if public_url else None


def subject(message: Message) -> str:
    """What a mail is about."""
    first, *others = message.ranked
    line = f"[{_mark(first)}] {title(first)}" + (f", and {len(others)} more" if others else "")
    line = " ".join(line.split())
    return line if len(line) <= LONGEST_SUBJECT else f"{line[: LONGEST_SUBJECT - 1]}…"


def plain(message: Message) -> str:
    """The text of a mail."""
    shown = message.ranked[:MOST_SHOWN]
    return "\n\n".join([*(_paragraph(notice, message.public_url) for notice in shown), *_rest(message)]) + "\n"


def fields(message: Message) -> dict[str, Any]:
    """What a program is told."""
    shown = message.ranked[:MOST_SHOWN]
    return {
        "source": "sluicegate",
        "version": __version__,
        "sent_at": write_instant(message.at_us),
        "alerts": [_fields(notice, message.public_url) for notice in shown],
        "more": len(message.notices) - len(shown),
    }


def chat(message: Message) -> dict[str, Any]:
    """What a chat is told: a text in which some characters would mean something else, or call somebody."""
    text = "\n\n".join(
        [*(_line(notice, message.public_url) for notice in message.ranked[:MOST_SHOWN]), *_rest(message)]
    )
    return {"text": text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "@\u200b")}


def _rank(notice: Notice) -> tuple[bool, bool, bool]:
    return notice.event == "over", notice.severity != "critical", notice.event == "reminder"


def _paragraph(notice: Notice, public_url: str) -> str:
    where = link(notice, public_url)
    lines = (
        f"{_mark(notice).upper()}: {title(notice)}",
        notice.detail,
        f"Since {clock(notice.since_us)}. {_measured(notice)}",
        f"What to do: {notice.advice}" if notice.event != "over" else "",
        where or "",
    )
    return "\n".join(filter(None, lines))


def _line(notice: Notice, public_url: str) -> str:
    parts = (f"*{_mark(notice).upper()}* {title(notice)}.", notice.detail, link(notice, public_url) or "")
    return " ".join(filter(None, parts))


def _mark(notice: Notice) -> str:
    """How bad it is, in a word."""
    return notice.event if notice.event in ("over", "test") else notice.severity


def _measured(notice: Notice) -> str:
    figure, threshold = (f"{number:g}" for number in (notice.figure, notice.threshold))
    return f"Found: {figure} {notice.unit}; threshold: {threshold} {notice.unit}." if notice.event != "test" else ""


def _rest(message: Message) -> list[str]:
    more = len(message.notices) - MOST_SHOWN
    return [f"And {more} more."] if more > 0 else []


def _fields(notice: Notice, public_url: str) -> dict[str, Any]:
    return {
        "id": notice.alert,
        "replaces": notice.replaces,
        "event": notice.event,
        "kind": notice.kind,
        "severity": notice.severity,
        "subject": notice.subject,
        "title": title(notice),
        "text": notice.text,
        "detail": notice.detail,
        "advice": notice.advice,
        "figure": notice.figure,
        "threshold": notice.threshold,
        "unit": notice.unit,
        "since": write_instant(notice.since_us),
        "at": write_instant(notice.at_us),
        "node": notice.node or None,
        "link": link(notice, public_url),
    }

"""From what is wrong now and what was open before to what is new, worse, still so or over. Pure.

An alert is open as long as what it is about goes on: it is told once, again when it grows worse, now and then while it
lasts, and once more when it is over. One that somebody has closed by hand is silent until then; if the same thing comes
back later, that is a new alert. What is counted anew, as a budget is each period, is another thing each time: the new
alert takes the place of the one before, whose end would say the opposite of what is so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from gateway.alerts.rules import HOUR_US, MINUTE_US, Condition, Judged, Severity
from gateway.settings.alerting import AlertKind, AlertSettings

Event = Literal["opened", "worse", "reminder", "over", "test"]
"""What somebody is told."""

Turn = Literal["opened", "worse", "reminder", "over", "lapsed", "seen", "dropped", "renewed"]
"""What becomes of an alert; of the last three nobody is told."""

UNHEARD_US = 24 * HOUR_US
"""An alert of which nothing was found out for so long lapses: its machine is gone, nobody can tell, or nobody has tried
what it is about."""

UNPROVEN = f"Nothing has told for {UNHEARD_US // HOUR_US} hours whether it goes on. If it does, it will be told anew."

LONGEST_TEXT = 1000

LEAST_CALM_US = 2 * MINUTE_US
"""Where several machines judge: each comes by once a minute."""


class Notice(Struct, frozen=True, kw_only=True):
    """What is told of an alert. Times are Unix microseconds."""

    alert: str
    """Its id."""
    event: Event
    kind: str
    severity: Severity
    subject: str
    text: str
    detail: str
    advice: str
    figure: float
    threshold: float
    unit: str
    since_us: int
    at_us: int
    node: str
    is_presumed: bool = False
    """Of an end: nothing has shown it, but that nothing shows the contrary."""
    replaces: str | None = None
    """Id of the alert of the same thing that a receiver was told of before, and of whose end it was not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alert that is not over. Times are Unix microseconds."""

    id: str
    fingerprint: str
    kind: AlertKind
    node: str
    """The machine that it is about, and that judges it; empty where any does."""
    level: int
    notice: Notice
    """What was last known of it."""
    seen_at_us: int
    """When it was last found to be so."""
    sent_at_us: int | None
    """When somebody was last told; None where nobody was to be."""
    silenced_at_us: int | None
    """When somebody closed it by hand."""
    edition: int | None = None
    """As that of its condition; None where nobody wrote it down."""


class Step(NamedTuple):
    """What becomes of one alert; `alert` is None for a new one, `condition` where it is not found any more."""

    turn: Turn
    alert: Alert | None
    condition: Condition | None


class Moment(NamedTuple):
    """When and where it is looked."""

    now_us: int
    node: str
    """This machine; empty where no other shares what is kept."""


def follow(alerts: Iterable[Alert], judged: Judged, said: AlertSettings, moment: Moment) -> list[Step]:
    """What becomes of every alert that is not over, and of all that was found."""
    known = {alert.fingerprint: alert for alert in alerts}
    found = {condition.fingerprint: condition for condition in judged.conditions}
    renewed = [alert for name, alert in known.items() if name in found and _is_before(alert, found[name])]
    for alert in renewed:
        del known[alert.fingerprint]
    steps = [_met(known.get(name), condition, said, moment.now_us) for name, condition in found.items()]
    ended = (Step("renewed", alert, None) for alert in renewed)
    return [*ended, *filter(None, steps), *_left(known, found, judged, _Calm(said, moment))]


def level_after(step: Step, now_us: int) -> int:
    """How bad it is from now on. It falls no sooner than an hour after it was told: what goes up and down is not told
    each time."""
    alert, condition = step.alert, step.condition
    level = 0 if condition is None else condition.level
    if alert is None or level > alert.level:
        return level
    is_fresh = alert.sent_at_us is not None and now_us - alert.sent_at_us < HOUR_US
    return alert.level if is_fresh or condition is None or not condition.is_certain else level


def edition_after(step: Step) -> int | None:
    """Which edition it is about from now on. It never falls: who looked at the end of a period may come late."""
    known = (part.edition for part in (step.alert, step.condition) if part is not None)
    return max((edition for edition in known if edition is not None), default=None)


def noticed(step: Step, alert_id: str, event: Event, now_us: int) -> Notice:
    """What is told of a step; since when it is so stays what it was first known to be. What only keeps an alert open
    has nothing new to say."""
    alert, condition = step.alert, step.condition
    if condition is None or (alert is not None and not condition.is_certain):
        assert alert is not None  # a step is about one of them
        return _ended(replace(alert.notice, event=event, at_us=now_us), step.turn)
    since_us = condition.since_us if alert is None else min(alert.notice.since_us, condition.since_us)
    return Notice(
        alert=alert_id,
        event=event,
        kind=condition.kind,
        severity=condition.severity,
        subject=_one_line(condition.subject),
        text=_one_line(condition.text),
        detail=_one_line(condition.detail),
        advice=condition.advice,
        figure=condition.figure,
        threshold=condition.threshold,
        unit=condition.unit,
        since_us=since_us,
        at_us=now_us,
        node=condition.node,
    )


def _met(alert: Alert | None, condition: Condition, said: AlertSettings, now_us: int) -> Step | None:
    if alert is None:
        return Step("opened", None, condition) if condition.opens else None
    if not condition.is_certain:
        return Step("seen", alert, condition)
    if condition.level > alert.level:
        return Step("worse", alert, condition)
    if alert.silenced_at_us is not None:
        return Step("seen", alert, condition)
    if alert.sent_at_us is None:
        return Step("opened", alert, condition)
    is_due = said.repeat_hours and now_us - alert.sent_at_us >= said.repeat_hours * HOUR_US
    return Step("reminder" if is_due else "seen", alert, condition)


class _Calm(NamedTuple):
    """When something that is not found any more is believed to be over."""

    said: AlertSettings
    moment: Moment

    @property
    def us(self) -> float:
        """For how long it must not have been found."""
        least = LEAST_CALM_US if self.moment.node else 0
        return max(self.said.calm_minutes * MINUTE_US, least)


def _left(known: dict[str, Alert], found: dict[str, Condition], judged: Judged, calm: _Calm) -> Iterator[Step]:
    """What becomes of alerts that are not found any more."""
    now_us, node = calm.moment
    for name, alert in known.items():
        if name in found:
            continue
        unseen_us = now_us - alert.seen_at_us
        is_calm = alert.node in ("", node) and unseen_us >= calm.us
        is_unheard = unseen_us >= UNHEARD_US
        if alert.kind in judged.off:
            if is_calm or is_unheard:
                yield Step("dropped", alert, None)
        elif is_calm and _is_well(alert, judged):
            yield Step("over", alert, None)
        elif is_unheard:
            yield Step("lapsed", alert, None)


def _is_before(alert: Alert, condition: Condition) -> bool:
    """Whether an alert is about something that has begun anew since."""
    return alert.edition is not None and condition.edition > alert.edition


def _is_well(alert: Alert, judged: Judged) -> bool:
    """Whether it is known that something that was not found is well."""
    return alert.kind in judged.known and alert.fingerprint in judged.well.get(alert.kind, (alert.fingerprint,))


def _one_line(text: str) -> str:
    """As much of it as is shown: names of models are what clients make them."""
    line = "".join(letter if letter.isprintable() else " " for letter in text[: LONGEST_TEXT + 1])
    return line if len(line) <= LONGEST_TEXT else f"{line[:LONGEST_TEXT]}…"


def _ended(notice: Notice, turn: Turn) -> Notice:
    """What is known of it in the end."""
    return replace(notice, is_presumed=True, detail=UNPROVEN) if turn == "lapsed" else notice

"""What of the page of alerts can be had as files: those that are, those that were, who is told, from when on. Pure."""

from __future__ import annotations

from gateway.settings.instants import read_instant
from web.page import Table
from web.tables import Column


def _at(name: str, field: str, head: str = "") -> Column:
    return Column(name, "moment", head, lambda line: read_instant(at) if (at := getattr(line.view, field)) else None)


def _said(name: str, head: str = "") -> Column:
    return Column(name, head=head, value=lambda line: getattr(line.view, name))


ALERTS = (
    _said("id"),
    _at("closed_at", "closed_at", "Over"),
    _at("since", "since", "Since"),
    _said("severity", "How bad"),
    _said("state"),
    _said("kind"),
    _said("subject"),
    _said("title", "What"),
    _said("detail", "What"),
    _said("advice"),
    _said("node", "What"),
    Column("figure", "number", value=lambda line: line.view.figure),
    Column("threshold", "number", value=lambda line: line.view.threshold),
    _said("unit"),
    _at("opened_at", "opened_at"),
    _at("seen_at", "seen_at"),
    _at("last_told_at", "last_sent_at"),
    _at("silenced_at", "silenced_at"),
    Column("told", "whole", "What", lambda line: len(line.told)),
    Column("not_arrived", "whole", "What", lambda line: line.failed),
)

RECEIVERS = (
    Column("receiver", head="Receiver", value=lambda receiver: receiver.name),
    Column("how", head="How"),
    Column("kinds", head="Of what"),
)

THRESHOLDS = (
    Column("kind", head="Of what", value=lambda threshold: threshold.title),
    Column("when", head="When"),
    Column("off", "flag", "When", lambda threshold: threshold.is_off),
    Column("settings", "texts", "Settings"),
)

TABLES = (
    Table(name="past", columns=ALERTS, rows=lambda alerts: alerts.past),
    Table(name="now", columns=ALERTS, rows=lambda alerts: alerts.now),
    Table(name="receivers", columns=RECEIVERS, rows=lambda alerts: alerts.receivers),
    Table(name="thresholds", columns=THRESHOLDS, rows=lambda alerts: alerts.thresholds),
)

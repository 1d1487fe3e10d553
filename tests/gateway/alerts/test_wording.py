"""Notices as mails, as texts for a chat, as fields for a program."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway import __version__
from gateway.alerts.course import Notice
from gateway.alerts.rules import HOUR_US
from gateway.alerts.wording import (
    LONGEST_SUBJECT,
    MOST_SHOWN,
    PAGES,
    Message,
    chat,
    fields,
    link,
    plain,
    subject,
    title,
)
from gateway.settings.alerting import ALERT_KINDS
from tests.gateway.alerts.scenes import NOON, notice

URL = "https://llm.example.com"


def message(*notices: Notice, url: str = URL) -> Message:
    return Message(notices, NOON, url)


LATER: dict[str, Any] = {"at_us": NOON + 26 * HOUR_US}


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (notice(), "client key `app` has used 83 % of its budget"),
        (notice(event="worse"), "worse: client key `app` has used 83 % of its budget"),
        (notice(event="reminder", **LATER), "still so after 26 hours: client key `app` has used 83 % of its budget"),
        (notice(event="over", **LATER), "over after 26 hours: client key `app` has used 83 % of its budget"),
        (
            notice(event="over", is_presumed=True, **LATER),
            "taken to be over after 26 hours: client key `app` has used 83 % of its budget",
        ),
        (notice(text="the disk of `/data` is 95 % full", node="a"), "the disk of `/data` is 95 % full (on a)"),
    ],
)
def test_a_title_says_what_has_become_of_it(told: Notice, said: str) -> None:
    assert title(told) == said


def test_a_mail_says_what_since_when_how_much_and_what_to_do() -> None:
    assert plain(message(notice())) == (
        "WARNING: client key `app` has used 83 % of its budget\n"
        "8.31 USD of 10.00 USD.\n"
        "Since 2026-05-28 20:26 UTC. Found: 83.1 %; threshold: 80 %.\n"
        "What to do: See what is spent on.\n"
        "https://llm.example.com/spend\n"
    )


def test_what_is_over_needs_nothing_done() -> None:
    text = plain(message(notice(event="over", **LATER), url=""))
    assert text.startswith("OVER: over after 26 hours: ")
    assert "What to do" not in text
    assert "http" not in text


WHAT = "client key `app` has used 83 % of its budget"


@pytest.mark.parametrize(
    ("notices", "said"),
    [
        ([notice()], f"[warning] {WHAT}"),
        ([notice(severity="critical")], f"[critical] {WHAT}"),
        ([notice(), notice(severity="critical")], f"[critical] {WHAT}, and 1 more"),
        ([notice(event="over")], f"[over] over after less than a minute: {WHAT}"),
        ([notice(event="over"), notice()], f"[warning] {WHAT}, and 1 more"),
        ([notice(text="a"), notice(text="b", severity="critical")], "[critical] b, and 1 more"),
        ([notice(text="a", event="over", severity="critical"), notice(text="b")], "[warning] b, and 1 more"),
        ([notice(text="a", event="reminder"), notice(text="b", event="worse")], "[warning] worse: b, and 1 more"),
    ],
)
def test_the_subject_of_a_mail_is_the_worst_of_it(notices: list[Notice], said: str) -> None:
    assert subject(message(*notices)) == said


def test_the_worst_comes_first_whoever_is_told() -> None:
    told = [
        notice(alert="1", text="one", event="over", severity="critical"),
        notice(alert="2", text="two"),
        notice(alert="3", text="three", severity="critical", event="reminder"),
        notice(alert="4", text="four", severity="critical"),
    ]
    assert [one["id"] for one in fields(message(*told))["alerts"]] == ["4", "3", "2", "1"]
    for text in (plain(message(*told)), chat(message(*told))["text"]):
        places = [text.index(word) for word in ("four", "three", "two", "one")]
        assert places == sorted(places)


def test_what_is_cut_off_is_the_least_of_it() -> None:
    mild = [notice(alert=str(number)) for number in range(MOST_SHOWN)]
    told = fields(message(*mild, notice(alert="worst", severity="critical")))
    assert (told["alerts"][0]["id"], told["more"]) == ("worst", 1)
    assert "CRITICAL" in plain(message(*mild, notice(severity="critical")))
    assert "CRITICAL" in chat(message(*mild, notice(severity="critical")))["text"]


def test_a_subject_is_one_line_of_bounded_length() -> None:
    line = subject(message(notice(text="x " * 500)))
    assert len(line) == LONGEST_SUBJECT
    assert line.endswith("…")


def test_a_program_is_told_everything_in_fields() -> None:
    told = fields(message(notice(node="a")))
    assert told == {
        "source": "sluicegate",
        "version": __version__,
        "sent_at": "2026-05-28T20:26:40.000000Z",
        "alerts": [
            {
                "id": "1",
                "replaces": None,
                "event": "opened",
                "kind": "budget",
                "severity": "warning",
                "subject": "client key `app`",
                "title": "client key `app` has used 83 % of its budget (on a)",
                "text": "client key `app` has used 83 % of its budget",
                "detail": "8.31 USD of 10.00 USD.",
                "advice": "See what is spent on.",
                "figure": 83.1,
                "threshold": 80,
                "unit": "%",
                "since": "2026-05-28T20:26:40.000000Z",
                "at": "2026-05-28T20:26:40.000000Z",
                "node": "a",
                "link": "https://llm.example.com/spend",
            }
        ],
        "more": 0,
    }
    assert orjson.loads(orjson.dumps(told)) == told


def test_a_chat_is_told_a_text_that_calls_nobody() -> None:
    told = chat(message(notice(text="model `<!channel> & @here`"), url=f"{URL}/"))
    assert told == {
        "text": "*WARNING* model `&lt;!channel&gt; &amp; @\u200bhere`. 8.31 USD of 10.00 USD. https://llm.example.com/spend"
    }


def test_of_many_at_once_some_are_shown_and_the_rest_counted() -> None:
    many = message(*(notice(alert=str(number)) for number in range(MOST_SHOWN + 7)))
    assert len(fields(many)["alerts"]) == MOST_SHOWN
    assert fields(many)["more"] == 7
    assert plain(many).endswith("\n\nAnd 7 more.\n")
    assert chat(many)["text"].endswith("And 7 more.")
    assert subject(many).endswith(f"and {MOST_SHOWN + 6} more")


def test_every_kind_has_a_page_to_look_at() -> None:
    assert PAGES.keys() == {*ALERT_KINDS, "test"}
    assert link(notice(kind="disk"), "") is None
    assert link(notice(kind="disk"), f"{URL}/") == f"{URL}/system"

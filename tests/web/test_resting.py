from __future__ import annotations

from typing import Any, Literal

import pytest

from gateway.management.rests import RestView
from gateway.settings.instants import write_instant
from web.resting import rests_of

UNTIL = 1_800_000_000_000_000


def view(
    kind: Literal["credential", "model", "target"], credential: str | None, model: str | None, reason: str
) -> RestView:
    return RestView(
        kind=kind,
        provider="p",
        credential=credential,
        model=model,
        reason=reason,
        until=write_instant(UNTIL),
        hard=True,
        probe_due=False,
    )


def row(credential: str, model: str, reason: str, **latest: Any) -> dict[str, Any]:
    usual = {"id": "r1", "at_us": 5, "status": 429, "error": "upstream_status_429", "rest_us": 60_000_000}
    return {"credential": credential, "model": model, "reason": reason, "latest": {**usual, "rest_by": None, **latest}}


@pytest.mark.parametrize(
    ("latest", "came"),
    [
        ({"rest_by": "retry-after"}, "429 from the provider, which named 1 min in retry-after"),
        ({"rest_by": "answer"}, "429 from the provider, which named 1 min in its answer"),
        ({}, "429 from the provider; 1 min by the gateway's rules for failures"),
        ({"status": None, "error": "upstream_timeout"}, "upstream timeout; 1 min by the gateway's rules for failures"),
    ],
)
def test_what_named_the_time_is_told(latest: dict[str, Any], came: str) -> None:
    (rest,) = rests_of([view("model", "a", "m", "rate_limit")], [row("a", "m", "rate_limit", **latest)])
    assert (rest.came, rest.link, rest.at_us) == (came, "/requests/r1", 5)
    assert (rest.what, rest.why, rest.until_us) == ("m with a", "its rate limit is used up", UNTIL)


def test_the_last_attempt_that_may_have_been_the_cause_is_told() -> None:
    rows = [
        row("a", "m", "auth", id="old", at_us=1),
        row("a", "n", "auth", id="new", at_us=9),
        row("a", "m", "server", id="another reason", at_us=99),
        row("b", "m", "auth", id="another credential", at_us=99),
        row("a", "m", "auth", id="none rested", at_us=99, rest_us=None),
    ]
    whole, of_model = rests_of([view("credential", "a", None, "auth"), view("model", "a", "m", "auth")], rows)
    assert (whole.link, whole.what, whole.advice) == (
        "/requests/new",
        "a",
        "Replace the secret, or ask the provider why.",
    )
    assert of_model.link == "/requests/old"


def test_a_breaker_came_from_whatever_failed_there_last() -> None:
    rows = [row("a", "m", "server", at_us=3, status=502, rest_us=None), row("b", "n", "server", at_us=9)]
    (rest,) = rests_of([view("target", None, "m", "breaker")], rows)
    assert (rest.what, rest.why, rest.came) == (
        "m with every credential",
        "too many failures in a row",
        "502 from the provider",
    )


def test_what_nobody_has_recorded_came_from_nowhere() -> None:
    of_nobody, unknown = rests_of([view("credential", None, None, "quota"), view("model", None, "m", "timeout")], [])
    assert (of_nobody.came, of_nobody.link, of_nobody.at_us, of_nobody.what) == ("", "", None, "the provider")
    assert unknown.what == "m"

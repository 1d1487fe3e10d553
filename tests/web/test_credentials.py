from __future__ import annotations

import pytest

from gateway.management.configured import CredentialView, Managed
from gateway.management.rests import CredentialStanding, ProviderStanding, RateWindow, RestView
from gateway.settings.instants import write_instant
from web.credentials import bars_of, label_of, lines_of, tightest_of


def standing(
    headroom: float | None,
    *rests: RestView,
    resets: int = 0,
    name: str | None = "a",
    windows: tuple[RateWindow, ...] = (),
) -> CredentialStanding:
    return CredentialStanding(
        provider="p",
        credential=name,
        in_flight=2,
        latency_ms=40,
        headroom=headroom,
        limits_reset_at=write_instant(resets) if resets else None,
        token_until=None,
        rests=rests,
        windows=windows,
    )


@pytest.mark.parametrize(
    ("left", "words", "meaning"),
    [(1.0, "100 % left", "good"), (0.19, "19 % left", "warning"), (0.0, "0 % left", "bad")],
)
def test_a_bar_tells_what_is_left(left: float, words: str, meaning: str) -> None:
    (bar,) = bars_of(standing(left, resets=9_000_000))
    assert (bar.words, bar.meaning, bar.resets_at_us) == (words, meaning, 9_000_000)


def test_there_is_no_bar_where_nobody_told_anything() -> None:
    assert bars_of(standing(None)) == ()


def test_a_server_that_asks_for_no_credential_has_a_line_without_a_name() -> None:
    row = {"credential": "", "attempts": 4, "failed": 0, "late_attempts": 2, "late_failed": 0, "last_failure": None}
    (line,) = lines_of([], ProviderStanding(credentials=(standing(None, name=None),), targets=()), [row])
    assert (line.name, line.link, line.in_flight, line.latency_us, line.day.attempts) == ("", "", 2, 40_000, 4)
    assert lines_of([], None, []) == ()


def rest(kind: str, until_us: int, *, hard: bool = True, model: str | None = None) -> RestView:
    return RestView(
        kind=kind,  # type: ignore[arg-type] # one of them
        provider="p",
        credential="a",
        model=model,
        reason="rate_limit" if model else "auth",
        until=write_instant(until_us),
        hard=hard,
        probe_due=False,
    )


def view(name: str = "a", **said: object) -> CredentialView:
    managed = Managed(by="database", problem=said.pop("problem", None), hidden=bool(said.pop("hidden", False)))  # type: ignore[arg-type]
    return CredentialView(provider="p", name=name, fingerprints={}, managed=managed, version=3, **said)  # type: ignore[arg-type]


def test_a_line_tells_the_worst_of_its_rests() -> None:
    every = (
        rest("model", 9_000_000, model="m"),
        rest("credential", 5_000_000),
        rest("model", 8_000_000, hard=False, model="n"),
    )
    (line,) = lines_of([view()], ProviderStanding(credentials=(standing(None, *every),), targets=()), [])
    assert (line.state.word, line.until_us) == ("resting", 5_000_000)
    assert line.note == "the provider does not accept its secret, and 2 more"
    (line,) = lines_of([view()], ProviderStanding(credentials=(standing(None, every[0]),), targets=()), [])
    assert (line.state.word, line.note) == ("partly resting", "m: its rate limit is used up")


def test_what_is_paused_left_out_or_hidden_is_told_apart() -> None:
    lines = lines_of([view("a", paused=True), view("b", problem="it cannot be"), view("c", hidden=True)], None, [])
    assert [(line.name, line.state.word) for line in lines] == [("a", "paused"), ("b", "left out")]
    assert lines[1].note == "it cannot be"


def test_the_last_failure_leads_to_its_request() -> None:
    last = {"id": "r1", "at_us": 7, "status": 429, "what": "rate_limit"}
    counts = {"attempts": 4, "failed": 1, "late_attempts": 0, "late_failed": 0}
    (line,) = lines_of([view()], None, [{"credential": "a", **counts, "last_failure": last}])
    assert line.failure is not None
    assert (line.failure.at_us, line.failure.word, line.failure.link) == (7, "rate limit", "/requests/r1")
    assert line.failure.words == "its rate limit is used up"


def window(name: str, left: float | None, **said: object) -> RateWindow:
    fields: dict[str, object] = {"remaining": None, "limit": None, "window_seconds": None, "resets_at": None}
    fields |= {"has_reset": False, "told_at": write_instant(9_000_000), **said}
    return RateWindow(name=name, left=left, **fields)  # type: ignore[arg-type] # what it has


@pytest.mark.parametrize(
    ("name", "seconds", "label"),
    [
        ("requests", None, "Requests"),
        ("input-tokens", None, "Input tokens"),
        ("tokens-day", None, "Tokens a day"),
        ("req_hour", None, "Req an hour"),
        ("day", None, "Day"),
        ("all", None, "Rate limit"),
        ("plan-5h", 18_000, "Plan, 5 hours"),
        ("plan-7d_opus", 604_800, "Plan, 7 days, Opus"),
        ("codex-primary", 18_000, "Codex, 5 hours"),
        ("codex-spark-secondary", 604_800, "Codex, 7 days, Spark"),
        ("codex-secondary", None, "Codex, Secondary"),
        ("codex-primary", 900, "Codex, 15 minutes"),
        ("codex-primary", 86_400, "Codex, 1 day"),
    ],
)
def test_a_limit_is_called_by_what_it_limits_and_how_long_it_is(name: str, seconds: int | None, label: str) -> None:
    assert label_of(window(name, 1.0, window_seconds=seconds)) == label


def test_each_limit_has_a_bar_that_says_what_is_known() -> None:
    told = standing(
        0.5,
        windows=(
            window("plan-5h", 0.03, resets_at=write_instant(9_000_000)),
            window("tokens", 0.5, remaining=1500, limit=3000),
            window("requests", 1.0, limit=10, resets_at=write_instant(5_000_000), has_reset=True),
            window("output-tokens", None, remaining=8000),
            window("all", None),
        ),
    )
    found = [(bar.words, bar.brief, bar.left, bar.meaning, bar.resets_at_us, bar.has_reset) for bar in bars_of(told)]
    assert found == [
        ("3.0 % left", "3.0 % left", 0.03, "bad", 9_000_000, False),
        ("50 % left, 1,500 of 3,000", "50 % left", 0.5, "good", None, False),
        ("full again", "full again", 1.0, "good", 5_000_000, True),
        ("8,000 left", "8,000 left", None, "neutral", None, False),
        ("not known", "not known", None, "neutral", None, False),
    ]


def test_the_tightest_of_all_is_not_one_that_has_reset_nor_one_that_nobody_knows() -> None:
    unknown = standing(None, name="a", windows=(window("requests", None),))
    reset = standing(None, name="b", windows=(window("requests", 1.0, has_reset=True),))
    loose, tight = (standing(None, name=name, windows=(window("x", left),)) for name, left in (("c", 1.0), ("d", 0.4)))
    assert tightest_of((unknown, reset, loose, tight))[0] == "d"
    assert tightest_of((unknown, reset, loose))[0] == "c"
    assert tightest_of((unknown, reset))[0] == "b"
    assert tightest_of((standing(None),)) == ("", None)

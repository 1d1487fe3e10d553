from __future__ import annotations

from msgspec import structs

from benchmarks.scenarios import load_all
from benchmarks.targets import TARGETS, judge
from tests.benchmarks.samples import a_run, beside

TEXTS = {verdict.target.title: verdict.text for verdict in judge(a_run())}


def test_a_figure_at_or_under_its_limit_is_reached() -> None:
    assert TEXTS["CPU per plain request, 32 connections"] == "reached"


def test_a_missed_target_says_by_how_much() -> None:
    assert {verdict.text for verdict in judge(a_run(seconds=3.0))} >= {"missed by 50%"}


def test_a_small_miss_is_told_from_a_large_one() -> None:
    assert TEXTS["start to first answer"] == "missed by 10%, within the noise allowed"


def test_a_target_against_another_peer_wants_at_least_its_limit() -> None:
    assert TEXTS["naive relay's CPU per request to ours"] == "missed by 60%"


def test_a_target_of_translation_is_the_gateway_as_that_client_finds_it() -> None:
    assert TEXTS["Paced chunk for a client of Gemini: CPU above passing through"] == "reached"
    assert TEXTS["Paced chunk for a client of Anthropic: CPU above passing through"] == "not measured"


def test_what_somebody_notices_beside_a_page_is_a_target() -> None:
    verdicts = judge(structs.replace(a_run(), scenarios=(beside(),)))
    texts = {verdict.target.title: verdict.text for verdict in verdicts}
    assert texts["chunk delay p99 beside a heavy page"] == "missed by 36%"
    assert texts["the overview, p95, 10,000,000 requests"] == "not measured"


def test_what_was_not_measured_is_not_claimed() -> None:
    assert TEXTS["memory per open stream"] == "not measured"


def test_every_target_belongs_to_a_scenario_that_exists() -> None:
    assert {target.scenario for target in TARGETS} <= {named.name for named in load_all()}

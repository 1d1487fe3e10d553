"""What is measured is what happens: every pair gives its client the whole answer. Figures are the machine's affair."""

from __future__ import annotations

import pytest

from benchmarks.formats import Case, Costs, added, measure, pipeline, render
from benchmarks.streams import KINDS, Kind, stream
from gateway.formats.table import FORMATS

LENGTH = 30
ENDS = {
    "openai_chat": b"data: [DONE]",
    "openai_responses": b'"type":"response.completed"',
    "anthropic": b'"type":"message_stop"',
    "gemini": b'"finishReason":"STOP"',
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("client", FORMATS)
@pytest.mark.parametrize("upstream", FORMATS)
def test_a_pair_is_measured_with_a_whole_answer(upstream: str, client: str, kind: Kind) -> None:
    made = pipeline(upstream, client)()
    told = b"".join(map(made.feed, stream(upstream, kind, LENGTH) or ())) + made.close()
    if (upstream, kind) == ("gemini", "arguments"):
        return
    assert ENDS[client] in told
    word = b"Zuerich %d " if kind == "arguments" else b"word %d, "
    assert all(word % number in told for number in range(LENGTH - 2))


def test_every_pair_and_every_length_is_measured_in_every_round() -> None:
    costs = measure(("text",), (5, 10), rounds=2)
    assert {(case.upstream, case.client) for case in costs} == {(a, b) for a in FORMATS for b in FORMATS}
    assert {case.length for case in costs} == {5, 10}
    assert {len(found) for found in costs.values()} == {2}


def costs(translated: float = 9.0, long: float = 9.0) -> Costs:
    """Chat and Anthropic; a passed event takes 1 µs at best, then 3."""
    found: Costs = {
        Case("openai_chat", client, "text", length): [3.0, 1.0, 2.0] for client in FORMATS for length in (200, 5000)
    }
    for length, cost in ((200, translated), (5000, long)):
        found[Case("openai_chat", "anthropic", "text", length)] = [cost, cost + 2, cost + 1]
    return found


def test_translation_takes_what_it_takes_above_passing_the_same_stream_through() -> None:
    assert added(costs(), Case("openai_chat", "anthropic", "text", 200)) == 8.0


def test_the_report_has_best_median_and_what_was_added() -> None:
    text = render(costs())
    row = "| openai_chat | 200 | 1.00 (2.00) | 1.00 (2.00) +0.00 | 9.00 (10.00) +8.00 | 1.00 (2.00) +0.00 |"
    assert row in text
    assert "## Not shown" in text


def test_the_report_names_the_worst_pair_and_whether_it_keeps_the_bound() -> None:
    assert "worst pair: 8.00 µs of at most 12 (openai_chat to anthropic, text, 200 events): kept" in render(costs())
    assert "worst pair: 13.00 µs of at most 12 (openai_chat to anthropic, text, 200 events): missed" in render(
        costs(14.0)
    )


def test_an_event_that_gets_dearer_with_the_length_of_its_stream_is_seen() -> None:
    assert "1.00 of at most 1.25" in render(costs())
    assert "2.00 of at most 1.25 (openai_chat to anthropic, text): missed" in render(costs(9.0, 18.0))

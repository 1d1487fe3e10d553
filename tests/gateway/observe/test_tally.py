from __future__ import annotations

from gateway.observe.tally import Count, Histogram, Readings, Tally, Totals

CHAT = ("/v1/chat/completions", "mock", "gpt")
EMBEDDINGS = ("/v1/embeddings", "mock", "small")


def totals(tokens: int) -> Totals:
    made = Totals(input=tokens, cost=tokens)
    made.duration.buckets[2] = tokens
    made.duration.sum = tokens
    return made


def test_histograms_add_up_bucket_by_bucket() -> None:
    assert Histogram([1, 0, 2], 5) + Histogram([0, 4, 1], 7) == Histogram([1, 4, 3], 12)


def test_what_both_sides_know_is_added_and_what_one_knows_is_kept() -> None:
    left = Tally([((*CHAT, "2xx", ""), Count(1))], [(CHAT, totals(1))], [(("mock", "gpt", "", ""), Count(1))])
    right = Tally([((*CHAT, "2xx", ""), Count(2))], [(EMBEDDINGS, totals(4)), (CHAT, totals(2))], [])
    both = left + right
    assert both.outcomes == [((*CHAT, "2xx", ""), Count(3))]
    assert both.targets == [(CHAT, totals(3)), (EMBEDDINGS, totals(4))]
    assert both.tries == [(("mock", "gpt", "", ""), Count(1))]


def test_adding_changes_neither_side() -> None:
    left, right = Tally([], [(CHAT, totals(1))], []), Tally([], [(CHAT, totals(2))], [])
    _ = left + right
    assert (left.targets, right.targets) == ([(CHAT, totals(1))], [(CHAT, totals(2))])


def test_of_a_dead_worker_only_the_counters_are_true() -> None:
    said = Readings(1, 2, 3, 4, 5, connections_opened=6, records_dropped=7, log_lines_dropped=8)
    assert said.counters_only() == Readings(connections_opened=6, records_dropped=7, log_lines_dropped=8)


def test_readings_add_up_but_for_the_spool_which_all_share() -> None:
    one = Readings(1, 2, 3, 4, 5, 6, 7, 8)
    assert one + Readings(1, 1, 1, 1, 1, 1, 1, 1) == Readings(2, 3, 4, 5, 5, 7, 8, 9)

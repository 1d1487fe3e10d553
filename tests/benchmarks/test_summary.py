from __future__ import annotations

from benchmarks.summary import Spread, look, peers
from tests.benchmarks.samples import beside, plain, start, translated


def test_a_figure_is_the_median_of_the_rounds_with_its_range() -> None:
    assert look(plain(), "gateway", "cpu_us_per_request") == Spread(90.0, 60.0, 120.0)


def test_a_ratio_is_to_the_nginx_measured_before_and_after() -> None:
    assert look(plain(), "gateway", "cpu_us_per_request", "ratio") == Spread(5.5, 5.0, 6.0)


def test_at_the_edge_of_a_run_one_neighbour_is_enough() -> None:
    assert look(plain(), "naive", "cpu_us_per_request", "ratio") == Spread(1800 / 17, 1800 / 17, 1800 / 17)


def test_what_is_added_is_the_difference_to_no_relay_in_the_same_round() -> None:
    assert look(plain(), "gateway", "latency_p50_ms", "added") == Spread(2.5, 2.0, 3.0)


def test_what_translation_takes_is_the_difference_to_passing_through_in_the_same_round() -> None:
    assert look(translated(), "from-gemini", "cpu_us_per_chunk", "above") == Spread(2.5, 2.0, 3.0)
    assert look(translated(), "gateway", "cpu_us_per_chunk", "above") is None
    assert look(translated(), "nginx", "cpu_us_per_chunk", "above") is None


def test_what_goes_on_beside_is_a_ratio_to_when_nothing_does_in_the_same_round() -> None:
    assert look(beside(), "beside-pages", "delay_p99_ms", "beside") == Spread(1.5, 1.0, 2.0)
    assert look(beside(), "with-records", "delay_p99_ms", "beside") is None
    assert look(beside(), "beside-pages", "first_p99_ms", "beside") is None


def test_nothing_is_made_up_where_nothing_was_measured() -> None:
    assert look(plain(), "naive", "latency_p50_ms", "added") is None
    assert look(plain(), "direct", "latency_p50_ms", "added") is None
    assert look(start(1.0), "gateway", "start_seconds", "ratio") is None


def test_peers_come_in_the_order_of_the_scenario() -> None:
    assert peers(plain()) == ["gateway", "nginx", "direct", "naive"]


def test_ranges_that_touch_may_be_noise() -> None:
    assert Spread(2, 1, 3).overlaps(Spread(4, 3, 5))
    assert not Spread(2, 1, 2.9).overlaps(Spread(4, 3, 5))

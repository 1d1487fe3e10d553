"""The soak in a short form, and what is made of what it saw."""

from __future__ import annotations

import asyncio
import csv
from math import inf
from pathlib import Path

import pytest

from benchmarks.mixture import KINDS, NAMES, Mixture
from benchmarks.soak import (
    CONTROL,
    REST,
    Fitted,
    Sample,
    Soaked,
    fitted,
    least,
    lines,
    listed,
    render,
    soak,
    verdicts,
)

MIB = 1 << 20


def samples(*rss: float, descriptors: int = 30, every: float = 100.0) -> list[Sample]:
    """One each so many seconds, of so many MiB."""
    return [Sample(place * every, round(each * MIB), descriptors, 5) for place, each in enumerate(rss)]


def seen(**processes: list[Sample]) -> Soaked:
    return Soaked(1000.0, samples={f"{name} 1": found for name, found in processes.items()}, metrics=[50_000])


def test_a_slope_is_that_of_the_line_through_the_points() -> None:
    assert fitted([(0, 1), (1, 3), (2, 5)]) == Fitted(2, 0)
    assert fitted([(0, 1), (1, 1), (2, 1)]) == Fitted(0, 0)


def test_how_exact_it_is_goes_by_how_far_points_are_from_it() -> None:
    near, far = (fitted([(place, place + off * (-1) ** place) for place in range(40)]) for off in (0.1, 1.0))
    assert near.slope == pytest.approx(1, abs=0.01)
    assert far.error == pytest.approx(10 * near.error)
    # Of a line through 40 points that are off by 1, with x from 0 to 39: sqrt(40 / 38 / 5330).
    assert far.error == pytest.approx(0.01405, abs=0.0001)


def test_of_less_than_three_points_nothing_is_known() -> None:
    assert fitted([(0, 1), (1, 9)]) == fitted([(5, 7)]) == fitted([]) == Fitted(0, inf)


def test_of_each_window_the_least_counts() -> None:
    found = samples(*[80 + 20 * (place % 10 > 0) for place in range(120)])
    assert least(found) == [(1000.0 * place, 80.0) for place in range(12)]


def test_the_warm_up_is_not_looked_at() -> None:
    (line,) = lines(seen(worker=samples(10, 40, 60, 70, *[80.0] * 7)))
    assert (line.mib_an_hour, line.first_mib, line.last_mib) == (0, 80, 80)
    assert verdicts(seen(worker=samples(10, 40, 60, 70, *[80.0] * 7))) == []


def test_what_grows_is_told_by_the_hour() -> None:
    (line,) = lines(seen(worker=samples(*[80 + 0.1 * place for place in range(11)])))
    assert line.mib_an_hour == pytest.approx(3.6)
    (wrong,) = verdicts(seen(worker=samples(*[80 + 0.1 * place for place in range(11)])))
    assert wrong == "worker: grows by 3.6 MiB an hour (± 0.0), of at most 1"


def test_what_is_held_for_a_while_does_not_hide_what_grows() -> None:
    """Two looks of three are of something large that is given back; what grows is a hundredth of that."""
    soaked = Soaked(12_000.0, samples={
        "worker 1": samples(*[80 + 0.1 * place + 30 * (place * 7 % 3 > 0) for place in range(121)])
    })  # fmt: skip
    (line,) = lines(soaked)
    assert line.mib_an_hour == pytest.approx(3.6, abs=0.1)
    assert line.exact_to < 0.2
    assert line.most_mib > 120
    assert line.last_mib < 93


def test_descriptors_that_are_not_given_back_are_told() -> None:
    found = samples(*[80.0] * 5) + [Sample(500 + 100 * place, 80 * MIB, 190, 9) for place in range(6)]
    assert verdicts(seen(worker=found)) == ["worker: 160 more descriptors"]


def test_a_process_that_died_is_told() -> None:
    soaked = seen(worker=samples(*[80.0] * 9))
    soaked.samples["worker 2"] = samples(80, 80)
    assert verdicts(soaked) == ["worker: started 2 times"]


def test_metrics_that_are_too_large_and_requests_that_never_end_are_told() -> None:
    soaked = seen(worker=samples(*[80.0] * 9))
    soaked.metrics.append(200_001)
    soaked.in_flight = 2
    assert verdicts(soaked) == ["2 requests never ended", "/metrics: 200,001 bytes, of at most 200,000"]


def test_the_report_is_a_table_that_can_be_pasted() -> None:
    text = render(seen(worker=samples(*[80.0] * 9)))
    assert "| worker | 80.0 | 80.0 | 80.0 | +0.00 ± 0.00 | +0 | +0 |" in text
    assert "/metrics: 50,000 at first" in text


def test_every_name_of_a_model_nobody_has_is_asked_for() -> None:
    (kind,) = [kind for kind in KINDS if kind.name == "unknown model"]
    assert len({kind.body(number) for number in range(2 * NAMES)}) == NAMES


async def test_whoever_is_not_there_is_no_reason_to_stop() -> None:
    mixture = Mixture("127.0.0.1:1", 500.0)
    task = asyncio.create_task(mixture.run())
    await asyncio.sleep(0.3)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert mixture.answered.keys() == {"none"}
    assert mixture.answered["none"] > 20


@pytest.mark.slow
def test_twenty_seconds_of_it(tmp_path: Path) -> None:
    soaked = soak(20 / 60, tmp_path, stored=20_000)
    assert soaked.kinds.keys() == {kind.name for kind in KINDS}
    assert {"200", "400", "401", "404", "429", "500"} <= soaked.answered.keys()
    assert {line.process for line in lines(soaked)} == {"supervisor", CONTROL, REST, "worker"}
    whole, rest = ([line for line in lines(soaked) if line.process == name] for name in (CONTROL, REST))
    assert 10 < rest[0].most_mib < whole[0].most_mib
    looks = list(csv.DictReader(listed(soaked).splitlines()))
    assert {look["process"].rpartition(" ")[0] for look in looks} == {line.process for line in lines(soaked)}
    assert all(float(look["rss_mib"]) > 1 for look in looks)
    assert soaked.in_flight == 0
    assert soaked.viewers > 0
    assert soaked.reads > 3
    wrong = [each for each in verdicts(soaked) if "grows" not in each]  # so short a time says nothing of that
    assert not wrong
    assert "Traceback" not in "".join(path.read_text(errors="replace") for path in tmp_path.glob("*.log"))

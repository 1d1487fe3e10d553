from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.scenarios import Streams, Timed, load, load_all, select, shortened, wish

GOOD = 'kind = "start"\ntitle = "Start"\norder = 1\npeers = ["nginx"]\n'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (GOOD + "speed = 3\n", "speed"),
        (GOOD + "rounds = 0\n", "rounds"),
        (GOOD.replace("nginx", "apache"), "apache"),
        (GOOD.replace('"start"', '"sprint"'), "sprint"),
        ('kind = "plain"\ntitle = "Plain"\norder = 1\npeers = []\n', "connections"),
        ("title =", ""),
    ],
)
def test_a_wrong_scenario_is_refused_with_file_and_key(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text)

    with pytest.raises(BenchmarkError, match=rf"wrong\.toml.*{complaint}"):
        load(path)


def test_the_shipped_scenarios_are_right_and_in_the_order_of_the_report() -> None:
    found = load_all()

    assert [named.scenario.order for named in found] == sorted(named.scenario.order for named in found)
    assert {"plain1", "plain32", "plain128", "burst", "paced100", "paced500", "paced1000"} <= {n.name for n in found}


def test_a_name_nobody_has_is_refused_with_those_there_are() -> None:
    with pytest.raises(BenchmarkError, match=r"plain33.*plain32"):
        select(["plain33"], load_all())


def test_no_name_selects_all() -> None:
    assert select([], load_all()) == load_all()
    assert [named.name for named in select(["burst"], load_all())] == ["burst"]


def test_a_quick_run_has_one_round_and_short_windows() -> None:
    for named in load_all():
        quick = shortened(named.scenario)
        assert quick.rounds == 1
        assert not isinstance(quick, Timed) or quick.seconds <= 0.5


def test_paced_streams_ramp_up_over_the_length_of_a_stream() -> None:
    for named in load_all():
        scenario = named.scenario
        if type(scenario) is Streams and scenario.pace_ms:
            assert scenario.ramp_seconds == pytest.approx(scenario.chunks * scenario.pace_ms / 1000)


def test_wishes_are_what_the_mock_reads() -> None:
    found = {named.name: wish(named.scenario) for named in load_all()}

    assert found["plain32"] == ""
    assert found["burst"] == ";chunks=64;size=20"
    assert found["paced500"] == ";chunks=100;size=20;pace=20ms;stamp"

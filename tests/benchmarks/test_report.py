from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import report, results
from benchmarks.errors import BenchmarkError
from benchmarks.report import COLUMNS, render
from benchmarks.scenarios import Scenario, load_all
from tests.benchmarks.samples import a_run


def test_a_stored_run_renders_as_the_run_itself_did(tmp_path: Path) -> None:
    results.write(a_run(), tmp_path / "deep" / "run.json")

    assert render(results.read(tmp_path / "deep" / "run.json"), "run.json") == render(a_run(), "run.json")


def test_the_report_names_machine_versions_method_and_gaps() -> None:
    text = render(a_run(), "run.json")

    for part in ("Example CPU (R) 9000", "Linux 6.1.0", "nginx 1.22.1", "granian 2.8.7", "## Method", "## Not shown"):
        assert part in text


def test_a_row_has_the_figure_its_range_and_its_ratio() -> None:
    row = next(line for line in render(a_run(), "run.json").splitlines() if line.startswith("| gateway | 90.0"))

    assert row == "| gateway | 90.0 (60.0 to 120) | 5.50 (5.00 to 6.00) | 3.75 | 2.50 |"


def test_what_translates_has_what_that_takes_in_its_row() -> None:
    lines = render(a_run(), "run.json").splitlines()

    assert "|  | CPU µs/chunk | x nginx | µs above passing through |" in lines
    assert "| from-gemini | 7.00 (6.00 to 8.00) | 7.00 (6.00 to 8.00) | 2.50 (2.00 to 3.00) |" in lines


def test_doubts_are_printed_beside_the_figures() -> None:
    assert "- gateway: round 1: a remark" in render(a_run(), "run.json")


def test_a_figure_nobody_measured_has_no_column() -> None:
    assert "p99 ms" not in render(a_run(), "run.json")


def test_every_kind_of_scenario_has_columns() -> None:
    assert {type(named.scenario) for named in load_all()} <= COLUMNS.keys()
    assert COLUMNS.keys() == set(Scenario.__args__)


def test_a_file_that_is_not_a_result_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text("{}")

    with pytest.raises(BenchmarkError, match=r"other\.json"):
        results.read(path)


def test_a_result_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    results.write(a_run(), path)
    path.write_text(path.read_text().replace('"format": 1', '"format": 0', 1))

    with pytest.raises(BenchmarkError, match="format 0"):
        results.read(path)


@pytest.mark.parametrize(("value", "text"), [(1234.5, "1,234"), (12.34, "12.3"), (0.1234, "0.12"), (-0.5, "-0.50")])
def test_figures_have_as_many_digits_as_they_deserve(value: float, text: str) -> None:
    assert report._figure(value) == text

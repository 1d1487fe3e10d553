from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics import parser as open_metrics
from prometheus_client.parser import text_string_to_metric_families

from gateway.observe.exposition import HISTOGRAMS, OPEN_METRICS, PROMETHEUS, SAMPLES, choose
from gateway.observe.series import SERIES
from tests.gateway.observe.samples import exchange, tried
from tests.gateway.observe.test_metrics import metrics

DOCUMENTED = {series.name: series for series in SERIES}
ODD = 'with "quotes", a \\, {braces}, 100% and a snowman ☃'


def open_metrics_families(text: str) -> list[Metric]:
    return list(open_metrics.text_string_to_metric_families(text))  # type: ignore[no-untyped-call]  # has no types


def sample_name(series_name: str, sample: str) -> str:
    """A sample's name without what a histogram adds to its family's."""
    if DOCUMENTED.get(series_name) is None or DOCUMENTED[series_name].kind != "histogram":
        return sample
    return sample.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count")


def test_the_exposition_holds_exactly_the_documented_series(tmp_path: Path) -> None:
    worker = metrics(tmp_path)
    worker.observe(exchange())
    lines = worker.render().decode().splitlines()
    declared = [line.split()[2:4] for line in lines if line.startswith("# TYPE")]
    assert declared == [[series.name, series.kind] for series in SERIES]


def test_every_sample_has_exactly_the_documented_labels(tmp_path: Path) -> None:
    worker = metrics(tmp_path)
    worker.observe(exchange())
    sampled = set()
    for family in text_string_to_metric_families(worker.render().decode()):
        for sample in family.samples:
            name = next(name for name in DOCUMENTED if sample_name(name, sample.name) == name)
            assert set(sample.labels) - {"le"} == set(DOCUMENTED[name].labels)
            sampled.add(name)
    assert sampled == set(DOCUMENTED)


def test_every_series_has_one_source() -> None:
    assert {*SAMPLES} | {*HISTOGRAMS} == set(DOCUMENTED)
    assert not {*SAMPLES} & {*HISTOGRAMS}


@pytest.mark.parametrize("series", SERIES, ids=lambda series: series.name)
def test_names_and_meanings_follow_the_conventions(series: object) -> None:
    assert series in SERIES
    name, kind, meaning = (getattr(series, each) for each in ("name", "kind", "meaning"))
    assert name.startswith("sluicegate_")
    assert name.endswith("_total") == (kind == "counter")
    assert meaning.endswith(".")
    assert "millisecond" not in name


def test_open_metrics_reads_it_too(tmp_path: Path) -> None:
    worker = metrics(tmp_path)
    worker.observe(exchange())
    families = {family.name: family for family in open_metrics_families(worker.render(OPEN_METRICS).decode())}
    assert families["sluicegate_requests"].type == "counter"
    assert {family.removesuffix("_total") for family in DOCUMENTED} == set(families)


@pytest.mark.parametrize("dialect", [PROMETHEUS, OPEN_METRICS], ids=["prometheus", "openmetrics"])
def test_any_model_name_survives_as_a_label(tmp_path: Path, dialect: object) -> None:
    worker = metrics(tmp_path)
    worker.observe(exchange(model=ODD, attempts=(tried(ODD),)))
    text = worker.render(OPEN_METRICS if dialect is OPEN_METRICS else PROMETHEUS).decode()
    read = open_metrics_families if dialect is OPEN_METRICS else text_string_to_metric_families
    models = {sample.labels["model"] for family in read(text) for sample in family.samples if "model" in sample.labels}
    assert models == {ODD}


@pytest.mark.parametrize(
    ("accept", "dialect"),
    [
        ("", PROMETHEUS),
        ("*/*", PROMETHEUS),
        ("text/plain", PROMETHEUS),
        ("application/openmetrics-text", OPEN_METRICS),
        ("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", OPEN_METRICS),
        ("text/html, application/OpenMetrics-Text; q=0.5", OPEN_METRICS),
    ],
)
def test_the_dialect_follows_what_is_accepted(accept: str, dialect: object) -> None:
    assert choose(accept) is dialect

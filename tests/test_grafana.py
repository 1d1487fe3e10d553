"""The dashboard and the alerts in `deploy/` ask for figures that there are, and show all of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from gateway.observe.series import SERIES, Series
from tests.source import ROOT

DEPLOY = ROOT / "deploy"
BOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "sluicegate.json").read_text(encoding="utf-8"))
ALERTS = (DEPLOY / "prometheus" / "alerts.yml").read_text(encoding="utf-8")
SCRAPE = (DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
SOURCES = (DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yaml").read_text(encoding="utf-8")

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
BUILT_IN = {"__rate_interval", "__range"}
"""Variables that Grafana itself knows."""
OF_PROMETHEUS = {"instance", "job"}
"""Labels that every series has once it is scraped."""
WORDS = {"sum", "by", "rate", "increase", "histogram_quantile", "topk", "min", "resets", "label_values"}

PANELS: list[dict[str, Any]] = BOARD["panels"]
VARIABLES: dict[str, dict[str, Any]] = {each["name"]: each for each in BOARD["templating"]["list"]}
TARGETS = [(panel["title"], target) for panel in PANELS for target in panel.get("targets", [])]
RULES = dict(re.findall(r"- alert: (\w+)\n((?:(?!          - alert).*\n?)*)", ALERTS))


def expression_of(rule: str) -> str:
    found = re.search(r"expr: (?:\|\n((?: {16}.*\n)+)|(.+)\n)", rule)
    assert found is not None
    return re.sub(r"\s+", " ", found[1] or found[2]).strip()


def expressions() -> Iterator[tuple[str, str]]:
    """Every question to Prometheus, and where it is asked."""
    yield from ((title, target["expr"]) for title, target in TARGETS)
    yield from ((name, each["definition"]) for name, each in VARIABLES.items() if each["type"] == "query")
    yield from ((each["name"], each["expr"]) for each in BOARD["annotations"]["list"] if "expr" in each)
    yield from ((name, expression_of(rule)) for name, rule in RULES.items())


def series_of(name: str) -> tuple[Series, set[str]]:
    """The series that a metric belongs to, and the labels that it has."""
    known = {series.name: series for series in SERIES}
    if name in known and known[name].kind != "histogram":
        return known[name], set(known[name].labels)
    base, _, part = name.rpartition("_")
    assert base in known, f"there is no {name}"
    assert known[base].kind == "histogram", name
    assert part in ("bucket", "sum", "count"), name
    return known[base], {*known[base].labels, *(["le"] if part == "bucket" else [])}


def asked(expression: str) -> Iterator[tuple[str, set[str], set[str]]]:
    """Each metric of an expression: its name, the labels it has, and those it is chosen by."""
    for name, chosen in re.findall(r"\b((?:sluicegate_|up\b)\w*)(?:\{([^}]*)\})?", expression):
        labels = set() if name == "up" else series_of(name)[1]
        yield name, labels | OF_PROMETHEUS, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", chosen))


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_every_figure_that_is_asked_for_is_there(where: str, expression: str) -> None:
    metrics = list(asked(expression))
    assert metrics, "nothing is asked for"
    for name, labels, chosen in metrics:
        assert chosen <= labels, f"{name} has no {chosen - labels}"
    everywhere = set.union(*(labels for _, labels, _ in metrics))
    grouped = {word for group in re.findall(r"by \(([^)]*)\)", expression) for word in re.split(r",\s*", group)}
    assert grouped <= everywhere, f"nothing has {grouped - everywhere}"
    asked_for = re.search(r"label_values\(.*,\s*(\w+)\)", expression)
    assert asked_for is None or asked_for[1] in everywhere
    assert expression.count("(") == expression.count(")")
    assert expression.count("{") == expression.count("}")
    assert set(re.findall(r"\b([a-z_]+)\s*\(", expression)) <= WORDS


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_counters_are_asked_for_their_growth_and_gauges_are_not(where: str, expression: str) -> None:
    grows = set(re.findall(r"(?:rate|increase)\((\w+)", expression))
    for name, _, _ in asked(expression):
        if name != "up" and "label_values" not in expression:
            assert (series_of(name)[0].kind != "gauge") == (name in grows), name


def test_every_series_is_on_the_dashboard() -> None:
    shown = {series_of(name)[0].name for _, target in TARGETS for name, _, _ in asked(target["expr"])}
    assert shown == {series.name for series in SERIES}


@pytest.mark.parametrize(("title", "target"), TARGETS)
def test_legends_name_labels_that_are_left(title: str, target: dict[str, Any]) -> None:
    grouped = re.findall(r"by \(([^)]*)\)", target["expr"])
    left = set(re.split(r",\s*", grouped[0])) if grouped else set()
    assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= left


def test_it_is_a_dashboard_that_grafana_takes() -> None:
    assert (BOARD["uid"], BOARD["title"], BOARD["id"]) == ("sluicegate", "Sluicegate", None)
    assert BOARD["schemaVersion"] >= 36, "where data sources of panels are objects"
    assert {"panels", "templating", "annotations", "time", "refresh", "tags", "version"} <= BOARD.keys()
    numbers = [panel["id"] for panel in PANELS]
    assert len(set(numbers)) == len(numbers)
    for panel in PANELS:
        assert {"id", "type", "title", "gridPos"} <= panel.keys()
        if panel["type"] != "row":
            assert {"fieldConfig", "options", "targets"} <= panel.keys()
            assert panel["description"].endswith("."), panel["title"]
            letters = [target["refId"] for target in panel["targets"]]
            assert len(set(letters)) == len(letters) > 0


def test_panels_do_not_lie_on_each_other() -> None:
    places = [(panel["title"], panel["gridPos"]) for panel in PANELS]
    for title, at in places:
        assert 0 <= at["x"] < at["x"] + at["w"] <= 24, title
    for (one, a), (other, b) in combinations(places, 2):
        apart = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        assert apart or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"], f"{one} and {other}"


def test_whoever_looks_says_which_data_source() -> None:
    assert (VARIABLES["datasource"]["type"], VARIABLES["datasource"]["query"]) == ("datasource", "prometheus")
    asking = [*(panel for panel in PANELS if panel["type"] != "row"), *(target for _, target in TARGETS)]
    asking += [each for each in VARIABLES.values() if each["type"] == "query"]
    asking += [each for each in BOARD["annotations"]["list"] if "expr" in each]
    assert all(each["datasource"] == DATASOURCE for each in asking)


def test_variables_are_there_and_used() -> None:
    used = {name for _, expression in expressions() for name in re.findall(r"\$\{?(\w+)", expression)}
    used |= set(re.findall(r"\$\{(\w+)\}", json.dumps(DATASOURCE)))
    assert used == VARIABLES.keys() | BUILT_IN
    chosen = [each for each in VARIABLES.values() if each["type"] == "query"]
    assert all(each["allValue"] == ".*" for each in chosen), (
        "what was refused has an empty provider, and belongs to all"
    )


def test_each_alert_says_what_is_wrong_and_how_bad_it_is() -> None:
    assert RULES
    assert len(RULES) == ALERTS.count("- alert:"), "a name twice"
    for name, rule in RULES.items():
        assert re.search(r"severity: (critical|warning|info)\n", rule), name
        assert re.search(r"summary: .+\n", rule), name
        for label in re.findall(r"\$labels\.(\w+)", rule):
            expression = expression_of(rule)
            grouped = re.findall(r"by \(([^)]*)\)", expression)
            left = set(re.split(r",\s*", grouped[0])) if grouped else OF_PROMETHEUS
            assert label in left, f"{name}: {label}"


def test_what_is_scraped_is_what_is_asked_for() -> None:
    job = re.search(r"job_name: (\w+)", SCRAPE)
    assert job is not None
    assert set(re.findall(r'job="(\w+)"', ALERTS)) == {job[1]}
    assert "alerts.yml" in SCRAPE
    every = re.search(r"scrape_interval: (\w+)", SCRAPE)
    known = re.search(r"timeInterval: (\w+)", SOURCES)
    assert every is not None
    assert known is not None
    assert every[1] == known[1]

"""What counts as a failure is one thing: in our own alerts, in the rules for Prometheus, on Grafana's dashboard."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from gateway.observe.metrics import Metrics
from gateway.observe.tally import Readings
from gateway.records import AttemptRecord
from gateway.routing.verdicts import FAULTS
from tests.gateway.looking import attempt, place, record
from tests.gateway.observe.samples import ENDPOINTS, exchange
from tests.test_grafana import PANELS, RULES, expression_of

REQUESTS = (
    (200, None),
    (200, "upstream_closed"),
    (400, "upstream_error"),
    (429, "upstream_error"),
    (499, "client_disconnected"),
    (200, "client_disconnected"),
    (502, "upstream_unreachable"),
)
"""How requests end: status and error."""

TRIES = (None, "upstream_status_400", "upstream_timeout", "client_disconnected", "hedge_lost")
"""How attempts do."""

TITLES = {panel["title"]: panel for panel in PANELS}


def requests() -> Iterable[tuple[tuple[int, str | None], str, dict[str, Any]]]:
    """Every way in which both can end, for every reason; the provider is named for how."""
    for number, (ends, error) in enumerate(product(REQUESTS, TRIES)):
        for reason in (None, *FAULTS):
            name = f"p{number}"
            yield ends, name, attempt(name, error, reason)


def expression(where: str) -> str:
    """Of a rule, or of a panel, with everything chosen."""
    if where in RULES:
        return expression_of(RULES[where])
    return re.sub(r"\$\w+(?=\")", ".*", TITLES[where]["targets"][0]["expr"])


def halves(where: str) -> list[list[tuple[str, str, str]]]:
    """What is counted above and below the line: label, comparison and value."""
    chosen: list[str] = re.findall(r"sluicegate_\w+\{([^}]*)\}", expression(where))
    assert len(chosen) == 2
    return [re.findall(r'(\w+)(=~|!~|!=|=)"([^"]*)"', each) for each in chosen]


def counted(families: Iterable[Metric], where: str, by: str) -> tuple[Counter[str], Counter[str]]:
    """How much failed and how much there was, by a label."""
    (name,) = set(re.findall(r"sluicegate_\w+", expression(where)))
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    found = []
    for chosen in halves(where):
        sums: Counter[str] = Counter()
        for sample in samples:
            if all(_fits(sample.labels, *each) for each in chosen):
                sums[sample.labels.get(by, "")] += int(sample.value)
        found.append(+sums)
    return found[0], found[1]


def _fits(labels: Mapping[str, str], name: str, how: str, value: str) -> bool:
    has = labels.get(name, "")
    is_same = re.fullmatch(value, has) is not None if "~" in how else has == value
    return is_same != how.startswith("!")


async def test_all_of_them_count_the_same(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path / "metrics", 0, started_at_us=1, endpoints=ENDPOINTS, readings=Readings)
    async with place(tmp_path) as here:
        for (status, error), provider, tried in requests():
            said = {"status": status, "error": error, "provider": provider}
            record(here, attempts=[tried], **said)
            metrics.observe(exchange(attempts=(AttemptRecord(**tried),), **said))
        rows = {row.provider: row for row in (await here.look()).failing or ()}
    families = list(text_string_to_metric_families(metrics.render().decode()))
    every = rows.pop("")
    assert 0 < every.failed < every.requests
    for where in ("SluicegateProviderFails", "Share of attempts that fail, by provider"):
        failed, tries = counted(families, where, "provider")
        assert failed == {name: row.failed for name, row in rows.items() if row.failed}, where
        assert tries == {name: row.requests for name, row in rows.items()}, where
    for where in ("SluicegateRequestsFail", "Failures", "Share of failures by provider"):
        failed, answered = counted(families, where, "provider")
        assert (failed.total(), answered.total()) == (every.failed, every.requests), where


@pytest.mark.parametrize("where", ["SluicegateProviderFails", "SluicegateRequestsFail"])
def test_rules_and_panels_choose_alike(where: str) -> None:
    panel = {
        "SluicegateProviderFails": "Share of attempts that fail, by provider",
        "SluicegateRequestsFail": "Failures",
    }
    everything = {("instance", "=~", ".*"), ("endpoint", "=~", ".*"), ("provider", "=~", ".*"), ("model", "=~", ".*")}
    assert [set(half) for half in halves(where)] == [set(half) - everything for half in halves(panel[where])]


def test_each_failed_attempt_is_shown_with_whose_fault_it_was() -> None:
    shown = {target["legendFormat"]: target["expr"] for target in TITLES["Attempts"]["targets"]}
    values = {"answered": 'fault=""', "failed": 'fault="provider"', "neither": 'fault=~"client|nobody"'}
    assert shown.keys() == values.keys()
    assert all(chosen in shown[name] for name, chosen in values.items())

"""Whose fault a try is that did not become the answer."""

from __future__ import annotations

import pytest

from gateway.observe.faults import OWN, Fault, fault_of
from gateway.routing.verdicts import FAULTS


def test_reasons_are_those_of_verdicts() -> None:
    assert set(FAULTS) >= OWN


@pytest.mark.parametrize(
    ("error", "reason", "is_saved", "fault"),
    [
        (None, None, True, ""),
        ("upstream_status_500", "server", True, "provider"),
        ("upstream_status_500", "server", False, "provider"),
        ("upstream_timeout", None, False, "provider"),
        ("upstream_status_401", "auth", True, "provider"),
        ("upstream_status_400", "bad_request", False, "client"),
        ("upstream_status_404", "not_found", True, "client"),
        ("client_disconnected", None, False, "client"),
        ("hedge_lost", None, True, "nobody"),
        ("upstream_status_429", "rate_limit", True, "nobody"),
        ("upstream_status_429", "rate_limit", False, "provider"),
    ],
)
def test_whose_fault_it_is(error: str | None, reason: str | None, is_saved: bool, fault: Fault) -> None:
    assert fault_of(error, reason, is_saved=is_saved) == fault

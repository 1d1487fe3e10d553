"""What a worker leaves of an exchange that is over."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from gateway.limits.limiter import Admission, Plan, Reserve, Used
from gateway.relay.exchange import Exchange
from gateway.worker import Worker


class Counting:
    """Remembers what was settled."""

    def __init__(self) -> None:
        self.settled: list[tuple[Admission, Used]] = []

    def settle(self, admission: Admission, used: Used) -> None:
        self.settled.append((admission, used))


def test_what_cannot_be_reckoned_is_not_set_aside_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("a mistake of ours")

    monkeypatch.setattr("gateway.worker.record_of", fail)
    limiter = Counting()
    relay = SimpleNamespace(limiter=limiter, prices=None)
    worker = Worker.__new__(Worker)
    vars(worker).update(_relay=relay, _start=SimpleNamespace(index=0))
    whole, of_model = (Admission(Plan(()), Reserve(tokens, 7), {}) for tokens in (5, 6))
    exchange = SimpleNamespace(id="1", relay=relay, admission=whole, target_admissions={"target": of_model})
    with capture_logs() as lines:
        worker._record(cast(Exchange, exchange))
    assert limiter.settled == [(whole, Used(5, 7)), (of_model, Used(6, 7))]
    assert [line["event"] for line in lines] == ["an exchange leaves no record"]

"""What a worker leaves of an exchange that is over."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from gateway.limits.limiter import Admission, Plan, Reserve, Used
from gateway.records import UsageRecord
from gateway.relay.caller import Caller
from gateway.relay.exchange import Exchange
from gateway.traces.tracer import Tracer
from gateway.worker import AT_ONCE, Worker
from tests.gateway.observe.samples import ORDINARY, exchange, refused


class Hearing:
    """Remembers what it is told of exchanges that are over, whoever it stands for."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def hear(self, *told: Any) -> None:
        self.heard.append(told)

    append = observe = write = note = hear


class Teller:
    """Who is told of what has ended, whether anybody watches or not."""

    def __init__(self) -> None:
        self.heard: list[list[int]] = []

    def note(self, records: Sequence[UsageRecord]) -> None:
        self.heard.append([record.status for record in records])


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


def test_an_exchange_is_in_the_spool_at_once_and_told_of_a_little_later(monkeypatch: pytest.MonkeyPatch) -> None:
    records = iter([exchange(key_id="team"), refused(key_id=None), *[ORDINARY] * AT_ONCE])
    monkeypatch.setattr("gateway.worker.record_of", lambda *_: next(records))
    monkeypatch.setattr("gateway.worker.settle", lambda *_: None)
    spool, metrics, log, uses, teller = Hearing(), Hearing(), Hearing(), Hearing(), Teller()
    worker = Worker.__new__(Worker)
    vars(worker).update(_relay=SimpleNamespace(prices=None), _start=SimpleNamespace(index=0), _ended=[])
    vars(worker).update(_spool=spool, _metrics=metrics, _log=log, _uses=uses, _tracer=Tracer(0), _place=None)
    vars(worker).update(_teller=teller)
    caller = Caller()
    caller.address = "10.0.0.1"
    ended = cast(Exchange, SimpleNamespace(caller=caller, trace=None))
    worker._record(ended)
    worker._record(ended)
    assert (len(spool.heard), metrics.heard, log.heard, uses.heard) == (2, [], [], [])
    worker._tell_ended()
    assert [record.status for (record,) in metrics.heard] == [200, 401]
    assert [(record.status, *rest) for record, *rest in log.heard] == [(s, "POST", "10.0.0.1") for s in (200, 401)]
    assert uses.heard == [("team", ORDINARY.started_at_us)], "nobody's key was used"
    assert teller.heard == [[200, 401]]
    for _ in range(AT_ONCE):
        worker._record(ended)
    assert teller.heard == [[200, 401], [ORDINARY.status] * AT_ONCE]
    assert (len(spool.heard), len(metrics.heard), len(log.heard)) == (2 + AT_ONCE,) * 3

from __future__ import annotations

import hashlib

import pytest

from gateway.mock import ledger as module
from gateway.mock.ledger import KEPT_DISCONNECTS, KEPT_REQUESTS, KEPT_TAGS, Exchange, Ledger
from gateway.mock.requests import Incoming


def arrive(ledger: Ledger, body: bytes = b"{}", tag: str | None = None) -> Exchange:
    exchange = Exchange(ledger.requests_total + 1, 1, Incoming("POST", "/", [], {}, body, True, "1.1"))
    ledger.begin(exchange)
    if tag is not None:
        ledger.name(exchange, tag)
    return exchange


def test_only_the_latest_are_kept() -> None:
    ledger = Ledger()
    for number in range(KEPT_TAGS + 100):
        ledger.disconnected(arrive(ledger, tag=str(number)))
    shown = ledger.show()
    assert len(shown["last_requests"]) == KEPT_REQUESTS
    assert len(shown["disconnects"]) == KEPT_DISCONNECTS
    assert shown["last_requests"][-1]["number"] == shown["requests_total"] == KEPT_TAGS + 100
    assert ledger.show("0")["last_requests"] == []
    assert len(ledger.show("1099")["last_requests"]) == 1


def test_a_tag_shows_its_own_alone() -> None:
    ledger = Ledger()
    first, second = arrive(ledger, tag="a"), arrive(ledger, tag="b")
    ledger.disconnected(first)
    ledger.disconnected(second)
    assert [entry["number"] for entry in ledger.show("a")["last_requests"]] == [1]
    assert [entry["tag"] for entry in ledger.show("b")["disconnects"]] == ["b"]


def test_turns_of_a_tag_are_counted() -> None:
    ledger = Ledger()
    exchanges = [arrive(ledger) for _ in range(3)]
    assert [ledger.name(exchange, "again") for exchange in exchanges] == [1, 2, 3]


def test_a_long_body_is_shown_by_its_hash() -> None:
    ledger = Ledger()
    body = b"x" * 70_000
    arrive(ledger, body)
    (shown,) = ledger.show()["last_requests"]
    assert (shown["body"], shown["body_bytes"]) == (None, 70_000)
    assert shown["body_sha256"] == hashlib.sha256(body).hexdigest()


def test_bodies_together_stay_under_their_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_BYTES", 25_000)
    ledger = Ledger()
    for _ in range(4):
        arrive(ledger, b"x" * 10_000)
    shown = ledger.show()["last_requests"]
    assert [entry["body"] is None for entry in shown] == [True, True, False, False]
    assert [entry["body_bytes"] for entry in shown] == [10_000] * 4

"""Refused signatures are known where they were refused, for as long as there is room."""

from __future__ import annotations

from gateway.records import Credential, Provider, Target
from gateway.relay.refusals import Refusals
from gateway.routing.dispatch import Attempt

PROVIDER = Provider("p", "anthropic", "http://localhost", ("*",), "round_robin", ())


def attempt(model: str = "m", credential: str = "one") -> Attempt:
    return Attempt(Target("p", model), PROVIDER, Credential("p", credential, ""))


def test_a_signature_is_refused_by_the_model_and_the_account_that_refused_it() -> None:
    refusals = Refusals()
    refusals.note(attempt(), ["s1", ""])
    assert refusals.knows(attempt(), "s1")
    assert not refusals.knows(attempt(), "s2")
    assert not refusals.knows(attempt(), ""), "thoughts without a signature are not known by it"
    assert not refusals.knows(attempt(model="n"), "s1")
    assert not refusals.knows(attempt(credential="two"), "s1")
    assert len(refusals) == 1


def test_the_oldest_make_room() -> None:
    refusals = Refusals(most=2)
    refusals.note(attempt(), ["s1", "s2"])
    refusals.note(attempt(), ["s1"])
    refusals.note(attempt(), ["s3"])
    assert [refusals.knows(attempt(), each) for each in ("s1", "s2", "s3")] == [True, False, True]

"""What is told of a request is what `dispatch` does with it, and nothing changes by asking."""

from __future__ import annotations

from gateway.records import Credential, Target
from gateway.routing.affinity import pooled
from gateway.routing.dispatch import Dispatch, Resting
from gateway.routing.explain import Case, Step, explain
from gateway.routing.targets import TargetList, Terms
from tests.gateway.routing.boards import NOW, SECOND, Slate, combo, conduct, leads_to, pool, rest, told

SESSION = bytes(range(16))
IN_9_S = NOW + 9 * SECOND


def lines(steps: tuple[Step, ...]) -> list[str]:
    return [
        f"{step.target.provider}/{step.credential} {step.state} {step.reason}".rstrip()
        + (f" {(step.until_us - NOW) // SECOND}" if step.until_us else "")
        for step in steps
    ]


def test_everybody_is_told_in_the_order_in_which_they_are_asked() -> None:
    board = Slate(a1=rest(9), a2=rest(9, hard=False, reason="server"), a3=rest(900, reason="quota", probe_due=True))
    board.busy = {"a4": 1}
    full, other = Credential("a", "a4", "s", max_parallel=1), Credential("a", "a5", "s", models=("x",))
    paused = Credential("a", "a6", "s", models=())
    a, b = pool("a", "a0", "a1", "a2", "a3", full, other, paused, "a7"), pool("b", "b0")
    held = {"a": a.credentials[:7], "b": b.credentials, "open": ()}
    targets = leads_to("a", "b", "open").targets
    found = TargetList(targets, terms=Terms(attempts=4), credentials=held)
    assert lines(explain(found, conduct(a, b, pool("open"), board=board), NOW).steps) == [
        "a/a3 first probe 900",
        "a/a0 next",
        "a/a2 next server 9",
        "b/b0 next",
        "open/ beyond",
        "a/a1 passed_over rate_limit 9",
        "a/a4 passed_over busy",
        "a/a5 passed_over models",
        "a/a6 passed_over paused",
        "a/a7 passed_over key",
    ]


def test_who_holds_the_conversation_is_told() -> None:
    board = Slate()
    board.holders = {pooled(SESSION, "a"): b"a1"}
    known = conduct(pool("a", "a0", "a1"), board=board)
    assert lines(explain(leads_to("a"), known, NOW, Case(session=SESSION)).steps) == ["a/a1 first session", "a/a0 next"]
    assert lines(explain(leads_to("a"), known, NOW).steps) == ["a/a0 first", "a/a1 next"]


def test_what_is_kept_elsewhere_is_told() -> None:
    known = conduct(pool("a", "a0", "a1"), pool("b", "b0"))
    assert lines(explain(leads_to("a", "b"), known, NOW, Case(pinned=("a", "a1"))).steps) == [
        "a/a1 first",
        "a/a0 passed_over pinned",
        "b/b0 passed_over pinned",
    ]


def test_an_open_breaker_is_told() -> None:
    board = Slate()
    board.breakers = {"a/m": rest(9, reason="breaker"), "b/m": rest(9, reason="breaker", probe_due=True)}
    known = conduct(pool("a", "a0"), pool("b", "b0"), board=board)
    assert explain(leads_to("a", "b"), known, NOW).steps == (
        Step(Target("b", "m"), "b0", "first"),
        Step(Target("a", "m"), "a0", "passed_over", "breaker", IN_9_S),
    )


def test_where_all_rest_nobody_is_first() -> None:
    known = conduct(pool("a", "a0"), board=Slate(a0=rest(1)))
    explained = explain(leads_to("a"), known, NOW)
    assert lines(explained.steps) == ["a/a0 passed_over rate_limit 1"]
    assert explained.resting == Resting(NOW + SECOND, limited=True)
    assert explained.waits_seconds == 1
    known = conduct(pool("a", "a0"), board=Slate(a0=rest(9, reason="auth")))
    assert explain(leads_to("a"), known, NOW)[2:] == (0, Resting(IN_9_S, limited=False))


def test_a_target_that_cannot_be_asked_is_told_and_does_not_count() -> None:
    known = conduct(pool("a", "a0", "a1"), pool("b", "b0", "b1"), pool("c", "c0"), attempts=1)
    barred = {Target("a", "m"): "unpriced", Target("c", "m"): "limit"}
    explained = explain(leads_to("a", "b", "c"), known, NOW, Case(barred=barred))
    assert explained.barred == (Target("a", "m"), Target("c", "m"))
    assert lines(explained.steps) == [
        "b/b0 first",
        "b/b1 beyond",
        "a/a0 passed_over unpriced",
        "a/a1 passed_over unpriced",
        "c/c0 passed_over limit",
    ]


def test_asking_takes_no_turn_and_claims_no_probe() -> None:
    board = Slate(b0=rest(900, probe_due=True))
    board.breakers = {"b/m": rest(9, reason="breaker", probe_due=True)}
    known = conduct(pool("a", "a0", "a1", strategy="round_robin"), pool("b", "b0"), board=board)
    found = combo("a", "b", strategy="round_robin")
    told_before = [explain(found, known, NOW).steps[0].credential for _ in range(3)]
    assert told_before == ["a0"] * 3
    assert not board.turns
    assert not board.probed
    assert not board.claimed
    assert told(Dispatch(found, known).next(NOW)) == "a0"
    assert explain(found, known, NOW).steps[0].credential == "b0"

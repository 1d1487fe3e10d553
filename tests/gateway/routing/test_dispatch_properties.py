"""Whatever the board says and whatever fails: nobody is asked who must not be, and nobody is forgotten."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.records import Credential, Target
from gateway.routing.affinity import pooled
from gateway.routing.dispatch import Dispatch, Wait
from gateway.routing.standing import Standing
from gateway.routing.verdicts import VERDICTS
from tests.gateway.routing.boards import NOW, SECOND, Slate, conduct, leads_to, pool, rest, script

FAILURES = st.sampled_from(sorted(VERDICTS))
STANDINGS = st.one_of(
    st.none(), st.builds(rest, st.sampled_from([0.0, 1.0, 50.0]), hard=st.booleans(), probe_due=st.booleans())
)
NAMES = ("a0", "a1", "a2", "b0", "b1")


@given(
    st.fixed_dictionaries(dict.fromkeys(NAMES, STANDINGS)),
    st.lists(FAILURES, min_size=1, max_size=8),
    st.sampled_from(["fill_first", "round_robin", "weighted", "least_busy"]),
    st.integers(1, 16),
)
def test_no_attempt_goes_to_who_rests_hard_but_one_probe(
    standings: dict[str, Standing | None], failures: list[tuple[str, str]], strategy: str, attempts: int
) -> None:
    board = Slate(**{name: standing for name, standing in standings.items() if standing is not None})
    known = conduct(
        pool("a", "a0", "a1", "a2", strategy=strategy),
        pool("b", "b0", "b1", strategy=strategy),
        board=board,
        attempts=attempts,
        longest_wait_seconds=5.0,
    )
    dispatch = Dispatch(leads_to("a", "b"), known)
    now_us, tried, probes, again = NOW, [], 0, ""
    for number in range(100):
        step = dispatch.next(now_us)
        if step is None:
            break
        if isinstance(step, Wait):
            now_us += round(step.seconds * SECOND)
            continue
        name = step.credential.name
        standing = board.rests.get(name)
        rests_hard = standing is not None and standing.hard and standing.until_us > now_us
        assert step.is_probe is (rests_hard and name != again)
        assert name not in tried or name == again
        probes += step.is_probe
        tried.append(name)
        verdict = dispatch.failed(VERDICTS[failures[number % len(failures)]], now_us)
        again = name if verdict.then == "retry" else ""
    else:
        raise AssertionError("it never ends")
    assert probes <= 1
    assert len(tried) <= attempts


@given(st.fixed_dictionaries(dict.fromkeys(NAMES, STANDINGS)), st.sampled_from(["fill_first", "round_robin"]))
def test_everybody_who_can_be_asked_is_asked_before_giving_up(
    standings: dict[str, Standing | None], strategy: str
) -> None:
    board = Slate(**{name: standing for name, standing in standings.items() if standing is not None})
    known = conduct(
        pool("a", "a0", "a1", "a2", strategy=strategy),
        pool("b", "b0", "b1", strategy=strategy),
        board=board,
        attempts=16,
    )
    steps = script(Dispatch(leads_to("a", "b"), known), VERDICTS["server", ""])
    fit = {name for name, each in standings.items() if each is None or not each.hard or each.until_us <= NOW + SECOND}
    assert fit <= {step.rstrip("?") for step in steps}


class Uneasy(Slate):
    """Says of nobody that nothing at all is the matter."""

    def is_calm(self, credentials: tuple[Credential, ...], target: Target, now_us: int) -> bool:
        return False


@given(
    st.fixed_dictionaries(dict.fromkeys(NAMES, STANDINGS)),
    st.lists(FAILURES, min_size=1, max_size=8),
    st.sampled_from(["fill_first", "round_robin", "weighted", "least_busy"]),
    st.fixed_dictionaries(dict.fromkeys(NAMES, st.integers(0, 2))),
    st.sampled_from([None, "a1", "b0", "gone"]),
)
def test_the_short_way_where_nobody_rests_is_the_way_that_looks_at_each(
    standings: dict[str, Standing | None],
    failures: list[tuple[str, str]],
    strategy: str,
    priorities: dict[str, int],
    holder: str | None,
) -> None:
    def steps(kind: type[Slate]) -> list[list[str]]:
        board = kind(**{name: standing for name, standing in standings.items() if standing is not None})
        session = None if holder is None else bytes(16)
        providers = [
            pool(
                name,
                *(Credential(name, each, "secret", priority=priorities[each], weight=2) for each in members),
                strategy=strategy,
            )
            for name, members in (("a", NAMES[:3]), ("b", NAMES[3:]))
        ]
        if session is not None and holder is not None:
            board.holders = {pooled(session, provider.id): holder.encode() for provider in providers}
        known = conduct(*providers, board=board, attempts=9, longest_wait_seconds=5.0)
        found = leads_to("a", "b")
        verdicts = [VERDICTS[failure] for failure in failures]
        return [script(Dispatch(found, known, session=session), *verdicts) for _ in range(3)]

    assert steps(Slate) == steps(Uneasy)

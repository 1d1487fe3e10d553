from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store.asking import headroom
from gateway.store.asking.headroom import Headroom

PLENTY = 64 * 2**30


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_AS)
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def bound() -> int:
    return resource.getrlimit(resource.RLIMIT_AS)[0]


def test_there_is_a_bound_as_long_as_anybody_is_within() -> None:
    before, made = bound(), Headroom()
    with made.kept(PLENTY):
        first = bound()
        assert PLENTY < first < 2 * PLENTY
        with made.kept(PLENTY * 2):
            assert bound() == first
        assert bound() == first
    assert bound() == before


def test_it_is_gone_when_something_went_wrong_within() -> None:
    before, made = bound(), Headroom()
    with pytest.raises(ZeroDivisionError), made.kept(PLENTY):
        assert 1 / 0
    assert bound() == before


def test_a_bound_that_is_lower_already_stays() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    lower = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + PLENTY
    resource.setrlimit(resource.RLIMIT_AS, (lower, hard))
    with Headroom().kept(PLENTY * 4):
        assert bound() == lower
    assert bound() == lower


def test_where_nobody_says_how_large_a_process_is_nothing_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headroom, "SIZES", Path("/nowhere"))
    before = bound()
    with Headroom().kept(PLENTY):
        assert bound() == before


def test_a_system_that_refuses_is_no_reason_not_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(kind: int, limits: tuple[int, int]) -> None:
        raise ValueError("not allowed")

    monkeypatch.setattr(resource, "setrlimit", refuse)
    with Headroom().kept(PLENTY):
        pass

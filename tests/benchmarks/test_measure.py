from __future__ import annotations

from benchmarks.measure import ATTEMPTS, Patience
from benchmarks.results import Measurement


def attempts(*disturbances: float) -> list[Measurement]:
    return [Measurement(peer="nginx", round=0, figures={"others_use": share}) for share in disturbances]


def test_the_first_attempt_needs_no_patience() -> None:
    assert Patience(0).allows([])


def test_a_calm_measurement_is_not_made_again() -> None:
    patience = Patience(9)

    assert not patience.allows(attempts(0.05))
    assert patience.left == 9


def test_a_disturbed_measurement_is_made_again_until_it_is_calm() -> None:
    patience = Patience(9)

    assert patience.allows(attempts(0.9))
    assert not patience.allows(attempts(0.9, 0.1))
    assert patience.left == 8


def test_patience_ends_with_the_attempts_and_with_the_run() -> None:
    assert not Patience(9).allows(attempts(*[0.9] * ATTEMPTS))
    assert not Patience(0).allows(attempts(0.9))


def test_what_has_no_neighbours_to_be_disturbed_by_is_measured_once() -> None:
    assert not Patience(9).allows([Measurement(peer="nginx", round=0, figures={"start_seconds": 1.0})])

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from structlog.testing import capture_logs

from gateway.errors import Conflict, Unacceptable
from gateway.upkeep.errands import Errand, Errands


class Clock:
    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        self.now += 1
        return self.now


@pytest.fixture
def errands() -> Errands:
    return Errands(Clock())


async def well() -> Mapping[str, int | float]:
    return {"days": 3}


async def endless() -> Mapping[str, int | float]:
    await asyncio.Event().wait()
    return {}


async def test_how_one_goes_is_known_while_it_is_done_and_afterwards(errands: Errands) -> None:
    begun = errands.begin("compact", well)
    assert begun == errands.last == Errand(name="compact", began_at_us=1)
    assert await errands.done() == Errand(name="compact", began_at_us=1, ended_at_us=2, said={"days": 3})
    assert errands.begin("compact", well).began_at_us == 3


async def test_there_is_one_at_a_time(errands: Errands) -> None:
    errands.begin("compact", endless)
    with pytest.raises(Conflict, match="`compact` is being done"):
        errands.begin("import-archive", well)
    await errands.end()


async def test_one_that_is_refused_says_why(errands: Errands) -> None:
    async def refused() -> Mapping[str, int | float]:
        raise Unacceptable("There is no room.")

    errands.begin("compact", refused)
    assert (await errands.done()).error == "There is no room."


async def test_one_that_fails_is_logged_and_says_so(errands: Errands) -> None:
    async def fails() -> Mapping[str, int | float]:
        raise OSError("x" * 1000)

    errands.begin("compact", fails)
    with capture_logs() as said:
        error = (await errands.done()).error
    assert error is not None
    assert error.startswith("OSError: xxx")
    assert len(error) == 500
    assert [line["errand"] for line in said] == ["compact"]


async def test_at_the_end_it_is_given_up(errands: Errands) -> None:
    errands.begin("compact", endless)
    await errands.end()
    assert errands.last is not None
    assert errands.last.error == "it was given up, since the process ended"
    assert errands.last.ended_at_us is not None


async def test_one_that_is_as_good_as_done_is_waited_for(errands: Errands) -> None:
    errands.begin("compact", well)
    await errands.end()
    assert errands.last is not None
    assert errands.last.error is None


async def test_nothing_has_an_end_too(errands: Errands) -> None:
    await errands.end()
    assert errands.last is None

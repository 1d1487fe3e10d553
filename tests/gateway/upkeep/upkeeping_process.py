"""Ingest and upkeep, to be killed: takes what is there, and rolls up, removes and sums up whatever it comes upon.

With a second argument it kills itself at that point of its work.
"""

from __future__ import annotations

import random
import sys
from datetime import timedelta
from pathlib import Path

from gateway.store.analytics import AnalyticsSchema
from gateway.upkeep import rolling
from gateway.upkeep.rolling import Beginnings
from tests.gateway.upkeep.house import DAYS, FIRST, House, days, us
from tests.gateway.usage.ingesting_process import die_at

BEGUN = Beginnings((us(FIRST, 60), us(FIRST, 12)), {"key:a": us(FIRST, 30.5)})

POINTS: dict[str, tuple[object, str, int]] = {
    "before a day's sums go": (rolling, "_forget", 1),
    "before a day's sums are there": (rolling, "_add", 1),
    "before a day is marked": (rolling, "_mark", 1),
    "before requests are replaced": (rolling, "_replace", 1),
    "before a day without requests is marked": (rolling, "_mark", DAYS + 1),
    "before a commit is settled": (AnalyticsSchema, "settle", 1),
}
"""Function before whose so-manieth call the end comes."""


def main(directory: Path, point: str | None) -> None:
    """Go on until killed."""
    dice = random.Random()
    house = House(directory)
    house.ingest.open()
    if point is not None:
        die_at(*POINTS[point])
    while True:
        house.ingest.step()
        house.roll_up(BEGUN)
        if dice.random() < 0.3 or point is not None:
            house.remove(dice.choice(days()), begun=BEGUN)
        if dice.random() < 0.2:
            before = FIRST + timedelta(days=dice.randrange(2))
            rolling.remove_sums(house.connection, before, BEGUN.of_keys, dice.randrange(2**40))
        if dice.random() < 0.1 or point is not None:
            AnalyticsSchema(house.connection).settle()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)

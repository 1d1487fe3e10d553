"""How many alerts are open, as the rail of the dashboard says it: known without asking anybody, on both engines."""

from __future__ import annotations

from gateway.store.state import Where
from tests.gateway.alerts.scenes import disk
from tests.gateway.alerts.watching import SPENT, scene
from tests.postgres import postgres, where

__all__ = ["postgres", "where"]


async def test_how_many_are_open_is_known_after_each_look(where: Where) -> None:
    async with scene(where) as here:
        assert [here.watch.open_now] == [None], "nobody has looked"
        await here.turn()
        assert here.watch.open_now == 0
        await here.turn(**SPENT, disk=disk(99))
        assert here.watch.open_now == 2
        assert here.watch.critical_now
        (row, _) = await here.rows()
        await here.state.write(lambda session: session.run("alerts/silence", {"id": row["id"], "now_us": here.now_us}))
        await here.watch.recount()
        assert here.watch.open_now == 1
        for _ in range(3):
            await here.turn()
        assert here.watch.open_now == 0
        assert not here.watch.critical_now

"""Whoever tells of alerts, and what is known of the gateway itself, as a test wants it."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.alerts.watch import Tried


class Teller:
    """Tells receivers, as well as a test says it goes."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self.errors: dict[str, str] = {}
        """Why somebody cannot be told."""
        self.open_now: int | None = None
        self.told: list[str] = []
        self.counted = 0

    def receivers(self) -> Sequence[str]:
        return self.names

    async def try_out(self, names: Sequence[str]) -> Sequence[Tried]:
        meant = names or self.names
        self.told += meant
        return [Tried(name, self.errors.get(name, ""), 12) for name in meant]

    async def recount(self) -> None:
        self.counted += 1

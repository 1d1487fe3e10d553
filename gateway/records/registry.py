"""How the list of prices is doing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class RegistryState:
    """The registry of models and prices that holds. Times are Unix microseconds."""

    date: str
    """The day its prices are of, as YYYY-MM-DD."""
    source: Literal["bundled", "fetched"]
    """It came with this version, or was fetched later."""
    models: int
    url: str | None = None
    """Where it was fetched."""
    confirmed_at_us: int | None = None
    """When it was fetched, or found to be the latest there is."""
    tried_at_us: int | None = None
    """When somebody last tried to fetch it, in this process."""
    error: str | None = None
    """Why that failed."""
    suspicious: tuple[str, ...] = ()
    """Prices of the last list that were not believed, each by `provider/model` and what it would have become."""

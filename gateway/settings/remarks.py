"""Settings that are right and yet do not do what one may believe: said plainly, wherever settings are read.

Knows what this version does not do. Nobody shall believe in a limit that is none.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.settings.model import Settings

LIMITS = (
    "requests_per_minute",
    "tokens_per_minute",
    "max_parallel",
    "requests_per_month",
    "tokens_per_month",
    "budget_usd",
)
"""Fields of a client key that nothing enforces yet."""

NO_KEYS = "no client keys: every request is answered with 401; add [[client_keys]] to the configuration"


def warnings(settings: Settings) -> list[str]:
    """One line for each thing an operator may believe in and that is not so."""
    return [*_limits(settings), *(() if settings.client_keys else (NO_KEYS,))]


def _limits(settings: Settings) -> Iterator[str]:
    for key in settings.client_keys:
        if said := [name for name in LIMITS if getattr(key, name) is not None]:
            yield f"client key `{key.name}`: {', '.join(said)} not enforced by this version"

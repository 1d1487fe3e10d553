"""The management API: REST under `/api`, of which every endpoint is a row in one table.

A resource is a module with `OPERATIONS` of its own, listed here. What all of them have in common is in `operation`
(what a row says) and `serve` (what becomes of it).
"""

from __future__ import annotations

from .alerts import OPERATIONS as ALERTS
from .aliases import OPERATIONS as ALIASES
from .audit import OPERATIONS as AUDIT
from .bodies import OPERATIONS as BODIES
from .catalog import OPERATIONS as CATALOG
from .combos import OPERATIONS as COMBOS
from .credentials import OPERATIONS as CREDENTIALS
from .explain import OPERATIONS as EXPLAIN
from .export import OPERATIONS as EXPORT
from .files import OPERATIONS as FILES
from .history import OPERATIONS as HISTORY
from .jobs import OPERATIONS as JOBS
from .keys import OPERATIONS as KEYS
from .limits import OPERATIONS as LIMITS
from .live import OPERATIONS as LIVE
from .models import OPERATIONS as MODELS
from .openapi import described
from .operation import Operation
from .prices import OPERATIONS as PRICES
from .problems import OPERATIONS as PROBLEMS
from .providers import OPERATIONS as PROVIDERS
from .queries import OPERATIONS as QUERIES
from .rests import OPERATIONS as RESTS
from .saved import OPERATIONS as SAVED
from .settings import OPERATIONS as SETTINGS
from .storage import OPERATIONS as STORAGE
from .system import OPERATIONS as SYSTEM
from .teams import OPERATIONS as TEAMS
from .tokens import OPERATIONS as TOKENS
from .usage import OPERATIONS as USAGE
from .users import OPERATIONS as USERS

CONFIGURATION = (*PROVIDERS, *CREDENTIALS, *ALIASES, *COMBOS, *PRICES, *LIMITS, *SETTINGS, *CATALOG)
"""What the configuration file can say as well."""

OPERATIONS: tuple[Operation, ...] = described(
    (
        *CONFIGURATION,
        *MODELS,
        *RESTS,
        *KEYS,
        *USERS,
        *TEAMS,
        *TOKENS,
        *AUDIT,
        *JOBS,
        *ALERTS,
        *USAGE,
        *HISTORY,
        *FILES,
        *QUERIES,
        *SAVED,
        *STORAGE,
        *LIVE,
        *BODIES,
        *EXPLAIN,
        *SYSTEM,
        *EXPORT,
        *PROBLEMS,
    )
)
"""Every endpoint there is."""

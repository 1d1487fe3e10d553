"""The management API: REST under `/api`, of which every endpoint is a row in one table.

A resource is a module with `OPERATIONS` of its own, listed here. What all of them have in common is in `operation`
(what a row says) and `serve` (what becomes of it).
"""

from __future__ import annotations

from .audit import OPERATIONS as AUDIT
from .jobs import OPERATIONS as JOBS
from .keys import OPERATIONS as KEYS
from .openapi import described
from .operation import Operation
from .problems import OPERATIONS as PROBLEMS
from .system import OPERATIONS as SYSTEM
from .usage import OPERATIONS as USAGE

OPERATIONS: tuple[Operation, ...] = described((*KEYS, *AUDIT, *JOBS, *USAGE, *SYSTEM, *PROBLEMS))
"""Every endpoint there is."""

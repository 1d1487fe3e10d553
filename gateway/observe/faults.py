"""Whose fault it is that a try at a provider did not become the answer. Pure.

The gateway's own alerts and pages ask the analytics store for it, by the macro `attempted` and the statement
`usage/failing`; whoever goes by `/metrics` must hear the same.
"""

from __future__ import annotations

from typing import Literal

Fault = Literal["", "provider", "client", "nobody"]

OWN = frozenset(("bad_request", "context_too_long", "content_filter", "thinking_state", "not_found"))
"""Reasons for which the request itself is to blame."""


def fault_of(error: str | None, reason: str | None, *, is_saved: bool) -> Fault:
    """Whose: empty for the try that became the answer. `is_saved` says that another one did."""
    if error is None:
        return ""
    if error == "client_disconnected" or reason in OWN:
        return "client"
    # That a credential is limited, and another one answers, is what there are several for.
    if error == "hedge_lost" or (is_saved and reason == "rate_limit"):
        return "nobody"
    return "provider"

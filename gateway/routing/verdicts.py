"""What a failure means for the next attempt: a table. Time is not known here.

A request's own fault (most 4xx) is the provider's final word and goes to the client as it is.
"""

from __future__ import annotations

from enum import Enum

from gateway.errors import UpstreamError


class Verdict(Enum):
    """What to do after an attempt that did not answer."""

    STOP = "stop"
    """The provider's answer is the answer."""
    NEXT_CREDENTIAL = "next credential"
    """Another credential of the same provider may do better; after the last one, the next target."""
    NEXT_TARGET = "next target"
    """No credential of this provider would do better."""


ERROR_VERDICTS: dict[str, Verdict] = {
    "upstream_unreachable": Verdict.NEXT_TARGET,
    "upstream_forbidden": Verdict.NEXT_TARGET,
    "upstream_tls_failed": Verdict.NEXT_TARGET,
    "upstream_timeout": Verdict.NEXT_TARGET,
    "upstream_closed": Verdict.NEXT_CREDENTIAL,
    "upstream_malformed": Verdict.NEXT_TARGET,
    "upstream_bad_request": Verdict.STOP,
    "upstream_context_too_long": Verdict.STOP,
    "upstream_content_filter": Verdict.STOP,
    "upstream_thinking_state": Verdict.STOP,
    "upstream_not_found": Verdict.NEXT_TARGET,
}
"""By kind of error: another credential does not make an unreachable server reachable. All others, those of credentials,
limits and the provider itself, are worth another credential."""


def judge_error(error: UpstreamError) -> Verdict:
    """The verdict on an attempt that brought no answer."""
    return ERROR_VERDICTS.get(error.kind, Verdict.NEXT_CREDENTIAL)

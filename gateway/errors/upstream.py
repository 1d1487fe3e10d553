"""A provider failed us."""

from __future__ import annotations

from typing import Literal

from gateway.errors.roots import GatewayError

ProviderFault = Literal[
    "bad_request",
    "context_too_long",
    "auth",
    "forbidden",
    "quota",
    "rate_limit",
    "overloaded",
    "not_found",
    "timeout",
    "content_filter",
    "server",
    "thinking_state",
]
"""What a provider's error means, whatever its words: the canonical kinds that verdicts and dialects go by."""

STATUS_OF_FAULT: dict[ProviderFault, int] = {
    "bad_request": 400,
    "context_too_long": 400,
    "content_filter": 400,
    "thinking_state": 400,
    "not_found": 404,
    "quota": 429,
    "rate_limit": 429,
    "auth": 502,
    "forbidden": 502,
    "server": 502,
    "timeout": 504,
    "overloaded": 529,
}
"""What the client gets for each. The credential is ours, so a refusal of it is no 401 or 403 of the client's;
529 is told where the client's dialect has it."""


class UpstreamError(GatewayError):
    """A provider failed us."""

    status = 502
    code = kind = "upstream_error"

    def __init__(self, message: str, *, nothing_sent: bool = False, retry_after: float | None = None) -> None:
        super().__init__(message, retry_after=retry_after)
        self.nothing_sent = nothing_sent
        """True when no byte of the request can have reached the provider, so that trying again is safe."""


class UpstreamUnreachable(UpstreamError):
    """Name look-up, connect or proxy failed."""

    code = kind = "upstream_unreachable"


class UpstreamForbidden(UpstreamError):
    """An address that the configuration file does not say leads to where nobody allowed the gateway to connect."""

    code = kind = "upstream_forbidden"

    def __init__(self, message: str, *, host: str) -> None:
        super().__init__(message, nothing_sent=True)
        self.host = host
        """The name or address that was to be connected to."""


class UpstreamTlsFailed(UpstreamError):
    """The TLS handshake failed or the certificate is not trusted."""

    code = kind = "upstream_tls_failed"


class UpstreamTimeout(UpstreamError):
    """The provider took longer than a configured limit."""

    status = 504
    code = kind = "upstream_timeout"


class UpstreamClosed(UpstreamError):
    """The provider closed or reset the connection before its answer was complete."""

    code = kind = "upstream_closed"


class UpstreamMalformed(UpstreamError):
    """What came is not a valid HTTP answer, or is over a limit."""

    code = kind = "upstream_malformed"


class UpstreamRejected(UpstreamError):
    """The provider refused our credential."""

    code = kind = "upstream_rejected_credential"


class AllResting(UpstreamError):
    """Everybody who could answer rests: `retry_after` says when the first of them is back."""

    status = 503
    code = kind = "all_resting"

    def __init__(self, message: str, *, retry_after: float, limited: bool) -> None:
        super().__init__(message, nothing_sent=True, retry_after=retry_after)
        if limited:  # all of them for their rate or quota
            self.status = 429
            self.code = "rate_limit_exceeded"


class HedgeLost(UpstreamError):
    """Another target, which was asked at the same time, answered sooner."""

    code = kind = "hedge_lost"

    def __init__(self) -> None:
        super().__init__("Another target answered sooner.")


class ProviderRefused(UpstreamError):
    """A provider's own error, in neutral words: each dialect tells it on in its own."""

    def __init__(
        self,
        message: str,
        *,
        category: ProviderFault,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, retry_after=retry_after)
        self.said_code = code
        """The provider's own code or type (`insufficient_quota`, `RESOURCE_EXHAUSTED`); None where it gave none."""
        self.code = code or category
        self.param = param
        self.take_for(category)

    def take_for(self, category: ProviderFault) -> None:
        """It means this: somebody knows the provider better than its words tell."""
        self.category = category
        self.status = STATUS_OF_FAULT[category]
        self.kind = f"upstream_{category}"

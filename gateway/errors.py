"""The error tree. An error ends an exchange; each knows the HTTP status and the code the client gets.

GatewayError
├── RequestRefused                  we will not try
│   ├── InvalidRequest              400  invalid_request
│   ├── AmbiguousRequest            400  ambiguous_request
│   ├── UnsupportedParameter        400  unsupported_parameter
│   ├── MediaUnavailable            400  media_unavailable
│   ├── UnknownPreviousResponse     400  previous_response_not_found
│   ├── InvalidKey                  401  invalid_api_key
│   ├── KeyExpired                  401  api_key_expired
│   ├── KeyRevoked                  401  api_key_revoked          (while its request was running)
│   ├── NotSignedIn                 401  not_signed_in
│   ├── KeyPaused                   403  api_key_paused
│   ├── ModelForbidden              403  model_not_allowed
│   ├── EndpointForbidden           403  endpoint_not_allowed
│   ├── NotPermitted                403  not_permitted
│   ├── LoginFailed                 403  login_failed             (by way of another provider of identities)
│   ├── UnknownEndpoint             404  unknown_url
│   ├── UnknownModel                404  model_not_found
│   ├── UnknownResource             404  not_found
│   ├── UnknownResponse             404  response_not_found
│   ├── MethodNotAllowed            405  method_not_allowed
│   ├── RequestTimeout              408  request_timeout
│   ├── Conflict                    409  conflict
│   ├── ManagedByFile               409  managed_by_file
│   ├── VersionMismatch             412  version_mismatch
│   ├── RequestTooLarge             413  request_too_large
│   ├── UnsupportedMediaType        415  unsupported_media_type
│   ├── Unacceptable                422  unacceptable             (understood, and not possible)
│   ├── VersionRequired             428  version_required
│   ├── TooManyAttempts             429  too_many_attempts
│   ├── FormatNotServed             501  format_not_served
│   └── Draining                    503  draining
├── ClientDisconnected              499  the client left; nobody is told
├── ControlUnavailable              503  control_unavailable
├── StateUnavailable                503  state_unavailable
├── UpstreamError                   a provider failed us
│   ├── UpstreamUnreachable         502  upstream_unreachable     (name, connect, refused, proxy)
│   ├── UpstreamForbidden           502  upstream_forbidden       (an address that `network.allow` does not name)
│   ├── UpstreamTlsFailed           502  upstream_tls_failed
│   ├── UpstreamTimeout             504  upstream_timeout         (connect, tls, first_byte, idle)
│   ├── UpstreamClosed              502  upstream_closed          (closed or reset before the end)
│   ├── UpstreamMalformed           502  upstream_malformed       (not HTTP, bad framing, over a limit)
│   ├── UpstreamRejected            502  upstream_rejected_credential   (401 or 403 for our credential)
│   └── ProviderRefused             502  upstream_error     (the provider's own error, told on with its own status)
└── SettingsError                   the configuration is wrong: file, line and key are named
"""

from __future__ import annotations

from typing import Literal

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


class GatewayError(Exception):
    """Something the client must hear. `kind` goes into the usage record, `code` and `status` to the client."""

    status = 500
    code = "internal_error"
    kind = "internal_error"

    def __init__(self, message: str, *, param: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after = retry_after
        """Seconds after which another try makes sense."""


class RequestRefused(GatewayError):
    """We will not try."""

    status = 400
    code = kind = "invalid_request"


class InvalidRequest(RequestRefused):
    """The request does not make sense."""


class AmbiguousRequest(RequestRefused):
    """Another reader of this request, such as a proxy in front, might take it for a different one."""

    code = kind = "ambiguous_request"


class UnsupportedParameter(RequestRefused):
    """The provider of this model has no counterpart for a field without which the request makes no sense."""

    code = kind = "unsupported_parameter"


class MediaUnavailable(RequestRefused):
    """An image or a document that a prompt names by its URL could not be fetched."""

    code = kind = "media_unavailable"


class UnknownPreviousResponse(RequestRefused):
    """The response that a request continues is not kept, or not here."""

    code = kind = "previous_response_not_found"


class InvalidKey(RequestRefused):
    """No client key, or one we do not know."""

    status = 401
    code = "invalid_api_key"
    kind = "invalid_key"


class KeyExpired(RequestRefused):
    """The client key has had its time."""

    status = 401
    code = kind = "api_key_expired"


class KeyRevoked(RequestRefused):
    """The client key was revoked while its request was running."""

    status = 401
    code = kind = "api_key_revoked"


class NotSignedIn(RequestRefused):
    """No session, token or key, or one that is over."""

    status = 401
    code = kind = "not_signed_in"


class KeyPaused(RequestRefused):
    """The client key is refused for now."""

    status = 403
    code = kind = "api_key_paused"


class EndpointForbidden(RequestRefused):
    """The client key may not use this endpoint."""

    status = 403
    code = kind = "endpoint_not_allowed"


class NotPermitted(RequestRefused):
    """Whoever asks is known and may not do this."""

    status = 403
    code = kind = "not_permitted"


class LoginFailed(RequestRefused):
    """A login by way of another provider of identities did not come about. The message may be shown to anybody."""

    status = 403
    code = kind = "login_failed"

    def __init__(self, message: str, *, details: str = "") -> None:
        super().__init__(message)
        self.details = details
        """What only the log should say; never a token, a code or a secret."""


class UnknownResource(RequestRefused):
    """There is no such thing, or not for whoever asks."""

    status = 404
    code = kind = "not_found"


class Conflict(RequestRefused):
    """It contradicts something that is there: a name that is taken, a thing in use."""

    status = 409
    code = kind = "conflict"


class ManagedByFile(RequestRefused):
    """The configuration file, the environment or the command line says it, and only they can change it."""

    status = 409
    code = kind = "managed_by_file"


class VersionMismatch(RequestRefused):
    """Somebody else changed it in the meantime."""

    status = 412
    code = kind = "version_mismatch"


class Unacceptable(RequestRefused):
    """Understood, and not possible: the message says why."""

    status = 422
    code = kind = "unacceptable"


class VersionRequired(RequestRefused):
    """A change must say which version it changes."""

    status = 428
    code = kind = "version_required"


class TooManyAttempts(RequestRefused):
    """Too many failed logins; `retry_after` says when to try again."""

    status = 429
    code = kind = "too_many_attempts"


class ModelForbidden(RequestRefused):
    """The client key may not use this model."""

    status = 403
    code = kind = "model_not_allowed"


class UnknownEndpoint(RequestRefused):
    """No such path."""

    status = 404
    code = kind = "unknown_url"


class UnknownModel(RequestRefused):
    """No configured provider serves this model."""

    status = 404
    code = kind = "model_not_found"


class UnknownResponse(RequestRefused):
    """No response with this id is kept for this client key."""

    status = 404
    code = kind = "response_not_found"


class MethodNotAllowed(RequestRefused):
    """The path exists, the method does not."""

    status = 405
    code = kind = "method_not_allowed"


class RequestTimeout(RequestRefused):
    """The client took too long to send its request."""

    status = 408
    code = kind = "request_timeout"


class RequestTooLarge(RequestRefused):
    """The body is over the configured limit."""

    status = 413
    code = kind = "request_too_large"


class UnsupportedMediaType(RequestRefused):
    """The body has a content type or encoding this endpoint does not read."""

    status = 415
    code = kind = "unsupported_media_type"


class FormatNotServed(RequestRefused):
    """The provider of this model speaks another format than the endpoint, and there is no translation."""

    status = 501
    code = kind = "format_not_served"


class Draining(RequestRefused):
    """This process is finishing what it has and takes nothing new."""

    status = 503
    code = kind = "draining"


class ClientDisconnected(GatewayError):
    """The client left before its answer was complete."""

    status = 499
    code = kind = "client_disconnected"


class ControlUnavailable(GatewayError):
    """The control process does not answer; inference goes on without it."""

    status = 503
    code = kind = "control_unavailable"


class StateUnavailable(GatewayError):
    """What the gateway keeps can be neither read nor written at the moment."""

    status = 503
    code = kind = "state_unavailable"


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
        self.category = category
        self.status = STATUS_OF_FAULT[category]
        self.said_code = code
        """The provider's own code or type (`insufficient_quota`, `RESOURCE_EXHAUSTED`); None where it gave none."""
        self.code = code or category
        self.param = param
        self.kind = f"upstream_{category}"


class SettingsError(Exception):
    """The configuration is wrong. `str()` is one line that names file, line and key."""

    def __init__(
        self, message: str, *, file: str | None = None, line: int | None = None, key: str | None = None
    ) -> None:
        self.message, self.file, self.line, self.key = message, file, line, key
        place = f"{file}:{line}" if file and line else (file or "")
        super().__init__(": ".join(part for part in (place, key, message) if part))

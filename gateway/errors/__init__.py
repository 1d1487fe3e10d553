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
│   ├── ModelUnpriced               402  model_unpriced           (and the key has a budget)
│   ├── KeyPaused                   403  api_key_paused
│   ├── BudgetSpent                 403  budget_spent             (and never begins anew)
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
│   │   ├── QueryRefused            422  query_refused            (SQL that may not be run, or makes no sense)
│   │   └── QueryStopped            422  query_stopped            (it took too much, or was cancelled)
│   ├── VersionRequired             428  version_required
│   ├── TooManyAttempts             429  too_many_attempts
│   ├── LimitReached                429  rate_limit_exceeded
│   │   └── QuotaSpent              429  insufficient_quota       (until its period ends)
│   ├── FormatNotServed             501  format_not_served
│   ├── LimitsUnavailable           503  limits_unavailable
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
│   ├── AllResting                  503  all_resting              (429 where all of them rest for their limits)
│   ├── HedgeLost                   502  hedge_lost               (another target answered sooner; nobody is told)
│   └── ProviderRefused             502  upstream_error     (the provider's own error, told on with its own status)
└── SettingsError                   the configuration is wrong: file, line and key are named
"""

from __future__ import annotations

from gateway.errors.changes import (
    Conflict,
    LoginFailed,
    ManagedByFile,
    NotPermitted,
    NotSignedIn,
    QueryRefused,
    QueryStopped,
    TooManyAttempts,
    Unacceptable,
    UnknownResource,
    VersionMismatch,
    VersionRequired,
)
from gateway.errors.requests import (
    AmbiguousRequest,
    BudgetSpent,
    Draining,
    EndpointForbidden,
    FormatNotServed,
    InvalidKey,
    InvalidRequest,
    KeyExpired,
    KeyPaused,
    KeyRevoked,
    LimitReached,
    LimitsUnavailable,
    MediaUnavailable,
    MethodNotAllowed,
    ModelForbidden,
    ModelUnpriced,
    QuotaSpent,
    RequestRefused,
    RequestTimeout,
    RequestTooLarge,
    UnknownEndpoint,
    UnknownModel,
    UnknownPreviousResponse,
    UnknownResponse,
    UnsupportedMediaType,
    UnsupportedParameter,
)
from gateway.errors.roots import ClientDisconnected, ControlUnavailable, GatewayError, SettingsError, StateUnavailable
from gateway.errors.upstream import (
    STATUS_OF_FAULT,
    AllResting,
    HedgeLost,
    ProviderFault,
    ProviderRefused,
    UpstreamClosed,
    UpstreamError,
    UpstreamForbidden,
    UpstreamMalformed,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamTlsFailed,
    UpstreamUnreachable,
)

__all__ = [
    "STATUS_OF_FAULT",
    "AllResting",
    "AmbiguousRequest",
    "BudgetSpent",
    "ClientDisconnected",
    "Conflict",
    "ControlUnavailable",
    "Draining",
    "EndpointForbidden",
    "FormatNotServed",
    "GatewayError",
    "HedgeLost",
    "InvalidKey",
    "InvalidRequest",
    "KeyExpired",
    "KeyPaused",
    "KeyRevoked",
    "LimitReached",
    "LimitsUnavailable",
    "LoginFailed",
    "ManagedByFile",
    "MediaUnavailable",
    "MethodNotAllowed",
    "ModelForbidden",
    "ModelUnpriced",
    "NotPermitted",
    "NotSignedIn",
    "ProviderFault",
    "ProviderRefused",
    "QueryRefused",
    "QueryStopped",
    "QuotaSpent",
    "RequestRefused",
    "RequestTimeout",
    "RequestTooLarge",
    "SettingsError",
    "StateUnavailable",
    "TooManyAttempts",
    "Unacceptable",
    "UnknownEndpoint",
    "UnknownModel",
    "UnknownPreviousResponse",
    "UnknownResource",
    "UnknownResponse",
    "UnsupportedMediaType",
    "UnsupportedParameter",
    "UpstreamClosed",
    "UpstreamError",
    "UpstreamForbidden",
    "UpstreamMalformed",
    "UpstreamRejected",
    "UpstreamTimeout",
    "UpstreamTlsFailed",
    "UpstreamUnreachable",
    "VersionMismatch",
    "VersionRequired",
]

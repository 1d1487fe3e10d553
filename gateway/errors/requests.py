"""Requests we refuse: of clients, for models."""

from __future__ import annotations

from gateway.errors.roots import GatewayError


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


class KeyPaused(RequestRefused):
    """The client key is refused for now."""

    status = 403
    code = kind = "api_key_paused"


class EndpointForbidden(RequestRefused):
    """The client key may not use this endpoint."""

    status = 403
    code = kind = "endpoint_not_allowed"


class ModelForbidden(RequestRefused):
    """The client key may not use this model."""

    status = 403
    code = kind = "model_not_allowed"


class ModelUnpriced(RequestRefused):
    """Nobody knows what the model costs, and the client key has a budget."""

    status = 402
    code = kind = "model_unpriced"


class BudgetSpent(RequestRefused):
    """A budget or quota is spent that does not begin anew."""

    status = 403
    code = kind = "budget_spent"


class LimitReached(RequestRefused):
    """A limit leaves no room for this request now."""

    status = 429
    code = kind = "rate_limit_exceeded"

    def __init__(self, message: str, *, retry_after: float, limit: str = "") -> None:
        super().__init__(message, retry_after=retry_after)
        self.limit = limit
        """Which one: the name of its field, such as `requests_per_minute`."""


class QuotaSpent(LimitReached):
    """The quota or budget of a calendar period is spent."""

    code = kind = "insufficient_quota"


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


class LimitsUnavailable(RequestRefused):
    """Limits are counted where nobody answers at the moment, and nothing is to pass uncounted."""

    status = 503
    code = kind = "limits_unavailable"


class Draining(RequestRefused):
    """This process is finishing what it has and takes nothing new."""

    status = 503
    code = kind = "draining"

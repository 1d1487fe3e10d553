"""Requests we refuse: of people and programs that look after the gateway."""

from __future__ import annotations

from gateway.errors.requests import RequestRefused


class NotSignedIn(RequestRefused):
    """No session, token or key, or one that is over."""

    status = 401
    code = kind = "not_signed_in"


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


class QueryRefused(Unacceptable):
    """A query in SQL that may not be run, or of which the store can make nothing; the message says where."""

    code = kind = "query_refused"

    def __init__(self, message: str, *, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message, param="sql")
        self.line, self.column = line, column
        """Where in the text, both from 1."""


class QueryStopped(Unacceptable):
    """A query in SQL that took too long or too much memory, or that was cancelled."""

    code = kind = "query_stopped"


class VersionRequired(RequestRefused):
    """A change must say which version it changes."""

    status = 428
    code = kind = "version_required"


class TooManyAttempts(RequestRefused):
    """Too many failed logins; `retry_after` says when to try again."""

    status = 429
    code = kind = "too_many_attempts"

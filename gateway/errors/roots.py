"""What every error of ours has, and those that are nobody's fault in particular."""

from __future__ import annotations


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


class SettingsError(Exception):
    """The configuration is wrong. `str()` is one line that names file, line and key."""

    def __init__(
        self, message: str, *, file: str | None = None, line: int | None = None, key: str | None = None
    ) -> None:
        self.message, self.file, self.line, self.key = message, file, line, key
        place = f"{file}:{line}" if file and line else (file or "")
        super().__init__(": ".join(part for part in (place, key, message) if part))

"""Whether a secret is what its provider takes, told at once and not at the first use: a service account, AWS's keys.

Knows which secrets are more than a key that is sent as it is. No message has a part of one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from gateway.catalog.presets import presets
from gateway.credentials.aws import read_keys
from gateway.credentials.google import read_account
from gateway.errors import Unacceptable
from gateway.settings.model import Settings
from gateway.settings.stored import StoredObject

SECRET = "api_key"  # noqa: S105 # the name of a field

_READ: Mapping[str, Callable[[str], object]] = MappingProxyType({"google": read_account, "aws": read_keys})
"""By how a provider is shown who asks: what reads the secret, and raises ValueError where it is none."""


def check(settings: Settings, stored: StoredObject, place: str = "") -> None:
    """Raises Unacceptable for a credential that its provider, as it is in these settings, cannot be shown. `place` is
    where the object was said, such as `configuration.3.spec.`."""
    if stored.kind != "credential":
        return
    provider = stored.name.partition("/")[0]
    read = _READ.get(_scheme(settings, provider))
    if read is None:
        return
    try:
        read(stored.secrets.get(SECRET, ""))
    except ValueError as error:
        message = f"`{SECRET}` is no secret for the provider `{provider}`: {error}."
        raise Unacceptable(message, param=place + SECRET) from None


def _scheme(settings: Settings, provider: str) -> str:
    preset = presets().get(provider)
    if preset is None:
        return ""
    said = next((one.format for one in settings.providers if one.id == provider), preset.format)
    return preset.auth if said in (preset.format, *preset.also_speaks) else ""

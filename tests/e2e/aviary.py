"""Secrets by the way they come in, the places where none of them may stand, and how one looks in disguise."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

from tests.openid_provider import OpenIdProcess
from tests.postgres import PASSWORD as DATABASE_PASSWORD

SAID = {
    "provider key in the configuration file": "sk-canary-provider-in-the-file",
    "provider key in the environment": "sk-canary-provider-in-the-environment",
    "provider key in a file of its own": "sk-canary-provider-in-its-own-file",
    "provider key by API": "sk-canary-provider-by-api",
    "provider key by API, changed": "sk-canary-provider-by-api-changed",
    "provider key that was only tried": "sk-canary-provider-only-tried",
    "provider key that was refused": "sk canary of a provider that no header carries",
    "header in the configuration file": "canary-header-in-the-file",
    "header by API": "canary-header-by-api",
    "proxy password in the configuration file": "canary-proxy-in-the-file",
    "proxy password by API": "canary-proxy-by-api",
    "client key in the configuration file": "sk-canary-client-in-the-file",
    "client key nobody knows": "sk-canary-client-unknown",
    "client key in an address": "sk-canary-client-in-an-address",
    "token of somebody else": "eyJhbGciOiJIUzI1NiJ9.eyJjYW5hcnkiOjF9.Y2FuYXJ5LW9mLWEtdG9rZW4",
    "cookie of somebody else": "canary-cookie-of-somebody-else",
    "password": "plum orchard canary",
    "password, changed": "seven quiet canaries",
    "password that is wrong": "wrong canary battery",
    "passphrase of an export": "passphrase canary of an export",
    "prompt": "canary-in-a-prompt",
    "prompt that is no JSON": "canary-in-a-broken-body",
    "database password": DATABASE_PASSWORD,
    "OpenID client secret": OpenIdProcess.client_secret,
    "address of a webhook": "canary-in-the-path-of-a-webhook",
    "signing key of a webhook": "canary of a webhook that signs",
    "password of a mail server by API": "canary of a mail server",
}
"""What is put in, by how it is."""

MADE = (
    "client key",
    "client key, rotated",
    "API token",
    "session cookie",
    "setup link",
    "password link",
    "vault key",
    "vault key, replaced",
    "operator token",
    "OpenID code",
    "OpenID state",
)
"""What the gateway makes, or others for it."""

EVERY = (*SAID, *MADE)
"""Every canary there is."""


@dataclass
class Aviary:
    """All the canaries, and all the places where none may sing."""

    secrets: dict[str, str] = field(default_factory=lambda: dict(SAID))
    places: dict[str, bytes] = field(default_factory=dict)

    def look(self, place: str, content: bytes | str) -> None:
        """Somebody may get to see this."""
        found = content.encode() if isinstance(content, str) else content
        self.places[place] = self.places.get(place, b"") + b"\n" + found

    def where(self, name: str) -> list[str]:
        """The places in which a secret stands, whichever way it is written."""
        written = spellings(self.secrets[name])
        return [place for place, content in self.places.items() if any(each in content for each in written)]


def spellings(secret: str) -> set[bytes]:
    """How a secret may stand somewhere: as it is, in an address, as hexadecimal, within base64."""
    raw = secret.encode()
    encoded = {quote(secret, safe="").encode(), quote_plus(secret).encode(), raw.hex().encode()}
    for shift in range(3):
        # What stands before it shifts base64 by none, one or two bytes; the rims depend on the neighbours.
        text = base64.b64encode(bytes(shift) + raw)[(0, 2, 3)[shift] :].rstrip(b"=")[:-1]
        encoded |= {text, text.replace(b"+", b"-").replace(b"/", b"_")}
    return {raw, *encoded}

"""What is known of each kind of provider: its issuer, the scopes usual with it, whose word its e-mail addresses are."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway.settings.model import LoginProviderSettings
from gateway.settings.section import LoginKind

from .asking import Network, is_safe


@dataclass(frozen=True, slots=True)
class Kind:
    """The facts of one kind."""

    scopes: tuple[str, ...]
    issuer: str = ""
    """Empty where only the settings can say it."""
    group_scopes: tuple[str, ...] = ()
    """Asked for too where groups give roles."""
    announced: bool = False
    """Whether `group_scopes` are asked for only where the provider announces them."""
    own_directory: bool = False
    """Whether e-mail addresses are those of the operator's own directory, which does not say that it verified them."""
    domain_claim: str = ""
    """Claim without which an account does not belong to the organisation that its e-mail address names."""


KINDS: Mapping[LoginKind, Kind] = {
    # https://openid.net/specs/openid-connect-core-1_0.html#ScopeClaims; `groups` is Okta's, Dex's, Authentik's.
    "oidc": Kind(("openid", "email", "profile"), group_scopes=("groups",), announced=True),
    # Whoever has an address of a domain can have a Google account for it; only `hd` proves that it is the domain's:
    # https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload
    "google": Kind(("openid", "email", "profile"), issuer="https://accounts.google.com", domain_claim="hd"),
    # Tokens have no `email_verified`: https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference
    # Since any tenant may call its users what it likes, only a tenant that the settings name is believed.
    "microsoft": Kind(("openid", "email", "profile"), own_directory=True),
    # https://docs.github.com/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps
    "github": Kind(("user:email",), issuer="https://github.com", group_scopes=("read:org",)),
}

CONSUMER_DOMAINS = frozenset(("gmail.com", "googlemail.com"))
"""Domains of Google itself, whose accounts have no `hd`."""

EVERYBODY = re.compile(
    # The last is the tenant of all private accounts.
    r"/(common|organizations|consumers|\{tenantid\}|9188040d-6c67-4c5b-b112-36a304b66dad)(/|$)",
    re.IGNORECASE,
)
"""Tenants of Microsoft's that stand for any: https://learn.microsoft.com/entra/identity-platform/v2-protocols."""

MISSING = {
    "microsoft": "the issuer must name a tenant: https://login.microsoftonline.com/<tenant id>/v2.0",
    "oidc": "an issuer must be given",
}


def issuer_of(provider: LoginProviderSettings) -> str:
    """Who identifies people here; empty where neither the settings nor the kind say it."""
    return provider.issuer or KINDS[provider.kind].issuer


def check_provider(provider: LoginProviderSettings, allow: Sequence[Network] = ()) -> None:
    """ValueError, with a text to show, for a provider that nobody could log in with.

    `allow`: networks that may be spoken to over plain HTTP; loopback addresses always may.
    """
    issuer = issuer_of(provider)
    if not issuer or (provider.kind == "microsoft" and EVERYBODY.search(urlsplit(issuer).path)):
        raise ValueError(MISSING[provider.kind])
    if not is_safe(issuer, allow) or urlsplit(issuer).query or urlsplit(issuer).fragment:
        raise ValueError("the issuer must be an https:// address without query or fragment")


def scopes_of(provider: LoginProviderSettings, announced: Collection[str] = ()) -> tuple[str, ...]:
    """Scopes to ask for: those of the settings, or those usual with the kind. `announced` are the provider's own."""
    kind = KINDS[provider.kind]
    if provider.scopes:
        needed = () if provider.kind == "github" or "openid" in provider.scopes else ("openid",)
        return needed + provider.scopes
    if not provider.roles:
        return kind.scopes
    return kind.scopes + tuple(scope for scope in kind.group_scopes if not kind.announced or scope in announced)

"""Whom a provider says somebody is, who of them may come in, and which role their groups give them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.errors import LoginFailed
from gateway.settings.model import LoginProviderSettings
from gateway.settings.section import RoleName

from .asking import said, text
from .kinds import CONSUMER_DOMAINS, KINDS

ADDRESS = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,190}")
"""Good enough to tell an e-mail address from something else: its provider says that it is one."""

LONGEST_SUBJECT = 255
"""OpenID Connect Core 1.0, section 2."""

MOST_GROUPS = 1000

KEPT_CLAIMS = ("iss", "tid", "hd", "preferred_username", "auth_time", "acr", "amr")
"""Claims passed on, for the audit log."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody, as a provider knows them. `provider` and `subject` together never mean anybody else."""

    provider: str
    subject: str
    email: str
    """Empty where the provider names none; its domain in lower case."""
    email_verified: bool
    name: str
    groups: tuple[str, ...] = ()
    claims: Mapping[str, Any] = field(default_factory=dict)
    """Of what the provider said, what may be worth writing down."""


def read_identity(provider: LoginProviderSettings, *sources: Mapping[str, Any]) -> Identity:
    """Who the claims are about. `sources`: the identity token, then what the provider said beside it.

    Raises LoginFailed.
    """
    subject = text(sources[0].get("sub"))
    if not subject or len(subject) > LONGEST_SUBJECT:
        raise LoginFailed("The provider does not say whom its answer is about.", details="sub is missing or too long")
    claims: dict[str, Any] = {name: value for source in reversed(sources) for name, value in source.items()}
    email, verified = find_email(provider, sources)
    return Identity(
        provider=provider.id,
        subject=subject,
        email=email,
        email_verified=verified,
        name=said(claims.get("name")) or said(claims.get("preferred_username")) or email.partition("@")[0],
        groups=find_groups(provider, claims) if provider.roles else (),
        claims={name: claims[name] for name in KEPT_CLAIMS if name in claims},
    )


def find_email(provider: LoginProviderSettings, sources: Iterable[Mapping[str, Any]]) -> tuple[str, bool]:
    """The e-mail address, and whether the provider stands for it: the first source that says both decides."""
    found = [(tidy_email(source.get("email")), _verified(provider, source)) for source in sources]
    named = [each for each in found if each[0]]
    return next((each for each in named if each[1]), named[0] if named else ("", False))


def tidy_email(value: Any) -> str:
    """An e-mail address with its domain in lower case; empty for what is none."""
    address = text(value).strip()
    if not ADDRESS.fullmatch(address):
        return ""
    local, _, domain = address.partition("@")
    return f"{local}@{domain.lower()}"


def find_groups(provider: LoginProviderSettings, claims: Mapping[str, Any]) -> tuple[str, ...]:
    """The groups that a claim lists. Raises LoginFailed where the provider has left them out.

    The claim may be a path into nested claims: `realm_access.roles` is Keycloak's.
    """
    path = provider.groups_claim
    if path in claims:
        return tidy_groups(claims[path])
    _check_overage(claims, path)
    value: Any = claims
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return tidy_groups(value)


def tidy_groups(value: Any) -> tuple[str, ...]:
    """Names of groups: of a list, those that are text; a text alone is one group."""
    listed = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(each for each in listed if isinstance(each, str) and each))[:MOST_GROUPS]


def check_identity(provider: LoginProviderSettings, identity: Identity) -> None:
    """Whether somebody may come in at all. Raises LoginFailed."""
    if not identity.email:
        raise LoginFailed("The provider does not tell the e-mail address of this account.", details=identity.subject)
    if not identity.email_verified:
        raise LoginFailed("The e-mail address of this account is not verified at the provider.", details=identity.email)
    allowed = frozenset(domain.lower().lstrip("@") for domain in provider.allowed_domains)
    domain = identity.email.rpartition("@")[2]
    if allowed and not (domain in allowed and _belongs(provider, identity, allowed)):
        raise LoginFailed("Accounts of this domain may not log in here.", details=identity.email)


def _belongs(provider: LoginProviderSettings, identity: Identity, allowed: frozenset[str]) -> bool:
    """Whether the account is one of the domain's own, where the kind of provider can tell."""
    claim = KINDS[provider.kind].domain_claim
    if not claim or identity.email.rpartition("@")[2] in CONSUMER_DOMAINS:
        return True
    return text(identity.claims.get(claim)).lower() in allowed


def role_of(provider: LoginProviderSettings, groups: Sequence[str]) -> RoleName | None:
    """The role that groups give: of the first entry that matches one, else the default.

    None where the settings name no roles at all, so that nobody's role depends on this provider.
    """
    if not provider.roles:
        return None
    return next((entry.role for entry in provider.roles if _matches(entry.group, groups)), provider.default_role)


def _matches(pattern: str, groups: Sequence[str]) -> bool:
    wanted = re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)
    return any(wanted.fullmatch(group) for group in groups)


def _verified(provider: LoginProviderSettings, source: Mapping[str, Any]) -> bool:
    # Amazon Cognito says "true": https://docs.aws.amazon.com/cognito/latest/developerguide/userinfo-endpoint.html
    if source.get("email_verified") is True or source.get("email_verified") == "true":
        return True
    # Microsoft's word for a domain that nobody proved: https://learn.microsoft.com/entra/identity-platform/optional-claims-reference
    unproven = source.get("xms_edov") in (False, "false", "0")  # False is 0 too.
    return KINDS[provider.kind].own_directory and "email_verified" not in source and not unproven


def _check_overage(claims: Mapping[str, Any], claim: str) -> None:
    """Microsoft leaves groups out of a token that has too many.

    https://learn.microsoft.com/security/zero-trust/develop/configure-tokens-group-claims-app-roles
    """
    elsewhere = claims.get("_claim_names")
    if claims.get("hasgroups") or (isinstance(elsewhere, Mapping) and claim in elsewhere):
        raise LoginFailed(
            "This account is in more groups than the provider tells. Let it tell only those assigned to this gateway.",
            details=f"the claim {claim} was left out of the token",
        )

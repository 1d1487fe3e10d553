"""What a client key may reach: its patterns against names of endpoints, providers, credentials and models. And what
providers and credentials serve, by theirs. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate
from functools import lru_cache

from gateway.records import ANY, ClientKey, Credential, Provider, Target

REMEMBERED = 4096
"""Lists of patterns kept as one expression each."""

EXCLUDES = "!"
"""In front of a pattern of models that are not served."""

KEY, PAUSED = "key", "paused"
"""Why a target or a credential is passed over that the client key may not use; why one that is paused is."""


def matches(patterns: tuple[str, ...], name: str) -> bool:
    """Whether one of these patterns matches; `*` is the only sign with a meaning."""
    return patterns == ANY or _expression(patterns).match(name) is not None


def serves(patterns: tuple[str, ...], model: str) -> bool:
    """Whether a model is among these patterns of models, and not among those with `!` in front, which exclude.

    They are held against the id as it is and in lower case. Where all of them exclude, the rest is served.
    """
    if patterns == ANY:
        return True
    wanted, unwanted = _sides(patterns)
    lower = model.lower()
    return (matches(wanted, model) or matches(wanted, lower)) and not (
        matches(unwanted, model) or matches(unwanted, lower)
    )


def credential_serves(credential: Credential, model: str) -> bool:
    """Whether a credential may be used for a model."""
    return serves(credential.models, model)


def may_use_endpoint(key: ClientKey, path: str) -> bool:
    """Whether a key may use an endpoint, by its path as in the endpoint table."""
    return matches(key.endpoints, path)


def may_use_provider(key: ClientKey, provider: Provider) -> bool:
    """Whether there is a way to a provider for this key."""
    return matches(key.providers, provider.id) and usable_credentials(key, provider) is not None


def usable_credentials(key: ClientKey, provider: Provider) -> tuple[Credential, ...] | None:
    """Those of a provider that a key may use, in order; None where there are some and none of them is for this key."""
    if key.credentials == ANY or not provider.credentials:
        return provider.credentials
    return tuple(each for each in provider.credentials if _may_use_credential(key, each)) or None


def may_use_target(key: ClientKey, name: str, target: Target) -> bool:
    """Whether a key may use a target that is asked for as `name`, as far as models go."""
    return matches(key.models, name) or matches(key.models, f"{target.provider}/{target.model}")


def may_go_on(key: ClientKey, name: str, target: Target, credential: Credential) -> bool:
    """Whether a key may use what was chosen for it when it may have been another."""
    return (
        may_use_target(key, name, target)
        and matches(key.providers, target.provider)
        and (not credential.name or _may_use_credential(key, credential))
    )


def _may_use_credential(key: ClientKey, credential: Credential) -> bool:
    return matches(key.credentials, f"{credential.provider}/{credential.name}")


@lru_cache(maxsize=REMEMBERED)
def _sides(patterns: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Those that include, and those that exclude, without their sign."""
    wanted = tuple(each for each in patterns if not each.startswith(EXCLUDES))
    unwanted = tuple(each.removeprefix(EXCLUDES) for each in patterns if each.startswith(EXCLUDES))
    return (wanted or ANY if unwanted else wanted), unwanted


@lru_cache(maxsize=REMEMBERED)
def _expression(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(_translated(patterns)) or r"(?!)", re.DOTALL)


def _translated(patterns: Iterable[str]) -> Iterable[str]:
    return (translate(pattern.replace("[", "[[]").replace("?", "[?]")) for pattern in patterns)

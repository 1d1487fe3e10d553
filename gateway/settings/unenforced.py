"""Settings that are read and checked, but not gone by yet: an operator must not believe in a limit that is none."""

from __future__ import annotations

from gateway.settings.model import ClientKeySettings, Settings

LIMITS = (
    "requests_per_minute",
    "tokens_per_minute",
    "max_parallel",
    "requests_per_month",
    "tokens_per_month",
    "budget_usd",
)


def warnings(settings: Settings) -> list[str]:
    """One line for each thing the operator asks for that this version does not do."""
    limited = [(key.name, _limits(key)) for key in settings.client_keys]
    lines = [f"client key `{name}`: {', '.join(said)} not enforced by this version" for name, said in limited if said]
    lines += [
        f"provider `{provider.id}`: model_facts not used by this version"
        for provider in settings.providers
        if provider.model_facts
    ]
    return lines


def _limits(key: ClientKeySettings) -> list[str]:
    return [name for name in LIMITS if getattr(key, name) is not None]

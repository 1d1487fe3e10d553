"""Settings that are right and yet do not do what one may believe: said plainly, wherever settings are read.

Knows nothing but settings. Nobody shall believe in a protection that is none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from fnmatch import fnmatchcase

from gateway.settings.addresses import is_loopback, split_listen
from gateway.settings.buckets import bucket_can_be_read_on_the_way
from gateway.settings.model import Settings
from gateway.settings.objects import ClientKeySettings, ProviderSettings

NO_KEYS = (
    "no [[client_keys]] in the configuration: every request is answered with 401 until a key is made by API, dashboard "
    "or command line"
)

Remark = Callable[[Settings], Iterator[str]]


def warnings(settings: Settings, listed: Collection[str] | None = None) -> list[str]:
    """One line for each thing an operator may believe in and that is not so. `listed`: ids of the providers whose
    prices are known without being said; where they are not given, nothing is said of prices."""
    lines = [line for remark in REMARKS for line in remark(settings)]
    return lines if listed is None else [*lines, *budgets_that_count_nothing(settings, listed)]


def nobody_gets_in(settings: Settings) -> Iterator[str]:
    """There may be keys in the database; the configuration has none."""
    if not settings.client_keys:
        yield NO_KEYS


def logins_can_be_read(settings: Settings) -> Iterator[str]:
    """Passwords and sessions on a network, as anybody can read them."""
    if settings.login.insecure and not is_loopback(split_listen(settings.server.listen)[0]):
        yield "login.insecure: passwords and sessions of other machines can be read by anybody on the way"


def anybody_may_change_things(settings: Settings) -> Iterator[str]:
    """Whoever has a login at a provider has a role here, with no group to give it."""
    for provider in settings.login.providers:
        if provider.default_role in ("owner", "admin"):
            yield (
                f"login provider `{provider.id}`: whoever may log in there becomes {provider.default_role} here; "
                'give the role by group, or say default_role = "pending"'
            )


def limits_that_count_nobody(settings: Settings) -> Iterator[str]:
    """A pattern that nothing can match. Users, teams and keys may be in the database."""
    for rule in settings.limits.rules:
        if rule.per == "everybody" and rule.match.strip("*"):
            yield f"limit `{rule.name}`: `match` has no meaning with `everybody`, and so it counts nobody"
        provider = rule.match.partition("/")[0]
        if rule.per == "model" and not any(fnmatchcase(one.id, provider) for one in settings.providers):
            yield f"limit `{rule.name}`: no provider of the configuration is called `{provider}`"


def outages_multiply_limits(settings: Settings) -> Iterator[str]:
    """Each of several gateways would take itself for the only one."""
    limits = settings.limits
    if limits.redis_url and limits.redis_away == "local" and limits.nodes == 1:
        yield (
            "limits.nodes is 1: while Redis does not answer, each gateway that shares it gives the whole of a limit; "
            'say how many there are, or redis_away = "refuse"'
        )


def budgets_that_count_nothing(settings: Settings, listed: Collection[str]) -> Iterator[str]:
    """Money is spent at prices: where none is known, requests are refused, or cost nothing."""
    for key in settings.client_keys:
        reached = [one for one in settings.providers if _may_reach(key, one)]
        if key.budget_usd is None or not reached or any(_has_prices(settings, one, listed) for one in reached):
            continue
        names = ", ".join(f"`{one.id}`" for one in reached)
        so = "they do not count against it" if key.allow_unpriced else "every request for them is refused"
        yield f"client key `{key.name}` has a budget, and no price is known of models of {names}: {so}"


def _may_reach(key: ClientKeySettings, provider: ProviderSettings) -> bool:
    """Whether a key may use models of a provider, as far as patterns tell: other names lead anywhere."""
    named = (pattern.partition("/") for pattern in key.models)
    return any(fnmatchcase(provider.id, pattern) for pattern in key.providers) and any(
        not slash or fnmatchcase(provider.id, owner) for owner, slash, _ in named
    )


def _has_prices(settings: Settings, provider: ProviderSettings, listed: Collection[str]) -> bool:
    """Whether anybody knows what any of its models costs."""
    said = (price.model.partition("/")[0] for price in settings.prices)
    return provider.id in listed or any(fnmatchcase(provider.id, owner) for owner in said)


REMARKS: tuple[Remark, ...] = (
    nobody_gets_in,
    logins_can_be_read,
    anybody_may_change_things,
    limits_that_count_nobody,
    outages_multiply_limits,
    bucket_can_be_read_on_the_way,
)

"""Settings that are right and yet do not do what one may believe: said plainly, wherever settings are read.

Knows nothing but settings. Nobody shall believe in a protection that is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gateway.settings.addresses import is_loopback, split_listen
from gateway.settings.model import Settings

NO_KEYS = (
    "no [[client_keys]] in the configuration: every request is answered with 401 until a key is made by API, dashboard "
    "or command line"
)

Remark = Callable[[Settings], Iterator[str]]


def warnings(settings: Settings) -> list[str]:
    """One line for each thing an operator may believe in and that is not so."""
    return [line for remark in REMARKS for line in remark(settings)]


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


REMARKS: tuple[Remark, ...] = (nobody_gets_in, logins_can_be_read, anybody_may_change_things)

"""Login at other providers of identities: OpenID Connect, and GitHub, which speaks OAuth 2 alone.

`open_login` is the door. The libraries come with the extra `oidc`; without it everything but that door works.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from gateway.errors import SettingsError

from .asking import Fetch, Network
from .flow import FLOW_SECONDS, Flow
from .identity import Identity, role_of
from .kinds import check_provider

if TYPE_CHECKING:
    from .login import Login

__all__ = ["FLOW_SECONDS", "Fetch", "Flow", "Identity", "check_provider", "open_login", "role_of"]

LIBRARIES = frozenset(("authlib", "joserfc"))


def open_login(fetch: Fetch, *, allow: Sequence[Network] = (), clock: Callable[[], float] = time.time) -> Login:
    """What logs people in. `fetch` sends requests; `allow`: networks that may be spoken to over plain HTTP.

    Raises SettingsError where the libraries are not installed.
    """
    try:
        module = import_module(f"{__name__}.login")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in LIBRARIES:
            raise
        raise SettingsError(
            "login at OpenID providers needs more than is installed: install `sluicegate[oidc]`", key="login.providers"
        ) from None
    made: Login = module.Login(fetch, clock=clock, allow=allow)
    return made

"""The access tokens of one process: asked for once, however many wait, and anew before they expire.

Knows when; what is asked is the grant's affair, and how it is sent is handed in. A token lives in memory only: another
process asks for its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from gateway import logs
from gateway.errors import UpstreamError, UpstreamRejected, UpstreamUnreachable
from gateway.records import Credential

from .grants import AccessToken, Grant, NotGranted

AHEAD_US = 300 * 1_000_000
"""How long before its end a token is renewed; half its life, where that is shorter."""

SPARE_US = 10 * 1_000_000
"""How long before its end a token is used no more: a request takes its time to be looked at."""

PAUSES = (0.5, 1.5)
"""Seconds before another try, where the endpoint has trouble, while somebody waits."""

LONGEST_PAUSE_US = 300 * 1_000_000
"""Most time between tries to renew a token; at first it is a second, then twice as much each time."""

YOUNG_US = 30 * 1_000_000
"""A token younger than this that is refused is not renewed: the next would be refused as well."""

Post = Callable[[Credential, str, Mapping[str, str]], Awaitable[tuple[int, bytes]]]
"""Sends a form to an address, the way that requests with this credential go: status and body. Raises UpstreamError."""

Grants = Callable[[Credential], Grant]
"""The grant in a credential's secret. ValueError, with a text to show, where there is none."""

Pause = Callable[[float], Awaitable[None]]
"""Lets so many seconds pass."""

Tell = Callable[[Credential, int], None]
"""Hears of a token that there is for a credential, and when it ends: Unix microseconds."""

Clock = Callable[[], int]
"""Unix time in microseconds."""

log = logs.get("gateway.credentials.tokens")


def to_nobody(credential: Credential, until_us: int) -> None:
    """Nobody wants to hear of tokens."""


def unix_us() -> int:
    """This machine's clock."""
    return time.time_ns() // 1000


class _Failure(NamedTuple):
    """Why there is no token. Everybody who waited gets an error of their own."""

    message: str
    refused: bool

    def error(self, retry_after: float | None = None) -> UpstreamError:
        kind = UpstreamRejected if self.refused else UpstreamUnreachable
        return kind(self.message, nothing_sent=True, retry_after=retry_after)


class _Held:
    """What is known of one credential."""

    __slots__ = (
        "asked_at_us",
        "credential",
        "failure",
        "flight",
        "renew_at_us",
        "tries",
        "try_at_us",
        "until_us",
        "used",
        "value",
    )

    def __init__(self, credential: Credential) -> None:
        self.credential = credential
        self.value = b""
        self.asked_at_us = 0
        """When the token was asked for."""
        self.until_us = 0
        """When it is used no more; 0: there is none."""
        self.renew_at_us = 0
        self.used = False
        """Since it was asked for the last time; what nobody uses is not renewed."""
        self.flight: asyncio.Task[_Failure | None] | None = None
        """Asking for another one."""
        self.failure: _Failure | None = None
        """Why there was none the last time."""
        self.tries = 0
        """How often in a row."""
        self.try_at_us = 0
        """Not before this."""

    def take(self, token: AccessToken, asked_at_us: int) -> None:
        life = token.expires_at_us - asked_at_us
        self.value = token.value.encode()
        self.asked_at_us = asked_at_us
        self.until_us = token.expires_at_us - min(SPARE_US, life // 4)
        self.renew_at_us = token.expires_at_us - min(AHEAD_US, life // 2)
        self.used = False
        self.failure, self.tries, self.try_at_us = None, 0, 0

    def fail(self, failure: _Failure, now_us: int) -> None:
        self.failure = failure
        self.used = False
        self.tries += 1
        self.try_at_us = now_us + min(1_000_000 << min(self.tries - 1, 20), LONGEST_PAUSE_US)


class AccessTokens:
    """Every token of a process, by credential: a new secret is another credential."""

    def __init__(
        self,
        post: Post,
        grants: Grants,
        *,
        clock: Clock = unix_us,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self.tell: Tell = to_nobody
        """Called with every token."""
        self._post = post
        self._grants = grants
        self._clock = clock
        self._pause = pause
        self._held: dict[tuple[str, str, str], _Held] = {}

    def get(self, credential: Credential, now_us: int) -> bytes | None:
        """A token to be used now; None where one must be waited for: `renew`."""
        held = self._held.get(_name(credential))
        if held is None or now_us >= held.until_us:
            return None
        held.used = True
        return held.value

    async def renew(self, credential: Credential, *, rejected: bytes = b"") -> bytes:
        """A token, asked for unless somebody else has done so; not `rejected`, which the provider refused.

        Raises UpstreamRejected, UpstreamUnreachable.
        """
        held = self._held.get(_name(credential))
        if held is None:
            held = self._held[_name(credential)] = _Held(credential)
        now_us = self._clock()
        if rejected and held.value == rejected and now_us < held.until_us:
            if now_us - held.asked_at_us < YOUNG_US:
                raise UpstreamRejected(f"The provider {credential.provider} refuses an access token that is new.")
            held.until_us = 0
        if held.flight is None:
            if now_us < held.until_us:
                held.used = True
                return held.value
            if held.failure is not None and now_us < held.try_at_us:
                raise held.failure.error((held.try_at_us - now_us) / 1e6)
            self._begin(held)
        assert held.flight is not None  # it was begun
        failure = await asyncio.shield(held.flight)  # who leaves does not take the others' token along
        if failure is not None and self._clock() >= held.until_us:
            raise failure.error()
        held.used = True
        return held.value

    def tick(self, now_us: int) -> None:
        """Called about once a second: renews what ends soon and is in use, forgets what has ended."""
        for name, held in list(self._held.items()):
            if held.flight is not None or now_us < held.renew_at_us:
                continue
            if held.used and now_us >= held.try_at_us:
                self._begin(held)
            elif not held.used and now_us >= max(held.until_us, held.try_at_us):
                del self._held[name]

    async def close(self) -> None:
        """Ask for nothing any more."""
        flights = [held.flight for held in self._held.values() if held.flight is not None]
        self._held.clear()
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _begin(self, held: _Held) -> None:
        held.flight = asyncio.get_running_loop().create_task(self._ask(held))

    async def _ask(self, held: _Held) -> _Failure | None:
        """A token into `held`, in as many tries as make sense."""
        try:
            for seconds in (*PAUSES, None):
                asked_at_us = self._clock()
                try:
                    token = await self._grant(held.credential, asked_at_us)
                    held.take(token, asked_at_us)
                    self.tell(held.credential, token.expires_at_us)
                    return None
                except NotGranted as refused:
                    failure = _Failure(_told(held.credential, refused), refused=not refused.passing)
                if failure.refused or seconds is None:
                    break
                await self._pause(seconds)
            held.fail(failure, self._clock())
            log.warning("no access token", credential=held.credential.name, reason=failure.message)
            return failure
        finally:
            held.flight = None

    async def _grant(self, credential: Credential, now_us: int) -> AccessToken:
        try:
            grant = self._grants(credential)
        except ValueError as error:
            raise NotGranted(f"the secret is not what it should be: {error}", passing=False) from None
        request = grant.request(now_us)
        try:
            status, body = await self._post(credential, request.url, request.form)
        except UpstreamError as error:
            raise NotGranted(f"the token endpoint cannot be reached: {error.message}", passing=True) from None
        return grant.read(status, body, now_us)


def _told(credential: Credential, refused: NotGranted) -> str:
    return f"There is no access token for the provider {credential.provider}: {refused}"


def _name(credential: Credential) -> tuple[str, str, str]:
    return credential.provider, credential.name, credential.secret

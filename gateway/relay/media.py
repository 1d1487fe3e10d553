"""Gets what URLs in a prompt lead to, for providers that must be given the content itself.

Whoever sends a prompt can make the gateway connect somewhere by it, so every connection goes through the guard, those
that a redirect leads to as well, and time, size and number are limited. Knows no formats: URLs in, content out.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from functools import cached_property
from ssl import SSLContext
from typing import Any, NamedTuple
from urllib.parse import quote, urljoin

from msgspec import structs

from gateway.errors import InvalidRequest, MediaUnavailable
from gateway.formats.neutral import Source
from gateway.outbound.guard import find_place, permit_of
from gateway.outbound.tls import make_context
from gateway.outbound.wire import Pool
from gateway.settings.model import Settings

from .download import Elsewhere, Found, Useless, download

FetchMedia = Callable[[tuple[str, ...]], Coroutine[Any, Any, Mapping[str, Source]]]

AT_ONCE = 4
"""URLs of one prompt that are fetched at the same time."""

MOST_REDIRECTS = 3

TOGETHER = 2
"""All URLs of one prompt may take so many times as long as one."""

KEPT_BYTES = 32 * 1024 * 1024
"""Fetched content that a worker keeps, in base64: an agent sends the same picture with every turn."""

ENTRY_BYTES = 512
"""What keeping takes beside the content, about."""

KEPT_SECONDS = 300.0

SHOWN_CHARACTERS = 200
"""Of a URL in a message."""


async def no_media(urls: tuple[str, ...]) -> Mapping[str, Source]:
    """For a gateway that may not fetch. Raises InvalidRequest."""
    raise InvalidRequest(
        "The provider of this model takes no URLs, and this gateway does not fetch them: send the content itself."
    )


class MediaFetcher:
    """Fetches for the exchanges of one worker, under settings that do not change. Nothing of it needs closing."""

    def __init__(self, settings: Settings, user_agent: str) -> None:
        """ValueError when `media.allow` holds what is no network."""
        self._settings = settings
        self._limits = settings.media
        self._upstream = structs.replace(
            settings.upstream,
            max_connections=AT_ONCE,
            connect_timeout_seconds=min(settings.upstream.connect_timeout_seconds, settings.media.timeout_seconds),
        )
        self._user_agent = user_agent
        self._permit = permit_of(settings.media.allow)
        self._kept = Kept()

    async def fetch(self, urls: tuple[str, ...]) -> Mapping[str, Source]:
        """The content of every URL. Raises MediaUnavailable, and InvalidRequest where nothing may be fetched.

        Whoever cancels this closes every socket.
        """
        limits = self._limits
        if not limits.fetch:
            return await no_media(urls)
        if len(urls) > limits.max_urls:
            raise MediaUnavailable(f"The prompt names {len(urls)} URLs; at most {limits.max_urls} are fetched.")
        seconds = limits.timeout_seconds * TOGETHER
        # A pool for each prompt: a client can name any number of hosts, and a pool forgets none.
        pool = Pool(self._upstream, ssl_context=self._context, permit=self._permit)
        try:
            async with asyncio.timeout(seconds):
                return await self._fetch_all(_Basket(pool, self._most_together), urls)
        except TimeoutError:
            raise MediaUnavailable(f"The URLs of the prompt took longer than {seconds:g} s together.") from None
        finally:
            await pool.close()

    @cached_property
    def _context(self) -> SSLContext:
        return make_context(self._settings.upstream.ca_file)

    @property
    def _most_together(self) -> int:
        """Bytes that the URLs of one prompt may bring: as much as its client could have sent itself."""
        return max(self._settings.server.max_body_bytes, self._limits.max_bytes)

    async def _fetch_all(self, basket: _Basket, urls: tuple[str, ...]) -> Mapping[str, Source]:
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._fetch_one(basket, url)) for url in urls]
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return dict(zip(urls, (task.result() for task in tasks), strict=True))

    async def _fetch_one(self, basket: _Basket, url: str) -> Source:
        seconds = self._limits.timeout_seconds
        try:
            source = self._kept.find(url)
            if source is None:
                async with basket.turns, asyncio.timeout(seconds):
                    found = await self._follow(basket.pool, url)
                source = Source("base64", base64.b64encode(found.content.body).decode(), found.content.media_type)
                if found.may_be_kept:
                    self._kept.keep(url, source)
            basket.add(source)
        except TimeoutError:
            raise MediaUnavailable(f"Cannot fetch {shown(url)}: it took longer than {seconds:g} s.") from None
        except (Useless, ValueError) as error:
            raise MediaUnavailable(f"Cannot fetch {shown(url)}: {error}.") from error
        return source

    async def _follow(self, pool: Pool, url: str) -> Found:
        limits = self._limits
        for _ in range(MOST_REDIRECTS + 1):
            place = find_place(url, self._settings.upstream.proxy)
            got = await download(
                pool, place, self._user_agent, most_bytes=limits.max_bytes, seconds=limits.timeout_seconds
            )
            if isinstance(got, Found):
                return got
            url = _joined(url, got)
        raise Useless(f"it was redirected more than {MOST_REDIRECTS} times")


class _Basket:
    """What the URLs of one prompt share."""

    def __init__(self, pool: Pool, most_bytes: int) -> None:
        self.pool = pool
        self.turns = asyncio.Semaphore(AT_ONCE)
        self._most = self._left = most_bytes

    def add(self, source: Source) -> None:
        """One more; Useless when that is too much."""
        self._left -= len(source.value) * 3 // 4
        if self._left < 0:
            raise Useless(f"with it, the URLs of the prompt bring more than {self._most} bytes")


class _Entry(NamedTuple):
    source: Source
    until: float


class Kept:
    """Fetched content for a little while, the oldest used making room. By URL: nothing of a client goes along."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        """`clock` gives seconds; the event loop's own time if none is handed in."""
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self.bytes = 0
        """Kept now."""

    def find(self, url: str) -> Source | None:
        """The content of a URL, while it is fresh."""
        entry = self._entries.get(url)
        if entry is None:
            return None
        if entry.until < self._clock():
            self._forget(url)
            return None
        self._entries.move_to_end(url)
        return entry.source

    def keep(self, url: str, source: Source) -> None:
        """Have it for the next prompt, unless it is larger than all that is kept."""
        if _weight(url, source) > KEPT_BYTES:
            return
        if url in self._entries:
            self._forget(url)
        self._entries[url] = _Entry(source, self._clock() + KEPT_SECONDS)
        self.bytes += _weight(url, source)
        while self.bytes > KEPT_BYTES:
            self._forget(next(iter(self._entries)))

    def _forget(self, url: str) -> None:
        self.bytes -= _weight(url, self._entries.pop(url).source)


def shown(url: str) -> str:
    """A URL for a message: without its query, which may be a signature, and without a password."""
    place = re.split(r"[?#]", url, maxsplit=1)[0]
    return re.sub(r"//[^/]*@", "//", place).translate(_NO_CONTROLS)[:SHOWN_CHARACTERS]


_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_NO_CONTROLS = dict.fromkeys((*range(0x20), 0x7F))


def _weight(url: str, source: Source) -> int:
    return len(url) + len(source.value) + ENTRY_BYTES


def _joined(url: str, moved: Elsewhere) -> str:
    """The address that a redirect leads to; Useless when that is none. Bytes above ASCII are kept, escaped."""
    location = quote(moved.location, safe=_PRINTABLE, encoding="latin-1")
    try:
        return urljoin(url, location)
    except ValueError:
        raise Useless("it was redirected to what is not an address") from None

"""The gateway asked by itself, at its own public address: as any client asks it, by a client key.

Knows where that address is and how an answer comes in. Does not know what is asked, nor who wants to know.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from gateway import __version__, claims, logs
from gateway.captures import slips
from gateway.errors import ControlUnavailable
from gateway.outbound.client import Fetcher, Streamed
from gateway.outbound.wire import Pool
from gateway.records.captures import SLIP
from gateway.settings.model import UpstreamSettings

AGENT = f"sluicegate-playground/{__version__}"
TAG = "playground"
"""Of every request from here, in the usage records."""

MOST_ANSWER_BYTES = 16 * 1024 * 1024

LONGEST_SECONDS = 1800.0

NOT_SERVING = "The gateway does not take requests at this moment. Try again when it does."

log = logs.get("gateway.playing")


class Playing:
    """Of one control process."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    @asynccontextmanager
    async def asked(self, path: str, body: bytes, secret: str, *, shown: bool = False) -> AsyncIterator[Streamed]:
        """The answer to a POST as it comes, refusals too; leaving the block before its end is what a client does that
        leaves. `secret` is the client key; with `shown` what is said on all sides is kept, whatever the settings say.
        Raises ControlUnavailable where nobody takes requests, UpstreamError where the answer breaks off."""
        running = claims.find(self._data_dir)
        if running is None:
            raise ControlUnavailable(NOT_SERVING)
        pool = Pool(UpstreamSettings())
        # Our own address is no proxy's business, whatever the environment says.
        fetcher = Fetcher(pool, proxy="none", most_bytes=MOST_ANSWER_BYTES, seconds=LONGEST_SECONDS)
        slip = self._leave() if shown else ""
        headers = {**_headers(secret), **({SLIP: slip} if slip else {})}
        try:
            async with fetcher.streamed("POST", running.url + path, headers, body) as answer:
                yield answer
        finally:
            slips.tear(self._data_dir, slip)
            await pool.close()

    def _leave(self) -> str:
        """To have it kept; none where the data directory cannot be written: it is asked all the same."""
        try:
            return slips.write(self._data_dir)
        except OSError as error:
            log.warning("what is said in a request from the playground is not kept", reason=str(error))
            return ""


def _headers(secret: str) -> Mapping[str, str]:
    return {
        "authorization": f"Bearer {secret}",
        "content-type": "application/json",
        "user-agent": AGENT,
        "x-sluicegate-tags": TAG,
    }

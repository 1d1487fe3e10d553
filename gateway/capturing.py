"""Whether and how a worker keeps what is said: as the settings want it, once the key to seal it under is known.

Knows the relay, the state and the writer, and brings them together. Nothing waits for it: without the key nothing is
captured, and the log says so. What writes, and the library it needs, is loaded only where captures are wanted.
"""

from __future__ import annotations

import asyncio
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from gateway import logs
from gateway.captures.places import folder_of
from gateway.credentials.keyfile import KeyUnusable
from gateway.errors import StateUnavailable
from gateway.relay.exchange import Exchange
from gateway.relay.relay import Relay
from gateway.relay.taps import Capturing, TappedExchange
from gateway.settings.model import CaptureSettings, Settings
from gateway.store.session import Session
from gateway.store.state import State
from gateway.unlock import captures_key, make_captures_key

if TYPE_CHECKING:
    from gateway.captures.writing import CaptureWriter

RETRY_SECONDS = 5.0
"""How often the key is asked for where it cannot be had."""

log = logs.get("gateway.capturing")


class Captures:
    """The captures of one worker."""

    def __init__(self, relay: Relay, state: State, settings: Settings) -> None:
        """`settings` say where the vault key is, and the data directory."""
        self._relay, self._state, self._base = relay, state, settings
        self._settings = CaptureSettings()
        self._key: bytes | None = None
        self._writer: CaptureWriter | None = None
        self._asking: asyncio.Task[None] | None = None
        self._ask_at = 0.0
        self._trouble = ""

    @property
    def dropped(self) -> int:
        """Captures that were wanted and are not kept."""
        return 0 if self._writer is None else self._writer.dropped

    def follow(self, settings: CaptureSettings) -> None:
        """Go by these from the next exchange on."""
        if settings == self._settings:
            return
        self._settings = settings
        self._ask_at = 0.0
        self._apply()
        self.tick()

    def tick(self) -> None:
        """Called now and then: ask for the key, where it is wanted and not known."""
        if self._settings.mode == "off" or self._key is not None:
            return
        loop = asyncio.get_running_loop()
        if loop.time() >= self._ask_at and (self._asking is None or self._asking.done()):
            self._ask_at = loop.time() + RETRY_SECONDS
            self._asking = loop.create_task(self._ask())

    async def close(self) -> None:
        """Write what waits."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait((self._asking,))
        if self._writer is not None:
            await asyncio.to_thread(self._writer.close)

    def _apply(self) -> None:
        """Have exchanges taken down from now on, or not any more."""
        relay, settings, key = self._relay, self._settings, self._key
        if settings.mode == "off" or key is None:
            relay.exchange, relay.capturing = Exchange, None
            return
        writing = import_module("gateway.captures.writing")
        ways = writing.Ways.of(settings, key)
        if self._writer is None:
            self._writer = writing.CaptureWriter(folder_of(Path(self._base.server.data_dir)), ways)
        writer: CaptureWriter = self._writer
        writer.ways = ways
        relay.capturing = Capturing(settings.mode, settings.share, writer.bytes_taken, writer.keep)
        relay.exchange = TappedExchange

    async def _ask(self) -> None:
        try:
            self._key = await self._state.read(self._found) or await self._state.write(self._made)
        except (StateUnavailable, KeyUnusable) as error:
            if str(error) != self._trouble:  # once, however long it lasts
                log.warning("nothing is captured, for there is no key to seal it under", reason=str(error))
            self._trouble = str(error)
        except Exception:
            log.exception("nothing is captured")
        else:
            self._trouble = ""
            self._apply()

    def _found(self, session: Session) -> bytes | None:
        return captures_key(session, self._base)

    def _made(self, session: Session) -> bytes:
        return make_captures_key(session, self._base)

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
from gateway.captures import slips
from gateway.captures.places import folder_of
from gateway.credentials.keyfile import KeyUnusable
from gateway.errors import StateUnavailable
from gateway.records.captures import MARGIN, Taken
from gateway.relay.exchange import Exchange
from gateway.relay.relay import Relay
from gateway.relay.taps import Capturing, Showing, TappedExchange
from gateway.settings.model import CaptureSettings, Settings
from gateway.store.session import Session
from gateway.store.state import State
from gateway.unlock import captures_key, make_captures_key

if TYPE_CHECKING:
    from gateway.captures.writing import CaptureWriter

RETRY_SECONDS = 5.0
"""How often the key is asked for where it cannot be had."""

MOST_SHOWN = 8
"""Exchanges that wait to be kept for whoever asked them, until the key is known."""

log = logs.get("gateway.capturing")


class Captures:
    """The captures of one worker."""

    def __init__(self, relay: Relay, state: State, settings: Settings) -> None:
        """`settings` say where the vault key is, and the data directory."""
        self._relay, self._state, self._base = relay, state, settings
        self._directory = Path(settings.server.data_dir)
        self._settings = CaptureSettings()
        self._key: bytes | None = None
        self._writer: CaptureWriter | None = None
        self._asking: asyncio.Task[None] | None = None
        self._ask_at = 0.0
        self._trouble = ""
        self._shown: list[Taken] = []
        """For whoever asked them, as soon as the key is known."""
        relay.showing = Showing(self._has_leave, self._room, self._show)

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
        if (self._settings.mode == "off" and not self._shown) or self._key is not None:
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
        writer = self._writing(key)
        relay.capturing = Capturing(settings.mode, settings.share, writer.bytes_taken, writer.keep)
        relay.exchange = TappedExchange

    def _writing(self, key: bytes) -> CaptureWriter:
        """Whoever writes, by the settings that are in force."""
        writing = import_module("gateway.captures.writing")
        ways = writing.Ways.of(self._settings, key)
        if self._writer is None:
            self._writer = writing.CaptureWriter(folder_of(self._directory), ways)
        writer: CaptureWriter = self._writer
        writer.ways = ways
        return writer

    # What is asked from the playground, by whoever may see all of it

    def _has_leave(self, slip: str) -> bool:
        return slips.tear(self._directory, slip)

    def _room(self) -> int:
        return self._settings.max_bytes + MARGIN

    def _show(self, taken: Taken) -> None:
        """Keep this one, as soon as it can be sealed. Where too many wait for the key, it is not kept."""
        if self._key is not None:
            self._writing(self._key).keep(taken)
        elif len(self._shown) < MOST_SHOWN:
            self._shown.append(taken)
            self.tick()

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
            for taken in self._shown:
                self._show(taken)
            self._shown.clear()

    def _found(self, session: Session) -> bytes | None:
        return captures_key(session, self._base)

    def _made(self, session: Session) -> bytes:
        return make_captures_key(session, self._base)

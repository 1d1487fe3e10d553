"""What the control process goes by: the configuration in force, from the file's settings and the database's objects.

Knows when one of them has changed, and tells whoever follows. A request waits for a change that was told before it
came; the database is asked now and then as well, for a change that somebody on another machine has made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from gateway import logs
from gateway.catalog.presets import presets
from gateway.credentials.keyfile import KeyUnusable
from gateway.errors import StateUnavailable
from gateway.management.office import Declared, Office
from gateway.management.stored import read_objects
from gateway.settings.overlay import Effective, overlay
from gateway.settings.stored import StoredObject
from gateway.store.session import Session

POLL_SECONDS = 0.5

log = logs.get("gateway.control")


class Current:
    """The configuration in force in this process. `follow` is told each time it may be another."""

    def __init__(self, office: Office, follow: Callable[[Effective], None]) -> None:
        self._office, self._follow = office, follow
        self._objects: Sequence[StoredObject] = ()
        self._number = -1
        self._seen = -1
        self._reading = asyncio.Lock()
        self._polling: asyncio.Task[None] | None = None
        self._trouble = ""

    async def start(self) -> None:
        """Read it for the first time, and keep it fresh from now on. Raises StateUnavailable, KeyUnusable."""
        await self._read()
        self._polling = asyncio.create_task(self._poll())

    def stop(self) -> None:
        """Leave it as it is."""
        if self._polling is not None:
            self._polling.cancel()

    def declare(self, declared: Declared) -> None:
        """The file says this from now on."""
        self._office.declared = declared
        self._apply()

    async def catch_up(self) -> None:
        """Until what was told before is known here too, or cannot be read at the moment."""
        if self._office.generations.of("configuration") != self._seen:
            await self._try()

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            await self._try()

    async def _try(self) -> None:
        try:
            await self._read()
        except (StateUnavailable, KeyUnusable) as error:
            self._note(str(error))
        except Exception:  # whatever it was, the next look is another chance
            log.exception("the configuration cannot be read from the database")
        else:
            self._note("")

    async def _read(self) -> None:
        async with self._reading:
            seen = self._office.generations.of("configuration")
            found = await self._office.read(self._look)
            self._seen = seen
            if found is not None:
                self._number, self._objects = found
                self._office.generations.show("configuration", self._number)
                self._seen = max(seen, self._number)
                self._apply()

    def _look(self, session: Session) -> tuple[int, Sequence[StoredObject]] | None:
        """The number of the configuration and its objects, where it is another than before. On the state's thread."""
        numbers = {row["name"]: row["value"] for row in session.rows("generations/all")}
        if numbers["configuration"] == self._number:
            return None
        return numbers["configuration"], read_objects(session, self._office.unlock(session).vault)

    def _apply(self) -> None:
        declared = self._office.declared
        effective = overlay(declared.settings, declared.origins, self._objects, presets=presets())
        self._office.settings = effective.settings
        for problem in effective.problems:
            log.warning("left out", kind=problem.kind, name=problem.name, reason=problem.reason)
        self._follow(effective)

    def _note(self, trouble: str) -> None:
        """Say it once."""
        if trouble and trouble != self._trouble:
            log.warning("the configuration may be out of date", reason=trouble)
        self._trouble = trouble

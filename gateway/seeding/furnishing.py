"""The demo's first start: an empty gateway gets a company and some weeks of its history, once it answers.

Only an empty one: nobody's own records shall have others among them. The client keys that are made are ordinary ones,
with secrets that nobody knows who cannot read the data directory; in there they are kept for the demo's own clients.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from msgspec.structs import replace

from gateway import claims, logs
from gateway.access.roles import permissions_of
from gateway.errors import GatewayError
from gateway.management import keys, people
from gateway.management.keys import KeyFilter
from gateway.management.office import Actor, Office
from gateway.management.people import UserFilter
from gateway.store.keys import ID_PREFIX

from .history import Owned, Wish
from .kept import DAYS, Furnished, keep, kept_in
from .seeding import Places, Read, Store, count, write
from .settling import in_those_days, settle

AT_ONCE = 5_000
"""Requests written by one statement: others wait for it, and so does the end of the process."""

LOOK_SECONDS = 0.1

DEMO = Actor(kind="system", name="demo", permissions=permissions_of("owner"))
"""Who the audit log says it was."""

log = logs.get("gateway.demo")


class Furnishing:
    """Of one data directory, which a gateway holds."""

    def __init__(self, data_dir: Path, office: Office, store: Store, read: Read) -> None:
        self._data_dir, self._places = data_dir, Places(office, DEMO, store, read)
        self._doing: asyncio.Task[None] | None = None

    def begin(self, started_at_us: int, requests: int) -> None:
        """Have it done, once the gateway answers, with so many requests where no start has begun with others. What was
        asked since the start keeps nothing from being done."""
        self._doing = asyncio.create_task(self.run(started_at_us, requests))

    async def end(self) -> None:
        """Do no more of it: another start goes on from there."""
        if self._doing is not None:
            self._doing.cancel()
            await asyncio.wait((self._doing,))

    async def run(self, started_at_us: int, requests: int) -> None:
        """See to it. What keeps it from being done is told by the log: the gateway serves all the same."""
        try:
            running = None
            while running is None:
                await asyncio.sleep(LOOK_SECONDS)
                running = claims.find(self._data_dir)
            await self._furnish(started_at_us, requests)
        except GatewayError as error:
            log.warning("the demo stays as it is", reason=error.message)
        except Exception:  # the store or the disk: whatever it is, it is not the demo that matters
            log.exception("the demo stays as it is")

    async def _furnish(self, started_at_us: int, requests: int) -> None:
        known = kept_in(self._data_dir)
        if known is None and await self._is_empty(started_at_us):
            # That it has begun is kept first: what follows may end at any moment, and goes on another time.
            known = Furnished(until_us=time.time_ns() // 1000, requests=requests)
            await self._keep(known)
        if known is not None and not known.is_whole:
            await self._go_on(known)

    async def _go_on(self, known: Furnished) -> None:
        """The company, its keys and what is not written yet of its history."""
        places, wish = self._places, _wish(known)
        settled = await settle(in_those_days(places.office, wish.since_us), places.actor)
        secrets = {**known.secrets, **settled.secrets}
        for name in settled.keys.keys() - secrets.keys():
            secrets[name] = await self._another(settled.keys[name])
        known = replace(known, secrets=secrets)
        await self._keep(known)
        there = await count(places.read, known.until_us)
        await write(places, wish, settled.keys, lambda written: None, there=there)
        await self._keep(replace(known, is_whole=True))
        log.info("requests were made up for the demo", requests=wish.requests - there, days=wish.days)

    async def _another(self, owned: Owned) -> str:
        """Another secret for a key whose own was lost with a process."""
        places, key_id = self._places, (owned.key_id or "").removeprefix(ID_PREFIX)
        return (await keys.rotate_key(places.office, places.actor, key_id, None)).secret

    async def _is_empty(self, started_at_us: int) -> bool:
        office, actor = self._places.office, self._places.actor
        somebody = await people.list_users(office, actor, UserFilter(), after_id=None, limit=1)
        something = await keys.list_keys(office, actor, KeyFilter(), after_id=None, limit=1)
        return not somebody and not something and not await count(self._places.read, started_at_us)

    async def _keep(self, known: Furnished) -> None:
        await asyncio.to_thread(keep, self._data_dir, known)


def _wish(known: Furnished) -> Wish:
    return Wish(requests=known.requests, days=DAYS, until_us=known.until_us, at_once=AT_ONCE)

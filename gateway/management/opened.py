"""An office for whoever is not the control process: the supervisor at the start, commands.

Knows what an office is made of. Does not know which settings say where the state is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.management.office import Declared, Office
from gateway.store.generations import Generations, shared_file
from gateway.store.state import State, database_of, make_ready
from gateway.unlock import begin

PATIENCE_SECONDS = 120.0
"""How long one change may take: who imports everything, or seals it anew, waits for it, and is in nobody's way."""


@asynccontextmanager
async def open_office(declared: Declared) -> AsyncIterator[Office]:
    """An office over the state that the settings name, brought up to date. Raises StateUnusable, KeyUnusable."""
    settings = declared.settings
    where = database_of(settings)
    await asyncio.to_thread(make_ready, where)
    generations = Generations(shared_file(Path(settings.server.data_dir)))
    state = State(where, patience_seconds=PATIENCE_SECONDS)
    try:
        unlocked = await state.write(lambda session: begin(session, settings))
        yield Office(state, generations, unlocked.secrets, declared)
    finally:
        await state.close()
        generations.close()

"""A dashboard with providers: one of the file at a mock, pools as workers have them, and what is added by its forms."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from msgspec import structs

from gateway.assemble import providers_of
from gateway.management import configuration
from gateway.pools.board import Board
from gateway.records import Credential, Target
from gateway.routing.verdicts import Verdict
from gateway.settings.model import NetworkSettings, RestSettings
from gateway.settings.objects import CredentialSettings, ProviderSettings
from tests.gateway.management.crowd import add
from tests.gateway.shared.places import shared
from tests.web.store import Store
from tests.web.visiting import PASSWORD, House, Person, house_in

FIRST = Credential("filed", "first", "sk-of-the-file-1")
SPARE = Credential("filed", "spare", "sk-of-the-file-2")
GPT = Target("filed", "gpt-4o-mini")
"""A model that the mock has."""

AUTH = Verdict("next_credential", "credential", True, 600.0, "auth")
LIMITED = Verdict("next_credential", "model", True, 60.0, "rate_limit")

SECRET = "sk-canary-of-a-form"


class Supplied:
    """The dashboard, and what providers it goes by."""

    def __init__(self, house: House, board: Board) -> None:
        self.house, self.board = house, board

    async def follow(self) -> None:
        """Go by what is configured by now, as the control process does."""
        office = self.house.office
        found = await office.read(lambda session: configuration.configured(office, session))
        effective = found.effective
        self.house.around.providers = providers_of(effective.settings, effective.guarded, office.declared.settings)

    async def signed_in(self, role: str = "owner") -> Person:
        """Somebody with a role."""
        await add(self.house.office, role, role, password=PASSWORD)  # type: ignore[arg-type] # one of them
        return await self.house.signed_in(f"{role}@example.com")

    def rest(self, credential: Credential, verdict: Verdict, model: str | None = None) -> None:
        """Let it rest from now on."""
        self.board.rest(credential, model, verdict, self.house.office.now_us)


@asynccontextmanager
async def supplied(directory: Path, url: str, store: Store | None = None) -> AsyncIterator[Supplied]:
    """A dashboard over a database in `directory`; the provider of the file is at `url`."""
    with shared(directory / "pools.mmap") as memory:
        async with house_in(directory, store=store) as house:
            office = house.office
            filed = ProviderSettings(
                id="filed",
                format="openai_chat",
                base_url=f"{url}/v1",
                session_affinity=False,
                credentials=tuple(CredentialSettings(name=each.name, api_key=each.secret) for each in (FIRST, SPARE)),
            )
            network = NetworkSettings(allow=("127.0.0.1",))
            settings = structs.replace(office.declared.settings, providers=(filed,), network=network)
            origins = {f"credentials.filed/{name}": "sluicegate.toml:9" for name in ("first", "spare")}
            office.declared = replace(
                office.declared, settings=settings, origins={"providers.filed": "sluicegate.toml:3", **origins}
            )
            office.settings = settings
            made = Supplied(house, Board(memory, RestSettings(), 0))
            house.around.pools = made.board
            await made.follow()
            yield made

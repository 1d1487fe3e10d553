"""What pages need of the control process besides the office and the analytics store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.catalog.served import ServedList
from gateway.live.feed import Feed
from gateway.management.alerts import Telling
from gateway.management.limited import Counter
from gateway.management.models import ModelPrice, ModelView
from gateway.management.office import Actor
from gateway.management.probes import Found
from gateway.management.reloads import Reloads
from gateway.management.rests import Pools
from gateway.management.system import Inspecting
from gateway.records import ClientKey, Credential, JobReport, Price, Provider, RegistryState
from gateway.settings.model import Settings
from gateway.store.asking.queries import Queries
from web.burning import Ration


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A request that is not to be sent."""

    endpoint: str
    """Its path."""
    body: bytes
    model: str = ""
    """For a path with a model in it: the one that stands there."""
    key: str = ""
    """Name or id of the client key that would ask; empty for none, who may do everything."""
    holds: ClientKey | None = None
    """The same key, where whoever asks has shown it."""
    bodies: bool = False
    """Whether to tell what providers would be sent."""


class Foresight(Protocol):
    """What there is to be asked for, and what would become of it."""

    async def models(self, actor: Actor) -> Sequence[ModelView]:
        """Every model that somebody mentions, by provider and name. Raises NotPermitted."""

    def model(self, actor: Actor, provider: str, model: str) -> ModelView:
        """One of them, mentioned or not. Raises NotPermitted, UnknownResource."""

    def listed_price(self, actor: Actor, provider: str, model: str) -> ModelPrice | None:
        """What the registry says it costs, whatever the operator says. Raises NotPermitted."""

    def names(self, key: ClientKey) -> Iterable[str]:
        """What a client key may ask for by name: aliases, combos, models."""

    async def told(self, actor: Actor, inquiry: Inquiry) -> Mapping[str, Any]:
        """What would become of a request, in the words of the API. Raises GatewayError."""


class Answering(Protocol):
    """An answer that is coming in."""

    @property
    def status(self) -> int:
        """Its status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Names are found whatever their case."""

    @property
    def parts(self) -> AsyncIterator[bytes]:
        """Its bytes as they come. Raises UpstreamError."""


class Playing(Protocol):
    """The gateway, asked as a client asks it."""

    def asked(
        self, path: str, body: bytes, secret: str, *, shown: bool = False
    ) -> AbstractAsyncContextManager[Answering]:
        """The answer to a POST by a client key, refusals too; whoever leaves early leaves as a client does. With
        `shown` what is said on all sides is kept. Raises ControlUnavailable, UpstreamError."""


class Around(Protocol):
    """The control process, as pages see it."""

    @property
    def providers(self) -> Sequence[Provider]:
        """What requests are sent to, as configured at this moment."""

    @property
    def pools(self) -> Pools:
        """Where it is kept who rests."""

    def price_of(self, provider: str, model: str) -> Price | None:
        """What a model costs now; None where nobody said."""

    @property
    def foresight(self) -> Foresight:
        """What there is to be asked for, and what would become of it."""

    @property
    def playing(self) -> Playing:
        """Asks the gateway as a client does."""

    @property
    def rolled_until_us(self) -> int:
        """The midnight (UTC) up to which sums of days can be asked in place of requests; 0 while that is not known."""

    @property
    def oversight(self) -> Counter:
        """Whoever counts limits."""

    @property
    def queries(self) -> Queries:
        """Where SQL of people's own is run."""

    @property
    def reloads(self) -> Reloads:
        """The supervisor, as far as it reads settings."""

    @property
    def alerts(self) -> Telling:
        """Who is told that something is wrong, and how much is."""

    @property
    def feed(self) -> Feed:
        """What happens at this moment."""

    async def rations(self, key_ids: Collection[str] | None = None) -> Sequence[Ration]:
        """Every budget and quota, and what of it is used; empty while nobody can tell. Where keys are named, those
        alone that a request with one of them counts against, whatever its model."""

    async def ask(self, provider: Provider, credential: Credential, model: str, settings: Settings) -> Found:
        """Ask a provider with a credential for a model, or for its list of models. Raises InvalidRequest."""

    def listed(self, provider: Provider) -> ServedList | None:
        """The models that a provider says it serves; None where it has said nothing."""

    def ingest_state(self) -> Mapping[str, Any]:
        """How records get into the analytics store."""

    async def job_reports(self) -> Sequence[JobReport]:
        """Every job."""

    def run_job(self, name: str) -> None:
        """Have a job done now. Raises UnknownResource."""

    @property
    def inspection(self) -> Inspecting:
        """How the gateway is doing, and where it keeps things."""

    def registry_state(self) -> RegistryState:
        """How the registry of models and prices is doing."""

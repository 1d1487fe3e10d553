"""Trying out a provider and a credential: in use, or about to be.

Knows where they are found, who may, and what is told and remembered of it. How a provider is asked is handed in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Protocol

from msgspec import Meta, Struct, structs

from gateway.assemble import providers_of
from gateway.catalog.presets import presets
from gateway.errors import GatewayError, InvalidRequest, SettingsError, Unacceptable, UnknownResource
from gateway.management import configuration
from gateway.management.configured import Configured
from gateway.management.office import Actor, Office, Subject
from gateway.records import Credential, Provider
from gateway.settings.model import Settings
from gateway.settings.objects import CredentialSettings, ProviderSettings
from gateway.settings.providers import fill
from gateway.settings.section import Identifier, Section
from gateway.settings.shape import Wrong
from gateway.settings.stored import Kind, read_secret

SHOWN_MODELS = 50
"""Of a provider's list."""

Model = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        description="A model to be asked something very short; the list of models is asked for where unset.",
    ),
]


class ProbeWish(Section, frozen=True, kw_only=True):
    """What to ask a provider for."""

    model: Model | None = None


class CredentialProbeWish(ProbeWish, frozen=True, kw_only=True):
    """A credential that is not kept yet."""

    secrets = frozenset({"api_key"})

    provider: Annotated[Identifier, Meta(description="A provider that is configured, or of the catalogue.")]
    api_key: Annotated[str, Meta(min_length=1, max_length=16384, description="The secret. It is not kept.")]


class ProbeView(Struct, frozen=True, kw_only=True):
    """What came of asking a provider."""

    ok: bool
    status: Annotated[int | None, Meta(description="What the provider answered; null where it did not.")]
    latency_ms: Annotated[int, Meta(description="Until its last byte; connecting is part of it.")]
    error: Annotated[str | None, Meta(description="What went wrong, in the provider's words where it gave any.")]
    code: Annotated[str | None, Meta(description="The provider's code of the error, or one of ours.")]
    target: Annotated[str, Meta(description="What was asked for: method and address.")]
    models_count: Annotated[int | None, Meta(description="How many models the provider lists.")]
    models: Annotated[tuple[str, ...], Meta(description=f"The first {SHOWN_MODELS} of them.")]


class Found(Protocol):
    """How asking went."""

    @property
    def target(self) -> str:
        """What was asked for."""

    @property
    def latency_us(self) -> int:
        """How long it took, microseconds."""

    @property
    def status(self) -> int | None:
        """What was answered; None where nothing was."""

    @property
    def error(self) -> GatewayError | None:
        """What went wrong; its words hold no secret."""

    @property
    def models(self) -> Sequence[str]:
        """A list that was asked for."""


Ask = Callable[[Provider, Credential, str, Settings], Awaitable[Found]]
"""Asks a provider with a credential for a model, or for its list where that is empty. Raises InvalidRequest."""


async def try_credential(office: Office, actor: Actor, name: str, wish: ProbeWish, ask: Ask) -> ProbeView:
    """Ask with a credential in use, `provider/name`. Raises NotPermitted, UnknownResource, Unacceptable."""
    now = await _configured(office, actor)
    provider_id, _, own_name = name.partition("/")
    provider = _provider(now, provider_id)
    found = next((one for one in provider.credentials if one.name == own_name), None)
    if found is None:
        raise _missing(now, "credential", name)
    view = await _ask(office, now, structs.replace(provider, credentials=(found,)), wish, ask)
    await _note(office, actor, Subject("credential", name, name), wish, view)
    return view


async def try_provider(office: Office, actor: Actor, name: str, wish: ProbeWish, ask: Ask) -> ProbeView:
    """Ask a provider with its first credential, or without where it has none. Raises as `try_credential`."""
    now = await _configured(office, actor)
    view = await _ask(office, now, _provider(now, name), wish, ask)
    await _note(office, actor, Subject("provider", name, name), wish, view)
    return view


async def try_secret(office: Office, actor: Actor, wish: CredentialProbeWish, ask: Ask) -> ProbeView:
    """Ask with a secret that nobody has kept yet. Raises NotPermitted, Unacceptable."""
    now = await _configured(office, actor)
    try:
        secret = read_secret(wish.api_key, ("api_key",))
        provider = _known(now, wish.provider) or fill(ProviderSettings(id=wish.provider), (), presets())
    except Wrong as wrong:
        raise Unacceptable(f"{wrong.message}.", param=str(wrong.path[0]) if wrong.path else "provider") from None
    credential = CredentialSettings(name="new", api_key=secret)
    view = await _ask(office, now, structs.replace(provider, credentials=(credential,)), wish, ask)
    await _note(office, actor, Subject("provider", wish.provider, wish.provider), wish, view)
    return view


async def _configured(office: Office, actor: Actor) -> Configured:
    actor.require(configuration.WRITE)
    return await office.read(lambda session: configuration.configured(office, session))


def _known(now: Configured, name: str) -> ProviderSettings | None:
    return next((one for one in now.effective.settings.providers if one.id == name), None)


def _provider(now: Configured, name: str) -> ProviderSettings:
    found = _known(now, name)
    if found is None:
        raise _missing(now, "provider", name)
    return found


def _missing(now: Configured, kind: Kind, name: str) -> GatewayError:
    """Why something is not in use: it cannot be applied, or is not there."""
    problems = (one.reason for one in now.effective.problems if (one.kind, one.name) == (kind, name))
    if reason := next(problems, None):
        return Unacceptable(f"The {kind} `{name}` is not in use: {reason}.")
    return UnknownResource(f"There is no {kind} `{name}`.")


async def _ask(office: Office, now: Configured, said: ProviderSettings, wish: ProbeWish, ask: Ask) -> ProbeView:
    settings = structs.replace(now.effective.settings, providers=(said,))
    try:
        (provider,) = providers_of(settings, now.effective.guarded, office.declared.settings)
        first = provider.credentials[0] if provider.credentials else Credential(provider.id, "", "")
        found = await ask(provider, first, wish.model or "", settings)
    except SettingsError as error:
        raise Unacceptable(f"{error}.") from None
    except InvalidRequest as error:
        raise Unacceptable(error.message, param="model") from None
    return _view(found, lists=wish.model is None)


def _view(found: Found, *, lists: bool) -> ProbeView:
    error = found.error
    return ProbeView(
        ok=error is None,
        status=found.status,
        latency_ms=round(found.latency_us / 1000),
        error=None if error is None else error.message,
        code=None if error is None else error.code,
        target=found.target,
        models_count=len(found.models) if lists and error is None else None,
        models=tuple(found.models[:SHOWN_MODELS]),
    )


async def _note(office: Office, actor: Actor, subject: Subject, wish: ProbeWish, view: ProbeView) -> None:
    """That it was tried and how it went; of what was said, the log keeps nothing but a fingerprint."""
    said: dict[str, object] = {"ok": view.ok, "status": view.status, "code": view.code, "model": wish.model}
    if isinstance(wish, CredentialProbeWish):
        said["fingerprints"] = {"api_key": office.fingerprint(wish.api_key)}
    await office.change(actor, lambda change: change.note(f"{_action(wish, subject)}.test", subject, after=said))


def _action(wish: ProbeWish, subject: Subject) -> str:
    return "credential" if isinstance(wish, CredentialProbeWish) else subject.kind

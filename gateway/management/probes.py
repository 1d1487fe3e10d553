"""Trying out a provider and a credential: in use, or about to be.

Knows where they are found, who may, and what is told and remembered of it. How a provider is asked is handed in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Protocol
from uuid import uuid4

from msgspec import Meta, Struct, field, structs

from gateway.assemble import providers_of
from gateway.errors import GatewayError, InvalidRequest, SettingsError, Unacceptable, UnknownResource
from gateway.management import configuration
from gateway.management.configured import Configured
from gateway.management.office import Actor, Office, Subject
from gateway.records import Credential, Provider
from gateway.settings.model import Settings
from gateway.settings.objects import CredentialRules, ProviderSettings
from gateway.settings.section import Identifier, Pattern, Section
from gateway.settings.stored import Kind, StoredObject, part

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

    secrets = CredentialRules.secrets | {"api_key"}

    provider: Annotated[Identifier, Meta(description="A provider that is configured, or of the catalogue.")]
    api_key: Annotated[str, Meta(min_length=1, max_length=16384, description="The secret. It is not kept.")]
    proxy: Annotated[
        str, Meta(max_length=2000, description="Proxy to go through; `none` for no proxy; empty follows the provider.")
    ] = ""
    headers: Annotated[
        dict[Pattern, Annotated[str, Meta(max_length=8000)]],
        Meta(description="Headers to add, over those of the provider."),
    ] = field(default_factory=dict)


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
    view = await _ask(office, now, _holding(now, name), wish, ask)
    await _note(office, actor, Subject("credential", name, name), wish, view)
    return view


async def try_provider(office: Office, actor: Actor, name: str, wish: ProbeWish, ask: Ask) -> ProbeView:
    """Ask a provider with its first credential, or without where it has none. Raises as `try_credential`."""
    now = await _configured(office, actor)
    view = await _ask(office, now, _provider(now, name), wish, ask)
    await _note(office, actor, Subject("provider", name, name), wish, view)
    return view


async def try_secret(office: Office, actor: Actor, wish: CredentialProbeWish, ask: Ask) -> ProbeView:
    """Ask with a credential that nobody has kept yet. Raises NotPermitted, and Unacceptable where it could not be
    kept."""
    now = _with_provider(office, await _configured(office, actor), wish.provider)
    stored = _credential_of(wish)
    await configuration.check_new(office, now, stored)
    after = configuration.with_object(office, now, stored)
    view = await _ask(office, after, _holding(after, stored.name), wish, ask)
    await _note(office, actor, Subject("provider", wish.provider, wish.provider), wish, view)
    return view


def _with_provider(office: Office, now: Configured, name: str) -> Configured:
    """The same with a provider of the catalogue that nobody has set up. Raises Unacceptable where it cannot be used."""
    if _known(now, name) is None and ("provider", name) not in now.objects:
        now = configuration.with_object(office, now, StoredObject("provider", name, {}))
    if _known(now, name) is None:
        raise Unacceptable(_missing(now, "provider", name).message, param="provider")
    return now


def _credential_of(wish: CredentialProbeWish) -> StoredObject:
    """What would be kept of it, under a name that no other has."""
    values = {name: getattr(wish, name) for name in wish.secrets}
    return StoredObject("credential", f"{wish.provider}/{uuid4().hex}", *part("credential", "", values))


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


def _holding(now: Configured, name: str) -> ProviderSettings:
    """A provider with one of its credentials and no other, `provider/name`."""
    provider_id, _, own_name = name.partition("/")
    provider = _provider(now, provider_id)
    found = tuple(one for one in provider.credentials if one.name == own_name)
    if not found:
        raise _missing(now, "credential", name)
    return structs.replace(provider, credentials=found)


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
        secrets = _credential_of(wish).secrets
        said["fingerprints"] = {place: office.fingerprint(secret) for place, secret in secrets.items()}
    await office.change(actor, lambda change: change.note(f"{_action(wish, subject)}.test", subject, after=said))


def _action(wish: ProbeWish, subject: Subject) -> str:
    return "credential" if isinstance(wish, CredentialProbeWish) else subject.kind

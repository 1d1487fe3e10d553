"""Credentials of providers over HTTP, and whether they are accepted."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from gateway.management import probes
from gateway.management.configured import CredentialView, CredentialWish
from gateway.management.office import Office
from gateway.management.probes import CredentialProbeWish, ProbeView, ProbeWish

from .objects import WRITE, ObjectQuery, Resource, operations_of
from .operation import Asked, Operation
from .patches import Headers, patch_of
from .probes import ask
from .schemas import Id

TAG = "credentials"


class CredentialQuery(ObjectQuery, frozen=True, kw_only=True):
    """Which credentials."""

    provider: Annotated[Id | None, Meta(description="Whose.")] = None


CredentialChange = msgspec.defstruct(
    "CredentialChange",
    [("headers", Headers | UnsetType, UNSET)],
    bases=(patch_of(CredentialWish, "provider", "name", "headers"),),
    module=__name__,
    namespace={
        "__doc__": "What is to be different. Headers that are not named stay as they are, `null` takes one away; the "
        "secret stays too, where no other is given. With another proxy both must be given anew."
    },
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
)

RESOURCE = Resource(
    kind="credential",
    tag=TAG,
    a="a credential",
    some="credentials",
    wish=CredentialWish,
    change=CredentialChange,
    view=CredentialView,
    query=CredentialQuery,
    about="Secrets are shown as fingerprints: equal ones have equal fingerprints.",
)


async def try_credential(asked: Asked[Office, ProbeWish, None]) -> ProbeView:
    """A credential in use."""
    return await probes.try_credential(asked.office, asked.actor, RESOURCE.named(asked), asked.body, ask)


async def try_secret(asked: Asked[Office, CredentialProbeWish, None]) -> ProbeView:
    """A secret that is not kept."""
    return await probes.try_secret(asked.office, asked.actor, asked.body, ask)


OPERATIONS = (
    *operations_of(RESOURCE),
    Operation(
        method="POST",
        path="/api/credentials/{provider}/{name}/test",
        id="test_credential",
        summary="Ask a provider with a credential",
        description="A real, small request: the provider's list of models, or a few tokens of the model that is named. "
        "What goes wrong is in the answer.",
        tag=TAG,
        permission=WRITE,
        body=ProbeWish,
        answer=ProbeView,
        run=try_credential,
    ),
    Operation(
        method="POST",
        path="/api/credentials/test",
        id="test_secret",
        summary="Try a secret before it is kept",
        description="The same with a secret that nothing else becomes of, through a proxy and with headers of its own "
        "where these are given. What could not be kept is not tried.",
        tag=TAG,
        permission=WRITE,
        body=CredentialProbeWish,
        answer=ProbeView,
        run=try_secret,
    ),
)

"""A provider together with its credentials: set up with the first one, and taken away with all of them, in one change.

Knows what belongs together. What holds of each object is `configuration`'s business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from gateway.errors import GatewayError
from gateway.management import configuration, reaching
from gateway.management.configuration import WRITE, Placed
from gateway.management.configured import Configured, View
from gateway.management.office import Actor, Change, Office

FIRST = "credential."
"""What the names of fields begin with of a credential that is made together with its provider."""


async def create_provider(
    office: Office, actor: Actor, values: Mapping[str, Any], credential: Mapping[str, Any] | None
) -> View | None:
    """A new provider and its first credential, where one is given: both are there from now on, or neither is.

    Raises as `configuration.create_object`; what is wrong with the credential is named with FIRST in front.
    """
    actor.require(WRITE)
    before = await office.read(lambda session: configuration.configured(office, session))
    provider, *others = _equipped(office, before, values, credential)
    # Names are looked up before the transaction, which waits for nobody, and only for what holds so far.
    await reaching.check(office.declared.settings, provider.stored, None)
    with _of_the_first():
        for placed in others:
            await reaching.check(office.declared.settings, placed.stored, None)

    def perform(change: Change) -> View | None:
        for placed in _equipped(office, configuration.configured(office, change.session), values, credential):
            configuration.put(change, placed, None)
            configuration.note(office, change, placed.stored, None)
        return configuration.configured(office, change.session).view("provider", provider.stored.name)

    return await office.change(actor, perform)


async def delete_provider(office: Office, actor: Actor, name: str, version: int | None) -> None:
    """The database says nothing of a provider any more, nor of its credentials. Raises as
    `configuration.delete_object`."""
    actor.require(WRITE)

    def perform(change: Change) -> None:
        before = configuration.configured(office, change.session)
        provider = configuration.changeable(before, "provider", name, version)
        held = (one for one in before.objects.values() if one.kind == "credential")
        credentials = [one for one in held if one.name.startswith(f"{name}/")]
        configuration.forget(office, change, before, [*credentials, provider])

    await office.change(actor, perform)


def _equipped(
    office: Office, before: Configured, values: Mapping[str, Any], credential: Mapping[str, Any] | None
) -> list[Placed]:
    """A new provider and its first credential, each checked as if it was added after the other."""
    provider = configuration.new_object(before, "provider", values)
    configuration.check_placed(office, before, provider)
    if credential is None:
        return [provider]
    before = configuration.with_object(office, before, provider.stored)
    with _of_the_first():
        named = {**credential, "provider": provider.stored.name}
        first = configuration.new_object(before, "credential", named)
        configuration.check_placed(office, before, first)
    return [provider, first]


@contextmanager
def _of_the_first() -> Iterator[None]:
    try:
        yield
    except GatewayError as error:
        error.param = None if error.param is None else f"{FIRST}{error.param}"
        raise

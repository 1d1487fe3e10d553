"""Taking the state out of a gateway, as one document.

Secrets in it are sealed: by the vault's key, so that only this gateway or one with the same key can use them, or by a
passphrase, so that another can. Whoever knows the passphrase has the secrets, which nobody is shown otherwise: that is
for owners.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta, Struct

from gateway import __version__
from gateway.credentials.passphrase import LEAST_CHARACTERS, key_of, make_salt
from gateway.credentials.vault import Vault
from gateway.management.documents import (
    FORMAT,
    SECTIONS,
    VERSION,
    SectionName,
    StateDocument,
    hide,
    read_present,
    seal,
    write_objects,
)
from gateway.management.office import Actor, Change, Office, Subject
from gateway.management.recipients import places_of
from gateway.settings.instants import write_instant
from gateway.settings.section import Section

READ = "system:write"

NEEDED: Mapping[SectionName, str] = {
    "configuration": "configuration:write",
    "keys": "keys:write",
    "people": "people:write",
}
"""What one must be allowed to take a section out, or to bring it in."""

OWNERS_ONLY = "people:owner"

Passphrase = Annotated[
    str,
    Meta(
        min_length=LEAST_CHARACTERS,
        max_length=1024,
        description="Seals the secrets, so that another gateway can open them.",
    ),
]
Sections = Annotated[tuple[SectionName, ...], Meta(min_length=1, description="What of the state.")]


class ExportWish(Section, frozen=True, kw_only=True):
    """What is to be taken out, and who can open it."""

    secrets = frozenset({"passphrase"})

    sections: Sections = SECTIONS
    passphrase: Passphrase | None = None


class Opened(Struct, frozen=True):
    """A vault that a passphrase opens."""

    vault: Vault
    salt: bytes


async def export(office: Office, actor: Actor, wish: ExportWish) -> StateDocument:
    """The document. Raises NotPermitted, Conflict where something cannot be opened, StateUnavailable."""
    check_permitted(actor, wish.sections)
    opened = None
    if wish.passphrase is not None:
        actor.require(OWNERS_ONLY)
        salt = make_salt()
        opened = Opened(await open_by(wish.passphrase, salt), salt)
    return await office.change(actor, lambda change: _exported(office, change, wish, opened))


def check_permitted(actor: Actor, sections: tuple[SectionName, ...]) -> None:
    """Raises NotPermitted for a section that the actor may not take out or bring in."""
    actor.require(READ)
    for section in sections:
        actor.require(NEEDED[section])


async def open_by(passphrase: str, salt: bytes) -> Vault:
    """The vault of a passphrase. ValueError for a salt that is none."""
    return Vault(await asyncio.to_thread(key_of, passphrase, salt))


def _exported(office: Office, change: Change, wish: ExportWish, opened: Opened | None) -> StateDocument:
    present = read_present(change.session, change.vault)
    places = places_of(office.declared.settings, present.objects.values())
    hidden = hide(present, wish.sections, office.secrets.keys, places)
    sealed = seal(hidden, change.vault) if opened is None else seal(hidden, opened.vault, opened.salt)
    after = {"sections": list(wish.sections), "sealed_by": sealed.by}
    change.note("state.export", Subject("state"), after=after)
    return StateDocument(
        format=FORMAT,
        version=VERSION,
        made_at=write_instant(change.now_us),
        gateway=__version__,
        configuration=write_objects(present) if "configuration" in wish.sections else None,
        keys=tuple(present.keys.values()) if "keys" in wish.sections else None,
        people=present.people if "people" in wish.sections else None,
        sealed=sealed,
    )

"""The state of a gateway as one document, out and in."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from gateway.errors import Conflict
from gateway.management import export, importing
from gateway.management.documents import SECTIONS, SectionName, StateDocument
from gateway.management.export import ExportWish
from gateway.management.importing import ImportReport, ImportWish
from gateway.management.office import Office

from .operation import Answer, Asked, Operation
from .schemas import Query

TAG = "export"
FILE_NAME = ("content-disposition", 'attachment; filename="sluicegate-export.json"')

MOST_DOCUMENT_BYTES = 64 * 1024 * 1024

ABOUT = (
    "Providers, credentials, aliases, combos, prices and settings of the database; client keys, by their digests; "
    "users and teams. Not in it: what the configuration file says, API tokens, sessions, usage and the audit log. "
)


class ExportQuery(Query, frozen=True, kw_only=True):
    """What of the state."""

    sections: Annotated[tuple[SectionName, ...], Meta(min_length=1, description="What of the state.")] = SECTIONS


async def export_state(asked: Asked[Office, None, ExportQuery]) -> Answer:
    """Sealed by the gateway's own key."""
    document = await export.export(asked.office, asked.actor, ExportWish(sections=asked.query.sections))
    return Answer(of=document, headers=(FILE_NAME,))


async def export_state_with(asked: Asked[Office, ExportWish, None]) -> Answer:
    """Sealed by a passphrase, where one is said."""
    return Answer(of=await export.export(asked.office, asked.actor, asked.body), headers=(FILE_NAME,))


async def import_state(asked: Asked[Office, ImportWish, None]) -> ImportReport:
    """All of it or nothing."""
    return await importing.import_document(asked.office, asked.actor, asked.body)


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/export",
        id="export_state",
        summary="Export the state",
        description=f"{ABOUT}Secrets are sealed by the vault's key: only a gateway with the same key can use them.",
        tag=TAG,
        permission=export.READ,
        query=ExportQuery,
        answer=StateDocument,
        errors=(Conflict,),
        run=export_state,
    ),
    Operation(
        method="POST",
        path="/api/export",
        id="export_state_with_passphrase",
        summary="Export the state for another gateway",
        description=f"{ABOUT}With a passphrase, which is for owners, secrets are sealed by it: whoever knows it has "
        "them. Digests of client keys are made under a secret of the gateway, which is among them.",
        tag=TAG,
        permission=export.READ,
        body=ExportWish,
        answer=StateDocument,
        errors=(Conflict,),
        run=export_state_with,
    ),
    Operation(
        method="POST",
        path="/api/import",
        id="import_state",
        summary="Import a document",
        description="All of it in one transaction; a document that does not fit changes nothing, and the problem says "
        "where it is wrong. Client keys of a gateway with another secret are refused: `sluicegate import` brings them "
        "into a new gateway.",
        tag=TAG,
        permission=export.READ,
        body=ImportWish,
        answer=ImportReport,
        errors=(Conflict,),
        max_body_bytes=MOST_DOCUMENT_BYTES,
        run=import_state,
    ),
)

"""One-time links within a change: made, looked at, used. What somebody may do with one is decided by who calls.

Knows the table they are kept in. Of a link's token only the digest is there.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from gateway.access import invitations
from gateway.access.invitations import Purpose
from gateway.errors import UnknownResource
from gateway.management.office import Change
from gateway.settings.instants import write_instant
from gateway.settings.section import Section
from gateway.store.session import Row, Session

PAGES: dict[Purpose, str] = {"setup": "/setup", "password": "/password"}
"""Where a link leads to."""

UNKNOWN = "This link was used, has had its time, or was replaced by a newer one. Ask for another."


class LinkView(Section, frozen=True, kw_only=True):
    """A link just made."""

    secrets = frozenset({"token"})

    token: Annotated[str, Meta(description="What the link carries. It is not shown again.")]
    purpose: Annotated[Purpose, Meta(description="`setup` makes the first owner, `password` lets a user choose one.")]
    email: Annotated[str | None, Meta(description="Of the user whom it is for.")]
    expires_at: Annotated[str, Meta(description="Instant from which it no longer works.")]


class LinkWish(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A link as somebody wants it."""

    hours: Annotated[float, Meta(gt=0, le=72, description="How long the link works, unless it is used before.")] = 1.0


def path_of(link: LinkView) -> str:
    """Where a link leads to, within the gateway."""
    return f"{PAGES[link.purpose]}?token={link.token}"


def issue(change: Change, key: bytes, purpose: Purpose, user: Row | None, *, hours: float | None = None) -> LinkView:
    """A new link, for a user or for nobody yet; earlier ones for the same are void. Raises Unacceptable."""
    life_us = None if hours is None else int(hours * invitations.HOUR_US)
    link = invitations.make(purpose, key, change.now_us, life_us=life_us)
    user_id = user["id"] if user else None
    void(change, purpose, user_id)
    change.session.run(
        "invitations/create",
        {
            "digest": link.digest,
            "purpose": purpose,
            "user_id": user_id,
            "now_us": change.now_us,
            "expires_at": link.expires_at_us,
        },
    )
    return LinkView(
        token=link.token,
        purpose=purpose,
        email=user["email"] if user else None,
        expires_at=write_instant(link.expires_at_us),
    )


def void(change: Change, purpose: Purpose, user_id: str | None) -> None:
    """What was made for this purpose, for this user or for nobody yet, does nothing any more."""
    change.session.run("invitations/void", {"purpose": purpose, "user_id": user_id})


def presented(session: Session, digest: bytes | None, purpose: Purpose, now_us: int) -> Row:
    """What is kept of a link that may still be used. Raises UnknownResource."""
    row = digest and session.row("invitations/presented", {"digest": digest, "purpose": purpose, "now_us": now_us})
    if not row:
        raise UnknownResource(UNKNOWN)
    return row


def use(change: Change, digest: bytes | None, purpose: Purpose) -> Row:
    """What is kept of a link, which is used up now. Raises UnknownResource."""
    row = presented(change.session, digest, purpose, change.now_us)
    change.session.run("invitations/use", {"digest": digest, "now_us": change.now_us})
    return row


def forget_expired(session: Session, now_us: int) -> None:
    """Delete the links that have had their time."""
    session.run("invitations/forget_expired", {"now_us": now_us})

"""Links that work once: the one that makes the first owner, and those with which people choose a password. Knows what
they carry and how long they live, not where they are kept.

Only the digest of a link's token is kept. Using one marks it in the transaction that does what it is for, so that two
people with the same link cannot both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gateway.access.tokens import digest, kind_of, make_link_token
from gateway.errors import Unacceptable

Purpose = Literal["setup", "password"]

HOUR_US = 3_600_000_000

LIFE_US: dict[Purpose, int] = {"setup": 24 * HOUR_US, "password": HOUR_US}
"""`setup`: printed at the first start, for whoever installs the gateway that day; a restart prints a new one.
`password`: made while somebody waits for it."""

LONGEST_US = 72 * HOUR_US
"""For an invitation that is to lie in somebody's mailbox over a weekend."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link just made. `token` is told once and goes into the address; its `repr` never shows it."""

    token: str
    digest: bytes
    purpose: Purpose
    created_at_us: int
    expires_at_us: int

    def __repr__(self) -> str:
        return f"Link(purpose={self.purpose!r}, expires_at_us={self.expires_at_us})"


@dataclass(frozen=True, slots=True)
class Invitation:
    """What is kept of a link."""

    purpose: Purpose
    user_id: str | None
    expires_at_us: int
    used_at_us: int | None = None


def make(purpose: Purpose, key: bytes, now_us: int, *, life_us: int | None = None) -> Link:
    """A new link, its digest under the server's key. It lives as `LIFE_US` says unless told otherwise; raises
    Unacceptable for more than 72 hours or none at all."""
    life = LIFE_US[purpose] if life_us is None else life_us
    if not 0 < life <= LONGEST_US:
        raise Unacceptable(f"A link may live up to {LONGEST_US // HOUR_US} hours.", param="life")
    token = make_link_token()
    return Link(token, digest(token.encode("ascii"), key), purpose, now_us, now_us + life)


def digest_of(token: str, key: bytes) -> bytes | None:
    """What to look a link up by; None for a text that is none of ours."""
    return digest(token.encode("ascii"), key) if kind_of(token) == "link" else None


def is_valid(invitation: Invitation | None, purpose: Purpose, now_us: int) -> bool:
    """Whether a link still does what it is to be used for."""
    if invitation is None or invitation.purpose != purpose:
        return False
    return invitation.used_at_us is None and now_us < invitation.expires_at_us

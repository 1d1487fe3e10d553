"""A link works once, for one purpose, for a while."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.access import invitations
from gateway.access.invitations import HOUR_US, Invitation
from gateway.access.tokens import make_api_token
from gateway.errors import Unacceptable

KEY = b"k" * 32
NOW = 1_800_000_000_000_000
PENDING = Invitation("password", "user", NOW + HOUR_US)


def test_a_link_is_found_by_its_token_and_nothing_else_is_kept() -> None:
    link = invitations.make("setup", KEY, NOW)
    assert invitations.digest_of(link.token, KEY) == link.digest
    assert link.token not in repr(link)
    assert link.token.encode() not in link.digest


@pytest.mark.parametrize(("purpose", "hours"), [("setup", 24), ("password", 1)])
def test_links_live_as_long_as_their_purpose_says(purpose: invitations.Purpose, hours: int) -> None:
    link = invitations.make(purpose, KEY, NOW)
    assert (link.created_at_us, link.expires_at_us) == (NOW, NOW + hours * HOUR_US)


def test_a_link_may_be_given_another_life_within_bounds() -> None:
    assert invitations.make("password", KEY, NOW, life_us=72 * HOUR_US).expires_at_us == NOW + 72 * HOUR_US
    for life in (0, -1, 72 * HOUR_US + 1):
        with pytest.raises(Unacceptable, match="72 hours"):
            invitations.make("password", KEY, NOW, life_us=life)


@pytest.mark.parametrize("token", ["", "é", "slg-lnk-", make_api_token().secret])
def test_other_texts_are_no_link(token: str) -> None:
    assert invitations.digest_of(token, KEY) is None


def test_a_link_is_valid_until_it_is_used_or_too_old() -> None:
    assert invitations.is_valid(PENDING, "password", NOW)
    assert invitations.is_valid(PENDING, "password", NOW + HOUR_US - 1)
    assert not invitations.is_valid(PENDING, "password", NOW + HOUR_US)
    assert not invitations.is_valid(replace(PENDING, used_at_us=NOW), "password", NOW)


def test_a_link_does_nothing_but_what_it_is_for() -> None:
    assert not invitations.is_valid(PENDING, "setup", NOW)
    assert not invitations.is_valid(None, "setup", NOW)

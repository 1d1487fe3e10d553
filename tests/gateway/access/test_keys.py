"""A key is found by what the client presents, and kept nowhere."""

from __future__ import annotations

import pytest

from gateway.access.keys import KeyRing
from gateway.errors import InvalidKey
from gateway.records import ClientKey

TEAM = ClientKey("team", id="team")
RING = KeyRing([("sk-team-key", TEAM)])


@pytest.mark.parametrize(
    "headers",
    [
        {b"authorization": b"Bearer sk-team-key"},
        {b"authorization": b"bearer  sk-team-key "},
        {b"x-api-key": b"sk-team-key"},
        {b"authorization": b"Basic xyz", b"x-api-key": b"sk-team-key"},
    ],
)
def test_a_key_is_found_where_clients_put_it(headers: dict[bytes, bytes]) -> None:
    assert RING.get(headers) is TEAM


@pytest.mark.parametrize(
    "headers",
    [{}, {b"authorization": b"Bearer "}, {b"authorization": b"Bearer sk-team-ke"}, {b"authorization": b"sk-team-key"}],
)
def test_anything_else_is_refused(headers: dict[bytes, bytes]) -> None:
    with pytest.raises(InvalidKey):
        RING.get(headers)


def test_two_rings_keep_different_digests_and_no_key() -> None:
    other = KeyRing([("sk-team-key", TEAM)])
    assert other._keys.keys().isdisjoint(RING._keys)
    assert "sk-team-key" not in repr(vars(KeyRing)) + repr(RING._keys)
    assert RING.find(b"nothing") is None

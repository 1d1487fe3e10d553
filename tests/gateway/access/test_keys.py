"""A key is found by what the client presents, is refused when it may not be used, and is kept nowhere."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace

import pytest

from gateway.access.keys import KeyRing
from gateway.access.tokens import digest, make_client_key
from gateway.errors import GatewayError, InvalidKey, KeyExpired, KeyPaused, StateUnavailable
from gateway.records import ClientKey, IssuedKey

SECRET = b"s" * 32
TEAM = ClientKey("team", id="team")
RING = KeyRing(SECRET, [("sk-team-key", TEAM)])

STORED = ClientKey("stored", id="key:1")
OTHER = ClientKey("other", id="key:2")


def issued(secret: str, key: ClientKey = STORED, *, revoked: bool = False) -> IssuedKey:
    return IssuedKey(digest(secret.encode(), SECRET), key, revoked)


def bearer(secret: str) -> dict[bytes, bytes]:
    return {b"authorization": b"Bearer " + secret.encode()}


def found(ring: KeyRing, secret: str) -> ClientKey | None:
    return ring.find(secret.encode())


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
    other = KeyRing(b"another", [("sk-team-key", TEAM)])
    assert other._keys.keys().isdisjoint(RING._keys)
    assert "sk-team-key" not in repr(vars(KeyRing)) + repr(RING._keys)
    assert RING.find(b"nothing") is None


# Keys of the database


def test_keys_come_and_go_and_change() -> None:
    ring = KeyRing(SECRET)
    assert ring.update([issued("sk-1"), issued("sk-2", OTHER)], whole=True) == frozenset()
    assert (found(ring, "sk-1"), found(ring, "sk-2")) == (STORED, OTHER)
    narrow = replace(STORED, models=("a",))
    assert ring.update([issued("sk-1", narrow)]) == frozenset()
    assert found(ring, "sk-1") is ring.now("key:1") is narrow
    ring.update([issued("sk-1", narrow, revoked=True)])
    assert found(ring, "sk-1") is ring.now("key:1") is None
    assert found(ring, "sk-2") is OTHER
    ring.update([issued("sk-9", revoked=True)])


def test_another_secret_takes_the_place_of_the_first() -> None:
    ring = KeyRing(SECRET)
    ring.update([issued("sk-old")])
    assert ring.update([issued("sk-new")]) == {"key:1"}
    assert found(ring, "sk-old") is None
    assert found(ring, "sk-new") is STORED


def test_what_is_said_to_be_all_drops_the_rest() -> None:
    ring = KeyRing(SECRET, [("sk-team-key", TEAM)])
    ring.update([issued("sk-1"), issued("sk-2", OTHER)])
    ring.update([issued("sk-2", OTHER)], whole=True)
    assert found(ring, "sk-1") is None
    assert found(ring, "sk-2") is OTHER
    assert found(ring, "sk-team-key") is TEAM


# Keys of the configuration file


def test_the_configuration_file_may_say_other_keys() -> None:
    ring = KeyRing(SECRET, [("sk-a", TEAM), ("sk-b", OTHER)])
    ring.update([issued("sk-1")])
    assert ring.say([("sk-new", TEAM)]) == {"team"}
    assert (found(ring, "sk-a"), found(ring, "sk-b"), found(ring, "sk-new")) == (None, None, TEAM)
    assert found(ring, "sk-1") is STORED, "the database's stay"


def test_two_keys_may_exchange_their_secrets() -> None:
    ring = KeyRing(SECRET, [("sk-a", TEAM), ("sk-b", OTHER)])
    assert ring.say([("sk-b", TEAM), ("sk-a", OTHER)]) == {"team", "key:2"}
    assert (found(ring, "sk-a"), found(ring, "sk-b")) == (OTHER, TEAM)


def test_a_key_in_file_and_database_is_the_file_s_for_as_long_as_it_stands_there() -> None:
    ring = KeyRing(SECRET)
    ring.update([issued("sk-1")])
    ring.say([("sk-1", TEAM)])
    assert found(ring, "sk-1") is ring.now("team") is TEAM
    assert ring.now("key:1") is None
    ring.update([issued("sk-1", replace(STORED, strict=True))])
    assert found(ring, "sk-1") is TEAM
    ring.say([])
    assert found(ring, "sk-1") is ring.now("key:1") is not None
    assert ring.now("team") is None


def test_another_secret_of_the_server_knows_the_file_s_keys_alone() -> None:
    ring = KeyRing(b"of this process", [("sk-a", TEAM)])
    ring.rekey(SECRET, [("sk-a", TEAM)])
    assert found(ring, "sk-a") is TEAM
    ring.update([issued("sk-1")])
    assert found(ring, "sk-1") is STORED


# Keys that may not be used


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"paused": True}, KeyPaused),
        ({"expires_at_us": 1_000}, KeyExpired),
        ({"expires_at_us": 999, "paused": True}, KeyExpired),
    ],
)
def test_a_key_may_be_refused_for_now_or_for_good(changes: dict[str, int], error: type[GatewayError]) -> None:
    ring = KeyRing(SECRET, [("sk-a", replace(TEAM, **changes))], clock=lambda: 1_000_000)  # type: ignore[arg-type]
    with pytest.raises(error):
        ring.get(bearer("sk-a"))
    assert found(ring, "sk-a") is None
    assert ring.now("team") is not None, "it is there"


def test_time_comes_once_for_each_key() -> None:
    moments = iter((9, 10, 11, 25, 30))
    ring = KeyRing(SECRET, clock=lambda: next(moments) * 1000)
    ring.say([("sk-a", replace(TEAM, expires_at_us=10)), ("sk-b", replace(OTHER, expires_at_us=20))])
    assert [ring.has_expired() for _ in range(5)] == [False, True, False, True, False]


def test_in_doubt_an_unknown_key_is_not_called_wrong() -> None:
    ring = KeyRing(SECRET, [("sk-a", TEAM)])
    ring.doubtful = True
    assert ring.get(bearer("sk-a")) is TEAM
    with pytest.raises(StateUnavailable) as raised:
        ring.get(bearer("sk-unknown"))
    assert raised.value.retry_after == 1
    with pytest.raises(InvalidKey, match="You didn't provide"):
        ring.get({})


def refused_within(ring: KeyRing, headers: dict[bytes, bytes]) -> int:
    """Nanoseconds until a key is refused."""
    begun = time.perf_counter_ns()
    try:
        ring.get(headers)
    except InvalidKey:
        return time.perf_counter_ns() - begun
    raise AssertionError("it was not")


def test_a_refusal_takes_as_long_for_a_key_that_begins_like_one_there_is() -> None:
    keys = [make_client_key().secret for _ in range(1000)]
    ring = KeyRing(SECRET)
    ring.update([issued(secret, ClientKey("k", id=f"key:{number}")) for number, secret in enumerate(keys)])
    alike = [bearer(secret[:-4] + "aaaa") for secret in keys]
    unlike = [bearer(make_client_key().secret) for _ in keys]
    times: tuple[list[int], list[int]] = ([], [])
    for both in (*zip(alike, unlike, strict=True),) * 4:
        for headers, taken in zip(both, times, strict=True):
            taken.append(refused_within(ring, headers))
    shorter, longer = sorted(statistics.median(taken) for taken in times)
    assert longer / shorter <= 1.05

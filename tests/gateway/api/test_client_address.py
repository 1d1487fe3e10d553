"""Who asks, where proxies stand in between: they are believed as far as they are trusted, and no further."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.api.client_address import Seen, TrustedProxies, read_address

PROXIES = ("10.0.0.0/8", "192.168.1.1", "fd00::/8")
CLIENT, PROXY, INNER, OTHER = "203.0.113.7", "10.0.0.1", "10.9.9.9", "198.51.100.9"


def scope(peer: str | None, *headers: tuple[str, str], **more: object) -> dict[str, Any]:
    """A request from this peer."""
    said = [(b"host", b"gate.example:8080"), *((name.encode(), value.encode("latin-1")) for name, value in headers)]
    return {"client": (peer, "1234") if peer else None, "headers": said, "scheme": "http", **more}


def for_(*values: str) -> list[tuple[str, str]]:
    return [("x-forwarded-for", value) for value in values]


@pytest.mark.parametrize(
    ("peer", "values", "address"),
    [
        (CLIENT, [], CLIENT),
        (CLIENT, [OTHER], CLIENT),
        (CLIENT, [PROXY], CLIENT),
        (PROXY, [], PROXY),
        (PROXY, [CLIENT], CLIENT),
        (PROXY, [f"{OTHER}, {CLIENT}"], CLIENT),
        (PROXY, [OTHER, CLIENT], CLIENT),
        (PROXY, [f"{OTHER}, {CLIENT}, {INNER}"], CLIENT),
        (PROXY, [f"{OTHER}, {CLIENT}", INNER], CLIENT),
        (PROXY, [f"{INNER}, {CLIENT}, {INNER}, {INNER}"], CLIENT),
        (PROXY, [f"{INNER}, {PROXY}"], INNER),
        (PROXY, ["127.0.0.1"], "127.0.0.1"),
        # ports, brackets, other ways to write an address
        (PROXY, [f"{CLIENT}:4711"], CLIENT),
        (PROXY, ["2001:db8::7"], "2001:db8::7"),
        (PROXY, ["[2001:db8::7]"], "2001:db8::7"),
        (PROXY, ["[2001:db8::7]:4711"], "2001:db8::7"),
        (PROXY, ["2001:DB8:0:0::7"], "2001:db8::7"),
        (PROXY, [f"::ffff:{CLIENT}"], CLIENT),
        (PROXY, [f" {CLIENT}\t"], CLIENT),
        (f"::ffff:{PROXY}", [CLIENT], CLIENT),
        (f"::ffff:{CLIENT}", [OTHER], CLIENT),
        ("fd00::1", ["2001:db8::7"], "2001:db8::7"),
        ("192.168.1.1", [CLIENT], CLIENT),
        ("192.168.1.2", [CLIENT], "192.168.1.2"),
        # what is no address ends it where it stands
        (PROXY, ["unknown"], PROXY),
        (PROXY, [""], PROXY),
        (PROXY, [","], PROXY),
        (PROXY, [f"{CLIENT}, unknown"], PROXY),
        (PROXY, [f"{CLIENT}, nonsense, {INNER}"], INNER),
        (PROXY, [f"{CLIENT},,{INNER}"], INNER),
        (PROXY, [f"unknown, {CLIENT}"], CLIENT),
        (PROXY, ["_hidden"], PROXY),
        (PROXY, [f'"{CLIENT}"'], PROXY),
        (PROXY, [f"for={CLIENT}"], PROXY),
        (PROXY, [f"{CLIENT};x"], PROXY),
        (PROXY, [f"{CLIENT}:"], PROXY),
        (PROXY, [f"{CLIENT}:99999999"], PROXY),
        (PROXY, [f"{CLIENT} {OTHER}"], PROXY),
        (PROXY, ["203.0.113.007"], PROXY),
        (PROXY, ["0xcb007107"], PROXY),
        (PROXY, ["203.0.113"], PROXY),
        (PROXY, ["fe80::1%eth0"], PROXY),
        (PROXY, ["fe80::1%<script>"], PROXY),
        (PROXY, ["[2001:db8::7"], PROXY),
        (PROXY, ["2001:db8::7]"], PROXY),
        (PROXY, ["\xe9"], PROXY),
        # a Unix socket is trusted where it is named
        (None, [CLIENT], None),
    ],
)
def test_the_client_is_the_right_most_address_that_is_not_trusted(
    peer: str | None, values: list[str], address: str | None
) -> None:
    assert TrustedProxies(PROXIES).address_of(scope(peer, *for_(*values))) == address


def test_a_unix_socket_is_believed_where_it_is_trusted() -> None:
    trusting = TrustedProxies(("unix", "10.0.0.0/8"))
    assert trusting.address_of(scope(None, *for_(f"{CLIENT}, {INNER}"))) == CLIENT
    assert trusting.address_of(scope(None)) is None
    assert trusting.address_of(scope("", *for_(CLIENT))) == CLIENT
    assert TrustedProxies(("unix",)).address_of(scope(PROXY, *for_(CLIENT))) == PROXY


def test_without_proxies_nothing_is_believed() -> None:
    said = scope(PROXY, *for_(CLIENT), ("x-forwarded-proto", "https"), ("x-forwarded-host", "evil.example"))
    assert TrustedProxies().seen(said) == Seen(PROXY, "http", b"gate.example:8080")


def test_where_everybody_is_trusted_the_left_most_counts() -> None:
    assert TrustedProxies(("0.0.0.0/0",)).address_of(scope(PROXY, *for_(f"{CLIENT}, {OTHER}"))) == CLIENT


@pytest.mark.parametrize(
    ("headers", "scheme", "host"),
    [
        ([], "http", b"gate.example:8080"),
        ([("x-forwarded-proto", "https")], "https", b"gate.example:8080"),
        ([("x-forwarded-proto", "HTTPS")], "https", b"gate.example:8080"),
        ([("x-forwarded-proto", "https, http")], "http", b"gate.example:8080"),
        ([("x-forwarded-proto", "http"), ("x-forwarded-proto", "https")], "https", b"gate.example:8080"),
        ([("x-forwarded-proto", "javascript")], "http", b"gate.example:8080"),
        ([("x-forwarded-proto", "")], "http", b"gate.example:8080"),
        ([("x-forwarded-host", "outside.example")], "http", b"outside.example"),
        ([("x-forwarded-host", "evil.example, outside.example:8443")], "http", b"outside.example:8443"),
        ([("x-forwarded-host", "[2001:db8::7]:8443")], "http", b"[2001:db8::7]:8443"),
        ([("x-forwarded-host", "evil.example/x")], "http", b"gate.example:8080"),
        ([("x-forwarded-host", "a'; rm -rf /")], "http", b"gate.example:8080"),
        ([("forwarded", f"for={CLIENT};proto=https;host=evil.example")], "http", b"gate.example:8080"),
        ([("x-real-ip", CLIENT), ("x-forwarded-scheme", "https")], "http", b"gate.example:8080"),
    ],
)
def test_scheme_and_host_are_what_the_nearest_proxy_says(
    headers: list[tuple[str, str]], scheme: str, host: bytes
) -> None:
    proxies = TrustedProxies(PROXIES)
    assert proxies.seen(scope(PROXY, *headers)) == Seen(PROXY, scheme, host)
    assert proxies.seen(scope(CLIENT, *headers)) == Seen(CLIENT, "http", b"gate.example:8080")


def test_a_host_that_is_none_is_not_said() -> None:
    said = scope(CLIENT) | {"headers": [(b"host", b"a b")]}
    assert TrustedProxies().seen(said).host == b""


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match="proxy"):
        TrustedProxies(("proxy",))


@pytest.mark.parametrize("entry", ["1.2.3.4:80:90", "[1.2.3.4", "[]", ":", "[::1]x", "1.2.3.4/8", "::1/128"])
def test_no_address_is_none(entry: str) -> None:
    assert read_address(entry) is None


def test_peers_are_judged_once() -> None:
    proxies = TrustedProxies(PROXIES)
    for _ in range(3):
        proxies.address_of(scope(PROXY, *for_(CLIENT)))
    assert proxies._judged.cache_info().misses == 2

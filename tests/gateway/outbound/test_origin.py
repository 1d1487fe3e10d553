"""Where a provider is, read from its address."""

from __future__ import annotations

import pytest

from gateway.outbound.wire import Origin


@pytest.mark.parametrize(
    ("url", "origin", "authority", "label"),
    [
        ("https://api.example/v1", ("https", "api.example", 443, ""), b"api.example", "api.example:443"),
        ("https://API.example:8443", ("https", "api.example", 8443, ""), b"api.example:8443", "api.example:8443"),
        ("http://name:secret@127.0.0.1:80/", ("http", "127.0.0.1", 80, ""), b"127.0.0.1", "127.0.0.1:80"),
        ("http://[::1]:8080/v1", ("http", "::1", 8080, ""), b"[::1]:8080", "[::1]:8080"),
        (
            "https://bücher.example",
            ("https", "bücher.example", 443, ""),
            b"xn--bcher-kva.example",
            "bücher.example:443",
        ),
        ("unix:///run/a%20b.sock", ("unix", "/run/a b.sock", 0, ""), b"localhost", "/run/a b.sock"),
    ],
)
def test_an_address_is_read(url: str, origin: tuple[str, str, int, str], authority: bytes, label: str) -> None:
    found = Origin.of(url)
    assert found == Origin(*origin)
    assert (found.authority, found.label) == (authority, label)


@pytest.mark.parametrize("url", ["", "api.example", "ftp://api.example", "https://", "https:///v1", "http://a:99999"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="address must begin"):
        Origin.of(url)


def test_origins_with_the_same_values_are_one() -> None:
    assert len({Origin.of("http://a/x"), Origin.of("http://a:80/y"), Origin.of("http://a", proxy="http://p")}) == 2


def test_who_said_an_address_makes_two_of_one() -> None:
    url, proxy = "http://a", "http://p"
    plain, guarded = Origin.of(url, proxy=proxy), Origin.of(url, proxy=proxy, guarded=True)
    assert len({plain, guarded, Origin.of(url, proxy=proxy, guarded=True, proxy_guarded=True)}) == 3
    assert (plain.guarded, guarded.guarded, guarded.proxy_guarded) == (False, True, False)
    assert Origin.of(url, guarded=True, proxy_guarded=True) == Origin.of(url, guarded=True), "there is no proxy"


def test_the_path_of_a_socket_is_for_the_operator_alone() -> None:
    with pytest.raises(ValueError, match="only http:// and https://"):
        Origin.of("unix:///run/x.sock", guarded=True)

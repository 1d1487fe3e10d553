"""Where URLs of clients may lead: what is judged is the address that is connected to, however it was written."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import UpstreamForbidden, UpstreamUnreachable
from gateway.outbound.addresses import AddressRefused, open_tcp
from gateway.outbound.guard import find_place, may_reach, networks, permit_of
from gateway.outbound.wire import Origin, Pool
from gateway.settings.model import UpstreamSettings
from tests.gateway.outbound.names import resolving
from tests.gateway.outbound.peers import HELLO, answering, ask, provider
from tests.gateway.outbound.proxies import http_proxy, socks_proxy

PUBLIC = """
    8.8.8.8 1.1.1.1 100.63.255.255 100.128.0.1 172.15.0.1 172.32.0.1 192.0.1.1 198.17.0.1 198.20.0.1 223.255.255.255
    2606:4700:4700::1111 2001:4860:4860::8888 2a00:1450:4001::1
    ::ffff:8.8.8.8 64:ff9b::808:808
"""

REFUSED = """
    0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 100.100.100.200 127.0.0.1 127.255.255.254
    168.63.129.16 169.254.0.1 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.8 192.0.0.192 192.0.2.1
    192.88.99.1 192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.250 240.0.0.1
    255.255.255.255
    :: ::1 ::127.0.0.1 ::8.8.8.8 fe80::1 fe80::1%lo fec0::1 fc00::1 fd00:ec2::254 fd12::1 ff02::1 ff0e::1 100::1
    2001:db8::1 3fff::1 5f00::1 2001:10::1 2001:20::1
    ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1
    64:ff9b::7f00:1 64:ff9b::10.0.0.1 64:ff9b::169.254.169.254 64:ff9b:1::7f00:1
    2002:7f00:1:: 2002:a9fe:a9fe:: 2002:808:808:: 2001:0:4136:e378:8000:63bf:3fff:fdd2
"""

NOT_ALLOWED = "is not public, and `network.allow` does not name it"

NO_ADDRESSES = ["", "localhost", "0x7f000001", "2130706433", "127.1", "0177.0.0.1", "1.2.3.4 ", "1.2.3.4:80", "[::1]"]

LOOPBACK_IN_OTHER_WORDS = ["127.0.0.1", "0x7f000001", "2130706433", "127.1", "0177.0.0.1", "017700000001", "0", "0.0"]
LOOPBACK_IN_OTHER_WORDS += ["localhost", "LOCALHOST.", "::1", "::ffff:127.0.0.1", "::", "0:0:0:0:0:0:0:1"]


def guarded(*allow: str) -> Pool:
    return Pool(UpstreamSettings(), permit=permit_of(allow))


async def refusal(origin: Origin, *allow: str) -> str:
    """What a guarded pool says to a request for this origin."""
    pool = guarded(*allow)
    try:
        _, heard = await ask(pool, origin._replace(guarded=True))
    finally:
        await pool.close()
    assert isinstance(heard.error, UpstreamForbidden | UpstreamUnreachable)
    assert heard.error.nothing_sent
    return heard.error.message


@pytest.mark.parametrize("address", PUBLIC.split())
def test_public_addresses_may_be_reached(address: str) -> None:
    assert may_reach(address)


@pytest.mark.parametrize("address", REFUSED.split())
def test_addresses_that_are_not_public_may_not(address: str) -> None:
    assert not may_reach(address)


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_what_is_no_address_may_not_even_where_all_are_allowed(text: str) -> None:
    assert not may_reach(text, networks(["0.0.0.0/0", "::/0"]))


@pytest.mark.parametrize(
    ("address", "allow", "may"),
    [
        ("10.1.2.3", ["10.1.0.0/16"], True),
        ("10.2.2.3", ["10.1.0.0/16"], False),
        ("10.1.2.3", ["10.1.9.9/16"], True),
        ("::ffff:10.1.2.3", ["10.1.0.0/16"], True),
        ("64:ff9b::10.1.2.3", ["10.1.0.0/16"], True),
        ("64:ff9b::10.1.2.3", ["64:ff9b::/96"], True),
        ("127.0.0.1", ["127.0.0.1"], True),
        ("127.0.0.2", ["127.0.0.1"], False),
        ("::1", ["127.0.0.1"], False),
        ("::1", ["10.0.0.0/8", "::1"], True),
        ("169.254.169.254", ["169.254.169.254"], True),
    ],
)
def test_an_operator_may_allow_more(address: str, allow: list[str], may: bool) -> None:
    assert may_reach(address, networks(allow)) is may


@pytest.mark.parametrize("entry", ["", "localhost", "10.0.0.0/33", "10.0.0.", "*"])
def test_what_is_no_network_cannot_be_allowed(entry: str) -> None:
    with pytest.raises(ValueError, match=r"network|address|Empty|Octet|Expected"):
        networks([entry])


@pytest.mark.parametrize("host", LOOPBACK_IN_OTHER_WORDS)
async def test_loopback_is_refused_however_it_is_written(host: str) -> None:
    async with provider(answering(HELLO)) as there:
        said = await refusal(Origin("http", host, there.port), "10.0.0.0/8")
        assert not there.peers
    assert said == f"the address of {host} {NOT_ALLOWED}" or said.startswith("cannot find ")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433"])
async def test_an_allowed_address_is_reached(host: str) -> None:
    pool = guarded("127.0.0.1")
    async with provider(answering(HELLO)) as there:
        _, heard = await ask(pool, Origin("http", host, there.port, guarded=True))
        assert heard.text == b"hello"
    await pool.close()


async def test_the_address_that_was_judged_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolving(monkeypatch, ["10.0.0.1", "fd00::1", "127.0.0.2", "169.254.169.254"], ["127.0.0.1"])
    async with provider(answering(HELLO)) as there:
        said = await refusal(Origin("http", "rebinding.example", there.port), "127.0.0.2")
        assert said == f"cannot connect to rebinding.example:{there.port}: Connection refused"  # nobody is at 127.0.0.2
        assert not there.peers
    assert asked == ["rebinding.example"]


async def test_addresses_that_are_refused_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, ["10.0.0.1", "fd00::1", "127.0.0.1", "169.254.169.254"])
    pool = guarded("127.0.0.1")
    async with provider(answering(HELLO)) as there:
        _, heard = await ask(pool, Origin("http", "mixed.example", there.port, guarded=True))
        assert heard.text == b"hello"
    await pool.close()


async def test_a_name_that_leads_only_to_refused_addresses_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, ["10.0.0.1", "fd00::1"], ["10.0.0.1"])
    with pytest.raises(AddressRefused, match=r"^inside\.example may not be connected to"):
        await open_tcp(asyncio.get_running_loop(), "inside.example", 80, permit=may_reach)
    said = await refusal(Origin("https", "inside.example", 443))
    assert said == f"the address of inside.example {NOT_ALLOWED}"


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h"])
async def test_a_proxy_is_not_asked_for_what_may_not_be_reached(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with http_proxy() as web, socks_proxy() as socks:
        port = web.port if scheme == "http" else socks.port
        resolving(monkeypatch, ["8.8.8.8", "10.0.0.1"])
        said = await refusal(Origin("http", "mixed.example", 80, f"{scheme}://127.0.0.1:{port}"))
        assert said == f"the address of mixed.example {NOT_ALLOWED}"
        assert not web.asked + socks.asked


async def test_a_proxy_in_a_private_network_leads_to_public_addresses() -> None:
    pool = guarded()
    async with provider(answering(HELLO)) as there, http_proxy() as proxy:
        _, heard = await ask(
            pool, Origin("http", "8.8.8.8", there.port, f"http://127.0.0.1:{proxy.port}", guarded=True)
        )
        assert heard.text == b"hello"
        assert proxy.asked == [f"POST http://8.8.8.8:{there.port}/v1/echo"]
    await pool.close()


@pytest.mark.parametrize(
    ("url", "host", "port", "target"),
    [
        ("http://a.example", "a.example", 80, "/"),
        ("HTTPS://A.example:8443/x?y=1#part", "a.example", 8443, "/x?y=1"),
        ("  https://a.example/x  ", "a.example", 443, "/x"),
        ("https://a.example?q", "a.example", 443, "/?q"),
        ("https://a.example/a b/ü%20.png?s=ü&t=%2F+", "a.example", 443, "/a%20b/%C3%BC%20.png?s=%C3%BC&t=%2F+"),
        ("https://bücher.example/", "xn--bcher-kva.example", 443, "/"),
        ("http://[2001:DB8::1]:81/", "2001:db8::1", 81, "/"),
        ("http://127.1/", "127.1", 80, "/"),
        ("http://127。0。0。1/", "127.0.0.1", 80, "/"),  # the codec for names reads it so
        ('http://a.example/"<x>\\^`{|}', "a.example", 80, "/%22%3Cx%3E%5C%5E%60%7B%7C%7D"),
    ],
)
def test_a_url_says_whom_to_ask_for_what(url: str, host: str, port: int, target: str) -> None:
    place = find_place(url, "none")
    assert (place.origin.host, place.origin.port, place.target) == (host, port, target)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "only http"),
        ("a.example/x.png", "only http"),
        ("//a.example/x.png", "only http"),
        ("file:///etc/passwd", "only http"),
        ("ftp://a.example/x", "only http"),
        ("gopher://a.example/x", "only http"),
        ("unix:///run/x.sock", "only http"),
        ("gs://bucket/x", "only http"),
        ("http+unix://x", "only http"),
        ("http://", "not an address"),
        ("http:///x", "not an address"),
        ("http://:80/x", "not an address"),
        ("http://a.example:99999/", "not an address"),
        ("http://a.example:x/", "not an address"),
        ("http://[::1/", "not an address"),
        ("http://[fe80::1%25lo]/", "not an address"),
        ("http://a b.example/", "not an address"),
        ("http://a..example/", "not an address"),
        (f"http://{'a' * 64}.example/", "not an address"),
        ("http://a.example\\.b.example/", "not an address"),
        ("http://a.example/x\r\nx-injected: 1", "not an address"),
        ("http://a.example/\0", "not an address"),
        ("http://exa\tmple.com/", "not an address"),
        ("http://a.example/\ud800", "not an address"),
        ("http://name:secret@a.example/", "user name"),
        ("http://@a.example/", "user name"),
        ("http://a.example\\@b.example/", "user name"),
        ("http://a.example/" + "x" * 20_000, "longer than"),
    ],
)
def test_what_is_never_fetched(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        find_place(url, "none")
    assert "secret" not in str(refused.value)


def test_the_proxy_of_the_settings_is_used() -> None:
    proxy = "http://proxy.example:3128"
    assert find_place("https://a.example/x", proxy).origin == Origin("https", "a.example", 443, proxy, guarded=True)

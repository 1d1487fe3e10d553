from __future__ import annotations

import pytest

from gateway.settings.addresses import check_proxy, check_url, is_loopback, split_listen


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("localhost:0", ("127.0.0.1", 0)),
        ("[::1]:65535", ("::1", 65535)),
        ("0.0.0.0:80", ("0.0.0.0", 80)),
    ],
)
def test_an_address_to_listen_on_is_split(text: str, address: tuple[str, int]) -> None:
    assert split_listen(text) == address


@pytest.mark.parametrize(
    "text", ["", ":80", "8080", "::1:80", "[::1]", "127.0.0.1:", "a b:1", "1.2.3.4:65536", "[x]:1"]
)
def test_anything_else_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"HOST:PORT|IP address"):
        split_listen(text)


def test_only_this_machine_reaches_a_loopback_address() -> None:
    assert is_loopback("127.0.0.9")
    assert is_loopback("::1")
    assert not is_loopback("0.0.0.0")
    assert not is_loopback("::")


@pytest.mark.parametrize("url", ["http://h", "https://h:1/v1", "http://[::1]:2/a/b/"])
def test_a_plain_address_of_a_provider_is_accepted(url: str) -> None:
    check_url(url)


@pytest.mark.parametrize("proxy", ["", "none", "http://h:1", "https://u:p@h", "socks5://h:1", "socks5h://[::1]:1/"])
def test_a_proxy_is_accepted(proxy: str) -> None:
    check_proxy(proxy)


@pytest.mark.parametrize("proxy", ["h:1", "socks4://h", "http://", "http://h/path", "http://h\n", "http://h:port"])
def test_anything_else_is_no_proxy(proxy: str) -> None:
    with pytest.raises(ValueError, match=r"expected|address"):
        check_proxy(proxy)

"""Which proxy is used: settings before environment, and what NO_PROXY spares."""

from __future__ import annotations

import pytest

from gateway.outbound.proxy import ProxyAddress, is_exempt, resolve_proxy, rewriter
from gateway.outbound.wire import Origin

ENVIRONMENT = {"HTTPS_PROXY": "http://tls:1", "http_proxy": "plain:2", "ALL_PROXY": "socks5h://all:3"}


@pytest.mark.parametrize(
    ("url", "configured", "environment", "expected"),
    [
        ("https://api.example/v1", "", {}, ""),
        ("https://api.example/v1", "", ENVIRONMENT, "http://tls:1"),
        ("http://api.example/v1", "", ENVIRONMENT, "plain:2"),
        ("http://api.example/v1", "", {"ALL_PROXY": "socks5h://all:3"}, "socks5h://all:3"),
        ("https://api.example/v1", "", {"https_proxy": "http://low:1", "HTTPS_PROXY": "http://up:1"}, "http://low:1"),
        ("https://api.example/v1", "", {**ENVIRONMENT, "NO_PROXY": "other,.example"}, ""),
        ("https://api.example/v1", "http://mine:4", {**ENVIRONMENT, "NO_PROXY": "*"}, "http://mine:4"),
        ("https://api.example/v1", "none", ENVIRONMENT, ""),
        ("http://127.0.0.1:1234/v1", "", ENVIRONMENT, "plain:2"),
        ("unix:///run/here.sock", "http://mine:4", ENVIRONMENT, ""),
    ],
)
def test_a_proxy_is_found(url: str, configured: str, environment: dict[str, str], expected: str) -> None:
    assert resolve_proxy(url, configured, environment=environment) == expected


@pytest.mark.parametrize("url", ["ftp://name:s3cret@x:1", "http://", "http://name:s3cret@:80", "http://x:s3cret"])
def test_a_proxy_we_cannot_use_is_an_error_that_keeps_its_secret(url: str) -> None:
    with pytest.raises(ValueError, match="proxy must be") as caught:
        resolve_proxy("https://api.example", url)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("rule", "host", "port", "spared"),
    [
        ("*", "api.example", 443, True),
        ("api.example", "api.example", 443, True),
        ("API.Example", "api.example", 443, True),
        ("example", "api.example", 443, True),
        (".example", "api.example", 443, True),
        ("*.example", "api.example", 443, True),
        (".example", "example", 443, True),
        ("ample", "api.example", 443, False),
        ("api.example:443", "api.example", 443, True),
        ("api.example:8443", "api.example", 443, False),
        ("10.0.0.0/8", "10.1.2.3", 80, True),
        ("10.0.0.0/8", "11.1.2.3", 80, False),
        ("10.1.2.3", "10.1.2.3", 80, True),
        ("10.1.2.3:80", "10.1.2.3", 80, True),
        ("10.1.2.3:81", "10.1.2.3", 80, False),
        ("fd00::/8", "fd12::1", 80, True),
        ("[::1]:80", "::1", 80, True),
        ("[::1]:81", "::1", 80, False),
        ("::1", "::1", 80, True),
        ("10.0.0.0/8", "api.example", 443, False),
        (" , ,", "api.example", 443, False),
        ("other, api.example ,more", "api.example.", 443, True),
        (".", "api.example", 443, False),
    ],
)
def test_no_proxy_spares(rule: str, host: str, port: int, spared: bool) -> None:
    assert is_exempt(host, port, rule) is spared


def test_only_plain_http_through_an_http_proxy_is_rewritten() -> None:
    assert rewriter(Origin("http", "a", 80)) is None
    assert rewriter(Origin("https", "a", 443, "http://p:1")) is None
    assert rewriter(Origin("http", "a", 80, "socks5://p:1")) is None
    rewrite = rewriter(Origin("http", "a", 80, "https://p:1"))
    assert rewrite is not None
    assert rewrite(b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n") == b"GET http://a/x HTTP/1.1\r\nhost: a\r\n\r\n"


def test_a_proxy_is_named_without_its_credentials() -> None:
    assert ProxyAddress.of("socks5h://name:s3cret@[::1]:1080").label == "proxy [::1]:1080"

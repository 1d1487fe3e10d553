"""Headers as OpenTelemetry's variables have them."""

from __future__ import annotations

import pytest

from gateway.settings.header_list import read_headers


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        ("", {}),
        ("a=b", {"a": "b"}),
        (" A = b , c-d=e=f==,, ", {"a": "b", "c-d": "e=f=="}),
        ("authorization=Basic%20eDp5", {"authorization": "Basic eDp5"}),
        ("authorization=Basic eDp5", {"authorization": "Basic eDp5"}),
        ("a=b%2Cc,d=%25", {"a": "b,c", "d": "%"}),
        ("a=100%", {"a": "100%"}),
    ],
)
def test_headers_are_pairs(text: str, headers: dict[str, str]) -> None:
    assert read_headers(text) == headers


@pytest.mark.parametrize(
    "text", ["canary", "=canary", "a b=canary", "a=", "a=b,a=", "a=canary%0d%0ax: y", "a=ü", "a=%00"]
)
def test_what_cannot_be_sent_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ValueError, match=r"headers as|the header") as refused:
        read_headers(text)
    assert "canary" not in str(refused.value)

"""What goes on to the control process of a request: the client's own words, and ours in nobody else's name."""

from __future__ import annotations

from typing import Any

from gateway.relay.forward import request_head

KNOWN = [(b"x-sluicegate-client", b"203.0.113.7"), (b"x-sluicegate-scheme", b"https")]


def lines(*headers: tuple[bytes, bytes], **more: Any) -> list[bytes]:
    """The lines of a head for these headers."""
    scope = {"method": "POST", "raw_path": b"/api/a%2fb", "query_string": b"", "headers": list(headers), **more}
    return request_head(scope, 7, KNOWN).split(b"\r\n")


def test_the_target_goes_on_as_it_came() -> None:
    assert lines()[0] == b"POST /api/a%2fb HTTP/1.1"
    assert lines(query_string=b"a=%20b")[0] == b"POST /api/a%2fb?a=%20b HTTP/1.1"


def test_what_a_client_claims_in_our_name_or_a_proxy_s_stays_behind() -> None:
    claims = [
        (b"x-sluicegate-forwarded", b"0"),
        (b"x-sluicegate-operator", b"token"),
        (b"x-sluicegate-client", b"10.0.0.1"),
        (b"x-sluicegate-scheme", b"evil"),
        (b"x-forwarded-for", b"10.0.0.1"),
        (b"x-forwarded-proto", b"evil"),
        (b"x-forwarded-host", b"evil.example"),
        (b"x-forwarded-prefix", b"/evil"),
        (b"forwarded", b"for=10.0.0.1"),
        (b"x-real-ip", b"10.0.0.1"),
        (b"connection", b"x-a"),
        (b"content-length", b"99"),
        (b"transfer-encoding", b"chunked"),
    ]
    said = lines(*claims, (b"host", b"a.example"), (b"cookie", b"a=b"))
    assert sorted(line for line in said[1:] if line) == [
        b"content-length: 7",
        b"cookie: a=b",
        b"host: a.example",
        b"x-sluicegate-client: 203.0.113.7",
        b"x-sluicegate-forwarded: 1",
        b"x-sluicegate-scheme: https",
    ]

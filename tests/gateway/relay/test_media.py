"""Fetching what a prompt names by its URL: over real sockets, within limits, and nowhere it should not go."""

from __future__ import annotations

import asyncio
import gzip
import re
import socket
import ssl
from pathlib import Path

import pytest
import trustme

from gateway.errors import InvalidRequest, MediaUnavailable
from gateway.relay.media import KEPT_BYTES, KEPT_SECONDS, Kept, MediaFetcher, shown
from tests.gateway.outbound.peers import Peer, provider
from tests.gateway.outbound.proxies import http_proxy
from tests.gateway.relay.media_server import JPEG, PDF, PNG, MediaServer, fetcher, moved, ok, serving, source
from tests.waiting import auntil


async def refused(made: MediaFetcher, *urls: str) -> str:
    """Why these URLs are not fetched."""
    with pytest.raises(MediaUnavailable) as error:
        await made.fetch(urls)
    assert (error.value.status, error.value.code, error.value.kind) == (400, "media_unavailable", "media_unavailable")
    return error.value.message


async def hang(peer: Peer) -> None:
    """Begins an answer that never ends."""
    await peer.send(b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 99\r\n\r\n" + PNG)
    await peer.reader.read()


async def silence(peer: Peer) -> None:
    """Never answers; ends when the client does."""
    await peer.reader.read()


async def test_each_url_brings_its_content() -> None:
    async with serving(
        a=ok(PNG), b=ok(JPEG, "image/jpg"), c=ok(PDF, "application/pdf"), d=ok(b"hi", "text/plain")
    ) as there:
        urls = tuple(map(there.url, ("/a", "/b", "/c", "/d")))
        found = await fetcher().fetch(urls)
        await there.gone()
    assert tuple(found) == urls
    wanted = [source(PNG), source(JPEG, "image/jpeg"), source(PDF, "application/pdf"), source(b"hi", "text/plain")]
    assert list(found.values()) == wanted


async def test_nothing_of_a_client_goes_along() -> None:
    async with serving(a=ok(PNG, more="set-cookie: a=1\r\n"), b=moved("/a")) as there:
        await fetcher().fetch((there.url("/b?x=1#part"),))
        heads = there.heads
    lines = [head.decode().split("\r\n") for head in heads]
    assert [line[0] for line in lines] == ["GET /b?x=1 HTTP/1.1", "GET /a HTTP/1.1"]
    for line in lines:
        assert {each.partition(":")[0] for each in line[1:] if each} == {
            "host",
            "user-agent",
            "accept",
            "accept-encoding",
        }
        assert f"host: 127.0.0.1:{there.listening.port}" in line
        assert "user-agent: sluicegate/test" in line
        assert "accept-encoding: identity" in line


async def test_no_urls_bring_nothing() -> None:
    assert await fetcher().fetch(()) == {}


async def test_a_gateway_that_may_not_fetch_says_so() -> None:
    async with serving(a=ok(PNG)) as there:
        with pytest.raises(InvalidRequest, match="does not fetch them"):
            await fetcher(fetch=False).fetch((there.url("/a"),))
        assert not there.heads


# Where it goes


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433", "[::ffff:127.0.0.1]"])
async def test_an_address_that_is_not_allowed_hears_nothing(host: str) -> None:
    async with serving(a=ok(PNG)) as there:
        said = await refused(fetcher(allow=("127.0.0.2",)), there.url("/a", host))
        assert not there.listening.peers
    assert said.startswith(f"Cannot fetch {there.url('/a', host)}: ")
    assert "is not one that may be fetched from." in said or "cannot find" in said


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(status: int) -> None:
    async with serving(a=moved("b?x=ü", status), b=moved("//127.0.0.1:{port}/c", status), c=ok(PNG)) as there:
        there.answers["/b"] = moved(there.url("/c"), status)
        assert list((await fetcher().fetch((there.url("/a"),))).values()) == [source(PNG)]
        assert there.paths == ["/a", "/b?x=%C3%BC", "/c"]


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("http://[::1]:1/", "the address of ::1 is not one that may be fetched from"),
        ("http://169.254.169.254/latest/meta-data/", "the address of 169.254.169.254 is not"),
        ("//10.0.0.1/", "the address of 10.0.0.1 is not"),
        ("file:///etc/passwd", "only http:// and https:// addresses are fetched"),
        ("http://name:word@127.0.0.1/", "a user name or a password"),
        ("http://[", "not an address"),
    ],
)
async def test_a_redirect_is_guarded_like_the_first_address(location: str, why: str) -> None:
    async with serving(a=moved(location)) as there:
        said = await refused(fetcher(), there.url("/a"))
    assert said.startswith(f"Cannot fetch {there.url('/a')}: ")
    assert why in said


async def test_a_redirect_to_a_private_address_is_never_connected_to() -> None:
    async with serving(secret=ok(PNG)) as inside, serving() as there:
        there.answers["/a"] = moved(inside.url("/secret"))
        with socket.create_server(("127.0.0.3", 0)) as unreached:
            there.answers["/b"] = moved(f"http://127.0.0.3:{unreached.getsockname()[1]}/")
            assert "the address of 127.0.0.3 is not" in await refused(fetcher(), there.url("/b"))
            unreached.setblocking(False)
            with pytest.raises(BlockingIOError):
                unreached.accept()
        assert await fetcher().fetch((there.url("/a"),)) == {there.url("/a"): source(PNG)}


async def test_redirects_end() -> None:
    async with serving(a=moved("/a")) as there:
        said = await refused(fetcher(), there.url("/a"))
        assert there.paths == ["/a"] * 4
    assert said == f"Cannot fetch {there.url('/a')}: it was redirected more than 3 times."


async def test_a_proxy_is_asked_only_for_what_may_be_reached() -> None:
    async with serving(a=ok(PNG)) as there, http_proxy() as proxy:
        by_proxy = f"http://127.0.0.1:{proxy.port}"
        said = await refused(fetcher(allow=(), proxy=by_proxy), there.url("/a"))
        assert "the address of 127.0.0.1 is not one that may be fetched from" in said
        assert not proxy.asked
        assert await fetcher(proxy=by_proxy).fetch((there.url("/a"),)) == {there.url("/a"): source(PNG)}
        assert proxy.asked == [f"GET {there.url('/a')}"]


async def test_a_server_with_tls_must_be_who_it_says(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    there = MediaServer({"/a": ok(PNG)})
    async with provider(there.serve, context=context) as there.listening:
        url = there.url("/a", "localhost").replace("http:", "https:")
        by_number = url.replace("localhost", "127.0.0.1")
        made = fetcher(ca_file=str(tmp_path / "ca.pem"))
        assert await made.fetch((url,)) == {url: source(PNG)}
        assert "certificate not accepted" in await refused(fetcher(), url)
        assert "certificate not accepted" in await refused(made, by_number)
        assert there.paths == ["/a"]


# What it does not take


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", "the answer was 404"),
        (b"HTTP/1.1 401 No\r\nwww-authenticate: Basic\r\ncontent-length: 0\r\n\r\n", "the answer was 401"),
        (b"HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n", "the answer was 302"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "the answer was 204"),
        (b"HTTP/1.1 206 Part\r\ncontent-type: image/png\r\ncontent-length: 2\r\n\r\nxx", "the answer was 206"),
        (ok(b"<svg/>", "image/svg+xml"), "it is of the type image/svg+xml; images may be JPEG"),
        (ok(b"<html>", "image/png"), "it is said to be image/png, and its content is not"),
        (ok(b"\x00\x01", "application/octet-stream"), "its type is not known"),
        (ok(PNG, more="content-encoding: br\r\n"), "it comes in a coding that was not asked for"),
        (ok(b"", "image/png"), "it is empty"),
        (b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\n", "closed the connection before it answered"),
        (b"nonsense\r\n\r\n", "sent an invalid answer"),
    ],
)
async def test_useless_answers_are_told(answer: bytes, why: str) -> None:
    async def once(peer: Peer) -> None:
        await peer.send(answer)
        peer.writer.close()
        await peer.reader.read()

    async with serving(a=once) as there:
        said = await refused(fetcher(), there.url("/a?signature=abc"))
        await there.gone()
    assert said.startswith(f"Cannot fetch {there.url('/a')}: ")
    assert why in said
    assert "abc" not in said


async def test_what_is_not_there_is_told() -> None:
    async with serving() as there:
        pass
    assert "Connection refused" in await refused(fetcher(), there.url("/a"))


@pytest.mark.parametrize(
    "url", ["", "x.png", "ftp://a.example/x", "file:///etc/passwd", "http://u:secret@a.example/x?y"]
)
async def test_what_is_no_web_address_is_told(url: str) -> None:
    said = await refused(fetcher(), url)
    assert said.startswith("Cannot fetch ")
    assert "secret" not in said


async def test_an_answer_that_says_it_is_too_large_is_not_read() -> None:
    async with serving(a=ok(PNG + bytes(4096))) as there:
        said = await refused(fetcher(max_bytes=1024), there.url("/a"))
    assert said == f"Cannot fetch {there.url('/a')}: it is larger than 1024 bytes."


@pytest.mark.parametrize("framing", ["transfer-encoding: chunked\r\n", ""])
async def test_an_answer_without_a_length_is_cut_where_it_becomes_too_large(framing: str) -> None:
    async def pour(peer: Peer) -> None:
        await peer.send(f"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\n{framing}\r\n".encode())
        while True:
            await peer.send((b"400\r\n" if framing else b"") + PNG.ljust(1024) + (b"\r\n" if framing else b""))

    async with serving(a=pour) as there:
        assert "it is larger than 4096 bytes." in await refused(fetcher(max_bytes=4096), there.url("/a"))
        await there.gone()


async def test_a_compressed_answer_counts_by_what_it_unpacks_to() -> None:
    small, large = gzip.compress(PNG), gzip.compress(PNG + bytes(100_000))
    coded = "content-encoding: gzip\r\n"
    async with serving(a=ok(small, more=coded), b=ok(large, more=coded)) as there:
        made = fetcher(max_bytes=10_000)
        assert await made.fetch((there.url("/a"),)) == {there.url("/a"): source(PNG)}
        assert "it is larger than 10000 bytes." in await refused(made, there.url("/b"))


async def test_all_of_a_prompt_together_may_not_be_larger_than_a_request() -> None:
    async with serving(**{f"p{number}": ok(PNG + bytes(2**20)) for number in range(40)}) as there:
        urls = [there.url(path) for path in there.answers]
        assert "the URLs of the prompt bring more than 33554432 bytes." in await refused(fetcher(max_urls=99), *urls)


async def test_more_urls_than_are_fetched_are_refused_at_once() -> None:
    async with serving(a=ok(PNG), b=ok(PNG), c=ok(PNG)) as there:
        said = await refused(fetcher(max_urls=2), *map(there.url, there.answers))
        assert not there.heads
    assert said == "The prompt names 3 URLs; at most 2 are fetched."


# Time


@pytest.mark.parametrize("stall", [silence, hang])
async def test_a_url_has_only_so_much_time(stall: object) -> None:
    async with serving(a=stall, b=ok(PNG)) as there:  # type: ignore[arg-type]
        said = await refused(fetcher(timeout_seconds=0.1), there.url("/b"), there.url("/a"))
        await there.gone()
    assert said == f"Cannot fetch {there.url('/a')}: it took longer than 0.1 s."


async def test_four_are_fetched_at_once_and_the_others_wait() -> None:
    async with serving(**dict.fromkeys("abcdef", silence)) as there:
        task = asyncio.create_task(fetcher(timeout_seconds=30).fetch(tuple(map(there.url, there.answers))))
        await auntil(lambda: len(there.heads) == 4)
        assert len(there.listening.peers) == 4
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await there.gone()
        assert len(there.heads) == 4


async def test_the_time_of_all_together_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.relay.media.TOGETHER", 0.01)
    async with serving(a=silence) as there:
        said = await refused(fetcher(timeout_seconds=5), there.url("/a"))
    assert said == "The URLs of the prompt took longer than 0.05 s together."


@pytest.mark.parametrize("stall", [silence, hang])
async def test_who_cancels_closes_every_socket(stall: object) -> None:
    async with serving(a=stall, b=stall) as there:  # type: ignore[arg-type]
        task = asyncio.create_task(fetcher().fetch((there.url("/a"), there.url("/b"))))
        await auntil(lambda: len(there.heads) == 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await there.gone()


async def test_the_first_failure_ends_the_others() -> None:
    async with serving(a=silence, b=ok(b"x", "video/mp4")) as there:
        said = await refused(fetcher(), there.url("/a"), there.url("/b"))
        await there.gone()
    assert said.startswith(f"Cannot fetch {there.url('/b')}: it is of the type video/mp4")


# What is kept


async def test_a_url_is_fetched_once_in_a_while() -> None:
    async with serving(a=ok(PNG), b=ok(JPEG, "image/jpeg")) as there:
        made = fetcher()
        first = await made.fetch((there.url("/a"),))
        again = await made.fetch((there.url("/a"), there.url("/b")))
        assert there.paths == ["/a", "/b"]
    assert again == {**first, there.url("/b"): source(JPEG, "image/jpeg")}


async def test_what_may_not_be_stored_and_what_failed_is_not_kept() -> None:
    async with serving(a=ok(PNG, more="cache-control: private, No-Store\r\n"), b=ok(b"", "image/png")) as there:
        made = fetcher()
        for _ in range(2):
            await made.fetch((there.url("/a"),))
            await refused(made, there.url("/b"))
        assert there.paths == ["/a", "/b"] * 2


def test_what_is_kept_is_forgotten_in_time() -> None:
    now = 0.0
    kept = Kept(lambda: now)
    kept.keep("a", source(PNG))
    now = KEPT_SECONDS
    assert kept.find("a") == source(PNG)
    now += 0.1
    assert kept.find("a") is None
    assert kept.bytes == 0


def test_what_was_not_used_for_longest_makes_room() -> None:
    kept = Kept(lambda: 0.0)
    large = source(bytes(KEPT_BYTES // 4))  # a third in base64, and a little
    kept.keep("a", large)
    kept.keep("b", large)
    assert kept.find("a") is large
    kept.keep("c", large)
    kept.keep("c", large)
    assert [kept.find(url) for url in "abc"] == [large, None, large]
    assert kept.bytes <= KEPT_BYTES


def test_what_is_larger_than_all_that_is_kept_makes_no_room() -> None:
    kept = Kept(lambda: 0.0)
    kept.keep("a", source(PNG))
    kept.keep("b", source(bytes(KEPT_BYTES)))
    assert kept.find("a") == source(PNG)
    assert kept.find("b") is None


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://a.example/x.png?signature=s#f", "https://a.example/x.png"),
        ("https://name:secret@a.example/x", "https://a.example/x"),
        ("https://a.example/\r\nx", "https://a.example/x"),
        ("https://a.example/" + "x" * 500, "https://a.example/" + "x" * 182),
    ],
)
def test_messages_name_a_url_without_its_secrets(url: str, text: str) -> None:
    assert shown(url) == text
    assert re.fullmatch(r"[ -~]*", shown(url))

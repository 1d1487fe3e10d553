"""TLS towards providers: verified, timed, resumed, and no different from plain connections in anything else."""

from __future__ import annotations

import asyncio
import datetime
import ssl
import zlib
from pathlib import Path

import pytest
import trustme

from gateway.errors import UpstreamClosed, UpstreamMalformed, UpstreamTimeout, UpstreamTlsFailed
from gateway.outbound.tls import make_context
from gateway.outbound.wire import Call, Origin, Pool
from tests.gateway.outbound.conftest import PoolMaker
from tests.gateway.outbound.peers import (
    HELLO,
    OK,
    Heard,
    Peer,
    Provider,
    answering,
    ask,
    descriptors,
    finish,
    provider,
    request,
    send,
)
from tests.waiting import auntil

CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture(scope="module")
def served(authority: trustme.CA) -> ssl.SSLContext:
    return serving(authority.issue_cert("localhost", "127.0.0.1"))


@pytest.fixture
async def secure(make_pool: PoolMaker, ca_file: str) -> Pool:
    return make_pool(ca_file=ca_file, tls_timeout_seconds=5)


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["h2", "http/1.1"])
    certificate.configure_cert(context)
    return context


def at(there: Provider, host: str = "localhost") -> Origin:
    return Origin("https", host, there.port)


async def test_an_answer_comes_over_tls_and_the_connection_is_kept(secure: Pool, served: ssl.SSLContext) -> None:
    names: list[str | None] = []
    served.sni_callback = lambda _socket, name, _context: names.append(name)
    async with provider(answering(HELLO), context=served) as there:
        first, heard = await ask(secure, at(there))
        again, _ = await ask(secure, at(there))
        assert (heard.text, first.connection_reused, again.connection_reused) == (b"hello", False, True)
        tls = there.peers[0].writer.get_extra_info("ssl_object")
        assert tls.selected_alpn_protocol() == "http/1.1"
        assert tls.version() == "TLSv1.3"
    served.sni_callback = None
    assert names == ["localhost"]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_session_is_resumed(version: ssl.TLSVersion, secure: Pool, authority: trustme.CA) -> None:
    context = serving(authority.issue_cert("localhost"))
    context.minimum_version = context.maximum_version = version
    data = OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nok"
    async with provider(answering(data), context=context) as there:
        for _ in range(3):
            await ask(secure, at(there))
        resumed = [peer.writer.get_extra_info("ssl_object").session_reused for peer in there.peers]
    assert resumed == [False, True, True]


async def test_an_address_is_verified_like_a_name(secure: Pool, served: ssl.SSLContext) -> None:
    async with provider(answering(HELLO), context=served) as there:
        _, heard = await ask(secure, at(there, "127.0.0.1"))
    assert heard.text == b"hello"


async def test_a_context_of_ones_own_can_be_used(make_pool: PoolMaker, authority: trustme.CA) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    async with provider(answering(HELLO), context=serving(authority.issue_cert("localhost"))) as there:
        _, heard = await ask(make_pool(ssl_context=context), at(there))
    assert heard.text == b"hello"


YESTERDAY = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("elsewhere", "Hostname mismatch"), ("expired", "certificate has expired"), ("unknown", "issuer certificate")],
)
async def test_a_certificate_that_does_not_fit_is_refused(
    name: str, reason: str, secure: Pool, authority: trustme.CA
) -> None:
    certificates = {
        "elsewhere": lambda: authority.issue_cert("elsewhere.example"),
        "expired": lambda: authority.issue_cert("localhost", not_after=YESTERDAY),
        "unknown": lambda: trustme.CA().issue_cert("localhost"),
    }
    async with provider(answering(HELLO), context=serving(certificates[name]())) as there:
        before = descriptors()
        for _ in range(3):
            _, heard = await ask(secure, at(there))
            assert isinstance(heard.error, UpstreamTlsFailed)
            assert reason in heard.error.message
            assert heard.error.nothing_sent
        assert there.requests == []
        await auntil(lambda: descriptors() <= before)


async def test_the_systems_authorities_do_not_know_ours(pool: Pool, served: ssl.SSLContext) -> None:
    async with provider(answering(HELLO), context=served) as there:
        _, heard = await ask(pool, at(there))
    assert isinstance(heard.error, UpstreamTlsFailed)


async def test_a_ca_file_that_cannot_be_read_is_said(make_pool: PoolMaker, tmp_path: Path) -> None:
    with pytest.raises(UpstreamTlsFailed):
        make_context(str(tmp_path / "missing.pem"))
    async with provider(answering(HELLO)) as there:
        _, heard = await ask(make_pool(ca_file=str(tmp_path / "missing.pem")), at(there))
    assert "ca_file" in heard.error.message


async def test_a_provider_that_speaks_no_tls_is_refused(secure: Pool) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.read(100)
        await peer.send(b"HTTP/1.1 400 Bad request\r\n\r\n")

    async with provider(script) as there:
        _, heard = await ask(secure, at(there))
    assert isinstance(heard.error, UpstreamTlsFailed)
    assert heard.error.message == f"no TLS with localhost:{there.port}: wrong version number"


@pytest.mark.parametrize("reset", [False, True])
async def test_a_connection_closed_in_the_handshake_is_a_failed_handshake(reset: bool, secure: Pool) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.read(10)
        if reset:
            peer.reset()

    async with provider(script) as there:
        _, heard = await ask(secure, at(there))
    assert isinstance(heard.error, UpstreamTlsFailed)
    assert heard.error.nothing_sent


async def test_a_handshake_has_a_time_limit(make_pool: PoolMaker, ca_file: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.gone(5)

    pool = make_pool(ca_file=ca_file, tls_timeout_seconds=0.2)
    async with provider(script) as there:
        _, heard = await ask(pool, at(there))
        assert isinstance(heard.error, UpstreamTimeout)
        assert "tls timeout" in heard.error.message
        assert heard.error.nothing_sent
        await there.peers[0].ended(1)


async def test_cancelling_in_the_handshake_closes_the_socket(secure: Pool) -> None:
    async def script(peer: Peer) -> None:
        await peer.gone(5)

    async with provider(script) as there:
        call = send(secure, at(there), Heard())
        await auntil(lambda: there.peers)
        call.cancel()
        assert await there.peers[0].ended(1) < 0.25


async def test_cancelling_is_seen_at_once(secure: Pool, served: ssl.SSLContext) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED + b"1\r\na\r\n")
        await peer.gone(5)

    async with provider(script, context=served) as there:
        heard = Heard()
        call = send(secure, at(there), heard)
        await asyncio.wait_for(heard.begun.wait(), 5)
        call.cancel()
        assert await there.peers[0].ended(1) < 0.25
        assert (heard.ends, heard.errors) == (0, [])


async def test_what_comes_in_many_records_is_told_together(secure: Pool, served: ssl.SSLContext) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        for piece in (CHUNKED, *[b"5\r\nhello\r\n"] * 500, b"0\r\n\r\n"):
            peer.writer.write(piece)
        await peer.gone(5)

    async with provider(script, context=served) as there:
        _, heard = await ask(secure, at(there))
    assert heard.text == b"hello" * 500
    assert len(heard.pieces) < 100


async def test_large_bodies_go_both_ways(secure: Pool, served: ssl.SSLContext) -> None:
    body = bytes(range(256)) * 20_000
    data = OK + b"Content-Length: %d\r\n\r\n" % len(body) + body
    async with provider(answering(data), context=served) as there:
        for _ in range(2):
            call, heard = await ask(secure, at(there), request(body))
            assert heard.text == body
        assert call.connection_reused
        assert all(each.endswith(body) for each in there.requests)


async def test_a_receiver_that_pauses_stops_the_provider(secure: Pool, served: ssl.SSLContext) -> None:
    sent = 0

    async def script(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(OK + b"Content-Length: 20000000\r\n\r\n")
        while sent < 20_000_000:
            await peer.send(b"x" * 100_000)
            sent += 100_000
        await peer.gone(5)

    async with provider(script, context=served) as there:
        heard = Heard(on_body=Call.pause)
        call = send(secure, at(there), heard, request(idle_timeout=0.4))
        await asyncio.wait_for(heard.begun.wait(), 5)
        await asyncio.sleep(0.6)
        assert heard.size <= 256 * 1024
        assert sent < 15_000_000
        heard.on_body = None
        call.resume()
        await finish(heard)
        assert (heard.size, heard.ends) == (20_000_000, 1)


async def test_a_farewell_ends_a_body_without_length_and_its_lack_does_not(
    secure: Pool, served: ssl.SSLContext
) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK + b"\r\nall of it")
        if len(there.peers) > 1:
            await asyncio.wait_for(heard.begun.wait(), 5)
            peer.writer.transport.abort()

    async with provider(script, context=served) as there:
        _, heard = await ask(secure, at(there))
        assert (heard.text, heard.ends) == (b"all of it", 1)
        heard = Heard()
        send(secure, at(there), heard)
        await finish(heard)
        assert isinstance(heard.error, UpstreamClosed)


async def test_a_connection_closed_while_idle_is_not_used(secure: Pool, served: ssl.SSLContext) -> None:
    async with provider(answering(HELLO), context=served) as there:
        await ask(secure, at(there))
        there.peers[0].writer.close()
        await auntil(lambda: secure.connections_open == 0)
        call, heard = await ask(secure, at(there))
        assert (heard.ends, call.connection_reused) == (1, False)


async def test_an_idle_connection_may_be_used_after_a_while(secure: Pool, served: ssl.SSLContext) -> None:
    async with provider(answering(HELLO), context=served) as there:
        await ask(secure, at(there))
        await asyncio.sleep(0.6)
        call, _ = await ask(secure, at(there))
        assert call.connection_reused


async def test_hostile_answers_are_refused_as_without_tls(secure: Pool, served: ssl.SSLContext) -> None:
    data = OK + b"Content-Encoding: gzip\r\nContent-Length: 20\r\n\r\n" + zlib.compress(b"x", wbits=31)[:19] + b"!"
    for each in (data, CHUNKED + b"zz\r\n", b"\0" * 100, OK + b"X-A: " + b"a" * 100_000):
        async with provider(answering(each), context=served) as there:
            _, heard = await ask(secure, at(there))
            assert isinstance(heard.error, UpstreamMalformed)


async def test_a_damaged_record_ends_the_call(secure: Pool, served: ssl.SSLContext) -> None:
    flaw = 0

    async def between(peer: Peer) -> None:
        """Carries bytes both ways; in the second answer the last byte of each read is changed."""
        reader, writer = await asyncio.open_connection("127.0.0.1", there.port)

        async def there_ward() -> None:
            while data := await peer.reader.read(65536):
                writer.write(data)
            writer.write_eof()

        async def back() -> None:
            while data := await reader.read(65536):
                peer.writer.write(data[:-1] + bytes([data[-1] ^ flaw]))
            writer.close()

        await asyncio.gather(there_ward(), back())

    async def script(peer: Peer) -> None:
        nonlocal flaw
        await peer.request()
        await peer.send(HELLO)
        await peer.request()
        flaw = 1
        await peer.send(HELLO)
        await peer.gone(5)

    async with provider(script, context=served) as there, provider(between) as middle:
        _, heard = await ask(secure, at(middle))
        assert heard.ends == 1
        _, heard = await ask(secure, at(middle))
        assert isinstance(heard.error, UpstreamClosed)
        await middle.peers[0].ended(5)

"""Mails by SMTP: over TLS that is verified, within a time, to addresses that may be connected to."""

from __future__ import annotations

import asyncio
import ssl
import threading
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import trustme

from gateway.errors import (
    UpstreamClosed,
    UpstreamError,
    UpstreamForbidden,
    UpstreamMalformed,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamTlsFailed,
    UpstreamUnreachable,
)
from gateway.outbound.guard import may_reach
from gateway.outbound.mail import Envelope, MailServer, hand_in
from tests import mail_server as peers
from tests.gateway.outbound.peers import descriptors
from tests.mail_server import mail_server
from tests.waiting import auntil

USERS = {"us": "canary of a password"}
SENDER, OPS = "gateway@example.com", "ops@example.com"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def served(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(scope="module")
def elsewhere(authority: trustme.CA) -> ssl.SSLContext:
    """A certificate for another host."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("mail.example").configure_cert(context)
    return context


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def envelope(*recipients: str, text: str = "the disk is full\n") -> Envelope:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "Grüße", SENDER, ", ".join(recipients or (OPS,))
    message.set_content(text)
    return Envelope(SENDER, recipients or (OPS,), message)


def at(there: peers.MailServer, security: Any = "none", **more: Any) -> MailServer:
    return MailServer("127.0.0.1", there.port, security, **more)


async def test_a_mail_arrives_as_it_was_written() -> None:
    async with mail_server() as there:
        text = "a line\n.\n..two dots\nUmlaut: ü 👋\n"
        assert await hand_in(at(there), envelope(OPS, "b@example.com", text=text)) == ()
        (mail,) = there.mails
    assert (mail.sender, mail.recipients) == (SENDER, [OPS, "b@example.com"])
    assert mail.message["Subject"] == "Grüße"
    assert mail.text == text


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_passwords_are_said_over_tls_alone(security: str, served: ssl.SSLContext, ca_file: str) -> None:
    async with mail_server(context=served, users=USERS, implicit_tls=security == "tls") as there:
        server = at(there, security, user="us", password=USERS["us"], ca_file=ca_file)
        assert await hand_in(server, envelope()) == ()
        (mail,) = there.mails
    assert mail.was_private
    assert mail.user == "us"


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_of_nobody_we_trust_is_refused(security: str, served: ssl.SSLContext) -> None:
    async with mail_server(context=served, implicit_tls=security == "tls") as there:
        with pytest.raises(UpstreamTlsFailed, match="certificate not accepted"):
            await hand_in(at(there, security), envelope())
        assert not there.mails


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_of_another_host_is_refused(security: str, elsewhere: ssl.SSLContext, ca_file: str) -> None:
    async with mail_server(context=elsewhere, implicit_tls=security == "tls") as there:
        with pytest.raises(UpstreamTlsFailed, match="certificate not accepted"):
            await hand_in(at(there, security, ca_file=ca_file), envelope())


async def test_nothing_is_said_to_a_server_that_does_not_turn_to_tls(served: ssl.SSLContext) -> None:
    """Somebody on the way may have taken the offer out."""
    async with mail_server(context=served, offers_tls=False, users=USERS) as there:
        with pytest.raises(UpstreamMalformed, match="STARTTLS"):
            await hand_in(at(there, "starttls", user="us", password=USERS["us"]), envelope())
        assert not there.mails


async def test_a_wrong_password_is_told_without_saying_it(served: ssl.SSLContext, ca_file: str) -> None:
    async with mail_server(context=served, users=USERS) as there:
        server = at(there, "starttls", user="us", password="another canary", ca_file=ca_file)
        with pytest.raises(UpstreamRejected, match="535") as caught:
            await hand_in(server, envelope())
    assert "canary" not in caught.value.message + repr(server)


async def test_a_password_that_smtp_cannot_carry_is_told_without_saying_it() -> None:
    async with mail_server(users=USERS) as there:
        with pytest.raises(UpstreamMalformed, match="ASCII only") as caught:
            await hand_in(at(there, user="us", password="canary ü"), envelope())
    assert "ü" not in caught.value.message


async def test_a_server_that_asks_for_a_login_of_another_kind_is_told() -> None:
    async with mail_server(users=USERS, replies={"ehlo": "250-mail.example\r\n250 AUTH XOAUTH2"}) as there:
        with pytest.raises(UpstreamMalformed, match="is not understood: No suitable authentication method") as caught:
            await hand_in(at(there, user="us", password=USERS["us"]), envelope())
    assert "canary" not in caught.value.message


async def test_recipients_that_are_refused_are_named_and_the_others_get_it() -> None:
    async with mail_server(refused={"gone@example.com"}) as there:
        assert await hand_in(at(there), envelope(OPS, "gone@example.com")) == ("gone@example.com",)
        assert there.mails[0].recipients == [OPS]


REFUSALS: list[tuple[dict[str, Any], type[UpstreamError], str]] = [
    ({"refused": {OPS}}, UpstreamMalformed, "takes nobody's mail: ops@example.com: 5.1.1 there is nobody"),
    ({"replies": {"greeting": "554 not today"}}, UpstreamMalformed, "554 not today"),
    ({"replies": {"greeting": "hello"}}, UpstreamMalformed, "refuses the mail"),
    ({"replies": {"mail": "451 later"}}, UpstreamMalformed, "451 later"),
    ({"replies": {"data": "554 no"}}, UpstreamMalformed, "554 no"),
    ({"replies": {"content": "552 too large"}}, UpstreamMalformed, "552 too large"),
    ({"replies": {"ehlo": "502 what", "helo": "502 what"}}, UpstreamMalformed, "502 what"),
    ({"replies": {"greeting": "cut"}}, UpstreamClosed, "broke off"),
    ({"replies": {"content": "cut"}}, UpstreamClosed, "broke off"),
    ({"replies": {"ehlo": "babble"}}, UpstreamClosed, "it says too much"),
    ({"replies": {"ehlo": "250 " + "x" * 20_000}}, UpstreamMalformed, "Line too long"),
]


@pytest.mark.parametrize(("said", "error", "words"), REFUSALS)
async def test_a_server_that_refuses_or_misbehaves_is_told(
    said: dict[str, Any], error: type[UpstreamError], words: str
) -> None:
    async with mail_server(**said) as there:
        with pytest.raises(error, match=words):
            await hand_in(at(there), envelope())
        assert not there.mails


async def test_what_was_taken_is_taken_however_the_server_says_goodbye() -> None:
    async with mail_server(replies={"quit": "silence"}) as there:
        assert await hand_in(at(there), envelope(), seconds=5) == ()
        assert len(there.mails) == 1


@pytest.mark.parametrize("command", ["greeting", "ehlo", "mail", "content"])
async def test_a_silent_server_is_given_up_and_leaves_nothing_behind(command: str) -> None:
    async with mail_server(replies={command: "silence"}) as there:
        threads, files = threading.active_count(), descriptors()
        with pytest.raises(UpstreamTimeout, match=r"No answer of 127\.0\.0\.1:\d+ within 0\.2 seconds"):
            await hand_in(at(there), envelope(), seconds=0.2)
        await auntil(lambda: descriptors() <= files + 1)  # the server's own end may be a moment late
        assert threading.active_count() <= threads + 1, "threads of the pool are used again"


async def test_a_handshake_that_never_comes_is_given_up() -> None:
    async with mail_server(replies={"greeting": "silence"}) as there:
        with pytest.raises(UpstreamTimeout):
            await hand_in(at(there, "tls"), envelope(), seconds=0.3)


async def test_whoever_gives_it_up_ends_it() -> None:
    async with mail_server(replies={"mail": "silence"}) as there:
        task = asyncio.create_task(hand_in(at(there), envelope()))
        await auntil(lambda: there.visits)
        await asyncio.sleep(0.05)  # it is in the middle of it now, or soon
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 2)


async def test_nobody_at_home_is_told() -> None:
    with pytest.raises(UpstreamUnreachable, match=r"cannot connect to 127\.0\.0\.1:1"):
        await hand_in(MailServer("127.0.0.1", 1, "none"), envelope())
    with pytest.raises(UpstreamUnreachable, match=r"cannot find nowhere\.invalid"):
        await hand_in(MailServer("nowhere.invalid", 25, "none"), envelope())


async def test_a_guarded_one_does_not_reach_this_machine() -> None:
    async with mail_server() as there:
        with pytest.raises(UpstreamForbidden, match="is not public"):
            await hand_in(at(there), envelope(), permit=may_reach)
        assert not there.visits


async def test_an_authority_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    async with mail_server() as there:
        with pytest.raises(UpstreamTlsFailed, match="cannot be read"):
            await hand_in(at(there, "tls", ca_file=str(tmp_path / "none")), envelope())

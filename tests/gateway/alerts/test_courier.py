"""Telling receivers: real servers that take what they are told, refuse it, are silent, or are nowhere to be reached."""

from __future__ import annotations

import hashlib
import hmac
import ssl
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import trustme
from msgspec import structs

from gateway.alerts.courier import Courier, Patience, Receiver, Undelivered, names_of, receivers_of
from gateway.alerts.wording import Message
from gateway.settings.alerting import AlertSettings, EmailSettings, WebhookSettings
from gateway.settings.model import NetworkSettings, Settings, UpstreamSettings
from tests.gateway.alerts.hooks import hook
from tests.gateway.alerts.scenes import NOON, notice
from tests.gateway.outbound.peers import OK
from tests.mail_server import mail_server

URL = "https://llm.example.com"
TEST = Message([notice()], NOON, URL)
SECRET = "canary of a key"


def courier(settings: Settings, declared: Settings | None = None, **patience: float) -> Courier:
    """One for these settings, all of which the file says unless something else is `declared`."""
    return Courier(lambda: settings, lambda: declared or settings, Patience(**patience))


def with_hook(url: str, **more: Any) -> Settings:
    return Settings(alerts=AlertSettings(webhooks=(WebhookSettings(name="ops", url=url, **more),)))


def with_mail(port: int, **more: Any) -> Settings:
    fields = {"security": "none", "sender": "gateway@example.com", "to": ("ops@example.com",)}
    return Settings(alerts=AlertSettings(email=EmailSettings(host="127.0.0.1", port=port, **{**fields, **more})))


async def carried(by: Courier, message: Message = TEST) -> str:
    (receiver,) = by.receivers().values()
    return await by.carry(receiver, message)


def test_everybody_who_is_told_has_a_name() -> None:
    settings = with_hook("https://a.example/x")
    assert list(receivers_of(settings, settings)) == ["webhook/ops"]
    both = structs.replace(settings, alerts=structs.replace(settings.alerts, email=with_mail(25).alerts.email))
    assert list(receivers_of(both, both)) == ["webhook/ops", "email"]
    assert receivers_of(Settings(), Settings()) == {}


def test_what_the_file_says_is_told_from_what_the_database_says() -> None:
    settings, other = with_hook("https://a.example/x"), with_hook("https://b.example/x")
    assert receivers_of(settings, settings)["webhook/ops"].is_said
    assert not receivers_of(settings, other)["webhook/ops"].is_said, "of the same name, and not the same"
    assert receivers_of(with_mail(25), with_mail(25))["email"].is_said
    assert not receivers_of(with_mail(25), with_mail(26))["email"].is_said


def test_a_receiver_may_want_to_hear_of_some_kinds_only() -> None:
    every, some = (Receiver(name, WebhookSettings(name=name, kinds=kinds), True) for name, kinds in (("a", ()), ("b", ("budget",))))  # type: ignore[arg-type]  # fmt: skip  # noqa: E501
    assert names_of([every, some], "budget") == ["a", "b"]
    assert names_of([every, some], "disk") == ["a"]


async def test_a_webhook_is_told_by_post() -> None:
    async with hook() as there:
        assert await carried(courier(with_hook(there.url))) == ""
        (told,) = there.told
    assert told.path == "/hook/canary-in-a-path"
    assert told.headers["content-type"] == "application/json"
    assert told.headers["user-agent"].startswith("sluicegate/")
    assert told.events == ["opened"]
    assert told.fields["alerts"][0]["link"] == f"{URL}/spend"
    assert "x-sluicegate-signature" not in told.headers


async def test_a_signature_tells_that_it_is_from_us_and_when_it_was_made() -> None:
    async with hook() as there:
        await carried(courier(with_hook(there.url, secret=SECRET)))
        (told,) = there.told
    at = told.headers["x-sluicegate-timestamp"]
    assert int(at) == NOON // 10**6
    expected = hmac.new(SECRET.encode(), f"{at}.".encode() + told.body, hashlib.sha256).hexdigest()
    assert told.headers["x-sluicegate-signature"] == f"v1={expected}"


async def test_a_chat_is_told_a_text() -> None:
    async with hook() as there:
        await carried(courier(with_hook(there.url, format="slack")))
        (told,) = there.told
    assert told.fields.keys() == {"text"}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (OK.replace(b"200 OK", b"500 Oh") + b"Content-Length: 0\r\n\r\n", "it answered 500"),
        (OK.replace(b"200 OK", b"404 No") + b"Content-Length: 0\r\n\r\n", "it answered 404"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "it answered 302"),
        (b"nonsense\r\n\r\n", "."),
    ],
)
async def test_a_webhook_that_does_not_take_it_is_told_of_without_its_address(answer: bytes, reason: str) -> None:
    async with hook(answer) as there:
        with pytest.raises(Undelivered, match=reason) as caught:
            await carried(courier(with_hook(there.url)))
        assert len(there.told) == 1, "a redirect is followed nowhere"
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "more", [b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nxyz", b"Content-Length: 99999999\r\n\r\n"]
)
async def test_a_webhook_that_took_it_may_say_what_it_likes(more: bytes) -> None:
    async with hook(OK + more) as there:
        assert await carried(courier(with_hook(there.url), hook=5)) == ""


async def test_a_silent_webhook_is_given_up() -> None:
    async with hook(is_silent=True) as there:
        with pytest.raises(Undelivered, match=r"No answer within 0\.2 seconds"):
            await carried(courier(with_hook(there.url), hook=0.2))


async def test_a_webhook_that_is_not_there_is_told_of() -> None:
    with pytest.raises(Undelivered, match=r"cannot connect to 127\.0\.0\.1:1: Connection refused"):
        await carried(courier(with_hook("http://127.0.0.1:1/canary")))


async def test_a_certificate_of_nobody_we_trust_is_refused() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with mail_server(context=context, implicit_tls=True) as there:  # it only has to shake hands
        with pytest.raises(Undelivered, match="certificate not accepted"):
            await carried(courier(with_hook(f"https://127.0.0.1:{there.port}/canary")))


async def test_an_address_of_the_database_leads_to_public_machines_or_where_it_is_allowed() -> None:
    async with hook() as there:
        settings = with_hook(there.url)
        with pytest.raises(Undelivered, match=r"is not public, and `network\.allow` does not name it"):
            await carried(courier(settings, Settings()))
        assert not there.told
        allowed = structs.replace(settings, network=NetworkSettings(allow=("127.0.0.1",)))
        assert await carried(courier(allowed, Settings())) == ""


async def test_a_redirect_to_a_private_address_is_not_followed() -> None:
    async with hook() as inside:
        moved = f"HTTP/1.1 307 Elsewhere\r\nLocation: {inside.url}\r\nContent-Length: 0\r\n\r\n"
        async with hook(moved.encode()) as there:
            settings = structs.replace(with_hook(there.url), network=NetworkSettings(allow=("127.0.0.1",)))
            with pytest.raises(Undelivered, match="it answered 307"):
                await carried(courier(settings, Settings()))
        assert not inside.told


async def test_a_proxy_of_the_database_sees_no_address_of_a_webhook() -> None:
    async with hook() as there, hook() as proxy:
        said = with_hook(there.url)
        through = structs.replace(said, upstream=UpstreamSettings(proxy=f"http://127.0.0.1:{proxy.at.port}"))
        declared = structs.replace(said, upstream=UpstreamSettings(proxy="none"))
        assert await carried(courier(through, declared)) == ""
        assert (len(there.told), len(proxy.told)) == (1, 0)


async def test_people_are_told_by_mail() -> None:
    async with mail_server() as there:
        assert await carried(courier(with_mail(there.port, to=("a@example.com", "b@example.com")))) == ""
        (mail,) = there.mails
    message = mail.message
    assert message["Subject"] == "[warning] client key `app` has used 83 % of its budget"
    assert message["From"] == "Sluicegate <gateway@example.com>"
    assert message["To"] == "a@example.com, b@example.com"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@example.com>")
    assert parsedate_to_datetime(message["Date"]).timestamp() == NOON // 10**6
    assert mail.text.startswith("WARNING: client key `app` has used 83 % of its budget\n")
    assert mail.recipients == ["a@example.com", "b@example.com"]


async def test_letters_of_any_kind_arrive() -> None:
    async with mail_server() as there:
        told = notice(text="the disk of `/größe/👋` is 95 % full")
        await carried(courier(with_mail(there.port)), Message([told], NOON, ""))
        (mail,) = there.mails
    assert mail.message["Subject"] == "[warning] the disk of `/größe/👋` is 95 % full"
    assert "WARNING: the disk of `/größe/👋` is 95 % full" in mail.text


async def test_somebody_who_is_not_there_is_remarked_and_the_others_are_told() -> None:
    async with mail_server(refused={"b@example.com"}) as there:
        by = courier(with_mail(there.port, to=("a@example.com", "b@example.com")))
        assert await carried(by) == "refused: b@example.com"
        assert there.mails[0].recipients == ["a@example.com"]


async def test_a_mail_server_that_refuses_is_told_of_without_the_password() -> None:
    async with mail_server(users={"us": "right"}) as there:
        with pytest.raises(Undelivered, match="refuses the login: 535") as caught:
            await carried(courier(with_mail(there.port, user="us", password="canary")))
    assert "canary" not in str(caught.value)


async def test_a_silent_mail_server_is_given_up() -> None:
    async with mail_server(replies={"greeting": "silence"}) as there:
        with pytest.raises(Undelivered, match=r"within 0\.2 seconds"):
            await carried(courier(with_mail(there.port), mail=0.2))


async def test_a_mail_server_of_the_database_is_a_public_one_or_one_that_is_allowed() -> None:
    async with mail_server() as there:
        settings = with_mail(there.port)
        with pytest.raises(Undelivered, match="is not public"):
            await carried(courier(settings, Settings()))
        assert not there.visits
        allowed = structs.replace(settings, network=NetworkSettings(allow=("127.0.0.1",)))
        assert await carried(courier(allowed, Settings())) == ""

"""Carries messages to receivers: webhooks by HTTP, people by mail.

What the configuration file says of receivers is the operator's own word; an address from the database may lead to
public machines and to what `network.allow` names. Redirects are not followed. Nothing of an address but its host is
ever told.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from types import MappingProxyType
from typing import NamedTuple

import orjson

from gateway import __version__
from gateway.alerts import wording
from gateway.alerts.wording import Message
from gateway.errors import UpstreamError
from gateway.outbound.client import Fetcher
from gateway.outbound.guard import permit_of
from gateway.outbound.mail import Envelope, MailServer, hand_in
from gateway.outbound.wire import Pool
from gateway.settings.alerting import EmailSettings, WebhookSettings
from gateway.settings.instants import EPOCH
from gateway.settings.model import Settings

MAIL = "email"
"""Name of the mail server among receivers."""

SIGNATURE_VERSION = "v1"


class Undelivered(Exception):
    """Why a message did not arrive, in one line without a secret."""


class Receiver(NamedTuple):
    """Somebody who is told."""

    name: str
    """`webhook/<name>` or `email`."""
    to: WebhookSettings | EmailSettings
    is_said: bool
    """By the configuration file."""

    def wants(self, kind: str) -> bool:
        """Whether it is told of such alerts."""
        return not self.to.kinds or kind in self.to.kinds


class Patience(NamedTuple):
    """How long a receiver may take, in seconds: from the look-up to the last word."""

    hook: float = 15.0
    mail: float = 30.0


USUAL = Patience()


def receivers_of(settings: Settings, declared: Settings) -> dict[str, Receiver]:
    """Everybody who is told, by name; `declared` is what the configuration file says."""
    said, alerts = declared.alerts, settings.alerts
    found = [Receiver(f"webhook/{hook.name}", hook, hook in said.webhooks) for hook in alerts.webhooks]
    if alerts.email.host:
        found.append(Receiver(MAIL, alerts.email, alerts.email == said.email))
    return {receiver.name: receiver for receiver in found}


class Courier:
    """Carries messages under the settings that hold at the moment."""

    def __init__(
        self, settings: Callable[[], Settings], declared: Callable[[], Settings], patience: Patience = USUAL
    ) -> None:
        self._settings, self._declared, self._patience = settings, declared, patience

    def receivers(self) -> dict[str, Receiver]:
        """Everybody who is told, by name."""
        return receivers_of(self._settings(), self._declared())

    async def carry(self, receiver: Receiver, message: Message) -> str:
        """Have a message arrive; what went wrong nevertheless, empty where nothing did. Raises Undelivered."""
        try:
            if isinstance(receiver.to, WebhookSettings):
                return await self._post(receiver.to, message, is_said=receiver.is_said)
            return await self._mail(receiver.to, message, is_said=receiver.is_said)
        except UpstreamError as error:
            raise Undelivered(error.message.rstrip(".")) from error

    async def _post(self, hook: WebhookSettings, message: Message, *, is_said: bool) -> str:
        body = orjson.dumps(WRITE[hook.format](message))
        settings, proxy = self._settings(), self._declared().upstream.proxy
        pool = Pool(settings.upstream, permit=permit_of(settings.network.allow))
        try:
            fetch = Fetcher(pool, proxy=proxy, guarded=not is_said, seconds=self._patience.hook)
            status = await fetch.tell(hook.url, headers_of(hook, body, message.at_us), body)
        finally:
            await pool.close()
        if not 200 <= status < 300:
            raise Undelivered(f"it answered {status}")
        return ""

    async def _mail(self, mail: EmailSettings, message: Message, *, is_said: bool) -> str:
        settings = self._settings()
        server = MailServer(mail.host, mail.port, mail.security, mail.user, mail.password, settings.upstream.ca_file)
        permit = None if is_said else permit_of(settings.network.allow)
        envelope = Envelope(mail.sender, mail.to, mail_of(mail, message))
        refused = await hand_in(server, envelope, permit=permit, seconds=self._patience.mail)
        return f"refused: {', '.join(refused)}" if refused else ""


def headers_of(hook: WebhookSettings, body: bytes, at_us: int) -> dict[str, str]:
    """What goes with a message. Whoever has the key can tell that it is from us, and when it was written."""
    headers = {"content-type": "application/json", "user-agent": f"sluicegate/{__version__}"}
    if not hook.secret:
        return headers
    at = str(at_us // 1_000_000)
    return {**headers, "x-sluicegate-timestamp": at, "x-sluicegate-signature": sign(hook.secret, at, body)}


def sign(secret: str, at: str, body: bytes) -> str:
    """The signature of a message: HMAC-SHA256 of the time, a point and the body."""
    digest = hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"{SIGNATURE_VERSION}={digest}"


def mail_of(mail: EmailSettings, message: Message) -> EmailMessage:
    """A message as a mail."""
    letter = EmailMessage()
    letter["Subject"] = wording.subject(message)
    letter["From"] = _address("Sluicegate", mail.sender)
    letter["To"] = [_address("", each) for each in mail.to]
    letter["Date"] = format_datetime(EPOCH + timedelta(microseconds=message.at_us))
    # Not of the machine's own name, for which somebody might have to be asked.
    letter["Message-ID"] = make_msgid(domain=mail.sender.rpartition("@")[2])
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(wording.plain(message))
    return letter


def names_of(receivers: Iterable[Receiver], kind: str) -> list[str]:
    """Those who want to hear of a kind of alert."""
    return [receiver.name for receiver in receivers if receiver.wants(kind)]


def _address(name: str, address: str) -> Address:
    return Address(name, addr_spec=address)


WRITE: Mapping[str, Callable[[Message], object]] = MappingProxyType({"json": wording.fields, "slack": wording.chat})
"""By the format of a webhook."""

"""A mail server on a socket, as small as one can be that real clients believe: it keeps what it is handed in.

Knows SMTP as far as RFC 5321, 3207 and 4954 ask for it. What it refuses, and how it misbehaves, is the test's to say.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

Reply = Callable[["Visit"], Awaitable[None]]


@dataclass
class Mail:
    """A mail that was taken."""

    sender: str
    recipients: list[str]
    content: bytes
    was_private: bool
    """It came over TLS."""
    user: str
    """Who was logged in."""

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.content, policy=policy.default)

    @property
    def text(self) -> str:
        return str(self.message.get_content()).replace("\r\n", "\n")


@dataclass
class MailServer:
    """What it offers and refuses, and what it got."""

    context: ssl.SSLContext | None = None
    offers_tls: bool = True
    users: dict[str, str] = field(default_factory=dict)
    """Those who may send, by name; anybody where there is none."""
    replies: dict[str, str] = field(default_factory=dict)
    """What is said to a command in the place of what it would be; `greeting` and `content` among them. `silence` for
    nothing at all, `cut` for the end of the connection, `babble` for a reply without end."""
    refused: set[str] = field(default_factory=set)
    """Recipients that there are not."""
    mails: list[Mail] = field(default_factory=list)
    visits: int = 0
    port: int = 0


class Visit:
    """One connection."""

    def __init__(self, server: MailServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server, self.reader, self.writer = server, reader, writer
        self.user = self.sender = ""
        self.recipients: list[str] = []
        self.is_private = writer.get_extra_info("ssl_object") is not None

    async def run(self) -> None:
        await self.say("greeting", "220 mail.example ESMTP")
        while line := await self.reader.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            command = getattr(self, f"do_{verb.lower()}", None)
            if command is None:
                await self.say(verb.lower(), "502 I do not know that")
            else:
                await command(rest)
            if verb.lower() == "quit":
                return

    async def say(self, command: str, usual: str) -> bool:
        """Answer; whether that was the usual answer."""
        said = self.server.replies.get(command, usual)
        if said == "silence":
            await asyncio.Event().wait()
        if said == "cut":
            raise ConnectionError
        while said == "babble":
            self.writer.write(b"250-and another thing\r\n" * 1000)
            await self.writer.drain()
        self.writer.write(f"{said}\r\n".encode())
        await self.writer.drain()
        return said == usual

    async def do_ehlo(self, name: str) -> None:
        offers = ["mail.example"]
        if self.server.context is not None and self.server.offers_tls and not self.is_private:
            offers.append("STARTTLS")
        if self.server.users:
            offers.append("AUTH PLAIN LOGIN")
        lines = [f"250-{each}" for each in offers[:-1]]
        await self.say("ehlo", "\r\n".join([*lines, f"250 {offers[-1]}"]))

    async def do_helo(self, name: str) -> None:
        await self.say("helo", "250 mail.example")

    async def do_starttls(self, rest: str) -> None:
        if await self.say("starttls", "220 go on") and self.server.context is not None:
            await self.writer.start_tls(self.server.context)
            self.is_private = True

    async def do_auth(self, rest: str) -> None:
        mechanism, _, initial = rest.partition(" ")
        words = base64.b64decode(initial).decode()
        if mechanism == "LOGIN":
            await self.say("login", f"334 {base64.b64encode(b'Password:').decode()}")
            words = f"\0{words}\0{base64.b64decode(await self.reader.readline()).decode()}"
        _, user, password = words.split("\0")
        if self.server.users.get(user) == password and await self.say("auth", "235 welcome"):
            self.user = user
        else:
            await self.say("auth", "535 5.7.8 wrong name or password")

    async def do_mail(self, rest: str) -> None:
        if self.server.users and not self.user:
            await self.say("mail", "530 5.7.0 log in first")
        elif await self.say("mail", "250 fine"):
            self.sender = _address(rest)

    async def do_rcpt(self, rest: str) -> None:
        if _address(rest) in self.server.refused:
            await self.say("rcpt", "550 5.1.1 there is nobody of that name")
        elif await self.say("rcpt", "250 fine"):
            self.recipients.append(_address(rest))

    async def do_data(self, rest: str) -> None:
        if not await self.say("data", "354 go on"):
            return
        content = b""
        while (line := await self.reader.readline()) not in (b".\r\n", b""):
            content += line[1:] if line.startswith(b".") else line
        if await self.say("content", "250 taken"):
            mail = Mail(self.sender, self.recipients, content, self.is_private, self.user)
            self.server.mails.append(mail)

    async def do_rset(self, rest: str) -> None:
        await self.say("rset", "250 fine")

    async def do_quit(self, rest: str) -> None:
        await self.say("quit", "221 goodbye")


def _address(rest: str) -> str:
    return rest.partition("<")[2].partition(">")[0]


@asynccontextmanager
async def mail_server(*, implicit_tls: bool = False, **said: object) -> AsyncIterator[MailServer]:
    """A server on a free port, until the end of the block."""
    made = MailServer(**said)  # type: ignore[arg-type] # fields of it
    running: set[asyncio.Task[None]] = set()

    async def visited(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        made.visits += 1
        try:
            with suppress(OSError, asyncio.CancelledError):
                await Visit(made, reader, writer).run()
        finally:
            running.discard(task)
            writer.transport.abort()

    context = made.context if implicit_tls else None
    server = await asyncio.start_server(visited, "127.0.0.1", 0, ssl=context)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

"""A URL given by API or dashboard is refused at once, with the reason, where connections would be refused later."""

from __future__ import annotations

import asyncio
import socket

import pytest

from gateway.outbound import guard
from gateway.outbound.addresses import Address, find_addresses
from gateway.outbound.guard import LookUp, check_url_given, networks

PUBLIC = "8.8.8.8"


def leading_to(*addresses: str) -> LookUp:
    """Every name leads to these addresses."""

    async def look_up(loop: asyncio.AbstractEventLoop, host: str, port: int) -> list[Address]:
        return [(socket.AF_INET6 if ":" in each else socket.AF_INET, (each, port)) for each in addresses]

    return look_up


async def refusal(url: str, *allow: str, look_up: LookUp = find_addresses) -> str:
    """Why a URL is refused."""
    with pytest.raises(ValueError, match=r"\w") as refused:
        await check_url_given(url, networks(allow), look_up=look_up)
    return str(refused.value)


@pytest.mark.parametrize(
    "url", ["https://api.example/v1", "http://api.example:8080", "https://bücher.example", "https://API.Example./v1"]
)
async def test_public_addresses_are_taken(url: str) -> None:
    await check_url_given(url, look_up=leading_to(PUBLIC, "2606:4700:4700::1111"))


INSIDE = """
    0.0.0.0 0 127.0.0.1 127.1 127.255.255.254 2130706433 0x7f000001 0x7f.1 0177.0.0.1 017700000001 127.0.0.1.
    10.0.0.1 192.168.1.1 172.16.0.1 100.100.100.200 169.254.169.254 0xa9fea9fe 2852039166 168.63.129.16
    [::] [::1] [::ffff:127.0.0.1] [::ffff:7f00:1] [0:0:0:0:0:ffff:a9fe:a9fe] [64:ff9b::a9fe:a9fe] [64:ff9b::7f00:1]
    [fd00:ec2::254] [fe80::1] [2002:7f00:1::] localhost LOCALHOST localhost. ①②⑦.0.0.1 127。0。0。1 \uff4cocalhost
"""


@pytest.mark.parametrize("host", INSIDE.split())
async def test_the_inside_is_refused_however_it_is_written(host: str) -> None:
    said = await refusal(f"http://{host}/latest/meta-data/")
    assert "is not a public address" in said or "cannot find" in said, said


@pytest.mark.parametrize(
    "url",
    [
        "http://[fe80::1%25lo]/",
        "http://[fe80::1%lo]/",
        "http://[::1%251]/",
        "http://127.0.0.1@api.example/",
        "http://api.example@127.0.0.1/",
        "http://api.example:x@127.0.0.1/",
        "http://api.example\\@127.0.0.1/",
        "http://127.0.0.1\t/",
        "http://127.0.0.1\r\n/",
        "http://127.0.0.1\0.api.example/",
        "http://127.0.0.1%2f/",
        "http://127.0.0.1%00/",
        "file:///etc/passwd",
        "unix:///run/x.sock",
        "gopher://127.0.0.1/",
        "ftp://127.0.0.1/",
        "dict://127.0.0.1/",
        "jar:http://127.0.0.1/",
        "//127.0.0.1/",
        "http:/127.0.0.1/",
        "http:///127.0.0.1/",
        "http://",
        "",
    ],
)
async def test_tricks_are_refused_before_anything_is_looked_up(url: str) -> None:
    async def never(loop: asyncio.AbstractEventLoop, host: str, port: int) -> list[Address]:
        raise AssertionError(f"{host} was looked up")

    await refusal(url, look_up=never)


@pytest.mark.parametrize("host", ["metadata.google.internal", "metadata", "instance-data.ec2.internal"])
async def test_names_of_metadata_are_judged_by_where_they_lead(host: str) -> None:
    said = await refusal(f"http://{host}/", look_up=leading_to("169.254.169.254"))
    assert said == (
        f"{host} leads to 169.254.169.254, which is not a public address, and `network.allow` does not name it"
    )


async def test_one_address_inside_is_enough() -> None:
    said = await refusal("https://mixed.example/", look_up=leading_to(PUBLIC, "10.0.0.7"))
    assert said.startswith("mixed.example leads to 10.0.0.7, ")


async def test_an_operator_may_allow_it() -> None:
    await check_url_given("http://127.0.0.1:11434/v1", networks(["127.0.0.1"]))
    await check_url_given("http://box.example", networks(["10.0.0.0/8"]), look_up=leading_to("10.1.2.3"))
    assert "10.1.2.3" in await refusal("http://10.1.2.3/", "10.2.0.0/16")


async def test_a_name_that_leads_nowhere_is_refused() -> None:
    async def nowhere(loop: asyncio.AbstractEventLoop, host: str, port: int) -> list[Address]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    said = await refusal("https://nobody.example/", look_up=nowhere)
    assert said == "cannot find nobody.example: Name or service not known"


async def test_a_name_server_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silence(loop: asyncio.AbstractEventLoop, host: str, port: int) -> list[Address]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(guard, "LOOK_UP_SECONDS", 0.05)
    assert await refusal("https://slow.example/", look_up=silence) == "finding slow.example took longer than 0.05 s"


async def test_a_refusal_never_repeats_a_password() -> None:
    assert "secret" not in await refusal("http://name:secret@127.0.0.1/")

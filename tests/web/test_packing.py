from __future__ import annotations

import gzip
import re

import pytest
from blacksheep import Content, Response

from tests.gateway.management.crowd import add
from tests.web.visiting import PASSWORD, House
from web import packing

TEXT = b"all work and no play " * 100


@pytest.mark.parametrize(
    ("accepted", "takes"),
    [
        (None, False),
        (b"", False),
        (b"gzip", True),
        (b"gzip, deflate, br", True),
        (b"br;q=1.0, gzip;q=0.8", True),
        (b"gzip;q=0", False),
        (b"gzip; q=0.0, br", False),
        (b"identity", False),
    ],
)
def test_a_browser_says_what_it_takes(accepted: bytes | None, takes: bool) -> None:
    assert packing.takes_gzip(accepted) is takes


def answer(body: bytes) -> Response:
    return Response(200, None, Content(b"text/html", body))


def test_a_page_is_packed_for_those_who_take_it() -> None:
    packed = packing.packed(answer(TEXT), b"gzip")
    assert packed.content is not None
    assert gzip.decompress(packed.content.body) == TEXT
    assert len(packed.content.body) < len(TEXT) / 10
    assert packed.get_first_header(b"content-encoding") == b"gzip"
    assert packed.get_first_header(b"vary") == b"accept-encoding"


def test_for_others_it_stays_and_says_that_it_varies() -> None:
    plain = packing.packed(answer(TEXT), None)
    assert plain.content is not None
    assert plain.content.body == TEXT
    assert plain.get_first_header(b"content-encoding") is None
    assert plain.get_first_header(b"vary") == b"accept-encoding"


def test_what_is_small_or_nothing_stays() -> None:
    for response in (answer(b"short"), Response(303)):
        assert packing.packed(response, b"gzip").get_first_header(b"content-encoding") is None


def test_the_same_is_packed_the_same() -> None:
    assert packing.packed_once(TEXT) == packing.pack(TEXT, packing.HIGHEST)
    assert packing.packed_once(TEXT) is packing.packed_once(TEXT)


async def test_pages_and_static_files_come_packed_but_never_one_with_a_secret(house: House) -> None:
    await add(house.office, "ada", "owner", password=PASSWORD)
    ada = await house.signed_in("ada@example.com")
    page = await ada.get("/", **{"accept-encoding": "gzip"})
    assert page.headers["content-encoding"] == "gzip"
    links = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)
    sizes = {}
    for link in links:
        file = await ada.get(link, **{"accept-encoding": "gzip"})
        assert file.headers["content-encoding"] == "gzip"
        sizes[link] = int(file.headers["content-length"])
    assert int(page.headers["content-length"]) + sum(sizes.values()) < 60 * 1024
    await ada.get("/account")
    made = await ada.submit("/account/tokens", name="deploy", scopes=["usage:read"])
    assert "slg-api-" in made.text
    assert "content-encoding" not in made.headers
    assert "no-transform" in made.headers["cache-control"]

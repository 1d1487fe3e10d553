"""Media are found, put in their places and told as URLs; types are as said."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidRequest
from gateway.formats.media import data_url, inlined, source_of_url, strange_urls, text_document, wanted_urls
from gateway.formats.neutral import Audio, Document, Image, Part, Prompt, Source, Text, ToolResult, Turn, Video


def url(address: str) -> Source:
    return Source("url", address)


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("data:image/png;base64,iVBO", Source("base64", "iVBO", "image/png")),
        ("DATA:Image/JPG;name=x;BASE64,aa bb\ncc", Source("base64", "aabbcc", "image/jpeg")),
        ("data:;base64,aGk%3D", Source("base64", "aGk=", "")),
        ("data:text/plain;charset=utf-8,a%20b", Source("base64", "YSBi", "text/plain")),
        ("https://e.org/x.png", Source("url", "https://e.org/x.png")),
    ],
)
def test_a_url_is_content_or_an_address(address: str, source: Source) -> None:
    assert source_of_url(address) == source


def test_a_data_url_without_data_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="comma"):
        source_of_url("data:image/png;base64")


@given(st.binary())
def test_content_comes_back_from_its_url(content: bytes) -> None:
    source = Source("base64", base64.b64encode(content).decode(), "image/png")
    assert source_of_url(data_url(source)) == source


def test_every_source_has_a_url() -> None:
    assert data_url(Source("text", "hé", "text/html")) == "data:text/html;base64,aMOp"
    assert data_url(Source("text", "hi")) == "data:text/plain;base64,aGk="
    assert data_url(url("https://e.org")) == "https://e.org"


PARTS: tuple[Part, ...] = (
    Image(url("https://e.org/1.png")),
    Document(url("https://e.org/2.pdf")),
    ToolResult("c", (Image(url("https://e.org/3.png")), Image(url("https://e.org/1.png")), Text("t"))),
    Image(Source("base64", "aa", "image/png")),
    Image(Source("file", "file-1")),
    Audio(url("https://e.org/a.mp3")),
    Video(url("https://e.org/v.mp4")),
)
PROMPT = Prompt((), (Turn("user", PARTS),))


def test_addresses_that_must_be_fetched_are_told_once_each() -> None:
    """Those in tool results too; sounds and films are never fetched."""
    assert wanted_urls(PROMPT, frozenset()) == ("https://e.org/1.png", "https://e.org/2.pdf", "https://e.org/3.png")
    assert wanted_urls(PROMPT, frozenset({"image"})) == ("https://e.org/2.pdf",)
    assert wanted_urls(PROMPT, frozenset({"document"})) == ("https://e.org/1.png", "https://e.org/3.png")
    assert wanted_urls(PROMPT, frozenset({"image", "document"})) == ()


def test_fetched_content_takes_the_place_of_its_address() -> None:
    names = ("1.png", "2.pdf", "3.png", "a.mp3")
    content = {f"https://e.org/{name}": Source("base64", name, "image/x") for name in names}
    (turn,) = inlined(PROMPT, content).turns
    assert turn.parts == (
        Image(content["https://e.org/1.png"]),
        Document(content["https://e.org/2.pdf"]),
        ToolResult("c", (Image(content["https://e.org/3.png"]), Image(content["https://e.org/1.png"]), Text("t"))),
        *PARTS[3:],
    )


def test_what_is_no_image_does_not_take_the_place_of_one() -> None:
    page = {"https://e.org/1.png?sig=secret": Source("base64", "aa", "text/html")}
    prompt = Prompt((), (Turn("user", (Image(url("https://e.org/1.png?sig=secret")),)),))
    with pytest.raises(InvalidRequest, match=r"^https://e.org/1.png was to be an image, but leads to text/html\.$"):
        inlined(prompt, page)


def test_addresses_that_a_vendor_alone_can_open_are_not_fetched() -> None:
    own = re.compile("gs://")
    parts = (Image(url("gs://b/1.png")), Document(url("https://e.org/2.pdf")), Image(url("file:///etc/passwd")))
    prompt = Prompt((), (Turn("user", parts),))
    assert wanted_urls(prompt, frozenset({"document"}), own) == ("file:///etc/passwd",)
    assert strange_urls(prompt, own) == ("file:///etc/passwd",)
    assert strange_urls(prompt) == ("gs://b/1.png", "file:///etc/passwd")
    assert strange_urls(PROMPT) == ()


def test_without_fetched_content_nothing_changes() -> None:
    assert inlined(PROMPT, {}) is PROMPT
    assert inlined(PROMPT, {"https://elsewhere.org": Source("text", "")}) == PROMPT


def test_a_text_document_is_told_with_its_title() -> None:
    assert text_document(Document(Source("text", "line", "text/plain"), title="notes")) == "Document: notes\nline"
    encoded = Source("base64", base64.b64encode("é".encode()).decode(), "text/plain")
    assert text_document(Document(encoded, title="n")) == "Document: n\né"


def test_a_text_document_that_is_no_base64_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        text_document(Document(Source("base64", "é", "text/plain")))
    with pytest.raises(InvalidRequest):
        text_document(Document(Source("base64", "a", "text/plain")))

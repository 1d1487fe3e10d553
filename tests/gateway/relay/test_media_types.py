"""What fetched content is: the header names the family, the first bytes the member."""

from __future__ import annotations

import pytest

from gateway.relay.media_types import Content, NotWanted, judge, read_type

BODIES = {
    "image/png": b"\x89PNG\r\n\x1a\n...",
    "image/jpeg": b"\xff\xd8\xff\xe0...",
    "image/gif": b"GIF89a...",
    "image/webp": b"RIFF\x10\0\0\0WEBPVP8 ",
    "application/pdf": b"%PDF-1.4...",
}


@pytest.mark.parametrize("media_type", BODIES)
@pytest.mark.parametrize("said", ["{}", "{}; charset=binary", "application/octet-stream", "binary/octet-stream", ""])
def test_content_has_the_type_that_its_first_bytes_show(media_type: str, said: str) -> None:
    header = said.format(media_type).upper().encode()
    assert judge(read_type(header), BODIES[media_type]) == Content(media_type, BODIES[media_type])


@pytest.mark.parametrize("said", ["image/png", "image/jpg", "image/pjpeg", "image/jpeg"])
def test_a_picture_may_be_another_kind_of_picture(said: str) -> None:
    assert judge(read_type(said.encode()), BODIES["image/webp"]).media_type == "image/webp"


def test_a_gif_may_be_an_old_one() -> None:
    assert judge(read_type(b"image/gif"), b"GIF87a...").media_type == "image/gif"


def test_a_pdf_may_have_a_little_before_its_beginning() -> None:
    body = b"\n\n" * 100 + BODIES["application/pdf"]
    assert judge(read_type(b"application/pdf"), body) == Content("application/pdf", body)


@pytest.mark.parametrize(
    ("said", "body", "why"),
    [
        ("image/png", b"<html>", "it is said to be image/png, and its content is not"),
        ("image/png", b"%PDF-1.4", "it is said to be image/png, and its content is not"),
        ("application/pdf", BODIES["image/png"], "it is said to be application/pdf, and its content is not"),
        ("application/octet-stream", b"MZ", "its type is not known; images may be"),
        ("", b"plain", "its type is not known; images may be"),
        ("image/webp", b"RIFF\x10\0\0\0WAVEfmt ", "it is said to be image/webp, and its content is not"),
        ("image/png", b"", "it is empty"),
        ("text/plain", b"", "it is empty"),
        ("text/plain", BODIES["image/webp"], "it is said to be text/plain and is no text"),
    ],
)
def test_content_that_is_not_what_it_is_said_to_be_is_refused(said: str, body: bytes, why: str) -> None:
    with pytest.raises(NotWanted, match=f"^{why}"):
        judge(read_type(said.encode()), body)


@pytest.mark.parametrize(
    "said", ["image/svg+xml", "image/avif", "video/mp4", "application/json", "application/zip", "nonsense", "\xff"]
)
def test_types_that_no_provider_takes_are_refused_by_their_header(said: str) -> None:
    with pytest.raises(NotWanted, match="images may be JPEG, PNG, GIF or WebP, documents PDF or text"):
        read_type(said.encode("latin-1"))


@pytest.mark.parametrize(
    ("said", "body", "media_type", "text"),
    [
        ("text/plain", b"caf\xc3\xa9", "text/plain", "café"),
        ("text/plain; charset=UTF-8", b"caf\xc3\xa9", "text/plain", "café"),
        ("text/markdown;charset=iso-8859-1", b"caf\xe9", "text/markdown", "café"),
        ('text/csv; header=present; charset="windows-1252"', b"\x80", "text/csv", "€"),
        ("text/plain; charset=utf-16", "\ufeffcafé".encode("utf-16le"), "text/plain", "café"),
        ("text/plain", b"\xef\xbb\xbfx", "text/plain", "x"),
        ("text/plain", b"caf\xe9", "text/plain", "caf\ufffd"),
    ],
)
def test_text_becomes_utf_8(said: str, body: bytes, media_type: str, text: str) -> None:
    assert judge(read_type(said.encode()), body) == Content(media_type, text.encode())


@pytest.mark.parametrize("charset", ["klingon", "punycode", "base64", "idna", "unicode_escape", "utf-7"])
def test_text_in_other_charsets_is_refused(charset: str) -> None:
    with pytest.raises(NotWanted, match=f"in the charset {charset}, which is not understood"):
        read_type(f"text/plain; charset={charset}".encode())

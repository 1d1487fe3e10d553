"""What fetched content is: the type that its server says, held against its first bytes. Pure; knows no URLs.

A file name proves nothing, and servers often say nothing but `application/octet-stream`, or call every picture a PNG.
So the header says which family content belongs to, and the first bytes which member of it.
"""

from __future__ import annotations

from typing import NamedTuple

PDF = "application/pdf"

SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
"""First bytes of pictures: https://mimesniff.spec.whatwg.org/#image-type-pattern-matching-algorithm."""

PDF_WITHIN = 1024
"""A PDF may have a little in front of its own beginning, and viewers look for that in so many bytes."""

PICTURES = frozenset({"image/jpeg", "image/jpg", "image/pjpeg", "image/png", "image/x-png", "image/gif", "image/webp"})

SILENT = frozenset({"", "application/octet-stream", "binary/octet-stream"})
"""Types that say nothing."""

CHARSETS = frozenset(
    {"utf-8", "utf8", "us-ascii", "iso-8859-1", "iso-8859-2", "iso-8859-15", "windows-1250", "windows-1251"}
    | {"windows-1252", "utf-16", "utf-16le", "utf-16be", "shift_jis", "euc-jp", "euc-kr", "gb2312", "gbk", "big5"}
)
"""Of text that is understood. Python knows more, some of which take very long over a large text."""

WANTED = "images may be JPEG, PNG, GIF or WebP, documents PDF or text"


class NotWanted(Exception):
    """Content that no provider takes; `str()` says why, as the end of a sentence."""


class SaidType(NamedTuple):
    """What a content-type header says."""

    name: str
    """Lower-case, without parameters; empty where nothing was said."""
    charset: str = "utf-8"


class Content(NamedTuple):
    """What was fetched."""

    media_type: str
    body: bytes
    """Text is UTF-8 here, whatever it was."""


def read_type(header: bytes) -> SaidType:
    """The type that a header says. Raises NotWanted for one that no provider takes."""
    name, *parameters = (part.strip() for part in header.decode("latin-1").lower().split(";"))
    charset = next((each[8:].strip("\"' ") for each in parameters if each.startswith("charset=")), "utf-8")
    if name.startswith("text/"):
        if charset not in CHARSETS:
            raise NotWanted(f"its text is in the charset {charset[:40]}, which is not understood")
    elif name not in PICTURES | SILENT and name != PDF:
        raise NotWanted(f"it is of the type {name[:80]}; {WANTED}")
    return SaidType(name, charset)


def judge(said: SaidType, body: bytes) -> Content:
    """Content with the type it has. Raises NotWanted where its first bytes belie what was said."""
    if not body:
        raise NotWanted("it is empty")
    if said.name.startswith("text/"):
        return Content(said.name, _text(said, body))
    found = _signed(body)
    if said.name in SILENT and not found:
        raise NotWanted(f"its type is not known; {WANTED}")
    if said.name not in SILENT and _family(said.name) != _family(found):
        raise NotWanted(f"it is said to be {said.name}, and its content is not")
    return Content(found, body)


def _text(said: SaidType, body: bytes) -> bytes:
    text = body.decode(said.charset, "replace")
    if "\0" in text:
        raise NotWanted(f"it is said to be {said.name} and is no text")
    return text.removeprefix("\ufeff").encode()


def _signed(body: bytes) -> str:
    """The type that the first bytes show; empty when they show none."""
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        return "image/webp"
    if b"%PDF-" in body[:PDF_WITHIN]:
        return PDF
    return next((media_type for start, media_type in SIGNATURES if body.startswith(start)), "")


def _family(media_type: str) -> str:
    return media_type.partition("/")[0]

"""Versions in headers: `ETag` out, `If-Match` and `If-None-Match` in (RFC 9110, section 8.8.3 and 13.1).

Knows tags. What a version is, and whether it is still the one that is there, is the resource's business.
"""

from __future__ import annotations

import hashlib
import re

from gateway.errors import InvalidRequest, VersionMismatch, VersionRequired

HEADER = "If-Match"
_TAGS = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_VERSION = re.compile(r'"([1-9][0-9]{0,17})"')


def version_tag(version: int) -> str:
    """The tag of a version of something that can be changed."""
    return f'"{version}"'


def content_tag(content: bytes) -> str:
    """The tag of a document that only a new release changes."""
    return f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'


def read_if_match(said: str | None) -> int | None:
    """The version a client wants to change; None when it says that any will do.

    Raises VersionRequired, InvalidRequest, and VersionMismatch for a tag that is none of ours.
    """
    if said is None:
        raise VersionRequired("Say which version you change: If-Match with the ETag you have, or `*`.", param=HEADER)
    if said.strip() == "*":
        return None
    tags = _TAGS.findall(said)
    if len(tags) != 1 or tags[0] != said.strip():
        raise InvalidRequest("If-Match takes one ETag, or `*`.", param=HEADER)
    version = _VERSION.fullmatch(tags[0])
    if version is None:
        raise VersionMismatch("This is no ETag of the current version.", param=HEADER)
    return int(version[1])


def is_known(said: str | None, tag: str) -> bool:
    """Whether `If-None-Match` has this tag, so that the content need not be sent again."""
    if said is None:
        return False
    return said.strip() == "*" or tag in (known.removeprefix("W/") for known in _TAGS.findall(said))

"""Texts of credentials: a key that a header can carry, or a document that stands for one, such as a service account.

Knows what such a text may hold, whatever it is for; no message it makes contains one.
"""

from __future__ import annotations

import json
import re

_FIT = re.compile(r"[!-~]+|\{[ -~]*\}")


def one_line(text: str) -> str:
    """A secret as it is gone by: without white space around it; a JSON document on one line, in plain characters."""
    text = text.strip()
    if not text.startswith("{"):
        return text
    try:
        return json.dumps(json.loads(text), separators=(",", ":"))
    except (ValueError, RecursionError):
        return text


def is_fit(text: str) -> bool:
    """Whether it is one line of characters that a header could carry."""
    return _FIT.fullmatch(text) is not None

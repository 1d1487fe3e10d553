"""Ids of tool calls: fitted to what a dialect takes, or made where none was given. Pure functions of what they name.

A call and its result are fitted apart and still agree, and the same conversation gives the same ids next time, so that
providers' prompt caches hold.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

from .format import ToolRules

MADE = "\0"
"""Begins an id that a reader made: how it goes on being called depends on the client, whom no reader knows (TID-2)."""


def clean_id(original: str, rules: ToolRules) -> str:
    """The id as the dialect takes it: itself where it can be (TID-1)."""
    cleaned = foreign_characters(rules.id_characters).sub("_", original)
    if cleaned == original and len(original) <= rules.id_length:
        return original
    return marked(cleaned, original, rules.id_length)


def made_id(prefix: str, *what: object) -> str:
    """An id for what has none: the prefix and 24 hexadecimal digits that depend on nothing but the parts (TID-2)."""
    return prefix + _digest("\0".join(str(part) for part in what))[:24]


def told_id(given: str, prefix: str, *what: object) -> str:
    """An id as the client hears it: the provider's own, else one with the prefix of the client's dialect, made by the
    reader or of the parts."""
    if given[:1] == MADE:
        return prefix + given[1:]
    return given or made_id(prefix, *what)


def marked(cleaned: str, original: str, length: int) -> str:
    """`cleaned`, cut so that the mark of its original fits behind: what was told apart before still is."""
    return f"{cleaned[: length - 9]}_{_digest(original)[:8]}"


@lru_cache(maxsize=64)
def foreign_characters(characters: str) -> re.Pattern[str]:
    """What is not in the character class, as a pattern of single characters."""
    return re.compile(f"[^{characters}]")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

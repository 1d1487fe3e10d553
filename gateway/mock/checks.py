"""Checks of JSON values that speak no dialect. A check is given a value and the place where it stands; it raises
`Refused` or says nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Check = Callable[[Any, str], None]


def either(check_text: Check, check_other: Check) -> Check:
    """A text, or else the other."""

    def check(value: Any, where: str) -> None:
        (check_text if isinstance(value, str) else check_other)(value, where)

    return check

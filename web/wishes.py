"""Forms about what is configured: what was typed, as the values that the management functions take, and which field an
error of theirs is about.

Knows fields by their names in the configuration file. What may be said is the management functions' business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from gateway.errors import GatewayError, Unacceptable
from gateway.management.equipping import FIRST
from web.entries import Entry, Kind, read_sent
from web.forms import Form

MOST = 2000
"""Characters of an address."""

LISTS = ("models", "prefixes", "drop_fields", "forward_headers")
NUMBERS = ("sticky_requests", "priority", "weight", "max_parallel")
SWITCHES = ("session_affinity", "list_models", "rests", "stream_usage")
TEXTS = ("base_url", "format", "strategy")

KINDS: Mapping[Kind, tuple[str, ...]] = MappingProxyType(
    {"words": LISTS, "signed": NUMBERS, "switch": SWITCHES, "text": TEXTS}
)
"""Fields by what stands in them."""

ENTRIES: Mapping[str, Entry] = MappingProxyType(
    {name: Entry(name, name, kind) for kind, names in KINDS.items() for name in names}
)

HEADER = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]+)\s*:\s*([!-~][\t -~]*)", re.ASCII)
OWN_NAME = re.compile(r"^`[a-z_.0-9\[\]-]+`: ")
VARIABLE = re.compile(r"`variables\.([a-z_]+)`")

Values = dict[str, Any]


def read(form: Form, names: Sequence[str]) -> Values:
    """The values of these fields, as far as they were sent; None for one that is empty. Raises Unacceptable."""
    return read_sent(form, (ENTRIES[name] for name in names))


def variables(form: Form, names: Sequence[str]) -> Values:
    """The same of the places in a preset's address: `variables.region` of a form."""
    return {name: form.text(f"variables.{name}") or None for name in names if form.every(f"variables.{name}")}


def headers(form: Form) -> Values:
    """Headers to be added, one a line, and None for those that are to be taken away. Raises Unacceptable."""
    found: Values = dict.fromkeys(form.every("without"))
    for line in filter(None, map(str.strip, form.raw("headers").splitlines())):
        match = HEADER.fullmatch(line)
        if match is None:
            raise Unacceptable("Write one header a line, as `name: value`.", param="headers")
        found[match[1]] = match[2]
    return found


def proxy(form: Form) -> Values:
    """A proxy that is to be gone through: nothing where the field was left empty, None to take back what was said."""
    said = form.text("proxy", MOST)
    if form.raw("without_proxy") == "yes":
        return {"proxy": None}
    return {"proxy": said} if said else {}


def said_only(values: Mapping[str, Any]) -> Values:
    """What a new object says: nothing of what is left as usual."""
    return {name: value for name, value in values.items() if value is not None and value != {}}


@contextmanager
def beside_fields() -> Iterator[None]:
    """An error within names the field of the form that it is about, and says what is wrong with it in plain words."""
    try:
        yield
    except GatewayError as error:
        error.param, error.message = field_of(error), plain(error.message)
        raise


def plain(message: str) -> str:
    """A message as it stands beside a field: without the field's own name in front, and without marks of code."""
    text = OWN_NAME.sub("", message).replace("`", "")
    return text[:1].upper() + text[1:]


def field_of(error: GatewayError) -> str | None:
    """`models.0` is about the field `models`; what is about variables says which."""
    if error.param is None:
        return None
    prefix = FIRST if error.param.startswith(FIRST) else ""
    name, _, inside = error.param.removeprefix(prefix).partition(".")
    if name == "variables":
        said = VARIABLE.search(error.message)
        which = said[1] if said else inside
        return f"variables.{which}" if which else None
    return f"{prefix}{name}"

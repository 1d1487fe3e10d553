"""What a browser sends with a form: fields by name, and what is wrong with one, in words for whoever filled it in.

Knows the encoding of forms and how large one may be. Does not know what any field means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import parse_qsl

from blacksheep import Request

from gateway.errors import InvalidRequest, RequestTooLarge, Unacceptable, UnsupportedMediaType

ENCODING = b"application/x-www-form-urlencoded"
LONGEST_BYTES = 64 * 1024
MOST_FIELDS = 200

_NOTHING: Mapping[str, tuple[str, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Form:
    """A form as it was sent."""

    values: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NOTHING, repr=False)

    def every(self, name: str) -> tuple[str, ...]:
        """All values of a field, such as the boxes that were ticked."""
        return self.values.get(name, ())

    def raw(self, name: str) -> str:
        """The last value of a field, whatever it holds; empty where it was not sent."""
        return next(reversed(self.every(name)), "")

    def text(self, name: str, most: int = 200) -> str:
        """The value of a field without the spaces around it. Raises Unacceptable for one that is too long, or that
        nobody can have typed."""
        value = self.raw(name).strip()
        if len(value) > most:
            raise Unacceptable(f"This may have at most {most} characters.", param=name)
        if value and not value.isprintable():
            raise Unacceptable("This holds a character that cannot be typed, such as a line break.", param=name)
        return value

    def new_password(self) -> str:
        """The password that was typed twice. Raises Unacceptable where it was not."""
        if self.raw("password") != self.raw("again"):
            raise Unacceptable("The two passwords differ: type the same one twice.", param="again")
        return self.raw("password")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a form was not carried out."""

    action: str
    """Path of the form."""
    field: str | None
    """Name of the field that is wrong; None where none is."""
    text: str

    def at(self, action: str, name: str) -> str:
        """What to say beside a field; empty where it is not the one that is wrong."""
        return self.text if (action, name) == (self.action, self.field) else ""


async def read_form(request: Request, most_bytes: int = LONGEST_BYTES) -> Form:
    """The form that came with a request, of at most so many bytes. Raises UnsupportedMediaType, RequestTooLarge,
    InvalidRequest."""
    body = await request.read() or b""
    if body and (request.content_type() or b"").partition(b";")[0].strip().lower() != ENCODING:
        raise UnsupportedMediaType("This is no form as the pages of this gateway send it.")
    if len(body) > most_bytes:
        raise RequestTooLarge(f"A form may have {most_bytes // 1024} KiB.")
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise InvalidRequest("This form cannot be read.") from None
    values: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        values[name] = (*values.get(name, ()), value)
    return Form(values)

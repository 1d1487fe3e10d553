"""What a file of another layout holds that lasts, taken out of it and put into the new one.

Knows where slots were and where they go. What is in them is copied as it is: an area whose slots mean something else
now has another version, and begins empty.
"""

from __future__ import annotations

import os
import struct
from typing import NamedTuple

from gateway.shared.layout import NAME_BYTES, USED, Header, Layout, Place, lay_out


class Carried(NamedTuple):
    """Of one area."""

    area: str
    slots: tuple[tuple[bytes, bytes], ...] = ()
    """Name and fixed part."""
    table: bytes = b""
    """The whole of an area without names."""


def gather(descriptor: int, former: Header, layout: Layout) -> tuple[Carried, ...]:
    """What there is of those areas that mean the same in both."""
    places = {place.area.name: place for place in layout.places}
    return tuple(
        _gather_area(descriptor, place)
        for place in lay_out(former.areas).places
        if _means_the_same(place, places.get(place.area.name))
    )


def _means_the_same(old: Place, new: Place | None) -> bool:
    if new is None:
        return False
    kept = ("version", "fixed_bytes", "is_named", *(() if old.area.is_named else ("capacity",)))
    return all(getattr(old.area, each) == getattr(new.area, each) for each in kept)


def _gather_area(descriptor: int, place: Place) -> Carried:
    area = place.area
    if not area.is_named:
        return Carried(area.name, table=os.pread(descriptor, area.capacity * area.fixed_bytes, place.slots))
    (used,) = struct.unpack("@Q", os.pread(descriptor, 8, place.head + USED * 8))
    raw = os.pread(descriptor, min(used, area.capacity) * place.slot_bytes, place.slots)
    slots = (raw[at : at + place.slot_bytes] for at in range(0, len(raw), place.slot_bytes))
    return Carried(area.name, tuple((each[:NAME_BYTES], each[NAME_BYTES:]) for each in slots if any(each[:NAME_BYTES])))

"""How often each class of things in the state has changed: counted in the database, shown to every process in shared
memory.

A change counts its class in its own transaction and, once committed, puts the number into a word of `shared.mmap`. A
worker compares that word with the number it last read at, for every request: half a microsecond. The database has the
last word: workers ask it now and then as well, so that a change whose author was killed before it could tell, or that
another machine made, is found out too.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Literal

Class = Literal["configuration", "keys", "people"]

CLASSES: tuple[Class, ...] = ("configuration", "keys", "people")

Local = Literal["registry"]

LOCAL: tuple[Local, ...] = ("registry",)
"""What changes on this machine alone: files of the data directory, of which no database knows."""

LOCAL_AT = 64
"""The first of their words, so that another class moves none of them."""

HEADER_BYTES = 4096
"""The words, eight bytes each, stand at the beginning of the file, in the first half of this page. The second half and
what comes behind it are laid out by `gateway/shared`."""


class Generations:
    """The words in the shared file of one data directory. Reading and writing one is a single aligned store or load."""

    def __init__(self, path: Path) -> None:
        """Map the file, which is made where there is none. Raises OSError."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(descriptor).st_size < HEADER_BYTES:
                os.ftruncate(descriptor, HEADER_BYTES)
            self._map = mmap.mmap(descriptor, HEADER_BYTES)
        finally:
            os.close(descriptor)
        self._words = memoryview(self._map).cast("Q")

    def of(self, name: Class) -> int:
        """The number last shown."""
        return self._words[CLASSES.index(name)]

    def index(self, name: Class) -> int:
        """Where in `words` a class is, for those who ask with every request."""
        return CLASSES.index(name)

    def local(self, name: Local) -> int:
        """How often something of this machine has changed."""
        return self._words[LOCAL_AT + LOCAL.index(name)]

    def tell(self, name: Local) -> None:
        """Show that something of this machine has changed. One process at a time tells of it."""
        self._words[LOCAL_AT + LOCAL.index(name)] += 1

    @property
    def words(self) -> memoryview:
        """All of them, to be read."""
        return self._words

    def show(self, name: Class, value: int) -> None:
        """Show a number that the database has. An older one than what is there changes nothing."""
        index = CLASSES.index(name)
        if value > self._words[index]:
            self._words[index] = value

    def close(self) -> None:
        """Unmap the file."""
        self._words.release()
        self._map.close()


def shared_file(data_dir: Path) -> Path:
    """Where the shared words of a data directory are."""
    return data_dir / "shared.mmap"

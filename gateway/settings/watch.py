"""Noticing that files have changed. They are looked at now and then: any change in any file system is seen that way.

Knows names, sizes and times, never contents. Symbolic links are followed, so that a ConfigMap of Kubernetes, whose
directory is swapped behind the name, is noticed like a file that is written or replaced.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

Look = dict[Path, tuple[int, ...]]
"""What can be told of each file without reading it; nothing of one that is not there or cannot be reached."""


class Watch:
    """Files, and how they stood when they were last read."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._read = self._seen = _look(files)

    def mark(self) -> None:
        """They are read now: what stands there is known."""
        self._read = self._seen = _look(self._read)

    def follow(self, files: Iterable[Path]) -> None:
        """Watch these from now on; one that is new has just been read."""
        wanted = dict.fromkeys(files)
        new = _look(one for one in wanted if one not in self._read)
        self._read = {one: self._read[one] if one in self._read else new[one] for one in wanted}
        self._seen = {one: self._seen[one] if one in self._seen else new[one] for one in wanted}

    def changed(self) -> bool:
        """Whether they stand otherwise than when they were read, and as they did at the last look: whoever writes has
        paused. Asked now and then."""
        seen, self._seen = self._seen, _look(self._read)
        return self._seen != self._read and self._seen == seen


def _look(files: Iterable[Path]) -> Look:
    return {file: _state(file) for file in files}


def _state(file: Path) -> tuple[int, ...]:
    try:
        stat = file.stat()
    except OSError:
        return ()
    # The time of the inode changes with permissions too, and whatever else one can do to a file.
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns

"""What a client was told by a stream, in whatever dialect."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Heard:
    """What a client was told, in the words of its own dialect."""

    text: str = ""
    thoughts: str = ""
    refusal: str = ""
    calls: list[tuple[str, str, Any]] = field(default_factory=list)
    """Id, name and arguments."""
    runs: list[tuple[str, str]] = field(default_factory=list)
    """Kinds in the order in which they came, with what was said; of a call, its name."""
    finish: str = ""
    usage: tuple[int, int] | None = None
    """Input and output, all of either."""

    def add(self, kind: str, text: str) -> None:
        """More of a kind."""
        if text and self.runs and self.runs[-1][0] == kind and kind != "call":
            self.runs[-1] = (kind, self.runs[-1][1] + text)
        elif text:
            self.runs.append((kind, text))

    def told(self, kind: str) -> str:
        """All that was said of a kind."""
        return "".join(text for each, text in self.runs if each == kind)

"""Which of the tools offered an answer of OpenAI calls, and with what. Knows no fields of chat or responses. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from gateway.mock import examples
from gateway.mock.script import Script

FRAGMENT = 8
"""Characters of tool arguments in one piece."""


class Offered(NamedTuple):
    """A tool that may be called."""

    kind: str
    """`function` or `custom`."""
    name: str
    parameters: Any = None
    namespace: str = ""


class Choice(NamedTuple):
    """What the request says about calling."""

    mode: str = "auto"
    """`none`, `auto` or `required`."""
    names: tuple[str, ...] | None = None
    """The tools to choose from, where that is not all of them."""
    parallel: bool = True


class Called(NamedTuple):
    """A call to make."""

    tool: Offered
    written: str
    """Its arguments in JSON, or the free text for a custom tool."""

    @property
    def fragments(self) -> list[str]:
        """The same in pieces."""
        return [self.written[start : start + FRAGMENT] for start in range(0, len(self.written), FRAGMENT)]


def calls(script: Script, offered: Sequence[Offered], choice: Choice) -> list[Called]:
    """The calls of an answer: when the script says so, or the request leaves no choice."""
    if choice.names is not None:
        offered = [tool for tool in offered if tool.name in choice.names]
    if not offered or choice.mode == "none":
        return []
    wanted = script.toolcall or int(choice.mode == "required")
    wanted = wanted if choice.parallel else min(wanted, 1)
    tools = [offered[position % len(offered)] for position in range(wanted)]
    return [Called(tool, _write(tool)) for tool in tools]


def _write(tool: Offered) -> str:
    if tool.kind == "custom":
        return examples.TEXT
    return orjson.dumps(examples.example(tool.parameters)).decode()

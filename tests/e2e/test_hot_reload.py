"""A configuration file that is edited, well and badly, under a hundred streams: none is dropped, what is right holds in
every worker within a second, what is wrong changes nothing and is named with its line."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from tests.e2e.streaming import Streams, check_unharmed, settle, statuses, streaming
from tests.gateway_process import GatewayProcess, configuration, running
from tests.providers import MockProcess
from tests.waiting import auntil

STREAMS = 100
LONG = "gpt;chunks=150;size=8;pace=100ms"
"""Fifteen seconds: longer than everything that is done meanwhile."""

MODEL = "mock/gpt-4o;chunks=1"

BOUND_SECONDS = 1.0
TRIES = 3
"""The machine is not ours alone: one of so many changes must be in time."""

EDITS = 50


class Editor:
    """Somebody who edits the file of a running gateway."""

    def __init__(self, gateway: GatewayProcess, mock: MockProcess) -> None:
        self.gateway, self._mock = gateway, mock

    def text(self, key: str, more: str = "") -> str:
        """A right configuration, told from others by a client key."""
        return configuration(self._mock.url, f'\n[[client_keys]]\nname = "{key}"\nkey = "sk-of-{key}"\n{more}')

    def write(self, text: str) -> None:
        """In place, as an editor does that knows no better."""
        self.gateway.config.write_text(text)

    def replace(self, text: str) -> None:
        """At once, as a careful one does."""
        new = self.gateway.config.with_suffix(".new")
        new.write_text(text)
        new.replace(self.gateway.config)

    async def holds(self, key: str) -> float:
        """Until every worker knows the key; the seconds it took."""
        begun = time.monotonic()
        await settle(self.gateway, MODEL, f"sk-of-{key}", 200)
        return time.monotonic() - begun

    async def keeps(self, key: str, other: str) -> None:
        """Every worker goes by the settings with this key, none by those with the other."""
        assert (await statuses(self.gateway, MODEL, f"sk-of-{key}")).keys() == {200}
        assert (await statuses(self.gateway, MODEL, f"sk-of-{other}")).keys() == {401}

    async def refusal(self) -> str:
        """The last line of the log that refuses settings, once there is a new one."""
        known = len(self._refusals())
        await auntil(lambda: len(self._refusals()) > known)
        return self._refusals()[-1]

    def _refusals(self) -> list[str]:
        return [line for line in self.gateway.said().splitlines() if "settings refused" in line]


async def test_a_file_is_edited_under_a_hundred_streams(mock: MockProcess, tmp_path: Path) -> None:
    with running(tmp_path, configuration(mock.url), workers=2) as gateway:
        editor = Editor(gateway.complete(), mock)
        async with streaming(gateway, STREAMS, LONG) as streams:
            await right_edits_hold_in_time(editor)
            await a_wrong_edit_is_named(editor)
            await half_a_file_does_no_harm(editor)
            await a_file_that_cannot_be_read_does_no_harm(editor)
            await many_edits_end_with_the_last(editor)
            await no_stream_was_harmed(streams)
        assert gateway.close() == 0, gateway.tail()


async def right_edits_hold_in_time(editor: Editor) -> None:
    seconds = []
    for number, write in enumerate([editor.write, editor.replace, editor.write][:TRIES]):
        write(editor.text(f"right-{number}"))
        seconds.append(await editor.holds(f"right-{number}"))
    assert min(seconds) <= BOUND_SECONDS, seconds


async def a_wrong_edit_is_named(editor: Editor) -> None:
    text = editor.text("wrong", "\n[server]\naccess_logs = true\n")
    refusal = asyncio.create_task(editor.refusal())
    await asyncio.sleep(0)
    editor.write(text)
    line = text.splitlines().index("access_logs = true") + 1
    assert f"{editor.gateway.config}:{line}: server.access_logs: unknown name (did you mean" in await refusal
    await editor.keeps("right-2", "wrong")


async def half_a_file_does_no_harm(editor: Editor) -> None:
    text = editor.text("whole")
    half = text.index('"whole"') + 3  # within a string: no file that could be meant
    refusal = asyncio.create_task(editor.refusal())
    await asyncio.sleep(0)
    with editor.gateway.config.open("w") as file:
        file.write(text[:half])
        file.flush()
        assert "not valid TOML" in await refusal
        await editor.keeps("right-2", "whole")
        file.write(text[half:])
    await editor.holds("whole")


async def a_file_that_cannot_be_read_does_no_harm(editor: Editor) -> None:
    config = editor.gateway.config
    refusal = asyncio.create_task(editor.refusal())
    await asyncio.sleep(0)
    config.chmod(0)
    aside = config.with_suffix(".aside")
    if os.access(config, os.R_OK):  # nobody forbids root anything: a directory is as bad to read
        config.rename(aside)
        config.mkdir()
    assert f"{config}: cannot be read: " in await refusal
    await editor.keeps("whole", "right-2")
    if config.is_dir():
        config.rmdir()
        aside.rename(config)
    config.chmod(0o600)
    editor.write(editor.text("readable"))
    await editor.holds("readable")


async def many_edits_end_with_the_last(editor: Editor) -> None:
    for number in range(EDITS):
        write = editor.replace if number % 2 else editor.write
        write(editor.text(f"edit-{number}", "" if number % 5 or number == EDITS - 1 else "\n[sever]\n"))
        await asyncio.sleep(0.01)
    await editor.holds(f"edit-{EDITS - 1}")


async def no_stream_was_harmed(streams: Streams) -> None:
    assert streams.open == STREAMS
    await check_unharmed(streams)

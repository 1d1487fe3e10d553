"""The dialect as a whole: what it declares, and what its own client makes of it."""

from __future__ import annotations

import pytest

from gateway.formats.gemini.dialect import FIELD_NAMES, FORMAT
from gateway.formats.losses import Losses
from gateway.formats.neutral import Identity, Prompt, Sampling
from gateway.formats.tool_names import Naming

NEUTRAL = {*Prompt.__struct_fields__, *Sampling.__struct_fields__, *Identity.__struct_fields__}
PARTS = {"image", "document", "audio", "video", "effort", "budget", "visible"}


def test_its_clients_bear_nothing_while_they_wait() -> None:
    assert FORMAT.keepalive == b""


def test_losses_are_told_in_the_client_s_words() -> None:
    assert set(FIELD_NAMES) - NEUTRAL <= PARTS | {"identity", "thoughts"}
    losses = Losses(FIELD_NAMES)
    losses.drop("temperature")
    losses.drop("tools[0].x")
    assert losses.report == ("generationConfig.temperature", "tools[0].x")


@pytest.mark.parametrize(
    ("name", "fitting"),
    [("do.it", "do.it"), ("a:b-c_d", "a:b-c_d"), ("1st", "_1st"), ("ü x", "__x"), ("-a", "_-a")],
)
def test_names_of_tools_are_fitted(name: str, fitting: str) -> None:
    assert Naming(FORMAT.tools).upstream(name) == fitting


def test_long_names_are_cut_so_that_they_still_differ() -> None:
    naming = Naming(FORMAT.tools)
    first, second = naming.upstream("a" * 200), naming.upstream("a" * 201)
    assert len(first) == len(second) == 128
    assert first != second

"""Losses are told in the client's words, each once, in order, and never at a length the client chooses."""

from __future__ import annotations

import pytest

from gateway.errors import UnsupportedParameter
from gateway.formats.losses import MOST_NAMES, NAME_CHARACTERS, Losses

NAMES = {"stop": "stop_sequences", "sampling.top_k": "top_k"}


def test_what_is_lost_is_named_as_the_client_names_it_once_and_in_order() -> None:
    losses = Losses(NAMES)
    for field in ("stop", "seed", "sampling.top_k", "stop", "stop_sequences"):
        losses.drop(field)
    losses.emulate("output")
    losses.emulate("output")
    losses.forget("messages[0].signature")
    assert losses.dropped == ["stop_sequences", "seed", "top_k", "messages[0].signature"]
    assert losses.emulated == ["output"]
    assert losses.report == ("stop_sequences", "seed", "top_k", "messages[0].signature", "output (emulated)")


def test_strictness_refuses_what_would_be_dropped_and_names_it() -> None:
    losses = Losses(NAMES, strict=True)
    losses.emulate("stop")
    losses.forget("seed")
    with pytest.raises(UnsupportedParameter) as refused:
        losses.drop("stop")
    assert (refused.value.param, refused.value.status, refused.value.code) == (
        "stop_sequences",
        400,
        "unsupported_parameter",
    )
    assert refused.value.message == "stop_sequences is not supported by the selected upstream."
    assert losses.report == ("seed", "stop_sequences (emulated)")


def test_a_field_nobody_knows_goes_by_the_client_s_name_even_if_that_is_a_word_of_ours() -> None:
    losses = Losses(NAMES)
    losses.drop_unknown("stop")
    losses.drop_unknown("stop")
    assert losses.report == ("stop",)
    with pytest.raises(UnsupportedParameter) as refused:
        Losses(NAMES, strict=True).drop_unknown("stop" + "x" * 1000)
    assert refused.value.param == "stop" + "x" * (NAME_CHARACTERS - 4) + "…"


def test_what_makes_no_sense_is_refused_without_strictness_too() -> None:
    with pytest.raises(UnsupportedParameter, match="No audio here") as refused:
        Losses(NAMES).refuse("messages[0].audio", "No audio here.")
    assert refused.value.param == "messages[0].audio"


def test_a_report_stays_short_whatever_a_client_makes_up() -> None:
    losses = Losses({})
    for number in range(100_000):
        losses.drop(f"field{number}" + "x" * 1000)
    assert len(losses.report) == MOST_NAMES + 1
    assert losses.report[-1] == f"and {100_000 - MOST_NAMES} more"
    assert max(map(len, losses.report)) <= NAME_CHARACTERS + 1


def test_what_was_read_of_the_losses_does_not_change_them() -> None:
    losses = Losses({})
    losses.dropped.append("seed")
    losses.emulated.append("seed")
    assert losses.report == ()

"""Turns are joined without losing a part."""

from __future__ import annotations

from gateway.formats.neutral import CacheMark, Image, Source, Text, ToolResult, Turn
from gateway.formats.turns import as_reminders, joined_text, merged, reminder

A, B, C = Text("a"), Text("b"), Text("c")
IMAGE = Image(Source("url", "https://e.org/x.png"))


def test_neighbours_of_one_role_become_one_turn() -> None:
    turns = (Turn("user", (A,)), Turn("user", (B,)), Turn("assistant", (C,)), Turn("user", (A,)))
    assert merged(turns) == (Turn("user", (A, B)), Turn("assistant", (C,)), Turn("user", (A,)))


def test_the_first_phase_that_is_said_counts() -> None:
    turns = (Turn("assistant", (A,)), Turn("assistant", (B,), "commentary"), Turn("assistant", (C,), "final_answer"))
    assert merged(turns) == (Turn("assistant", (A, B, C), "commentary"),)


def test_an_instruction_becomes_part_of_the_users_turn_beside_it() -> None:
    result = ToolResult("c1", (A,))
    said = Text(reminder("be brief"), CacheMark("5m"))
    system = Turn("system", (Text("be brief", CacheMark("5m")),))
    turns = (Turn("user", (result,)), system, Turn("user", (B,)), Turn("assistant", (C,)), Turn("assistant", (A,)))
    assert as_reminders(turns) == (Turn("user", (result, said, B)), turns[3], turns[4])


def test_an_instruction_behind_the_assistant_is_a_turn_of_the_user() -> None:
    turns = (Turn("assistant", (A,)), Turn("system", (B, IMAGE)))
    assert as_reminders(turns) == (
        Turn("assistant", (A,)),
        Turn("user", (Text("<system-reminder>\nb\n</system-reminder>"), IMAGE)),
    )


def test_texts_are_joined_and_other_parts_passed_over() -> None:
    assert joined_text((A, IMAGE, B)) == "a\nb"
    assert joined_text((A, B), "") == "ab"

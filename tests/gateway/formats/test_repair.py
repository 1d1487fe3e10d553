"""Every call has one result right behind it, in the order of the calls, and nothing that was said is lost."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.formats.neutral import (
    CacheMark,
    Image,
    Part,
    Prompt,
    Reasoning,
    Refusal,
    Source,
    State,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from gateway.formats.repair import MISSING, repaired

IMAGE = Image(Source("base64", "aa", "image/png"))


def user(*parts: Part) -> Turn:
    return Turn("user", parts)


def model(*parts: Part) -> Turn:
    return Turn("assistant", parts)


def call(id: str, name: str = "f") -> ToolCall:  # noqa: A002  # the field's own name
    return ToolCall(id, name, "{}")


def result(id: str, text: str = "", name: str = "f") -> ToolResult:  # noqa: A002  # the field's own name
    return ToolResult(id, (Text(text),) if text else (), name)


def missing(id: str, name: str = "f") -> ToolResult:  # noqa: A002  # the field's own name
    return ToolResult(id, (Text(MISSING),), name, is_error=True)


def turns(*given_turns: Turn) -> tuple[Turn, ...]:
    return repaired(Prompt((), given_turns)).turns


Q, GO = user(Text("q")), user(Text("go on"))


def test_a_sound_conversation_is_left_alone() -> None:
    prompt = Prompt((Text("s"),), (Q, model(Text("a"), call("1")), user(result("1", "r"), Text("t")), model(Text("b"))))
    assert repaired(prompt) == prompt


def test_parts_and_turns_that_say_nothing_are_dropped() -> None:
    """ROLE-3; pitfalls 58 and 110."""
    empty = (Text(""), Reasoning(), Refusal(""), ToolCall("x", "", "{}"))
    state = Reasoning("", State("gemini", "s"))
    given_turns = (user(Text("")), model(*empty, state, Refusal("no")), user(Text(" ")), Turn("system", (Text(" "),)))
    prompt = repaired(Prompt((Text(" \n"), Text("s")), given_turns))
    assert prompt.system == (Text("s"),)
    assert prompt.turns == (model(state, Refusal("no")), user(Text(" ")))


def test_an_empty_result_stays_a_result() -> None:
    """Pitfall 49: empty lists vanished, and the next request was refused."""
    assert turns(model(call("1")), user(ToolResult("1", (Text(""),)))) == (model(call("1")), user(result("1")))


def test_results_follow_the_order_of_the_calls() -> None:
    """Pitfall 57: and they come before everything else."""
    step = model(call("1"), call("2"))
    assert turns(step, user(Text("see"), result("2", "b"), IMAGE, result("1", "a"))) == (
        step,
        user(result("1", "a"), result("2", "b"), Text("see"), IMAGE),
    )


def test_what_was_said_between_results_comes_after_them() -> None:
    """Pitfalls 50 and 52."""
    step = model(call("1"), call("2"))
    hurry, system = user(Text("hurry")), Turn("system", (Text("s"),))
    results = (result("1", "a"), result("2", "b"))
    assert turns(step, hurry, user(results[1]), user(results[0]), GO) == (step, user(*results, Text("hurry")), GO)
    assert turns(step, system, user(*results)) == (step, user(*results), system)


def test_separate_messages_of_the_user_stay_separate() -> None:
    step = model(call("1"), call("2"))
    results = (result("1", "a"), result("2", "b"))
    assert turns(step, user(results[0]), user(results[1]), GO) == (step, user(*results), GO)


def test_missing_orphaned_and_doubled_results_are_repaired() -> None:
    """TRES-7; pitfalls 43, 55 and 56."""
    step = model(call("1"), call("2"))
    given_results = (user(result("1", "first")), user(result("1", "second")), user(result("zz", "lost")))
    assert turns(Q, step, *given_results, GO) == (
        Q,
        step,
        user(result("1", "second"), missing("2")),
        user(Text("Tool result zz:\nlost")),
        GO,
    )


def test_a_call_that_the_assistant_passes_over_gets_a_result() -> None:
    assert turns(model(call("1")), model(Text("never mind"))) == (
        model(call("1")),
        user(missing("1")),
        model(Text("never mind")),
    )


def test_calls_at_the_very_end_need_no_result() -> None:
    assert turns(Q, model(call("1"))) == (Q, model(call("1")))
    assert turns(Q, model(call("1"), result("1", "r"), call("2"))) == (
        Q,
        model(call("1"), call("2")),
        user(result("1", "r"), missing("2")),
    )


def test_one_step_in_several_turns_becomes_one() -> None:
    """Pitfall 59: consecutive calls are one message with several calls."""
    state = Turn("assistant", (Text("a"),), "commentary")
    results = user(result("2", "b"), result("1", "a"))
    assert turns(state, model(call("1")), model(call("2")), model(Text("t")), results) == (
        state,
        model(call("1"), call("2"), Text("t")),
        user(result("1", "a"), result("2", "b")),
    )


def test_an_orphan_keeps_its_media_and_its_place() -> None:
    orphan = ToolResult("zz", (Text("a"), IMAGE, Text("b")), cache=CacheMark("5m"))
    step = model(call("1"))
    expected = (Text("Tool result zz:\na\nb", CacheMark("5m")), IMAGE, Text("t"))
    assert turns(step, user(orphan, result("1", "r"), Text("t"))) == (step, user(result("1", "r"), *expected))


def test_a_result_before_its_call_is_an_orphan() -> None:
    assert turns(user(result("1", "r")), model(call("1")), GO) == (
        user(Text("Tool result 1:\nr")),
        model(call("1")),
        user(missing("1"), Text("go on")),
    )


def test_an_orphan_without_an_id_goes_by_its_name() -> None:
    assert turns(user(ToolResult("", (), "g"))) == (user(Text("Tool result g:")),)
    assert turns(user(ToolResult("", (IMAGE,)))) == (user(Text("Tool result without a call:"), IMAGE),)


def test_calls_and_results_without_ids_are_paired_by_name_and_order() -> None:
    """Pitfalls 13, 44 and 46: an empty id is none, and what is made up is the same each time."""
    step = model(call(""), call("", "g"), call(""))
    answers = user(result("", "G", "g"), result("", "F1"), result("", "F2"))
    _, first, second = turns(Q, step, answers)
    ids = [part.id for part in first.parts if isinstance(part, ToolCall)]
    assert len(set(ids)) == 3
    assert second == user(result(ids[0], "F1"), result(ids[1], "G", "g"), result(ids[2], "F2"))
    assert turns(Q, step, answers) == (Q, first, second)


def test_a_result_that_names_nothing_answers_the_next_open_call() -> None:
    _, answers = turns(
        model(call("1"), call("2", "g")), user(ToolResult("", (Text("a"),)), ToolResult("", (Text("b"),)))
    )
    assert answers == user(result("1", "a"), result("2", "b", "g"))


def test_results_without_ids_belong_to_the_latest_step() -> None:
    given_turns = (model(call("1")), GO, model(call("2")), user(ToolResult("", (Text("r"),))), model(Text("end")))
    assert turns(*given_turns) == (
        model(call("1")),
        user(missing("1"), Text("go on")),
        model(call("2")),
        user(result("2", "r")),
        model(Text("end")),
    )


def test_an_id_used_again_in_a_later_step_is_another_call() -> None:
    """Some servers count their calls anew in every answer."""
    one, first, two, second = turns(model(call("1")), user(result("1", "a")), model(call("1")), user(result("1", "b")))
    assert (one, first) == (model(call("1")), user(result("1", "a")))
    (again,) = two.parts
    assert isinstance(again, ToolCall)
    assert again.id != "1"
    assert second == user(result(again.id, "b"))


def test_an_id_used_twice_in_one_step_is_two_calls() -> None:
    step, answers = turns(model(call("1"), call("1")), user(result("1", "a"), result("1", "b"), result("1", "c")))
    ids = [part.id for part in step.parts if isinstance(part, ToolCall)]
    assert len(set(ids)) == 2
    assert answers == user(result(ids[0], "a"), result(ids[1], "c"))


def test_a_result_is_named_after_its_call() -> None:
    """TRES-8; pitfall 42."""
    _, answers = turns(model(call("1", "right")), user(result("1", "r", "1")))
    assert answers == user(result("1", "r", "right"))


def test_only_the_assistant_calls() -> None:
    assert turns(user(call("1"), Text("t"))) == (user(call("1"), Text("t")),)


IDS = st.sampled_from(("", "1", "2", "3"))
CALLS = st.builds(ToolCall, IDS, st.sampled_from(("f", "g", "")), st.just("{}"))
RESULTS = st.builds(ToolResult, IDS, st.sampled_from(((), (Text("r"),), (Text(""), IMAGE))), st.sampled_from(("f", "")))
TEXTS = st.builds(Text, st.sampled_from(("", "t")))
TURNS = st.one_of(
    st.builds(Turn, st.just("user"), st.lists(RESULTS | TEXTS, max_size=4).map(tuple)),
    st.builds(Turn, st.just("assistant"), st.lists(CALLS | TEXTS | RESULTS, max_size=4).map(tuple)),
    st.builds(Turn, st.just("system"), st.lists(TEXTS, max_size=1).map(tuple)),
)


@given(st.lists(TURNS, max_size=8))
def test_whatever_was_sent_each_call_has_its_result(given_turns: list[Turn]) -> None:
    prompt = repaired(Prompt((), tuple(given_turns)))
    assert repaired(prompt) == prompt
    results = 0
    for turn, behind in pairwise(prompt.turns):
        calls = [part.id for part in turn.parts if isinstance(part, ToolCall)]
        results += len(calls)
        assert not calls or behind.role == "user"
        assert [part.id for part in behind.parts[: len(calls)] if isinstance(part, ToolResult)] == calls
    everything = [part for turn in prompt.turns for part in turn.parts]
    assert results == sum(isinstance(part, ToolResult) for part in everything)
    assert Text("") not in everything
    ids = [part.id for part in everything if isinstance(part, ToolCall)]
    assert len(ids) == len(set(ids))
    assert "" not in ids

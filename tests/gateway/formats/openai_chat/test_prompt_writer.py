"""A prompt's settings and tools as a chat provider takes them, and what it cannot be told."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import UnsupportedParameter
from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.neutral import (
    Grammar,
    Identity,
    Output,
    Prompt,
    Sampling,
    Text,
    Thinking,
    Tool,
    ToolChoice,
)
from gateway.formats.openai_chat.dialect import FORMAT
from gateway.formats.tooling import fit_tools
from gateway.records import ModelFacts

from .scene import said, write

Q = Text("q")
SEARCH = Tool("web_search", "server", server="web_search")
F = Tool("f")


def sent(**settings: Any) -> Fields:
    """What is sent beside the question; nothing is lost."""
    body, dropped = write(said(Q, **settings))
    assert dropped == []
    return {name: value for name, value in body.items() if name not in ("model", "messages")}


def test_a_question_alone_is_sent_without_settings() -> None:
    assert write(said(Q)) == ({"model": "up", "messages": [{"role": "user", "content": "q"}]}, [])


def test_a_stream_is_asked_for_with_its_usage() -> None:
    assert sent(stream=True) == {"stream": True, "stream_options": {"include_usage": True}}


@pytest.mark.parametrize("param", [None, "max_tokens", "max_completion_tokens"])
def test_the_limit_goes_by_the_name_the_provider_knows(param: str | None) -> None:
    body, _ = write(said(Q, max_tokens=9), token_param=param)
    assert body[param or "max_tokens"] == 9


def test_a_limit_of_nothing_is_refused() -> None:
    with pytest.raises(UnsupportedParameter) as refused:
        write(said(Q, max_tokens=0))
    assert refused.value.param == "max_tokens"


def test_sampling_is_sent() -> None:
    sampling = Sampling(0.5, 0.9, None, 1, -1, 7, 2, {"5": -100}, True, 3)
    assert sent(sampling=sampling) == {
        "temperature": 0.5,
        "top_p": 0.9,
        "frequency_penalty": 1,
        "presence_penalty": -1,
        "seed": 7,
        "n": 2,
        "logit_bias": {"5": -100},
        "logprobs": True,
        "top_logprobs": 3,
    }


def test_zero_is_a_temperature() -> None:
    assert sent(sampling=Sampling(temperature=0, top_logprobs=3)) == {"temperature": 0}


def test_models_that_reason_take_no_sampling() -> None:
    sampling = Sampling(0.5, 0.9, None, 1, -1, 7, logprobs=True, top_logprobs=3)
    body, dropped = write(said(Q, sampling=sampling), temperature=False)
    assert {name for name in body if name not in ("model", "messages")} == {"seed"}
    assert dropped == [
        *("temperature", "top_p", "frequency_penalty", "presence_penalty", "logprobs", "top_logprobs"),
    ]


def test_what_chat_has_no_word_for_is_named_as_lost() -> None:
    body, dropped = write(said(Q, sampling=Sampling(top_k=4), safety=(("A", "B"),)))
    assert dropped == ["safety", "top_k"]
    assert body.keys() == {"model", "messages"}


def test_at_most_four_stop_words_are_sent() -> None:
    assert sent(stop=("a",)) == {"stop": ["a"]}
    body, dropped = write(said(Q, stop=("a", "b", "c", "d", "e")))
    assert (body["stop"], dropped) == (["a", "b", "c", "d"], ["stop"])


@pytest.mark.parametrize(
    ("thinking", "offered", "effort"),
    [
        (Thinking(effort="xhigh"), (), "xhigh"),
        (Thinking(effort="xhigh"), ("low", "medium", "high"), "high"),
        (Thinking(effort="minimal"), ("low", "high"), "low"),
        (Thinking("off"), (), "none"),
        (Thinking("off"), ("low", "high"), "low"),
        (Thinking("on", budget=1024), (), "low"),
        (Thinking("on", budget=4000), (), "medium"),
        (Thinking("on", budget=100_000), (), "xhigh"),
        (Thinking("adaptive", "low", 9000), (), "low"),
        (Thinking("adaptive"), (), None),
        (Thinking(budget=-1, visible=True), (), None),
        (None, (), None),
    ],
)
def test_thinking_is_asked_for_by_its_level(
    thinking: Thinking | None, offered: tuple[str, ...], effort: str | None
) -> None:
    assert write(said(Q, thinking=thinking), effort=offered)[0].get("reasoning_effort") == effort


def test_who_asks_is_told() -> None:
    identity = Identity("u", "s", {"a": "b"}, "flex")
    assert sent(identity=identity, cache_key="k", verbosity="low") == {
        "user": "u",
        "safety_identifier": "s",
        "metadata": {"a": "b"},
        "service_tier": "flex",
        "prompt_cache_key": "k",
        "verbosity": "low",
    }


def test_one_id_of_the_user_is_told_once() -> None:
    assert sent(identity=Identity("u", "u")) == {"user": "u"}
    assert sent(identity=Identity(safety_id="s")) == {"safety_identifier": "s"}


def test_a_tier_goes_by_its_name_here() -> None:
    assert sent(identity=Identity(tier="ultrafast")) == {"service_tier": "fast"}


@pytest.mark.parametrize(
    ("output", "form"),
    [
        (Output("json_object"), {"type": "json_object"}),
        (
            Output("json_schema", {"type": "object"}),
            {"type": "json_schema", "json_schema": {"name": "response", "schema": {"type": "object"}}},
        ),
        (
            Output("json_schema", {"type": "object"}, "n", "d", True),
            {
                "type": "json_schema",
                "json_schema": {"name": "n", "description": "d", "schema": {"type": "object"}, "strict": True},
            },
        ),
        (
            Output("json_schema", None, "n", strict=False),
            {"type": "json_schema", "json_schema": {"name": "n", "strict": False}},
        ),
    ],
)
def test_what_the_answer_must_look_like_is_told(output: Output, form: Fields) -> None:
    assert sent(output=output) == {"response_format": form}


def test_a_schema_too_deep_to_be_written_is_cut() -> None:
    schema: Fields = {"type": "string"}
    for _ in range(300):
        schema = {"type": "object", "properties": {"a": schema}}
    assert sent(output=Output("json_schema", schema), tools=(Tool("f", schema=schema),))


# Tools


@pytest.mark.parametrize(
    ("tool", "written"),
    [
        (F, {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}),
        (
            Tool("f", description="d", schema={"properties": {"a": {}}}, strict=True),
            {
                "type": "function",
                "function": {
                    "name": "f",
                    "description": "d",
                    "parameters": {"type": "object", "properties": {"a": {}}},
                    "strict": True,
                },
            },
        ),
        (Tool("p", "custom", "d"), {"type": "custom", "custom": {"name": "p", "description": "d"}}),
        (
            Tool("p", "custom", grammar=Grammar("regex", "a+")),
            {
                "type": "custom",
                "custom": {
                    "name": "p",
                    "format": {"type": "grammar", "grammar": {"syntax": "regex", "definition": "a+"}},
                },
            },
        ),
    ],
)
def test_a_tool_is_told(tool: Tool, written: Fields) -> None:
    assert sent(tools=(tool,)) == {"tools": [written]}


P = Tool("p", "custom")


@pytest.mark.parametrize(
    ("choice", "written"),
    [
        (ToolChoice("none"), "none"),
        (ToolChoice("auto"), "auto"),
        (ToolChoice("required"), "required"),
        (ToolChoice("named", ("f",)), {"type": "function", "function": {"name": "f"}}),
        (ToolChoice("named", ("p",)), {"type": "custom", "custom": {"name": "p"}}),
        (
            ToolChoice("allowed", ("f", "p"), required=True),
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [
                        {"type": "function", "function": {"name": "f"}},
                        {"type": "custom", "custom": {"name": "p"}},
                    ],
                },
            },
        ),
        (
            ToolChoice("allowed", ("f",)),
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]},
            },
        ),
    ],
)
def test_a_choice_is_told(choice: ToolChoice, written: Any) -> None:
    assert sent(tools=(F, P), tool_choice=choice)["tool_choice"] == written


@pytest.mark.parametrize("parallel", [True, False])
def test_several_calls_at_once_are_allowed_or_not(parallel: bool) -> None:
    assert sent(tools=(F,), parallel=parallel)["parallel_tool_calls"] is parallel


def test_web_search_is_an_option() -> None:
    assert sent(tools=(SEARCH,)) == {"web_search_options": {}}
    place = Tool("web_search", "server", server="web_search", location={"city": "Bern"})
    assert sent(tools=(F, place))["web_search_options"] == {
        "user_location": {"type": "approximate", "approximate": {"city": "Bern"}}
    }


def test_where_a_search_may_look_is_named_as_lost() -> None:
    tool = Tool("web_search", "server", server="web_search", allowed_domains=("a.b",))
    assert write(said(Q, tools=(tool,))) == (
        {"model": "up", "messages": [{"role": "user", "content": "q"}], "web_search_options": {}},
        ["allowed_domains"],
    )


@pytest.mark.parametrize("server", ["code_execution", "url_fetch"])
def test_what_chat_does_not_run_is_refused(server: Any) -> None:
    with pytest.raises(UnsupportedParameter) as refused:
        write(said(Q, tools=(Tool("x", "server", server=server),)))
    assert refused.value.param == "tools"


def test_without_functions_there_is_nothing_to_choose_from() -> None:
    prompt = said(Q, tools=(SEARCH,), tool_choice=ToolChoice("required"), parallel=False)
    body, dropped = write(prompt)
    assert body.keys() == {"model", "messages", "web_search_options"}
    assert dropped == ["tool_choice", "parallel"]


def test_who_must_use_no_tool_does_not_search() -> None:
    assert sent(tools=(SEARCH,), tool_choice=ToolChoice("none")) == {}
    assert sent(tools=(F, SEARCH), tool_choice=ToolChoice("named", ("f",))).keys() == {"tools", "tool_choice"}


def test_a_search_that_is_chosen_is_on_but_cannot_be_named() -> None:
    body, dropped = write(said(Q, tools=(F, SEARCH), tool_choice=ToolChoice("named", ("web_search",))))
    assert body["web_search_options"] == {}
    assert "tool_choice" not in body
    assert dropped == ["tool_choice"]


def fitted(prompt: Prompt, **facts: Any) -> Fields:
    losses = Losses({})
    fitting, _ = fit_tools(prompt, FORMAT.tools, ModelFacts(**facts), losses)
    return FORMAT.write_prompt(fitting, "up", ModelFacts(**facts), losses)


def test_free_form_tools_are_functions_but_where_they_are_known() -> None:
    prompt = said(Q, tools=(Tool("p", "custom", "d"),), tool_choice=ToolChoice("named", ("p",)))
    body = fitted(prompt)
    assert body["tools"][0]["function"]["parameters"]["required"] == ["input"]
    assert body["tool_choice"]["type"] == "function"
    body = fitted(prompt, custom_tools=True)
    assert body["tools"] == [{"type": "custom", "custom": {"name": "p", "description": "d"}}]
    assert body["tool_choice"] == {"type": "custom", "custom": {"name": "p"}}


def test_names_and_ids_are_as_chat_takes_them() -> None:
    rules = FORMAT.tools
    assert (rules.name_length, rules.id_length, rules.id_prefix) == (64, 64, "call_")
    body = fitted(said(Q, tools=(Tool("a.b/c", namespace="n"), Tool("x" * 70))))
    names = [tool["function"]["name"] for tool in body["tools"]]
    assert names[0] == "n__a_b_c"
    assert len(names[1]) == 64


def test_a_model_that_does_not_think_is_not_asked_to() -> None:
    body, dropped = write(said(Q, thinking=Thinking(effort="low")), thinking="none")
    assert ("reasoning_effort" in body, dropped) == (False, ["thinking"])
    body, dropped = write(said(Q, thinking=Thinking("off")), thinking="none")
    assert ("reasoning_effort" in body, dropped) == (False, [])

"""Tools in requests: names and ids each provider takes, every call with one result, nothing said beside them lost."""

from __future__ import annotations

import re
from typing import Any

import pytest

from gateway.errors import UnsupportedParameter
from gateway.formats.format import Fields

from .crossing import ALL, ANTHROPIC, CHAT, GEMINI, RESPONSES, answered, lost, part, response, sent

PIXEL = "aGk="
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
USER: Fields = {"role": "user", "content": "q"}


def function(name: str, **more: Any) -> Fields:
    return {"type": "function", "function": {"name": name, **more}}


def asks(*ids: str, name: str = "look", arguments: str = "{}") -> Fields:
    """A chat message that calls."""
    made = [{"id": each, "type": "function", "function": {"name": name, "arguments": arguments}} for each in ids]
    return {"role": "assistant", "content": None, "tool_calls": made}


def tool(call: str, content: Any = "r") -> Fields:
    return {"role": "tool", "tool_call_id": call, "content": content}


def uses(*ids: str) -> Fields:
    """A message of Anthropic's that calls."""
    return {
        "role": "assistant",
        "content": [{"type": "tool_use", "id": each, "name": "look", "input": {}} for each in ids],
    }


def result(call: str, content: Any = "r", **more: Any) -> Fields:
    return {"type": "tool_result", "tool_use_id": call, "content": content, **more}


def calls(*ids: str, **more: Any) -> list[Fields]:
    """Items that call."""
    return [{"type": "function_call", "call_id": each, "name": "look", "arguments": "{}", **more} for each in ids]


def output(call: str, value: Any = "r") -> Fields:
    return {"type": "function_call_output", "call_id": call, "output": value}


def roles(body: Fields) -> list[str]:
    return [message["role"] for message in body["messages"]]


def blocks_of(body: Fields, at: int) -> list[Fields]:
    content = body["messages"][at]["content"]
    assert isinstance(content, list)
    return content


def test_names_gemini_would_refuse_are_cleaned_apart_and_restored() -> None:
    names = ["1a/b", "1a_b", "_1a_b", "x" * 200, "x" * 199 + "y"]
    tools = [function(name) for name in names]
    body = sent(CHAT, GEMINI, tools=tools)
    given = [each["name"] for each in body["tools"][0]["functionDeclarations"]]
    assert len(set(given)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}", each) for each in given)
    made = [{"functionCall": {"name": each, "args": {}}} for each in given]
    message = answered(CHAT, GEMINI, part(*made, finish="STOP"), tools=tools)["choices"][0]["message"]
    assert [call["function"]["name"] for call in message["tool_calls"]] == names


@pytest.mark.parametrize("call", ["call|1", "a.b:c", "ä", "x" * 80])
def test_ids_keep_to_the_targets_alphabet_and_length_on_both_sides(call: str) -> None:
    messages = [USER, asks(call), tool(call)]
    for upstream in (ANTHROPIC, RESPONSES):
        body = sent(CHAT, upstream, messages=messages)
        if upstream == ANTHROPIC:
            ids = [body["messages"][1]["content"][0]["id"], body["messages"][2]["content"][0]["tool_use_id"]]
            assert re.fullmatch(r"[a-zA-Z0-9_-]+", ids[0])
        else:
            ids = [item["call_id"] for item in body["input"][1:]]
            assert len(ids[0]) <= 64
        assert ids[0] == ids[1]


def test_long_ids_that_share_a_beginning_stay_different() -> None:
    one, other = "c" * 90 + "1", "c" * 90 + "2"
    body = sent(CHAT, RESPONSES, messages=[USER, asks(one, other), tool(one, "1"), tool(other, "2")])
    ids = [item["call_id"] for item in body["input"][1:]]
    assert ids[:2] == ids[2:]
    assert len(set(ids)) == 2


@pytest.mark.parametrize("client", [CHAT, ANTHROPIC, RESPONSES])
def test_a_function_response_has_its_calls_name_and_no_id(client: str) -> None:
    history: dict[str, Fields] = {
        CHAT: {"messages": [USER, asks("c"), tool("c")]},
        ANTHROPIC: {"messages": [USER, uses("c"), {"role": "user", "content": [result("c")]}]},
        RESPONSES: {"input": [USER, *calls("c"), output("c")]},
    }
    contents = sent(client, GEMINI, **history[client])["contents"]
    assert contents[1]["parts"][0]["functionCall"] == {"name": "look", "args": {}}
    assert contents[2]["parts"] == [{"functionResponse": {"name": "look", "response": {"output": "r"}}}]


def test_there_are_as_many_function_responses_as_calls() -> None:
    contents = sent(CHAT, GEMINI, messages=[USER, asks("a", "b", "c"), tool("c"), tool("zz"), tool("c"), USER])[
        "contents"
    ]
    assert [len([p for p in each["parts"] if "functionCall" in p]) for each in contents] == [0, 3, 0]
    answers = [each["functionResponse"]["response"] for each in contents[2]["parts"] if "functionResponse" in each]
    missing = {"error": "No result provided for this tool call."}
    assert answers == [missing, missing, {"output": "r"}]


def test_geminis_calls_without_ids_are_paired_by_name_and_order() -> None:
    def call(name: str, at: int) -> Fields:
        return {"functionCall": {"name": name, "args": {"at": at}}}

    def came(name: str, of: str) -> Fields:
        return {"functionResponse": {"name": name, "response": {"output": of}}}

    contents = [
        {"role": "user", "parts": [{"text": "q"}]},
        {"role": "model", "parts": [call("look", 0), call("find", 1), call("look", 2)]},
        {"role": "user", "parts": [came("find", "1"), came("look", "0"), came("look", "2")]},
    ]
    messages = sent(GEMINI, CHAT, contents=contents)["messages"]
    ids = [each["id"] for each in messages[1]["tool_calls"]]
    assert len(set(ids)) == 3
    assert [(each["tool_call_id"], each["content"]) for each in messages[2:]] == list(zip(ids, "012", strict=True))
    assert messages == sent(GEMINI, CHAT, contents=contents)["messages"]


def test_ids_of_geminis_own_are_the_clients_ids() -> None:
    answer = part({"functionCall": {"id": "f7", "name": "look", "args": {}}}, finish="STOP")
    assert answered(CHAT, GEMINI, answer)["choices"][0]["message"]["tool_calls"][0]["id"] == "f7"
    assert answered(ANTHROPIC, GEMINI, answer)["content"][0]["id"] == "f7"


@pytest.mark.parametrize("arguments", ["[1]", '"x"', "{broken", "plain"])
def test_arguments_in_the_history_that_are_no_object_are_kept(arguments: str) -> None:
    messages = [USER, asks("c", arguments=arguments), tool("c")]
    kept = {"input": arguments}
    assert blocks_of(sent(CHAT, ANTHROPIC, messages=messages), 1)[0]["input"] == kept
    assert sent(CHAT, GEMINI, messages=messages)["contents"][1]["parts"][0]["functionCall"]["args"] == kept


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([{"type": "tool_reference", "tool_name": "look"}], "Loaded tool: look"),
        ([], ""),
        ([{"type": "new_kind", "x": 1}], '{"type":"new_kind","x":1}'),
        (None, ""),
    ],
)
def test_a_result_of_any_kind_stays_a_result(content: Any, text: str) -> None:
    messages = [USER, uses("c"), {"role": "user", "content": [result("c", content)]}]
    assert sent(ANTHROPIC, CHAT, messages=messages)["messages"][2] == tool("c", text)
    assert sent(ANTHROPIC, RESPONSES, messages=messages)["input"][2]["output"] == text


@pytest.mark.parametrize("text_first", [True, False])
def test_text_beside_a_result_is_kept_behind_it(text_first: bool) -> None:
    beside: list[Fields] = [{"type": "text", "text": "and"}, result("c")]
    messages = [USER, uses("c"), {"role": "user", "content": beside if text_first else beside[::-1]}]
    assert sent(ANTHROPIC, CHAT, messages=messages)["messages"][2:] == [tool("c"), {"role": "user", "content": "and"}]
    items = sent(ANTHROPIC, RESPONSES, messages=messages)["input"]
    assert [item.get("type", item.get("role")) for item in items][1:3] == ["function_call", "function_call_output"]
    assert "and" in str(items[3])


def test_images_in_results_go_where_they_are_taken() -> None:
    content = [result("a", [IMAGE]), result("b", [{"type": "text", "text": "two"}, IMAGE])]
    messages = [USER, uses("a", "b"), {"role": "user", "content": content}]
    chat = sent(ANTHROPIC, CHAT, messages=messages)["messages"]
    assert roles({"messages": chat}) == ["user", "assistant", "tool", "tool", "user"]
    assert [each["content"] for each in chat[2:4]] == ["[see attached content]", "two"]
    told = [each.get("text") or each["image_url"]["url"] for each in chat[4]["content"]]
    url = f"data:image/png;base64,{PIXEL}"
    # Each image under the id of its own result: they are not to be mixed up.
    assert told == ["Attached content of tool result a:", url, "Attached content of tool result b:", url]
    items = sent(ANTHROPIC, RESPONSES, messages=messages)["input"]
    assert [each["image_url"] for each in items[3]["output"]] == [url]
    assert [each["type"] for each in items[4]["output"]] == ["input_text", "input_image"]
    parts = sent(ANTHROPIC, GEMINI, messages=messages)["contents"][2]["parts"]
    assert [next(iter(each)) for each in parts] == ["functionResponse", "inlineData", "functionResponse", "inlineData"]


def test_a_message_between_two_results_of_a_step_comes_after_them() -> None:
    items = [USER, *calls("a", "b"), output("a", "1"), {"role": "user", "content": "hey"}, output("b", "2")]
    messages = sent(RESPONSES, CHAT, input=items)["messages"]
    assert messages[2:] == [tool("a", "1"), tool("b", "2"), {"role": "user", "content": "hey"}]


def test_of_two_results_the_last_counts_and_strays_are_repaired() -> None:
    messages = [
        USER,
        asks("a", "b"),
        tool("a", "first"),
        tool("a", "last"),
        tool("zz", "stray"),
        {**USER, "content": "x"},
    ]
    body = sent(CHAT, ANTHROPIC, messages=messages)
    assert roles(body) == ["user", "assistant", "user"]
    first, second, *rest = blocks_of(body, 2)
    assert first == result("a", "last")
    assert second == result("b", "No result provided for this tool call.", is_error=True)
    assert [each["text"] for each in rest] == ["Tool result zz:\nstray", "x"]


def test_results_stand_first_within_their_turn_and_in_no_other() -> None:
    late = {"role": "user", "content": "later"}
    body = sent(
        CHAT, ANTHROPIC, messages=[USER, asks("a"), late, tool("a"), {"role": "assistant", "content": "ok"}, late]
    )
    assert roles(body) == ["user", "assistant", "user", "assistant", "user"]
    assert [each["type"] for each in blocks_of(body, 2)] == ["tool_result", "text"]
    assert body["messages"][4]["content"] == "later"


def test_calls_without_a_name_and_messages_without_words_are_passed_over() -> None:
    items = [USER, *calls("a", name=""), {"role": "assistant", "content": []}, *calls("b"), output("b")]
    for upstream in (CHAT, ANTHROPIC):
        messages = sent(RESPONSES, upstream, input=items)["messages"]
        assert roles({"messages": messages})[:2] == ["user", "assistant"]
        assert len(messages) == 3
        assert "'a'" not in str(messages)


def test_calls_in_a_row_are_one_message_with_what_was_said_before_them() -> None:
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "so"}]}
    messages = sent(RESPONSES, CHAT, input=[USER, said, *calls("a", "b"), output("a"), output("b")])["messages"]
    assert roles({"messages": messages}) == ["user", "assistant", "tool", "tool"]
    assert (messages[1]["content"], [each["id"] for each in messages[1]["tool_calls"]]) == ("so", ["a", "b"])


PATCH = {"type": "custom", "name": "apply_patch", "description": "Edits files."}


@pytest.mark.parametrize(
    ("upstream", "answer"),
    [
        (CHAT, {"choices": [{"message": asks("c", name="apply_patch", arguments='{"input":"*** x"}')}]}),
        (ANTHROPIC, {"content": [{"type": "tool_use", "id": "c", "name": "apply_patch", "input": {"input": "*** x"}}]}),
        (GEMINI, part({"functionCall": {"id": "c", "name": "apply_patch", "args": {"input": "*** x"}}}, finish="STOP")),
    ],
)
def test_a_free_form_tool_comes_back_free_form(upstream: str, answer: Fields) -> None:
    found = answered(RESPONSES, upstream, answer, tools=[PATCH])["output"][0]
    assert (found["type"], found["name"], found["input"]) == ("custom_tool_call", "apply_patch", "*** x")


def test_outputs_of_free_form_tools_keep_text_that_looks_like_json_and_images() -> None:
    call = {"type": "custom_tool_call", "call_id": "c", "name": "apply_patch", "input": "x"}
    url = f"data:image/png;base64,{PIXEL}"
    listed = [{"type": "input_text", "text": '{"ok":1}'}, {"type": "input_image", "image_url": url}]
    for value in ('{"ok":1}', listed):
        items = [USER, call, {"type": "custom_tool_call_output", "call_id": "c", "output": value}]
        messages = sent(RESPONSES, CHAT, input=items, tools=[PATCH])["messages"]
        assert messages[2] == tool("c", '{"ok":1}')
        assert (url in str(messages[3:])) is (value is listed)


SPACES = [
    {"type": "namespace", "name": space, "tools": [{"type": "function", "name": "look", "parameters": {}}]}
    for space in ("one", "two")
]


def test_tools_of_one_name_in_two_namespaces_come_back_to_their_own() -> None:
    given = [each["function"]["name"] for each in sent(RESPONSES, CHAT, tools=SPACES)["tools"]]
    assert len(set(given)) == 2
    made = [{"id": name, "type": "function", "function": {"name": name, "arguments": "{}"}} for name in given]
    output = answered(RESPONSES, CHAT, {"choices": [{"message": {"tool_calls": made}}]}, tools=SPACES)["output"]
    assert [(each["namespace"], each["name"]) for each in output] == [("one", "look"), ("two", "look")]


def test_a_tool_that_is_declared_twice_is_sent_once() -> None:
    tools = [{"type": "function", "name": "look", "description": "first"}]
    again = {
        "type": "additional_tools",
        "tools": [{"type": "function", "name": "look"}, {"type": "function", "name": "b"}],
    }
    sent_tools = sent(RESPONSES, CHAT, input=[USER, again], tools=tools)["tools"]
    assert [each["function"]["name"] for each in sent_tools] == ["look", "b"]
    assert sent_tools[0]["function"]["description"] == "first"


def test_hosted_tools_are_mapped_or_refused_and_never_lost() -> None:
    search = {"type": "web_search"}
    assert sent(RESPONSES, CHAT, tools=[search])["web_search_options"] == {}
    assert sent(CHAT, RESPONSES, web_search_options={})["tools"][0]["type"].startswith("web_search")
    with pytest.raises(UnsupportedParameter) as refused:
        sent(RESPONSES, CHAT, tools=[{"type": "file_search", "vector_store_ids": ["v"]}])
    assert refused.value.param == "tools[0]"


@pytest.mark.parametrize("upstream", [CHAT, RESPONSES, GEMINI])
def test_no_tools_means_neither_list_nor_choice(upstream: str) -> None:
    wish = {"type": "any", "disable_parallel_tool_use": True}
    body = sent(ANTHROPIC, upstream, tools=[], tool_choice=wish)
    assert not {"tools", "tool_choice", "parallel_tool_calls", "toolConfig"} & body.keys()
    assert lost(ANTHROPIC, upstream, tools=[], tool_choice=wish)


def test_to_call_nothing_is_a_choice_everywhere() -> None:
    tools: Fields = {"tools": [function("look")], "tool_choice": "none"}
    assert sent(CHAT, ANTHROPIC, **tools)["tool_choice"] == {"type": "none"}
    assert sent(CHAT, RESPONSES, **tools)["tool_choice"] == "none"
    assert sent(CHAT, GEMINI, **tools)["toolConfig"]["functionCallingConfig"] == {"mode": "NONE"}


def test_one_call_at_a_time_is_asked_for_in_each_dialect() -> None:
    tools = [{"name": "look", "input_schema": {"type": "object"}}]
    wish = {"type": "auto", "disable_parallel_tool_use": True}
    for upstream in (CHAT, RESPONSES):
        assert sent(ANTHROPIC, upstream, tools=tools, tool_choice=wish)["parallel_tool_calls"] is False
    for client, declared in ((CHAT, function("look")), (RESPONSES, {"type": "function", "name": "look"})):
        body = sent(client, ANTHROPIC, tools=[declared], parallel_tool_calls=False)
        assert body["tool_choice"] == wish
    assert "parallel_tool_calls" in lost(CHAT, GEMINI, tools=[function("look")], parallel_tool_calls=False)


def test_a_strict_tool_is_validated_by_gemini() -> None:
    config = sent(CHAT, GEMINI, tools=[function("look", strict=True)])["toolConfig"]
    assert config["functionCallingConfig"] == {"mode": "VALIDATED"}


@pytest.mark.parametrize("upstream", [CHAT, RESPONSES, GEMINI])
def test_what_only_its_vendor_knows_of_a_tool_is_left_out(upstream: str) -> None:
    declared = {"name": "look", "input_schema": {"type": "object"}, "defer_loading": True, "input_examples": [{}]}
    assert "defer_loading" not in str(sent(ANTHROPIC, upstream, tools=[declared]))
    assert "input_examples" not in str(sent(ANTHROPIC, upstream, tools=[declared]))


@pytest.mark.parametrize(("client", "upstream"), [(c, u) for c in ALL for u in ALL if c != u])
def test_the_same_request_is_written_the_same_each_time(client: str, upstream: str) -> None:
    """Ids that had to be made, repairs and cleaned names: else no prompt would ever be found in a cache again."""
    call = {"functionCall": {"name": "look", "args": {}}}
    history: dict[str, Fields] = {
        CHAT: {"messages": [USER, asks("a|b", ""), tool("a|b"), USER]},
        RESPONSES: {"input": [USER, *calls("a|b", "c" * 90), output("a|b"), USER]},
        ANTHROPIC: {"messages": [USER, uses("a", "b"), {"role": "user", "content": [result("b")]}]},
        GEMINI: {"contents": [{"role": "model", "parts": [call, call]}, {"role": "user", "parts": [{"text": "q"}]}]},
    }
    assert sent(client, upstream, **history[client]) == sent(client, upstream, **history[client])


def test_whole_answers_keep_several_calls_apart_in_their_order() -> None:
    made = [
        {"type": "function_call", "call_id": each, "name": "look", "arguments": f'{{"of":"{each}"}}'} for each in "ab"
    ]
    content = answered(ANTHROPIC, RESPONSES, response(*made))["content"]
    assert [(each["id"], each["input"]["of"]) for each in content] == [("a", "a"), ("b", "b")]

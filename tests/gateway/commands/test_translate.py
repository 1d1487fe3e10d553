"""`sluicegate translate` shows every pair of dialects, and says in one line why it cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from gateway.commands.translate import command
from gateway.formats.table import FORMATS

PAIRS = [(client, upstream) for client in FORMATS for upstream in FORMATS]

REQUESTS: dict[str, dict[str, Any]] = {
    "openai_chat": {
        "model": "m",
        "messages": [
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}]}
        ],
        "seed": 3,
        "logit_bias": {"1": 5},
    },
    "openai_responses": {"model": "m", "input": "Grüße", "truncation": "auto", "store": False},
    "anthropic": {"model": "m", "max_tokens": 9, "top_k": 5, "messages": [{"role": "user", "content": "Grüße"}]},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "Grüße"}]}], "generationConfig": {"topK": 3}},
}
ANSWERS = {
    "openai_chat": b'{"id":"c","choices":[{"index":0,"finish_reason":"stop",'
    b'"message":{"role":"assistant","content":"so"}}]}',
    "openai_responses": b'{"id":"r","status":"completed","output":[{"type":"message","role":"assistant",'
    b'"content":[{"type":"output_text","text":"so","annotations":[]}]}]}',
    "anthropic": b'{"id":"m","type":"message","role":"assistant","content":[{"type":"text","text":"so"}],'
    b'"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}',
    "gemini": b'{"candidates":[{"content":{"role":"model","parts":[{"text":"so"}]},"finishReason":"STOP"}]}',
}


def run(*arguments: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(command, arguments, input=stdin)


def shown(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return orjson.loads(result.stdout)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, fields in REQUESTS.items():
        (tmp_path / f"{name}.json").write_bytes(orjson.dumps(fields))
        (tmp_path / f"{name}.answer.json").write_bytes(ANSWERS[name])
    return tmp_path


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
def test_every_pair_shows_the_request_and_the_reply(files: Path, client: str, upstream: str) -> None:
    asked = ["--from", client, "--to", upstream, "--model", "up", "--reply", str(files / f"{upstream}.answer.json")]
    found = shown(run(*asked, "--json", str(files / f"{client}.json")))
    assert list(found) == ["path", "headers", "request", "dropped", "emulated", "reply"]
    assert isinstance(found["request"], dict)
    assert b"so" in orjson.dumps(found["reply"])
    text = run(*asked, str(files / f"{client}.json"))
    assert text.exit_code == 0
    assert text.stdout.startswith(f"# POST {found['path']}\n")
    assert "# reply to the client" in text.stdout


def test_what_is_lost_is_named_as_the_client_names_it(files: Path) -> None:
    found = shown(run("--from", "openai_chat", "--to", "anthropic", "--json", str(files / "openai_chat.json")))
    assert found["dropped"] == ["seed", "logit_bias"]
    text = run("--from", "openai_chat", "--to", "anthropic", str(files / "openai_chat.json")).stdout
    assert "# dropped: seed, logit_bias\n# emulated: nothing" in text


def test_media_that_would_be_fetched_stand_empty_in_their_place(files: Path) -> None:
    found = shown(run("--from", "openai_chat", "--to", "gemini", "--json", str(files / "openai_chat.json")))
    (part,) = found["request"]["contents"][0]["parts"]
    assert part == {"inlineData": {"mimeType": "image/png", "data": ""}}


def test_strictness_refuses_and_names_the_field(files: Path) -> None:
    result = run("--from", "openai_chat", "--to", "anthropic", "--strict", str(files / "openai_chat.json"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "sluicegate: seed: seed is not supported by the selected upstream.\n"


def test_the_request_may_come_on_standard_input() -> None:
    asked = orjson.dumps(REQUESTS["anthropic"])
    found = shown(run("--from", "anthropic", "--to", "gemini", "--json", "--model", "g", "--stream", "-", stdin=asked))
    assert found["path"] == "/v1beta/models/g:streamGenerateContent?alt=sse"
    assert found["request"]["contents"] == [{"role": "user", "parts": [{"text": "Grüße"}]}]


def test_a_stream_is_asked_for_where_the_client_s_path_says_so(files: Path) -> None:
    found = shown(run("--from", "gemini", "--to", "anthropic", "--stream", "--json", str(files / "gemini.json")))
    assert found["request"]["stream"] is True


def test_the_same_input_always_shows_the_same(files: Path) -> None:
    asked = ("--from", "anthropic", "--to", "openai_chat", "--reply", str(files / "openai_chat.answer.json"))
    first, second = (run(*asked, str(files / "anthropic.json")) for _ in range(2))
    assert first.stdout == second.stdout


@pytest.mark.parametrize("array", [False, True])
def test_a_stream_is_translated_as_it_came(files: Path, tmp_path: Path, array: bool) -> None:
    answer = orjson.loads(ANSWERS["gemini"])
    pretty = orjson.dumps([answer], option=orjson.OPT_INDENT_2)
    (tmp_path / "stream").write_bytes(pretty if array else b"data: %b\r\n\r\n" % ANSWERS["gemini"])
    asked = ("--from", "openai_chat", "--to", "gemini", "--reply", str(tmp_path / "stream"), "--stream", "--json")
    found = shown(run(*asked, str(files / "openai_chat.json")))
    assert '"content":"so"' in found["stream"]
    assert found["stream"].endswith("data: [DONE]\n\n")


def test_a_stream_that_breaks_off_ends_with_an_error(files: Path, tmp_path: Path) -> None:
    (tmp_path / "stream").write_bytes(b'data: {"choices":[{"index":0,"delta":{"content":"so"}}]}\n\n')
    asked = ("--from", "anthropic", "--to", "openai_chat", "--reply", str(tmp_path / "stream"))
    text = run(*asked, str(files / "anthropic.json")).stdout
    assert "# stream to the client" in text
    assert "event: error" in text


def test_what_the_model_can_do_decides_what_is_sent(files: Path) -> None:
    asked = ("--from", "anthropic", "--to", "openai_chat", "--json", str(files / "anthropic.json"))
    assert shown(run("--fact", "token_param=max_tokens", *asked))["request"]["max_tokens"] == 9
    assert shown(run("--fact", "token_param=max_completion_tokens", *asked))["request"]["max_completion_tokens"] == 9


@pytest.mark.parametrize(
    ("fact", "why"),
    [
        ("nonsense=1", "--fact nonsense: known are context, max_input, "),
        ("max_output=many", "--fact: Expected `int | null`, got `str` - at `$.max_output`"),
        ("effort=3", "--fact: Expected `array`, got `int` - at `$.effort`"),
        ("thinking=loud", "--fact: Invalid enum value 'loud' - at `$.thinking`"),
    ],
)
def test_a_fact_of_the_wrong_kind_is_refused(files: Path, fact: str, why: str) -> None:
    result = run("--from", "anthropic", "--to", "openai_chat", "--fact", fact, str(files / "anthropic.json"))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"sluicegate: {why}")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"{}", "messages: "),
        (b'{"messages":[],"model":7}', ""),
        (
            b'{"messages":[{"role":"user","content":"q"}],"max_tokens":9,"metadata":%b1%b}'
            % (b"[" * 2000, b"]" * 2000),
            "",
        ),
    ],
)
def test_a_request_that_is_none_is_refused_in_one_line(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "a.json").write_bytes(content)
    result = run("--from", "openai_chat", "--to", "gemini", str(tmp_path / "a.json"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("sluicegate: ")
    assert why in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("depth", [240, 260, 900])
def test_what_is_nested_too_deeply_is_refused_in_one_line(tmp_path: Path, depth: int) -> None:
    schema = b'{"a":' * depth + b"1" + b"}" * depth
    (tmp_path / "a.json").write_bytes(
        b'{"input":[{"type":"function_call","call_id":"c","name":"f","arguments":%b}]}' % schema
    )
    result = run("--from", "openai_responses", "--to", "anthropic", str(tmp_path / "a.json"))
    assert result.exit_code in (0, 1)
    assert result.exit_code == 0 or (result.stderr.startswith("sluicegate: ") and result.stderr.count("\n") == 1)


@pytest.mark.parametrize("answer", [b"{", b"{}", b"[1]", b"<html>", b'{"error":{"message":"no"}}', b"\xff"])
def test_an_answer_that_is_none_is_told_as_the_error_it_is(files: Path, tmp_path: Path, answer: bytes) -> None:
    (tmp_path / "answer").write_bytes(answer)
    asked = ("--from", "openai_chat", "--to", "gemini", "--reply", str(tmp_path / "answer"))
    result = run(*asked, str(files / "openai_chat.json"))
    if result.exit_code:
        assert result.stderr.startswith("sluicegate: ")
        assert result.stderr.count("\n") == 1
    else:
        assert '"error":' in result.stdout


def test_files_that_cannot_be_read_are_named(files: Path) -> None:
    missing = run("--from", "anthropic", "--to", "gemini", str(files / "missing.json"))
    assert (missing.exit_code, missing.stderr) == (1, f"sluicegate: {files}/missing.json: No such file or directory\n")
    folder = run("--from", "anthropic", "--to", "gemini", str(files))
    assert (folder.exit_code, folder.stderr) == (1, f"sluicegate: {files}: Is a directory\n")
    answer = run("--from", "anthropic", "--to", "gemini", "--reply", "nowhere", str(files / "anthropic.json"))
    assert (answer.exit_code, answer.stderr) == (1, "sluicegate: nowhere: No such file or directory\n")


@pytest.mark.parametrize(
    "arguments",
    [(), ("--from", "anthropic", "x"), ("--from", "nonsense", "--to", "gemini", "x"), ("--to", "gemini", "x")],
)
def test_what_is_not_understood_is_a_misuse(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2

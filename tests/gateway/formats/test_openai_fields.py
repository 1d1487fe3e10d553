"""What OpenAI's two dialects have alike is read and written alike, but for where it stands."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import InvalidRequest
from gateway.formats import openai_fields
from gateway.formats.neutral import Audio, CacheMark, Grammar, Output, Source, Text

NAMED = {"name": "n", "description": "d", "strict": True}
SCHEMA = {"type": "object"}


@pytest.mark.parametrize(
    ("form", "within", "output"),
    [
        (None, "", None),
        ({"type": "text"}, "", None),
        ({"type": "json_object"}, "inner", Output("json_object")),
        ({"type": "json_schema", **NAMED, "schema": SCHEMA}, "", Output("json_schema", SCHEMA, "n", "d", True)),
        (
            {"type": "json_schema", "inner": {**NAMED, "schema": SCHEMA}},
            "inner",
            Output("json_schema", SCHEMA, "n", "d", True),
        ),
        ({"type": "json_schema", "inner": {"schema": None}}, "inner", Output("json_schema", {})),
    ],
)
def test_a_form_is_read_wherever_its_schema_is(form: Any, within: str, output: Output | None) -> None:
    assert openai_fields.read_output(form, "form", within) == output


@pytest.mark.parametrize(
    ("form", "within", "field"),
    [
        (5, "", "form"),
        ({"type": "x"}, "", "form.type"),
        ({"type": "json_schema"}, "", "form.schema"),
        ({"type": "json_schema"}, "inner", "form.inner"),
        ({"type": "json_schema", "inner": {"schema": 5}}, "inner", "form.inner.schema"),
        ({"type": "json_schema", "inner": {"name": 5}}, "inner", "form.inner.name"),
    ],
)
def test_a_form_that_is_wrong_is_refused_with_its_field(form: Any, within: str, field: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        openai_fields.read_output(form, "form", within)
    assert error.value.param == field


def test_a_grammar_is_read_wherever_it_is() -> None:
    told = {"syntax": "lark", "definition": "d"}
    grammar = Grammar("lark", "d")
    assert openai_fields.read_grammar({"type": "grammar", **told}, "p") == grammar
    assert openai_fields.read_grammar({"type": "grammar", "inner": told}, "p", "inner") == grammar
    assert openai_fields.read_grammar({"type": "text"}, "p") is None
    with pytest.raises(InvalidRequest) as error:
        openai_fields.read_grammar({"type": "grammar", "inner": {}}, "p", "inner")
    assert error.value.param == "p.inner.syntax"


def test_content_is_a_string_or_a_list() -> None:
    def read(value: Any, path: str) -> Text:
        return Text(f"{path}={value}")

    assert openai_fields.read_parts(read, None, "c") == ()
    assert openai_fields.read_parts(read, "x", "c") == (Text("x"),)
    assert openai_fields.read_parts(read, [1, 2], "c") == (Text("c[0]=1"), Text("c[1]=2"))
    with pytest.raises(InvalidRequest, match="content parts"):
        openai_fields.read_parts(read, {}, "c")


@pytest.mark.parametrize(("ttl", "mark"), [(None, CacheMark()), ("1h", CacheMark("1h"))])
def test_a_cache_mark_is_read(ttl: str | None, mark: CacheMark) -> None:
    assert openai_fields.read_mark({"prompt_cache_breakpoint": {"ttl": ttl}}, "p") == mark
    assert openai_fields.read_mark({}, "p") is None


def test_a_cache_mark_is_written_where_it_is_taken() -> None:
    written = openai_fields.write_mark(CacheMark("1h"), taken=True)
    assert written == {"prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}}
    assert openai_fields.write_mark(CacheMark("5m"), taken=True) == {"prompt_cache_breakpoint": {"mode": "explicit"}}
    assert openai_fields.write_mark(CacheMark("1h"), taken=False) == {}


def test_a_sound_comes_back_as_it_went() -> None:
    part = openai_fields.write_audio(Audio(Source("base64", "aGk=", "audio/wav")))
    assert part is not None
    assert openai_fields.read_audio(part, "p") == Audio(Source("base64", "aGk=", "audio/wav"))
    assert openai_fields.write_audio(Audio(Source("base64", "aGk=", "audio/flac"))) is None
    assert openai_fields.write_audio(Audio(Source("url", "https://h/a.wav", "audio/wav"))) is None

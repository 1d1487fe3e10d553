"""What holds for every vendor: nothing raises, nothing is changed in place, and all of it can be written."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.formats import schemas

FITS: tuple[Callable[[Any], dict[str, Any]], ...] = (
    schemas.with_root,
    schemas.for_gemini,
    schemas.for_gemini_proto,
    schemas.for_anthropic_output,
    schemas.for_anthropic_tool,
    schemas.from_proto,
)
WORDS = st.sampled_from(
    [
        "type",
        "properties",
        "required",
        "items",
        "enum",
        "const",
        "anyOf",
        "oneOf",
        "allOf",
        "$ref",
        "$defs",
        "definitions",
        "nullable",
        "format",
        "not",
        "if",
        "then",
        "else",
        "additionalProperties",
        "prefixItems",
        "minItems",
        "default",
        "minimum",
        "propertyOrdering",
        "a",
        "b",
    ]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from(("string", "object", "null", "#/$defs/a", "#/definitions/b", "#/anyOf/0", "#", "date"))
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)
SCHEMAS = st.dictionaries(WORDS, VALUES, max_size=5)


@pytest.mark.parametrize("fit", FITS)
@given(schema=SCHEMAS)
def test_any_json_is_borne_and_left_as_it_was(fit: Callable[[Any], dict[str, Any]], schema: dict[str, Any]) -> None:
    """Pitfall 78."""
    before = copy.deepcopy(schema)
    orjson.dumps(fit(schema))
    assert schema == before


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("word", ["properties", "items", "anyOf", "allOf", "not", "default", "$defs", "other"])
@pytest.mark.parametrize("listed", [True, False])
def test_a_thousand_levels_are_borne(fit: Callable[[Any], dict[str, Any]], word: str, listed: bool) -> None:
    deep: dict[str, Any] = {}
    for _ in range(1000):
        deep = {word: [deep] if listed else {"a": deep}}
    carried: Any = fit(deep)
    for _ in range(20):
        carried = [carried]
    orjson.dumps(carried)


@given(schema=SCHEMAS)
def test_fitting_twice_changes_nothing_more(schema: dict[str, Any]) -> None:
    once = schemas.with_root(schema)
    assert schemas.with_root(once) == once

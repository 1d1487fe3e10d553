"""Every function of this DuckDB has been judged: it may be called, or there is a reason why not."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from duckdb import DuckDBPyConnection

from gateway.store.asking.functions import FUNCTIONS, OURS, TABLE_FUNCTIONS, TABLES
from tests.gateway.store.asking.stores import opened

REFUSED = {
    "DuckDB's insides": r"!?__.*|combine|combine_aggr|finalize|to_aggregate_state|invoke|remap_struct|create_sort_key"
    r"|index_key|bitstring_byte_comparable|timetz_byte_comparable|vector_type|stats|decimal_average|decimal_division"
    r"|can_cast_implicitly|cast_to_type|replace_type|make_type|vertex_extract|in_search_path|get_block_size"
    r"|IS( NOT)? DISTINCT FROM|variant_.*|json_copy_.*|parse_duckdb_log_message|hive_partition_component|path_join",
    "plans and statements": r"json_(de)?serialize_.*",
    "what a session is and has": r"current_(catalog|connection_id|database|query|query_id|role|schema|schemas"
    r"|transaction_id|user)|session_user|user|txid_current|getvariable|current_setting",
    "it writes": r"nextval|currval|setval|setseed|write_log",
    "it waits, or fails on purpose": r"sleep_ms|pg_sleep|error|assert_true",
    "for clients of other databases": r"(has|inet|pg)_.*|col_description|obj_description|shobj_description"
    r"|format_pg_type|format_type|map_to_pg_oid",
    "the order of texts, which COLLATE says": r"(icu_)?collate_.*|icu_sort_key",
    "shapes on the globe": r"st_.*",
}
"""What may not be called, by the reason."""


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBPyConnection]:
    with opened(tmp_path_factory.mktemp("store")) as (_, made):
        yield made


def names_of(connection: DuckDBPyConnection, *types: str) -> set[str]:
    statement = (
        "select distinct function_name from duckdb_functions() where internal and list_contains($types, function_type)"
    )
    return {name for (name,) in connection.execute(statement, {"types": list(types)}).fetchall()}


def test_every_function_is_allowed_or_refused_for_a_reason(connection: DuckDBPyConnection) -> None:
    there = names_of(connection, "scalar", "aggregate", "macro", "window")
    open_to_all = {name for name in there if name.lower() in FUNCTIONS}
    for_a_reason = {name for name in there if any(re.fullmatch(names, name) for names in REFUSED.values())}
    assert there - open_to_all - for_a_reason == set(), "say in `functions` or here what they are"
    assert open_to_all & for_a_reason <= {"pg_size_pretty"}


def test_what_is_asked_like_a_table_makes_its_rows_itself(connection: DuckDBPyConnection) -> None:
    assert names_of(connection, "table") >= TABLE_FUNCTIONS
    for name in TABLE_FUNCTIONS:
        assert not re.search(r"read|scan|query|glob|duckdb|pragma|parquet|file", name)


def test_what_is_ours_is_in_the_schema(connection: DuckDBPyConnection) -> None:
    ours = "select function_name from duckdb_functions() where not internal and function_type = 'macro'"
    assert set(OURS) <= {name for (name,) in connection.execute(ours).fetchall()}
    tables = {name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()}
    assert tables >= TABLES
    assert "ingested" in tables - TABLES


@pytest.mark.parametrize("name", ["read_text", "read_csv", "glob", "getenv", "query", "nextval", "current_setting"])
def test_none_of_these_may_ever_be_called(name: str) -> None:
    assert name not in FUNCTIONS | TABLE_FUNCTIONS

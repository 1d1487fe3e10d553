"""Pages of docs/ that say what the code already says: settings, commands, endpoints, errors, providers, metrics.

`python -m docs.generate` writes them, `--check` only tells which are stale (exit code 1). Knows what is true; how a
page reads is in `docs/templates/`, one file a page, where `{{name}}` stands for what is made here.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import cast, get_args

import click
import msgspec
from msgspec import inspect

import gateway.mock
from gateway import errors, records
from gateway.__main__ import main as main_command
from gateway.access.roles import PERMISSIONS, ROLES
from gateway.api.endpoints import ENDPOINTS
from gateway.api.management import OPERATIONS
from gateway.observe.series import SERIES
from gateway.settings.model import Settings
from gateway.settings.section import FormatName
from gateway.settings.sources import PREFIX, SEPARATOR
from gateway.store.asking.told import TABLES, UNITS

from . import catalog, choosing, markdown
from .markdown import Row, one_line, table

DOCS = Path(__file__).parent
TEMPLATES = DOCS / "templates"
IDENTIFIER = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"

TYPES: dict[type[inspect.Type], str] = {
    inspect.StrType: "text",
    inspect.IntType: "whole number",
    inspect.FloatType: "number",
    inspect.BoolType: "true or false",
    inspect.DictType: "table of text",
}


def settings() -> str:
    """Every setting: name, type, default, variable, meaning."""
    lines = (line for field in struct_fields(Settings) for line in section(field, ()))
    return "\n".join(lines).rstrip()


def section(field: inspect.Field, around: tuple[str, ...]) -> Iterator[str]:
    """The heading and table of a section, then those of the lists of tables within it."""
    kind, _ = bare(field.type)
    struct = within(kind)
    path = (*around, field.name, *(["0"] if isinstance(kind, inspect.VarTupleType) else []))
    name = ".".join(part for part in path if part != "0")
    yield f"## `[{name}]`" if path[-1] != "0" else f"## `[[{name}]]`"
    yield ""
    yield one_line(struct.cls.__doc__ or "")
    yield ""
    inner = [each for each in struct.fields if isinstance(item(each.type), inspect.StructType)]
    variable = PREFIX + SEPARATOR.join(path).upper() + SEPARATOR
    rows = [setting(each, variable) for each in struct.fields if each not in inner]
    yield table(("Setting", "Type", "Default", "Variable", "Meaning"), rows)
    yield ""
    for each in inner:
        yield from section(each, path)


def setting(field: inspect.Field, variable: str) -> Row:
    """One row of a section's table."""
    kind, description = bare(field.type)
    limits = "; ".join(limits_of(kind))
    meaning = f"{description} ({limits})" if limits else description
    return (f"`{field.name}`", in_words(kind), default(field), f"`{variable}{field.name.upper()}`", meaning)


def bare(kind: inspect.Type) -> tuple[inspect.Type, str]:
    """A type without what is said about it, and the description that was."""
    if isinstance(kind, inspect.Metadata):
        return kind.type, str((kind.extra_json_schema or {}).get("description", ""))
    return kind, ""


def item(kind: inspect.Type) -> inspect.Type:
    """What a list is a list of; anything else as it is."""
    kind, _ = bare(kind)
    return bare(kind.item_type)[0] if isinstance(kind, inspect.VarTupleType) else kind


def within(kind: inspect.Type) -> inspect.StructType:
    """The section that a field is, or is a list of."""
    return cast(inspect.StructType, item(kind))


def in_words(kind: inspect.Type) -> str:
    """A type as an operator says it."""
    kind, _ = bare(kind)
    match kind:
        case inspect.LiteralType(values=values):
            return " or ".join(f"`{value}`" for value in values)
        case inspect.VarTupleType(item_type=inner):
            return f"list of {in_words(inner)}"
        case inspect.UnionType(types=types):
            return " or ".join(words for each in types if (words := in_words(each)))
    return TYPES.get(type(kind), "")


def limits_of(kind: inspect.Type) -> Iterator[str]:
    """What a value may be, in words."""
    for attribute, words in (("gt", "more than"), ("ge", "at least"), ("le", "at most")):
        limit = getattr(kind, attribute, None)
        if limit is not None:
            yield f"{words} {limit:g}" if isinstance(limit, float) else f"{words} {limit}"
    if getattr(kind, "pattern", None) == IDENTIFIER:
        yield "letters, digits, `.`, `_` and `-`"


def default(field: inspect.Field) -> str:
    """A default as TOML writes it."""
    if field.required:
        return "required"
    value = field.default if field.default is not msgspec.NODEFAULT else {}
    if value is None or value is msgspec.UNSET or value in ("", (), {}):
        return "—"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{list(value)}`".replace("'", '"')
    if field.name.endswith("_bytes") and isinstance(value, int):
        return f"`{value}` ({size(value)})"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def size(number: int) -> str:
    """A number of bytes as people say it: `32 MiB`."""
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if number % factor == 0:
            return f"{number // factor} {unit}"
    return f"{number} bytes"


def client_errors() -> str:
    """Every error a client can see."""
    rows = [
        (f"`{kind.__name__}`", str(kind.status), f"`{kind.code}`", f"`{kind.kind}`", one_line(kind.__doc__ or ""))
        for kind in tree(errors.GatewayError)
    ]
    return table(("Error", "Status", "Code", "Kind", "Meaning"), rows)


def tree(kind: type[errors.GatewayError]) -> Iterator[type[errors.GatewayError]]:
    """The leaves below an error, in the order they are written."""
    for each in kind.__subclasses__():
        if not each.__module__.startswith(errors.__name__):
            continue
        if each.__subclasses__():
            yield from tree(each)
        else:
            yield each


def formats() -> str:
    """The names of the formats, in a row."""
    return ", ".join(f"`{name}`" for name in get_args(FormatName))


def inference_endpoints() -> str:
    """Every endpoint of the relay."""
    rows = [
        (
            f"`POST {endpoint.path}`",
            f"`{endpoint.format}`",
            "JSON" if endpoint.body == "json" else "`multipart/form-data`",
            f"`{endpoint.default_model}`" if endpoint.default_model else "the request must name it",
        )
        for endpoint in ENDPOINTS
    ]
    return table(("Endpoint", "Format", "Body", "Model"), rows)


def operations() -> str:
    """Every operation of the management API, by tag."""
    tags = dict.fromkeys(row.tag for row in OPERATIONS)
    return "\n\n".join(f"### {tag.capitalize()}\n\n{operations_of(tag)}" for tag in tags)


def operations_of(tag: str) -> str:
    """The operations of one tag."""
    rows = [
        (f"`{row.method} {row.path}`", row.summary, f"`{row.permission}`".replace("|", "` or `"))
        for row in OPERATIONS
        if row.tag == tag
    ]
    return table(("Operation", "What it does", "Who may"), rows)


def roles() -> str:
    """What each role may do."""
    rows = [
        (f"`{permission}`", *("yes" if permission in ROLES[role] else "" for role in ROLES), meaning)
        for permission, meaning in PERMISSIONS.items()
    ]
    return table(("Permission", *ROLES, "What it allows"), rows)


def metrics() -> str:
    """Every series of /metrics."""
    rows = [
        (f"`{series.name}`", series.kind, ", ".join(f"`{label}`" for label in series.labels) or "—", series.meaning)
        for series in SERIES
    ]
    return table(("Series", "Type", "Labels", "Meaning"), rows)


def commands() -> str:
    """What every command says of itself."""
    # With what the group says of all of them, as they are when they are called.
    settings = main_command.context_settings
    group = click.Context(main_command, info_name="sluicegate", terminal_width=100, **settings)
    found = ((name, main_command.get_command(group, name)) for name in main_command.list_commands(group))
    return "\n\n".join(help_of(name, command, group) for name, command in found if command is not None)


def help_of(name: str, command: click.Command, group: click.Context) -> str:
    """The help of a command, under its name, and of those within it."""
    # Click keeps the help option that it made when the command was first called, wherever that was.
    vars(command)["_help_option"] = None
    context = click.Context(command, info_name=name, parent=group, terminal_width=100)
    within = command.commands.items() if isinstance(command, click.Group) else ()
    parts = (help_of(name, each, context) for name, each in within)
    return "\n\n".join((f"## `{context.command_path}`\n\n```text\n{command.get_help(context)}\n```", *parts))


def record_fields(name: str) -> str:
    """The fields of a record, and what is written below each."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in Path(records.__file__).parent.glob("*.py")]
    (record,) = [node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name]
    rows = [
        (f"`{node.target.id}`", f"`{ast.unparse(node.annotation)}`", text_of(below))
        for node, below in zip(record.body, [*record.body[1:], None], strict=True)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    ]
    return table(("Field", "Type", "Meaning"), rows)


def text_of(node: ast.stmt | None) -> str:
    """What a statement says, where it is only a text."""
    match node:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return one_line(text)
    return ""


def mock_behaviours() -> str:
    """What the mock's own documentation says, below its first line."""
    text = gateway.mock.__doc__ or ""
    return text[text.index("\n") :].strip()


def sql_tables() -> str:
    """The tables that people ask in SQL, with every column."""
    sections = (
        f"### `{each.name}`\n\n{each.about}\n\n"
        + table(("Column", "Meaning"), [(markdown.words(some.names), some.meaning) for some in each.columns])
        for each in TABLES
    )
    return "\n\n".join(sections)


def struct_fields(struct: type) -> tuple[inspect.Field, ...]:
    """Fields of a struct."""
    return cast(inspect.StructType, inspect.type_info(struct)).fields


FACTS: dict[str, Callable[[], str]] = {
    "commands": commands,
    "settings": settings,
    "endpoints": inference_endpoints,
    "errors": client_errors,
    "operations": operations,
    "roles": roles,
    "presets": catalog.preset_table,
    "preset_sections": catalog.preset_sections,
    "quirks": catalog.quirk_table,
    "formats": formats,
    "series": metrics,
    "record": partial(record_fields, "UsageRecord"),
    "tokens": partial(record_fields, "Tokens"),
    "attempt": partial(record_fields, "AttemptRecord"),
    "passed": partial(record_fields, "PassedOver"),
    "mock": mock_behaviours,
    "strategies": choosing.strategies,
    "sessions": choosing.sessions,
    "sql_tables": sql_tables,
    "sql_units": lambda: UNITS,
    "verdicts": choosing.verdicts,
}
"""What a template can ask for."""


def pages() -> dict[Path, str]:
    """Every generated page and its text."""
    return {DOCS / path.name: fill(path.read_text(encoding="utf-8")) for path in sorted(TEMPLATES.glob("*.md"))}


def fill(template: str) -> str:
    """A template with its facts. KeyError when it asks for one that is not in `FACTS`."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: FACTS[found[1]](), template)


def stale() -> dict[Path, str]:
    """Pages that are not what the code says now, with what they should say."""
    return {path: text for path, text in pages().items() if not is_fresh(path, text)}


def is_fresh(path: Path, text: str) -> bool:
    """Whether the file holds this text."""
    return path.is_file() and path.read_text(encoding="utf-8") == text


def main(arguments: list[str]) -> int:
    """Write the pages, or with `--check` only say which are stale; the exit code."""
    found = stale()
    for path, text in found.items():
        if arguments == ["--check"]:
            print(f"docs/{path.name} is stale: run `make docs`", file=sys.stderr)
        else:
            path.write_text(text, encoding="utf-8")
            print(f"docs/{path.name}")
    return 1 if found and arguments == ["--check"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`sluicegate keys`: client keys, by way of the gateway that runs.

Knows the management API's words for them. What may be said of a key is read off `KeyRules`: an option each.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from msgspec import inspect

from gateway.commands import options
from gateway.commands.opening import check_place, refusing
from gateway.commands.refusal import Refusal
from gateway.commands.tables import table
from gateway.operator import ask, tell
from gateway.settings.load import find_data_dir
from gateway.settings.objects import KeyRules

PATH = "/api/keys"

AT_ONCE = 200
"""Keys read in one go."""

STATUSES = ("active", "paused", "expired", "revoked", "suspended")

Key = Mapping[str, Any]
"""A key as the API shows it."""

OWNERS = (("user", "user_id"), ("team", "team_id"))

COLUMNS: tuple[tuple[str, Callable[[Key], str]], ...] = (
    ("NAME", lambda key: key["name"]),
    ("STATUS", lambda key: key["status"]),
    ("KEY", lambda key: f"{key['prefix']}…{key['last_four']}"),
    ("OWNER", lambda key: next((f"{kind} {key[field]}" for kind, field in OWNERS if key[field]), "-")),
    ("LAST USED", lambda key: (key["last_used_at"] or "never")[:19].replace("T", " ")),
    ("ID", lambda key: key["id"]),
)

KINDS: Mapping[type[inspect.Type], Mapping[str, Any]] = {
    inspect.StrType: {"metavar": "TEXT"},
    inspect.IntType: {"metavar": "NUMBER", "type": int},
    inspect.FloatType: {"metavar": "NUMBER", "type": float},
    inspect.BoolType: {"is_flag": True, "default": None},
    inspect.VarTupleType: {"metavar": "TEXT", "multiple": True},
}
"""How an option takes a value. What it may be is for the gateway to say."""

APART = ("paused",)
"""Rules that have a command of their own."""

C = TypeVar("C", bound=Callable[..., Any])


def placed(command: C) -> C:
    """The options that every one of these commands takes."""
    as_json = click.option("--json", "as_json", is_flag=True, help="Print what the gateway answers, as JSON.")
    return options.config(options.data_dir(as_json(command)))


def owned(command: C) -> C:
    """Whose a key is."""
    user = click.option("--user", "user_id", metavar="ID", help="The user it belongs to.")
    return user(click.option("--team", "team_id", metavar="ID", help="The team it belongs to.")(command))


def ruled(command: C) -> C:
    """An option for everything that may be said of a key."""
    struct = inspect.type_info(KeyRules)
    assert isinstance(struct, inspect.StructType)
    for field in reversed([field for field in struct.fields if field.name not in APART]):
        assert isinstance(field.type, inspect.Metadata)  # no field without a description
        description = (field.type.extra_json_schema or {})["description"]
        option = click.option(f"--{field.name.replace('_', '-')}", help=description, **_kind(field.type.type))
        command = option(command)
    return command


def _kind(kind: inspect.Type) -> Mapping[str, Any]:
    if isinstance(kind, inspect.LiteralType):
        return {"type": click.Choice([str(value) for value in kind.values])}
    return KINDS[type(kind.types[0] if isinstance(kind, inspect.UnionType) else kind)]


@click.group("keys")
def command() -> None:
    """List, make, pause, rotate and revoke client keys of the running gateway."""


@command.command("list")
@placed
@owned
@click.option("--status", type=click.Choice(STATUSES), help="Only those that are so.")
@click.option("--tag", metavar="TEXT", help="Only those with this tag.")
@click.option("--search", metavar="TEXT", help="Only those with this in their name.")
def list_keys(config: Path | None, data_dir: str | None, as_json: bool, **wanted: str | None) -> None:
    """List keys, latest first. Those of the configuration file are not among them."""
    with refusing():
        keys = list(Keys(config, data_dir).list(**{name: said for name, said in wanted.items() if said is not None}))
    click.echo(msgspec.json.encode(keys) if as_json else table(COLUMNS, keys) if keys else "No keys.")


@command.command("create")
@placed
@owned
@ruled
@click.argument("name")
def create(config: Path | None, data_dir: str | None, as_json: bool, name: str, **rules: Any) -> None:
    """Make a key, and print it: it is not shown again. Options that may be repeated make a list."""
    wish = {rule: said for rule, said in rules.items() if said not in (None, ())}
    with refusing():
        made = Keys(config, data_dir).create({"name": name, **wish})
    _print_secret(made, as_json)


@command.command("show")
@placed
@click.argument("name")
def show(config: Path | None, data_dir: str | None, as_json: bool, name: str) -> None:
    """Show a key, by name or id."""
    with refusing():
        key = Keys(config, data_dir).find(name)
    lines = (f"{field:<20}  {_shown(value)}" for field, value in key.items())
    click.echo(msgspec.json.encode(key) if as_json else "\n".join(lines))


@command.command("pause")
@placed
@click.argument("name")
def pause(config: Path | None, data_dir: str | None, as_json: bool, name: str) -> None:
    """Refuse a key until it is resumed. What runs with it ends within a second."""
    with refusing():
        key = Keys(config, data_dir).change(name, {"paused": True})
    _print(key, as_json)


@command.command("resume")
@placed
@click.argument("name")
def resume(config: Path | None, data_dir: str | None, as_json: bool, name: str) -> None:
    """Accept a paused key again."""
    with refusing():
        key = Keys(config, data_dir).change(name, {"paused": False})
    _print(key, as_json)


@command.command("rotate")
@placed
@click.argument("name")
def rotate(config: Path | None, data_dir: str | None, as_json: bool, name: str) -> None:
    """Give a key another secret, and print it: it is not shown again. The former one is refused."""
    with refusing():
        made = Keys(config, data_dir).rotate(name)
    _print_secret(made, as_json)


@command.command("revoke")
@placed
@click.argument("name")
def revoke(config: Path | None, data_dir: str | None, as_json: bool, name: str) -> None:
    """Refuse a key for good. What runs with it ends within a second."""
    with refusing():
        key = Keys(config, data_dir).revoke(name)
    _print(key, as_json)


class Keys:
    """The client keys of the gateway that runs on a data directory. Every method raises NotAnswered."""

    def __init__(self, config: Path | None, data_dir: str | None) -> None:
        """Raises SettingsError, Refusal where there is no such directory."""
        self._data_dir = find_data_dir(config, os.environ, options=options.said(data_dir=data_dir))
        check_place(self._data_dir)

    def list(self, **wanted: str) -> Iterator[Key]:
        """Every key that is like this, latest first."""
        question: dict[str, str | int] = {**wanted, "limit": AT_ONCE}
        while True:
            page = ask(self._data_dir, PATH, question)
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            question["cursor"] = page["next_cursor"]

    def find(self, name: str) -> Key:
        """The key of this name or id; of several the one that is not revoked, else the latest. Raises Refusal."""
        found = [key for key in self.list() if name in (key["name"], key["id"])]
        if not found:
            raise Refusal(f"there is no key {name}")
        return next((key for key in found if key["status"] != "revoked"), found[0])

    def create(self, wish: Mapping[str, Any]) -> Mapping[str, Any]:
        """A key just made, and its secret."""
        made: Mapping[str, Any] = tell(self._data_dir, "POST", PATH, wish)
        return made

    def change(self, name: str, changes: Mapping[str, Any]) -> Key:
        """The key, changed."""
        key: Key = tell(self._data_dir, "PATCH", self._path(name), changes)
        return key

    def rotate(self, name: str) -> Mapping[str, Any]:
        """The key with another secret, and that."""
        made: Mapping[str, Any] = tell(self._data_dir, "POST", f"{self._path(name)}/rotate")
        return made

    def revoke(self, name: str) -> Key:
        """The key, of no use any more."""
        key: Key = tell(self._data_dir, "DELETE", self._path(name))
        return key

    def _path(self, name: str) -> str:
        return f"{PATH}/{self.find(name)['id']}"


def _print(key: Key, as_json: bool) -> None:
    click.echo(msgspec.json.encode(key) if as_json else f"{key['name']} is {key['status']}")


def _print_secret(made: Mapping[str, Any], as_json: bool) -> None:
    """The secret alone on standard output, for whoever wants it in a variable."""
    click.echo(msgspec.json.encode(made) if as_json else made["secret"])
    if not as_json:
        click.echo(f"{made['key']['name']}: this is not shown again", err=True)


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return "-" if value in (None, "") else str(value)

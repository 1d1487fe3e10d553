"""`sluicegate explain`: what the running gateway would do with a request, as plain text.

Knows the management API's words for it. What is told is found out by the gateway.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from gateway.commands import options
from gateway.commands.opening import refusing
from gateway.commands.refusal import Refusal
from gateway.commands.tables import Columns, safe, table
from gateway.operator import tell
from gateway.settings.load import find_data_dir

PATH = "/api/explain"
BUDGET = "budget_nano_usd"
NANO_USD = 1_000_000_000

Row = Mapping[str, Any]

STEPS: Columns[Row] = (
    ("", lambda step: step["state"].replace("_", " ")),
    ("TARGET", lambda step: f"{step['provider']}/{step['model']}"),
    ("CREDENTIAL", lambda step: step["credential"] or "-"),
    ("WHY", lambda step: step["reason"] or step["chosen_by"] or step["ordered_by"] or "-"),
    ("UNTIL", lambda step: _time(step["until"])),
)
LIMITS: Columns[Row] = (
    ("LIMIT OF", lambda limit: limit["subject"]),
    ("WHICH", lambda limit: limit["limit"].replace("_nano_usd", "").replace("_", " ")),
    ("MOST", lambda limit: _amount(limit, "most")),
    ("USED", lambda limit: _amount(limit, "used")),
    ("LEFT", lambda limit: _amount(limit, "left")),
    ("FREE AT", lambda limit: _time(limit["resets_at"])),
)
TARGETS: Columns[Row] = (
    ("TARGET", lambda target: f"{target['provider']}/{target['model']}"),
    ("STRATEGY", lambda target: target["strategy"]),
    ("ASKED AT", lambda target: f"{target['format']} {target['path'] or '-'}"),
    ("INPUT COSTS", lambda target: _usd(target["cost"]["input_nano_usd"])),
    ("AT MOST", lambda target: _usd(target["cost"]["most_nano_usd"])),
    ("PRICE", lambda target: (target["cost"]["price"] or {"source": "unknown"})["source"]),
)
REMARKS = (
    ("dropped", "dropped"),
    ("emulated", "emulated"),
    ("quirks", "fixed for it"),
)
"""Lists of words in a target, and what they are called."""


@click.command("explain")
@options.config
@options.data_dir
@click.option(
    "--key", metavar="NAME", help="The client key that would ask, by name or id. [none, who may do everything]"
)
@click.option(
    "--endpoint", metavar="PATH", default="/v1/chat/completions", show_default=True, help="Where it would ask."
)
@click.option("--model", metavar="ID", default="", help="For paths with {model}: the one that stands there.")
@click.option("--header", "headers", metavar="NAME:VALUE", multiple=True, help="A header of the request; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="What the gateway answers, as JSON.")
@click.argument("request_file", metavar="FILE", type=click.Path(path_type=Path, allow_dash=True))
def command(config: Path | None, data_dir: str | None, as_json: bool, request_file: Path, **said: Any) -> None:
    """Show what the running gateway would do with a request, and why. Nothing is sent to any provider.

    FILE is the body of the request as JSON; - reads it from standard input.
    """
    question = {name: said[name] for name in ("key", "endpoint", "model")}
    question |= {"headers": dict(map(_header, said["headers"])), "body": _body(request_file)}
    with refusing():
        place = find_data_dir(config, os.environ, options=options.said(data_dir=data_dir))
        answer = tell(place, "POST", PATH, question)
    click.echo(msgspec.json.encode(answer) if as_json else "\n".join(_lines(answer)))


def _lines(told: Row) -> Iterator[str]:
    """The whole answer."""
    key = told["key"]["name"] if told["key"] else "none"
    yield safe(f"{told['endpoint']}, model {told['model'] or '-'}, client key {key}")
    yield safe(_outcome(told))
    if told["choice"]:
        yield safe(f"Combo {_choice(told['choice'])}.")
    if told["session"]:
        held = [f"{provider}/{name}" for provider, name in told["session"]["holders"].items()]
        yield safe(f"Conversation known by {told['session']['source']}; held by {', '.join(held) or 'nobody'}.")
    if told["reserve"]:
        tokens, money = told["reserve"]["tokens"], _usd(told["reserve"]["nano_usd"])
        yield f"Set aside: {tokens} tokens, {money}. Input: about {told['reserve']['input_tokens']} tokens."
    for columns, rows in ((STEPS, told["steps"]), (LIMITS, told["limits"]), (TARGETS, told["targets"])):
        if rows:
            yield ""
            yield table(columns, rows)
    for target in told["targets"]:
        yield from _remarks(target)


def _outcome(told: Row) -> str:
    if told["refused"]:
        refused = told["refused"]
        again = refused["retry_after_seconds"]
        after = "" if again is None else f" (Retry-After: {again:.0f} s)"
        return f"Refused: {refused['status']} {refused['code']}: {refused['message']}{after}"
    if told["waits_seconds"]:
        return f"Waits {told['waits_seconds']:g} s for somebody who rests."
    first = told["steps"][0]
    return f"Goes to {first['provider']}/{first['model']}, credential {first['credential'] or '-'}."


def _choice(choice: Row) -> str:
    members = (member if isinstance(member, str) else f"({_choice(member)})" for member in choice["members"])
    return f"{choice['name'] or '-'}, {choice['strategy']}: {', '.join(members)}"


def _remarks(target: Row) -> Iterator[str]:
    """What is to be said of a target beside its row."""
    said = [f"{words}: {', '.join(target[name])}" for name, words in REMARKS if target[name]]
    if target["fetched_urls"]:
        said.append(f"URLs to fetch, not fetched now: {target['fetched_urls']}")
    if target["lags"]:
        said.append(f"after the others: {target['lags']}")
    if target["refused"]:
        said.append(f"cannot be asked: {target['refused']['message']}")
    if said:
        yield ""
        yield safe(f"{target['provider']}/{target['model']}")
        yield from (safe(f"  {line}") for line in said)


def _amount(limit: Row, name: str) -> str:
    return _usd(limit[name]) if limit["limit"] == BUDGET else str(limit[name])


def _usd(nano_usd: int | None) -> str:
    return "unknown" if nano_usd is None else f"{nano_usd / NANO_USD:.6f} USD"


def _time(moment: str | None) -> str:
    return "-" if moment is None else moment[:19].replace("T", " ")


def _header(said: str) -> tuple[str, str]:
    name, colon, value = said.partition(":")
    if not colon or not name.strip():
        raise Refusal(f"--header {said}: expected NAME:VALUE")
    return name.strip(), value.strip()


def _body(path: Path) -> msgspec.Raw:
    """Its bytes as they are: how large a request is matters."""
    try:
        with click.open_file(str(path), "rb") as file:
            content: bytes = file.read()
        msgspec.json.decode(content)
    except OSError as error:
        raise Refusal(f"{path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(f"{path}: not JSON: {error}") from None
    return msgspec.Raw(content)

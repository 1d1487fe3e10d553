"""`sluicegate translate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec
import orjson
from msgspec import structs

from gateway.catalog.facts import facts_of
from gateway.commands.refusal import Refusal
from gateway.errors import GatewayError
from gateway.formats.format import ReplyContext
from gateway.formats.gemini.array import ArraySplitter
from gateway.formats.media import stand_ins
from gateway.formats.paths import generate_path
from gateway.formats.table import FORMATS
from gateway.formats.translation import Translation
from gateway.records import ModelFacts

Fields = dict[str, Any]

NAMES = click.Choice(list(FORMATS))

TOKEN = "0" * 32
"""Ids in what is shown are made of it, so that the same input always shows the same."""


@click.command("translate")
@click.option("--from", "client", type=NAMES, required=True, help="Dialect of the client.")
@click.option("--to", "upstream", type=NAMES, required=True, help="Dialect of the provider.")
@click.option(
    "--model", default="", metavar="ID", help="Model of the provider; what it can do decides much. [the request's]"
)
@click.option(
    "--fact", "facts", multiple=True, metavar="NAME=JSON", help="What the model can do, as in model_facts; repeatable."
)
@click.option(
    "--reply",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A provider's answer to translate back: JSON, or a stream as it came.",
)
@click.option("--stream", is_flag=True, help="The client asked for a stream (Gemini says so in its path).")
@click.option("--strict", is_flag=True, help="Refuse what would have to be dropped.")
@click.option("--json", "as_json", is_flag=True, help="Everything as one JSON object.")
@click.argument("request_file", metavar="FILE", type=click.Path(path_type=Path, allow_dash=True))
def command(request_file: Path, reply: Path | None, as_json: bool, **said: Any) -> None:
    """Show what a provider would be sent for a client's request, what is lost, and how its answer would look.

    FILE is the client's request as JSON; - reads it from standard input. Nothing is sent anywhere.
    """
    fields = _object(_read(request_file), str(request_file))
    try:
        shown = _shown(fields, _read(reply) if reply is not None else None, **said)
    except GatewayError as error:
        raise Refusal(f"{error.param}: {error.message}" if error.param else error.message) from None
    click.echo(_json(shown) if as_json else _text(shown))


def _shown(fields: Fields, answer: bytes | None, *, client: str, upstream: str, model: str, **options: Any) -> Fields:
    asked = model or str(fields.get("model") or "model")
    facts = facts_of(upstream, asked, (("*", _facts(options["facts"])),))
    translation = Translation(FORMATS[client], FORMATS[upstream], facts, strict=options["strict"])
    urls = translation.read(fields)
    translation.inline(stand_ins(translation.prompt, urls))
    stream = bool(options["stream"] or fields.get("stream"))
    translation.prompt = structs.replace(translation.prompt, stream=stream)
    body = translation.write(asked)
    shown: Fields = {
        "path": generate_path(upstream, asked, stream=stream),
        "headers": {name.decode(): value.decode() for name, value in translation.upstream.headers},
        "request": body,
        "dropped": translation.losses.dropped,
        "emulated": translation.losses.emulated,
    }
    if answer is not None:
        context = ReplyContext(str(fields.get("model") or asked), TOKEN, 0, translation.prompt, fields)
        shown |= _answered(translation, context, answer)
    return shown


def _answered(translation: Translation, context: ReplyContext, answer: bytes) -> Fields:
    """The client's side of a provider's answer: an object where it is one, else the stream as text."""
    if answer.lstrip()[:1] == b"{":
        return {"reply": translation.client.write_reply(translation.reply(answer), context)}
    pipeline = translation.stream(context)
    out = pipeline.feed(_as_events(answer)) + pipeline.close()
    if pipeline.error is not None:
        out += pipeline.fail(pipeline.error)
    return {"stream": out.decode("utf-8", "replace")}


def _as_events(answer: bytes) -> bytes:
    """A stream as events: Gemini's may also be one array."""
    if answer.lstrip()[:1] != b"[":
        return answer
    return b"".join([b"data: %b\n\n" % b" ".join(each.splitlines()) for each in ArraySplitter().feed(answer)])


def _text(shown: Fields) -> str:
    parts = [f"# POST {shown['path']}"]
    parts += [f"{name}: {value}" for name, value in shown["headers"].items()]
    parts += [_json(shown["request"]), "", "# dropped: " + (", ".join(shown["dropped"]) or "nothing")]
    parts.append("# emulated: " + (", ".join(shown["emulated"]) or "nothing"))
    if "reply" in shown:
        parts += ["", "# reply to the client", _json(shown["reply"])]
    if "stream" in shown:
        parts += ["", "# stream to the client", shown["stream"].rstrip("\n")]
    return "\n".join(parts)


def _facts(said: tuple[str, ...]) -> ModelFacts:
    facts: Fields = {}
    for each in said:
        name, _, value = each.partition("=")
        if name not in ModelFacts.__dataclass_fields__:
            raise Refusal(f"--fact {name}: known are {', '.join(ModelFacts.__dataclass_fields__)}")
        try:
            read = orjson.loads(value)
        except orjson.JSONDecodeError:
            read = value
        facts[name] = read
    try:
        return msgspec.convert(facts, ModelFacts)
    except msgspec.ValidationError as error:
        raise Refusal(f"--fact: {error}") from None


def _read(path: Path) -> bytes:
    try:
        with click.open_file(str(path), "rb") as file:
            content: bytes = file.read()
    except OSError as error:
        raise Refusal(f"{path}: {error.strerror}") from None
    return content


def _object(content: bytes, name: str) -> Fields:
    try:
        fields = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise Refusal(f"{name}: not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise Refusal(f"{name}: not a JSON object")
    return fields


def _json(fields: Fields) -> str:
    try:
        return orjson.dumps(fields, option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONEncodeError:
        raise Refusal("nested too deeply to be written") from None

"""The contents of a client's request as turns: words, thoughts, media, calls and their results.

Shapes: https://ai.google.dev/api/caching#Content. What a part is, its one known field says; settings are next door.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal, NamedTuple, NoReturn

from msgspec import structs

from gateway.errors import InvalidRequest
from gateway.formats.format import Fields
from gateway.formats.ids import made_id
from gateway.formats.losses import Losses
from gateway.formats.neutral import Image, Part, Reasoning, State, Text, ToolCall, ToolResult, Turn
from gateway.formats.values import a_flag, a_text, an_object

from .code import code_text, outcome_text
from .media import Media, read_blob, read_detail, read_file
from .pairing import Pairing
from .spelling import drop_unknown, given, json_text, listed
from .state import read_signature

_ROLES: dict[str, Literal["user", "assistant"]] = {"user": "user", "model": "assistant", "function": "user"}


def read_contents(value: Any, losses: Losses) -> tuple[Turn, ...]:
    """The turns. Raises InvalidRequest with the part at fault, UnsupportedParameter for what nobody else can take."""
    pairing = Pairing()
    contents = [
        _Content(content, f"contents[{at}]", at, pairing, losses)
        for at, content in enumerate(listed(value, "contents"))
    ]
    turns: list[Turn] = []
    thoughts: list[str] = []
    for at, content in enumerate(contents):
        following = contents[at + 1].role if at + 1 < len(contents) else None
        turn, thoughts = content.turn(thoughts, goes_on=content.role == following == "assistant")
        turns.append(turn)
    return tuple(turns)


def read_system(value: Any, losses: Losses) -> tuple[Text, ...]:
    """Instructions: a content whose role means nothing, or a mere string. Raises InvalidRequest."""
    if isinstance(value, str):
        return (Text(value),)
    path = "systemInstruction"
    content = given(value, path)
    drop_unknown(content, ("role", "parts"), path, losses)
    return tuple(
        _instruction(part, f"{path}.parts[{at}]", losses)
        for at, part in enumerate(listed(content.get("parts", []), f"{path}.parts"))
    )


def _instruction(value: Any, path: str, losses: Losses) -> Text:
    part = given(value, path)
    drop_unknown(part, ("text", "thought", "thoughtSignature"), path, losses)
    return Text(a_text(part.get("text"), f"{path}.text"))


class _Place(NamedTuple):
    """Where a part is, and the signature on it."""

    path: str
    at: int
    state: State | None


class _Content:
    """One content on its way to a turn."""

    def __init__(self, value: Any, path: str, place: int, pairing: Pairing, losses: Losses) -> None:
        self._path = path
        self._place = place
        self._pairing = pairing
        self._losses = losses
        self._fields = given(value, path)
        drop_unknown(self._fields, ("role", "parts"), path, losses)
        self.role = _role(self._fields.get("role", "user"), f"{path}.role")
        self._parts: list[Part] = []
        self._thoughts: list[str] = []
        """Of thoughts whose state may still come."""

    def turn(self, thoughts: list[str], *, goes_on: bool) -> tuple[Turn, list[str]]:
        """The turn, perhaps without parts, and thoughts at its end whose state may be in the content behind it.

        Clients that stream keep every piece as a content; `thoughts` are what the one before left.
        """
        self._thoughts = thoughts
        if self.role == "user":
            self._pairing.heard()
        for at, part in enumerate(listed(self._fields.get("parts", []), f"{self._path}.parts")):
            self._read(part, f"{self._path}.parts[{at}]", at)
        if not goes_on:
            self._end_thought(None)
        return Turn(self.role, tuple(self._parts)), self._thoughts

    def _read(self, value: Any, path: str, at: int) -> None:
        part = given(value, path)
        state = read_signature(part.get("thoughtSignature"), f"{path}.thoughtSignature")
        thought = "thought" in part and a_flag(part["thought"], f"{path}.thought")
        kind = next((kind for kind in self._READ if kind in part), None)
        if kind is None and not ("thoughtSignature" in part or thought):
            self._refuse(part, path)
        drop_unknown(part, (*_BESIDE, kind or ""), path, self._losses)
        if thought and kind in (None, "text"):
            self._think(a_text(part.get("text", ""), f"{path}.text"), state)
            return
        self._end_thought(None if state is None or state.origin == "gemini" else state)
        if kind is not None:
            found = self._READ[kind](self, part[kind], _Place(f"{path}.{kind}", at, state))
            self._add(found, part, f"{path}.mediaResolution")

    def _think(self, text: str, state: State | None) -> None:
        """A client may have kept the pieces of a thought apart; the state stands on the last of them, or behind."""
        self._thoughts.append(text)
        if state is not None:
            self._end_thought(state)

    def _add(self, part: Part | None, fields: Fields, path: str) -> None:
        if isinstance(part, Image) and "mediaResolution" in fields:
            detail = read_detail(fields["mediaResolution"], path, self._losses)
            part = structs.replace(part, detail=detail)
        elif "mediaResolution" in fields:
            self._losses.drop(path)
        if part is not None:
            self._parts.append(part)

    def _end_thought(self, state: State | None) -> None:
        """The thoughts since the last one, with the state that belongs to them all. Only the model has any."""
        text, self._thoughts = "".join(self._thoughts), []
        if (text or state is not None) and self.role == "assistant":
            self._parts.append(Reasoning(text, state))

    def _refuse(self, part: Fields, path: str) -> NoReturn:
        name = next((name for name in part if name not in _BESIDE), None)
        if name is None:
            raise InvalidRequest(f"{path} must have one of {', '.join(self._READ)}.", param=path)
        self._losses.refuse(f"{path}.{name}")

    # Kinds of parts

    def _text(self, value: Any, place: _Place) -> Part | None:
        said = a_text(value, place.path)
        return Text(said) if said else None

    def _blob(self, value: Any, place: _Place) -> Part | None:
        return read_blob(value, place.path, self._losses)

    def _file(self, value: Any, place: _Place) -> Part | None:
        return read_file(value, place.path, self._losses)

    def _code(self, value: Any, place: _Place) -> Part | None:
        return self._text(code_text(given(value, place.path)), place)

    def _outcome(self, value: Any, place: _Place) -> Part | None:
        return self._text(outcome_text(given(value, place.path)), place)

    def _of_google(self, value: Any, place: _Place) -> Part | None:
        """What Google's own tools did: what came of it is in the words that follow."""
        self._losses.drop(place.path)
        return None

    def _call(self, value: Any, place: _Place) -> Part | None:
        """A call, with a signature of its own only where Google gave it."""
        path, state = place.path, place.state
        if self.role != "assistant":
            raise InvalidRequest(f"{path} must be in a content of role 'model'.", param=path)
        fields = given(value, path)
        drop_unknown(fields, ("id", "name", "args"), path, self._losses)
        name = a_text(fields.get("name"), f"{path}.name")
        if not name:
            raise InvalidRequest(f"{path}.name must not be empty.", param=f"{path}.name")
        own_id = a_text(fields.get("id", ""), f"{path}.id") or made_id("call_", self._place, place.at)
        arguments = json_text(fields.get("args", {}), f"{path}.args")
        own_state = state if state is not None and state.origin == "gemini" else None
        call = ToolCall(own_id, name, arguments, state=own_state)
        self._pairing.called(call)
        return call

    def _result(self, value: Any, place: _Place) -> Part | None:
        path = place.path
        if self.role != "user":
            raise InvalidRequest(f"{path} must be in a content of role 'user'.", param=path)
        fields = given(value, path)
        drop_unknown(fields, ("id", "name", "response", "parts"), path, self._losses)
        name = a_text(fields.get("name", ""), f"{path}.name")
        call_id = a_text(fields.get("id", ""), f"{path}.id")
        if not name and not call_id:
            raise InvalidRequest(f"{path}.name must not be empty.", param=f"{path}.name")
        text, is_error = _response(fields.get("response"), f"{path}.response", self._losses)
        parts = [*([Text(text)] if text else []), *self._attached(fields.get("parts", []), f"{path}.parts")]
        return ToolResult(self._pairing.answered(call_id, name), tuple(parts), name, is_error)

    def _attached(self, value: Any, path: str) -> list[Part]:
        """Media of a result."""
        return [self._attachment(each, f"{path}[{at}]") for at, each in enumerate(listed(value, path))]

    def _attachment(self, value: Any, path: str) -> Part:
        part = given(value, path)
        read = next(((kind, read) for kind, read in _ATTACHED.items() if kind in part), None)
        if read is None:
            raise InvalidRequest(f"{path} must have inlineData or fileData.", param=path)
        drop_unknown(part, (read[0],), path, self._losses)
        return read[1](part[read[0]], f"{path}.{read[0]}", self._losses)

    _READ: ClassVar[dict[str, Callable[[_Content, Any, _Place], Part | None]]] = {
        "functionCall": _call,
        "functionResponse": _result,
        "inlineData": _blob,
        "fileData": _file,
        "executableCode": _code,
        "codeExecutionResult": _outcome,
        "toolCall": _of_google,
        "toolResponse": _of_google,
        "text": _text,
    }
    """By the field that says what a part is."""


_ATTACHED: dict[str, Callable[[Any, str, Losses], Media]] = {"inlineData": read_blob, "fileData": read_file}

_BESIDE = ("thought", "thoughtSignature", "mediaResolution")
"""What may stand beside it."""


def _role(value: Any, path: str) -> Literal["user", "assistant"]:
    role = _ROLES.get(a_text(value, path) or "user")
    if role is None:
        raise InvalidRequest(f"{path} must be one of 'user', 'model'.", param=path)
    return role


def _response(value: Any, path: str, losses: Losses) -> tuple[str, bool]:
    """The text of a result, and whether it is an error (TRES-4)."""
    if value is None or isinstance(value, str):
        return value or "", False
    response = an_object(value, path)
    for name in ("output", "result"):
        if isinstance(response.get(name), str):
            drop_unknown(response, (name,), path, losses)
            return response[name], False
    error = response.get("error")
    if error is None or response.get("output") is not None:
        return json_text(response, path), False
    drop_unknown(response, ("error",), path, losses)
    return error if isinstance(error, str) else json_text(error, f"{path}.error"), True

"""The four official SDKs behind one small interface: a conversation with a model, plain or streamed.

Each keeps its history as its users would: what the SDK gave goes back as it was.
"""

from __future__ import annotations

import base64
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import anthropic
import openai
from google import genai
from google.genai import types as google

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@dataclass
class Said:
    """What the model said, as the SDK tells it."""

    text: str = ""
    calls: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    """Id, name and arguments."""
    finish: str = ""
    reasoning: str = ""
    model: str = ""
    tokens: tuple[int, int] = (0, 0)
    """Input and output."""


@dataclass
class Wish:
    """What is wanted beside words."""

    tools: bool = False
    schema: bool = False
    thinking: bool = False
    stream: bool = False


class Speaker(ABC):
    """A conversation through one SDK."""

    name: str

    def __init__(self, url: str, key: str, model: str, wish: Wish | None = None) -> None:
        self.url, self.key, self.model = url, key, model
        self.wish = wish or Wish()
        self.history: list[Any] = []
        self.last = Said()

    def say(self, text: str, *, image: bool = False) -> Said:
        """The next thing the user says, and the answer."""
        self.history.append(self.user(text, image=image))
        return self._go()

    def results(self, *texts: str) -> Said:
        """What came of the calls just made, in their order, and the answer to that."""
        self.history.extend(self.tool_results(list(zip(self.last.calls, texts, strict=True))))
        return self._go()

    def _go(self) -> Said:
        self.last = self.streamed() if self.wish.stream else self.whole()
        return self.last

    @abstractmethod
    def user(self, text: str, *, image: bool) -> Any:
        """A user's message."""

    @abstractmethod
    def tool_results(self, results: list[tuple[tuple[str, str, dict[str, Any]], str]]) -> list[Any]:
        """Messages with the results."""

    @abstractmethod
    def whole(self) -> Said:
        """Ask plainly."""

    @abstractmethod
    def streamed(self) -> Said:
        """Ask for a stream, and read all of it."""

    @abstractmethod
    def close(self) -> None:
        """Close connections."""


class Chat(Speaker):
    """openai, chat completions."""

    name = "chat"

    def __init__(self, url: str, key: str, model: str, wish: Wish | None = None) -> None:
        super().__init__(url, key, model, wish)
        self.client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)

    def user(self, text: str, *, image: bool) -> Any:
        parts: list[dict[str, Any]] = [{"type": "text", "text": text}]
        if image:
            url = "data:image/png;base64," + base64.b64encode(PIXEL).decode()
            parts.append({"type": "image_url", "image_url": {"url": url}})
        return {"role": "user", "content": parts}

    def tool_results(self, results: list[tuple[tuple[str, str, dict[str, Any]], str]]) -> list[Any]:
        return [{"role": "tool", "tool_call_id": call[0], "content": text} for call, text in results]

    def options(self) -> dict[str, Any]:
        wished: dict[str, Any] = {"model": self.model, "messages": self.history}
        if self.wish.tools:
            function = {"name": "weather", "parameters": WEATHER, "strict": True}
            wished["tools"] = [{"type": "function", "function": function}]
        if self.wish.schema:
            schema = {"name": "weather", "schema": WEATHER, "strict": True}
            wished["response_format"] = {"type": "json_schema", "json_schema": schema}
        if self.wish.thinking:
            wished["reasoning_effort"] = "high"
        return wished

    def whole(self) -> Said:
        return self._read(self.client.chat.completions.create(**self.options()))

    def streamed(self) -> Said:
        with self.client.chat.completions.stream(**self.options(), stream_options={"include_usage": True}) as stream:
            return self._read(stream.get_final_completion())

    def _read(self, answer: Any) -> Said:
        message = answer.choices[0].message
        # The thinking of an answer goes back as it came: fields the SDK has no type for are kept, too.
        self.history.append(message.model_dump(exclude_none=True, exclude={"parsed"}, warnings=False))
        calls = [
            (call.id, call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or ()
        ]
        for call in self.history[-1].get("tool_calls", ()):
            call["function"].pop("parsed_arguments", None)
        usage = answer.usage
        reasoning = getattr(message, "reasoning_content", None) or ""
        tokens = (usage.prompt_tokens, usage.completion_tokens)
        return Said(message.content or "", calls, answer.choices[0].finish_reason, reasoning, answer.model, tokens)

    def close(self) -> None:
        self.client.close()


class Responses(Speaker):
    """openai, responses."""

    name = "responses"

    def __init__(self, url: str, key: str, model: str, wish: Wish | None = None) -> None:
        super().__init__(url, key, model, wish)
        self.client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)

    def user(self, text: str, *, image: bool) -> Any:
        parts: list[dict[str, Any]] = [{"type": "input_text", "text": text}]
        if image:
            url = "data:image/png;base64," + base64.b64encode(PIXEL).decode()
            parts.append({"type": "input_image", "image_url": url, "detail": "auto"})
        return {"role": "user", "content": parts}

    def tool_results(self, results: list[tuple[tuple[str, str, dict[str, Any]], str]]) -> list[Any]:
        return [{"type": "function_call_output", "call_id": call[0], "output": text} for call, text in results]

    def options(self) -> dict[str, Any]:
        wished: dict[str, Any] = {"model": self.model, "input": self.history, "store": False}
        if self.wish.tools:
            wished["tools"] = [{"type": "function", "name": "weather", "parameters": WEATHER, "strict": True}]
        if self.wish.schema:
            wished["text"] = {"format": {"type": "json_schema", "name": "weather", "schema": WEATHER, "strict": True}}
        if self.wish.thinking:
            wished["reasoning"] = {"effort": "high", "summary": "auto"}
            wished["include"] = ["reasoning.encrypted_content"]
        return wished

    def whole(self) -> Said:
        return self._read(self.client.responses.create(**self.options()))

    def streamed(self) -> Said:
        with self.client.responses.stream(**self.options()) as stream:
            return self._read(stream.get_final_response())

    def _read(self, answer: Any) -> Said:
        items = [item.model_dump(exclude_none=True, warnings=False) for item in answer.output]
        for item in items:
            item.pop("parsed_arguments", None)
            for part in item.get("content") or ():
                part.pop("parsed", None)
        self.history.extend(items)
        calls = [
            (item.call_id, item.name, json.loads(item.arguments))
            for item in answer.output
            if item.type == "function_call"
        ]
        thoughts = [part.text for item in answer.output if item.type == "reasoning" for part in item.summary]
        tokens = (answer.usage.input_tokens, answer.usage.output_tokens)
        return Said(answer.output_text, calls, answer.status, "".join(thoughts), answer.model, tokens)

    def close(self) -> None:
        self.client.close()


class Messages(Speaker):
    """anthropic, messages."""

    name = "messages"

    def __init__(self, url: str, key: str, model: str, wish: Wish | None = None) -> None:
        super().__init__(url, key, model, wish)
        self.client = anthropic.Anthropic(base_url=url, api_key=key, max_retries=0)

    def user(self, text: str, *, image: bool) -> Any:
        parts: list[dict[str, Any]] = [{"type": "text", "text": text}]
        if image:
            source = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PIXEL).decode()}
            parts.append({"type": "image", "source": source})
        return {"role": "user", "content": parts}

    def tool_results(self, results: list[tuple[tuple[str, str, dict[str, Any]], str]]) -> list[Any]:
        parts = [{"type": "tool_result", "tool_use_id": call[0], "content": text} for call, text in results]
        return [{"role": "user", "content": parts}]

    def options(self) -> dict[str, Any]:
        wished: dict[str, Any] = {"model": self.model, "max_tokens": 4000, "messages": self.history}
        if self.wish.tools:
            wished["tools"] = [{"name": "weather", "input_schema": WEATHER}]
        if self.wish.schema:
            wished["output_config"] = {"format": {"type": "json_schema", "schema": WEATHER}}
        if self.wish.thinking:
            wished["thinking"] = {"type": "enabled", "budget_tokens": 2000}
        return wished

    def whole(self) -> Said:
        return self._read(self.client.messages.create(**self.options()))

    def streamed(self) -> Said:
        with self.client.messages.stream(**self.options()) as stream:
            return self._read(stream.get_final_message())

    def _read(self, answer: Any) -> Said:
        blocks = [block.model_dump(exclude_none=True, warnings=False) for block in answer.content]
        for block in blocks:
            block.pop("parsed_output", None)
        self.history.append({"role": "assistant", "content": blocks})
        text = "".join(block.text for block in answer.content if block.type == "text")
        calls = [(block.id, block.name, block.input) for block in answer.content if block.type == "tool_use"]
        thoughts = "".join(block.thinking for block in answer.content if block.type == "thinking")
        usage = answer.usage
        cached = (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
        tokens = (usage.input_tokens + cached, usage.output_tokens)
        return Said(text, calls, answer.stop_reason, thoughts, answer.model, tokens)

    def close(self) -> None:
        self.client.close()


class Gemini(Speaker):
    """google-genai, generateContent."""

    name = "gemini"

    def __init__(self, url: str, key: str, model: str, wish: Wish | None = None) -> None:
        super().__init__(url, key, model, wish)
        options = google.HttpOptions(base_url=url, retry_options=google.HttpRetryOptions(attempts=1))
        self.client = genai.Client(api_key=key, http_options=options)

    def user(self, text: str, *, image: bool) -> Any:
        parts = [google.Part(text=text)]
        if image:
            parts.append(google.Part.from_bytes(data=PIXEL, mime_type="image/png"))
        return google.Content(role="user", parts=parts)

    def tool_results(self, results: list[tuple[tuple[str, str, dict[str, Any]], str]]) -> list[Any]:
        parts = [
            google.Part(
                function_response=google.FunctionResponse(id=call[0] or None, name=call[1], response={"output": text})
            )
            for call, text in results
        ]
        return [google.Content(role="user", parts=parts)]

    def options(self) -> google.GenerateContentConfig:
        wished = google.GenerateContentConfig()
        if self.wish.tools:
            function = google.FunctionDeclaration(name="weather", parameters_json_schema=WEATHER)
            wished.tools = [google.Tool(function_declarations=[function])]
        if self.wish.schema:
            wished.response_mime_type = "application/json"
            wished.response_json_schema = WEATHER
        if self.wish.thinking:
            wished.thinking_config = google.ThinkingConfig(include_thoughts=True, thinking_budget=2000)
        return wished

    def whole(self) -> Said:
        answer = self.client.models.generate_content(model=self.model, contents=self.history, config=self.options())
        return self._read([answer])

    def streamed(self) -> Said:
        stream = self.client.models.generate_content_stream(
            model=self.model, contents=self.history, config=self.options()
        )
        return self._read(list(stream))

    def _read(self, answers: list[Any]) -> Said:
        parts = [
            part
            for answer in answers
            if answer.candidates and answer.candidates[0].content
            for part in answer.candidates[0].content.parts or ()
        ]
        self.history.append(google.Content(role="model", parts=parts))
        calls = [
            (part.function_call.id or "", part.function_call.name or "", dict(part.function_call.args or {}))
            for part in parts
            if part.function_call
        ]
        text = "".join(part.text or "" for part in parts if not part.thought)
        thoughts = "".join(part.text or "" for part in parts if part.thought)
        last = answers[-1]
        usage = last.usage_metadata
        produced = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
        finish = last.candidates[0].finish_reason
        tokens = (usage.prompt_token_count or 0, produced)
        return Said(text, calls, finish.name if finish else "", thoughts, last.model_version or "", tokens)

    def close(self) -> None:
        self.client.close()


SPEAKERS: dict[str, type[Speaker]] = {each.name: each for each in (Chat, Responses, Messages, Gemini)}

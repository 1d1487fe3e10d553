"""The four official SDKs where things go wrong: what they raise, in one shape, and what they had said before.

Clients are made once and shared; they try nothing again. What ought to be raised is the tests' business.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import anthropic
import openai
from google import genai
from google.genai import errors as google_errors
from google.genai import types as google

from tests.e2e.pairs import MODELS

NO_HEADERS: Mapping[str, str] = MappingProxyType({})

Raised = openai.APIError | anthropic.APIError | google_errors.APIError


@dataclass
class Heard:
    """What came of one request: text, and the error that ended it, if one did."""

    text: str = ""
    raised: Raised | None = None
    status: int | None = None
    """HTTP's, of an answer that is an error; of a stream's event Gemini's own number, None elsewhere."""
    error: dict[str, Any] = field(default_factory=dict)
    """The error object of the dialect, as it was on the wire."""
    headers: dict[str, str] = field(default_factory=dict)
    """Of the answer, names in lower case."""

    @property
    def message(self) -> str:
        """The words of the error."""
        said: str = self.error.get("message", "")
        return said

    @property
    def kind(self) -> str:
        """The name of the exception's class."""
        return type(self.raised).__name__

    @property
    def retry_delay(self) -> str | None:
        """What Gemini's RetryInfo says."""
        delays = [detail["retryDelay"] for detail in self.error.get("details", ()) if "retryDelay" in detail]
        return delays[0] if delays else None


class Caller(ABC):
    """One SDK at one address."""

    name: str

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = url, key

    @abstractmethod
    def say(self, heard: Heard, model: str, headers: Mapping[str, str], more: Mapping[str, Any]) -> None:
        """Ask plainly, and note what comes. Raises the SDK's error."""

    @abstractmethod
    def listen(self, heard: Heard, model: str, headers: Mapping[str, str], more: Mapping[str, Any]) -> None:
        """Ask for a stream, and note what comes as it comes. Raises the SDK's error."""

    @abstractmethod
    def close(self) -> None:
        """Close connections."""

    def ask(self, model: str, *, stream: bool = False, headers: Mapping[str, str] = NO_HEADERS, **more: Any) -> Heard:
        """Say hello to a model; the end of it, good or bad."""
        heard = Heard()
        try:
            (self.listen if stream else self.say)(heard, model, headers, more)
        except (openai.APIError, anthropic.APIError, google_errors.APIError) as error:
            self.note(heard, error)
        return heard

    def note(self, heard: Heard, error: Raised) -> None:
        """Put an error into one shape."""
        heard.raised = error
        if isinstance(error, google_errors.APIError):
            heard.status, body = error.code, error.details
        else:
            heard.status, body = getattr(error, "status_code", None), error.body
        found = body.get("error", body) if isinstance(body, dict) else body
        heard.error = found if isinstance(found, dict) else {"message": str(found)}
        response = getattr(error, "response", None)
        if response is not None:
            heard.headers = {name.lower(): value for name, value in response.headers.items()}


class OpenAI(Caller):
    """Both dialects of openai."""

    def __init__(self, url: str, key: str) -> None:
        super().__init__(url, key)
        self.client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)

    def close(self) -> None:
        self.client.close()


class Chat(OpenAI):
    """openai, chat completions."""

    name = "chat"

    def say(self, heard: Heard, model: str, headers: Mapping[str, str], more: Mapping[str, Any]) -> None:
        answer = self._create(model, headers, more)
        heard.headers = dict(answer.headers)
        heard.text = answer.parse().choices[0].message.content or ""

    def listen(self, heard: Heard, model: str, headers: Mapping[str, str], more: Mapping[str, Any]) -> None:
        answer = self._create(model, headers, {"stream": True, **more})
        heard.headers = dict(answer.headers)
        for chunk in answer.parse():
            heard.text += chunk.choices[0].delta.content or "" if chunk.choices else ""

    def _create(self, model: str, headers: Mapping[str, str], more: Mapping[str, Any]) -> Any:
        wanted = {"messages": [{"role": "user", "content": "hello"}], **more}
        return self.client.chat.completions.with_raw_response.create(model=model, extra_headers=headers, **wanted)


class Responses(OpenAI):
    """openai, responses."""

    name = "responses"

    def say(self, heard: Heard, model: str, headers: Mapping[str, str], more: Mapping[str, Any]) -> None:
        answer = self._create(model, headers, more)
        heard.headers = dict(answer.headers)
        heard.text = answer.parse().output_text

    def listen(self, heard: Heard, model: str, headers: Mapping[str, str], more: Mapping[str, Any]) -> None:
        answer = self._create(model, headers, {"stream": True, **more})
        heard.headers = dict(answer.headers)
        for event in answer.parse():
            heard.text += event.delta if event.type == "response.output_text.delta" else ""

    def _create(self, model: str, headers: Mapping[str, str], more: Mapping[str, Any]) -> Any:
        wanted = {"input": "hello", "store": False, **more}
        return self.client.responses.with_raw_response.create(model=model, extra_headers=headers, **wanted)


class Messages(Caller):
    """anthropic, messages."""

    name = "messages"

    def __init__(self, url: str, key: str) -> None:
        super().__init__(url, key)
        self.client = anthropic.Anthropic(base_url=url, api_key=key, max_retries=0)

    def say(self, heard: Heard, model: str, headers: Mapping[str, str], more: Mapping[str, Any]) -> None:
        answer = self._create(model, headers, more)
        heard.headers = dict(answer.headers)
        heard.text = "".join(block.text for block in answer.parse().content if block.type == "text")

    def listen(self, heard: Heard, model: str, headers: Mapping[str, str], more: Mapping[str, Any]) -> None:
        answer = self._create(model, headers, {"stream": True, **more})
        heard.headers = dict(answer.headers)
        for event in answer.parse():
            if event.type == "content_block_delta" and event.delta.type == "text_delta":
                heard.text += event.delta.text

    def _create(self, model: str, headers: Mapping[str, str], more: Mapping[str, Any]) -> Any:
        wanted = {"max_tokens": 1000, "messages": [{"role": "user", "content": "hello"}], **more}
        return self.client.messages.with_raw_response.create(model=model, extra_headers=headers, **wanted)

    def close(self) -> None:
        self.client.close()


class Gemini(Caller):
    """google-genai, generateContent; `more` are fields of its config, but for `contents`."""

    name = "gemini"

    def __init__(self, url: str, key: str) -> None:
        super().__init__(url, key)
        options = google.HttpOptions(base_url=url, retry_options=google.HttpRetryOptions(attempts=1))
        self.client = genai.Client(api_key=key, http_options=options)

    def say(self, heard: Heard, model: str, headers: Mapping[str, str], more: Mapping[str, Any]) -> None:
        answer = self.client.models.generate_content(**self._wanted(model, headers, more))
        self._add(heard, answer)

    def listen(self, heard: Heard, model: str, headers: Mapping[str, str], more: Mapping[str, Any]) -> None:
        for answer in self.client.models.generate_content_stream(**self._wanted(model, headers, more)):
            self._add(heard, answer)

    def _wanted(self, model: str, headers: Mapping[str, str], more: Mapping[str, Any]) -> dict[str, Any]:
        options = {**more}
        contents = options.pop("contents", "hello")
        if headers:
            options["http_options"] = google.HttpOptions(headers=dict(headers))
        return {"model": model, "contents": contents, "config": google.GenerateContentConfig(**options)}

    def _add(self, heard: Heard, answer: google.GenerateContentResponse) -> None:
        heard.text += answer.text or ""
        if answer.sdk_http_response is not None:
            heard.headers = {name.lower(): value for name, value in (answer.sdk_http_response.headers or {}).items()}

    def close(self) -> None:
        self.client.close()


CALLERS: tuple[type[Caller], ...] = (Chat, Responses, Messages, Gemini)


@contextmanager
def calling(url: str, key: str) -> Iterator[dict[str, Caller]]:
    """A caller of each dialect at one address."""
    with ExitStack() as stack:
        yield {each.name: stack.enter_context(closing(each(url, key))) for each in CALLERS}


def model_of(provider: str, script: str = "", *, also: str = "") -> str:
    """A provider's model with words for the mock; `also` is the end of the name of another provider like it."""
    return f"{provider}{also}/{MODELS[provider]}{script}"


PROVIDER = """
[[providers]]
id       = "{id}"
format   = "{format}"
base_url = "{url}"

[[providers.credentials]]
name    = "only"
api_key = "{secret}"
"""

FORMATS = {"chat": "openai_chat", "responses": "openai_responses", "messages": "anthropic", "gemini": "gemini"}


def provider(name: str, url: str, secret: str, *, called: str = "") -> str:
    """The configuration of a provider in the dialect `name`, and of that name unless it is `called` otherwise."""
    version = "/v1" if name in ("chat", "responses") else ""
    return PROVIDER.format(id=called or name, format=FORMATS[name], url=url + version, secret=secret)

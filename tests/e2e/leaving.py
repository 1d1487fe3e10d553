"""The four official SDKs asynchronously: their users may leave, by cancelling or by closing a stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any

import anthropic
import openai
from google import genai
from google.genai import types as google

Streams = Callable[[str, str, str], AsyncGenerator[str, None]]
"""Address, key and model to the pieces of text of a streamed answer."""

Asks = Callable[[str, str, str], Coroutine[Any, Any, str]]
"""The same to the text of a plain answer."""

HELLO: Any = [{"role": "user", "content": "hello"}]


async def stream_chat(url: str, key: str, model: str) -> AsyncGenerator[str, None]:
    """openai, chat completions."""
    async with (
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client,
        await client.chat.completions.create(model=model, messages=HELLO, stream=True) as stream,
    ):
        async for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                yield chunk.choices[0].delta.content


async def ask_chat(url: str, key: str, model: str) -> str:
    """openai, chat completions."""
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        answer = await client.chat.completions.create(model=model, messages=HELLO)
        return answer.choices[0].message.content or ""


async def stream_responses(url: str, key: str, model: str) -> AsyncGenerator[str, None]:
    """openai, responses."""
    async with (
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client,
        await client.responses.create(model=model, input="hello", store=False, stream=True) as stream,
    ):
        async for event in stream:
            if event.type == "response.output_text.delta":
                yield event.delta


async def ask_responses(url: str, key: str, model: str) -> str:
    """openai, responses."""
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        return (await client.responses.create(model=model, input="hello", store=False)).output_text


async def stream_messages(url: str, key: str, model: str) -> AsyncGenerator[str, None]:
    """anthropic, messages."""
    async with (
        anthropic.AsyncAnthropic(base_url=url, api_key=key, max_retries=0) as client,
        client.messages.stream(model=model, max_tokens=4000, messages=HELLO) as stream,
    ):
        async for text in stream.text_stream:
            yield text


async def ask_messages(url: str, key: str, model: str) -> str:
    """anthropic, messages."""
    async with anthropic.AsyncAnthropic(base_url=url, api_key=key, max_retries=0) as client:
        answer = await client.messages.create(model=model, max_tokens=4000, messages=HELLO)
        return "".join(block.text for block in answer.content if block.type == "text")


def _genai(url: str, key: str) -> Any:
    options = google.HttpOptions(base_url=url, retry_options=google.HttpRetryOptions(attempts=1))
    return genai.Client(api_key=key, http_options=options).aio


async def stream_gemini(url: str, key: str, model: str) -> AsyncGenerator[str, None]:
    """google-genai, streamGenerateContent."""
    async with _genai(url, key) as client:
        answers = await client.models.generate_content_stream(model=model, contents="hello")
        try:
            async for answer in answers:
                if answer.text:
                    yield answer.text
        finally:
            await answers.aclose()


async def ask_gemini(url: str, key: str, model: str) -> str:
    """google-genai, generateContent."""
    async with _genai(url, key) as client:
        answer = await client.models.generate_content(model=model, contents="hello")
        return answer.text or ""


STREAMS: dict[str, Streams] = {
    "chat": stream_chat,
    "responses": stream_responses,
    "messages": stream_messages,
    "gemini": stream_gemini,
}
ASKS: dict[str, Asks] = {
    "chat": ask_chat,
    "responses": ask_responses,
    "messages": ask_messages,
    "gemini": ask_gemini,
}

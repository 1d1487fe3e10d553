"""The relay one would write first: BlackSheep and one shared httpx client. The row that shows what care is worth.

Run as `granian --interface asgi benchmarks.naive:app`; the provider is named by `NAIVE_UPSTREAM` and `NAIVE_KEY`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import httpx
from blacksheep import Application, Content, Request, Response, StreamedContent, post

app = Application()
client = httpx.AsyncClient(base_url=os.environ.get("NAIVE_UPSTREAM", ""), timeout=None)
HEADERS = {"authorization": f"Bearer {os.environ.get('NAIVE_KEY', '')}"}


@post("/v1/chat/completions")
async def relay(request: Request) -> Response:
    """The request to the provider, its answer back."""
    document = await request.json()
    if document.get("stream"):
        return Response(200, content=_stream(document))
    answer = await client.post("/chat/completions", json=document, headers=HEADERS)
    return Response(answer.status_code, content=Content(b"application/json", answer.content))


def _stream(document: dict[str, object]) -> StreamedContent:
    async def chunks() -> AsyncIterator[bytes]:
        async with client.stream("POST", "/chat/completions", json=document, headers=HEADERS) as answer:
            async for chunk in answer.aiter_bytes():
                yield chunk

    return StreamedContent(b"text/event-stream", chunks)

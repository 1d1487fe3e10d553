"""OpenAI's images and audio: small but valid files, deterministic. Pure."""

from __future__ import annotations

import base64
import struct
import zlib

import orjson

from gateway.mock import openai, texts
from gateway.mock.answers import Call, Reply
from gateway.mock.multipart import File

SPEECH_BYTES = 24_000
_SPEECH_TYPES = {
    "mp3": b"audio/mpeg", "opus": b"audio/ogg", "aac": b"audio/aac", "flac": b"audio/flac", "wav": b"audio/wav",
    "pcm": b"audio/pcm",
}  # fmt: skip


def _png_block(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


PNG = b"\x89PNG\r\n\x1a\n" + b"".join((
    _png_block(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)),
    _png_block(b"IDAT", zlib.compress(b"\0\x33\x66\x99")),
    _png_block(b"IEND", b""),
))  # fmt: skip
"""One bluish pixel."""


def draw(call: Call) -> Reply:
    """`POST /v1/images/generations` and `/v1/images/edits`: `n` pixels in base64. Raises `Refused`."""
    openai.require(call.document, "prompt")
    if call.path.endswith("/edits"):
        _require_file(call, "image", "image[]")
    asked = str(call.document.get("n") or 1)
    images = min(int(asked), 10) if asked.isdigit() and asked.isascii() else 1
    picture = base64.b64encode(PNG + b"\0" * (call.script.huge or 0)).decode()
    usage = openai.usage(call.script, prompt=len(str(call.document["prompt"])) // 4 + 1, completion=272 * images)
    document = {
        "created": call.created,
        "data": [{"b64_json": picture}] * images,
        "usage": {
            "input_tokens": usage["prompt_tokens"],
            "output_tokens": usage["completion_tokens"],
            "total_tokens": usage["total_tokens"],
            "input_tokens_details": {"text_tokens": usage["prompt_tokens"], "image_tokens": 0},
        },
    }
    return Reply(orjson.dumps(document))


def speak(call: Call) -> Reply:
    """`POST /v1/audio/speech`: bytes of the asked type, in chunked framing. Raises `Refused`."""
    openai.require(call.document, "input", "voice")
    wanted = call.script.huge or (call.script.chunks or 0) * (call.script.size or 4096) or SPEECH_BYTES
    sound = (bytes(range(256)) * (wanted // 256 + 1))[:wanted]
    kind = _SPEECH_TYPES.get(str(call.document.get("response_format", "mp3")), b"audio/mpeg")
    return Reply(sound, content_type=kind, streamed=True)


def transcribe(call: Call) -> Reply:
    """`POST /v1/audio/transcriptions`: JSON, or text when asked for. Raises `Refused`."""
    return _heard(call, "transcribe", "en")


def translate(call: Call) -> Reply:
    """`POST /v1/audio/translations`. Raises `Refused`."""
    return _heard(call, "translate", "english")


def _heard(call: Call, task: str, language: str) -> Reply:
    file = _require_file(call, "file")
    text = texts.content(call.script, call.clock, most=texts.count(call.script))
    wanted = call.document.get("response_format", "json")
    if wanted in ("text", "srt", "vtt"):
        return Reply(_subtitles(str(wanted), text).encode(), content_type=b"text/plain; charset=utf-8")
    document: dict[str, object] = {"text": text}
    if wanted == "verbose_json":
        document |= {"task": task, "language": language, "duration": len(file.content) / 16_000, "segments": []}
    elif call.script.usage != "off":
        usage = openai.usage(call.script, prompt=len(file.content) // 1600 + 1, completion=len(text) // 4 + 1)
        document["usage"] = {
            "type": "tokens",
            "input_tokens": usage["prompt_tokens"],
            "output_tokens": usage["completion_tokens"],
            "total_tokens": usage["total_tokens"],
        }
    return Reply(orjson.dumps(document))


def _subtitles(kind: str, text: str) -> str:
    if kind == "srt":
        return f"1\n00:00:00,000 --> 00:00:02,000\n{text}\n"
    return f"WEBVTT\n\n00:00:00.000 --> 00:00:02.000\n{text}\n" if kind == "vtt" else text + "\n"


def _require_file(call: Call, *names: str) -> File:
    for name in names:
        found = call.document.get(name)
        first = found[0] if isinstance(found, list) else found
        if isinstance(first, File):
            return first
    raise openai.refuse(f"Missing required parameter: '{names[0]}'.", param=names[0], code="missing_required_parameter")

"""Code that the model ran on Google's side, and what came of it, as text for everybody else."""

from __future__ import annotations

from gateway.formats.format import Fields


def code_text(fields: Fields) -> str:
    """`executableCode` as a fenced block."""
    language = fields.get("language")
    known = language.lower() if isinstance(language, str) and language != "LANGUAGE_UNSPECIFIED" else ""
    return _fenced(known, fields.get("code"))


def outcome_text(fields: Fields) -> str:
    """`codeExecutionResult` as a fenced block; nothing where it printed nothing."""
    return _fenced("", fields.get("output"))


def _fenced(language: str, content: object) -> str:
    if not isinstance(content, str) or not content.strip():
        return ""
    end = "" if content.endswith("\n") else "\n"
    return f"\n```{language}\n{content}{end}```\n"

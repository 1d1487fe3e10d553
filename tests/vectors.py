"""The translation cases of `tests/cases`, as tests use them: what is asked, what is answered, and how to compare."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from gateway.records import ModelFacts
from tests.cases.tools import compare
from tests.cuts import cuts

__all__ = ["NAMES", "Case", "cases", "compare", "cuts"]

CASES = Path(__file__).parent / "cases"

NAMES = {"chat": "openai_chat", "responses": "openai_responses", "messages": "anthropic", "gemini": "gemini"}
"""How cases call the dialects, and what we call them."""


@dataclass(frozen=True)
class Case:
    """One file."""

    fields: dict[str, Any]

    @property
    def id(self) -> str:
        """Its name."""
        return str(self.fields["id"])

    @property
    def client(self) -> str:
        """The client's dialect, as cases call it."""
        return str(self.fields["client"])

    @property
    def upstream(self) -> str:
        """The provider's dialect, as cases call it."""
        return str(self.fields["upstream"])

    @property
    def request(self) -> dict[str, Any]:
        """The client's request, unary."""
        body: dict[str, Any] = self.fields["client_request"]["body"]
        return body

    @property
    def stream_request(self) -> dict[str, Any]:
        """The same, asking for a stream; Gemini says that in its path."""
        more = self.fields["client_request"].get("stream_extra") or {}
        return {**self.request, **more, **({} if self.client == "gemini" else {"stream": True})}

    @property
    def facts(self) -> ModelFacts:
        """What the model can do."""
        known = set(ModelFacts.__dataclass_fields__)
        caps: dict[str, Any] = self.fields["route"]["caps"]
        assert set(caps) <= known, f"{self.id} has unknown caps"
        facts: dict[str, Any] = {name: tuple(said) if isinstance(said, list) else said for name, said in caps.items()}
        return ModelFacts(**facts)

    @property
    def client_model(self) -> str:
        """The name the client uses."""
        return str(self.fields["route"]["client_model"])

    @property
    def upstream_model(self) -> str:
        """The model's own name."""
        return str(self.fields["route"]["upstream_model"])

    @property
    def sse(self) -> bytes | None:
        """The provider's stream."""
        stream = self.fields.get("upstream_stream")
        return stream["sse"].encode() if stream else None

    def get(self, name: str) -> Any:
        """A part that not every case has."""
        return self.fields.get(name)


@cache
def cases() -> tuple[Case, ...]:
    """Every case, in order of name."""
    return tuple(Case(json.loads(path.read_text(encoding="utf-8"))) for path in sorted(CASES.glob("*.json")))

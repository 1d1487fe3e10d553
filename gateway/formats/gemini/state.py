"""Thought signatures: Google's own as they are, other vendors' state in their place (REAS-7).

Other state is wrapped, and the wrapping put into base64, because a signature is bytes to Google's clients. They may
write it back in the base64 of URLs.
"""

from __future__ import annotations

import base64
from typing import Any

from gateway.formats.neutral import State
from gateway.formats.reasoning import is_wrapped, unwrap, wrap
from gateway.formats.values import a_text

from .spelling import decoded_text

BYPASS = "skip_thought_signature_validator"
"""What Google takes for the signature of a call that it did not make itself:
https://ai.google.dev/gemini-api/docs/thought-signatures."""

_MARK = base64.b64encode(b"gw1").decode()


def read_signature(value: Any, path: str) -> State | None:
    """The state that a client hands back. Raises InvalidRequest when it is no string."""
    if value is None:
        return None
    text = a_text(value, path)
    wrapped = decoded_text(text) if text.startswith(_MARK) else None
    if wrapped is not None and is_wrapped(wrapped):
        return unwrap(wrapped)
    return State("gemini", text) if text else None


def write_signature(state: State) -> str:
    """State as a client of this dialect carries it."""
    return state.payload if state.origin == "gemini" else base64.b64encode(wrap(state).encode()).decode()

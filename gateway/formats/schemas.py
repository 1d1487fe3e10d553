"""JSON Schemas, fitted to what each vendor takes. The one place that dialects import them from.

No schema is changed in place, and none raises: what makes no sense is left out, what is too deep becomes `{}`.
"""

from __future__ import annotations

from .schema_shape import leaves_open, with_root, written
from .schemas_anthropic import for_anthropic_output, for_anthropic_tool
from .schemas_gemini import for_gemini
from .schemas_proto import for_gemini_proto, from_proto

__all__ = (
    "for_anthropic_output",
    "for_anthropic_tool",
    "for_gemini",
    "for_gemini_proto",
    "from_proto",
    "leaves_open",
    "with_root",
    "written",
)

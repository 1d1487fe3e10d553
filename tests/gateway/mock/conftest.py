from __future__ import annotations

from tests.providers import mock, mock_here

__all__ = ["mock", "mock_here"]

"""Answers of the management API held against its own OpenAPI document, and refusals against RFC 9457."""

from __future__ import annotations

import re
from typing import Any

import httpx
import schemathesis

from tests.source import ROOT


class Documented:
    """What the document of a gateway says of each of its operations."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._schema = schemathesis.openapi.from_dict(document)
        self._shapes = [
            (method.upper(), re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), path, operations[method]["responses"])
            for path, operations in document["paths"].items()
            for method in operations
        ]

    def check(self, answer: httpx.Response) -> None:
        """Fails for an answer that is not as documented; of paths that are no operation's nothing is known."""
        method, asked = answer.request.method, answer.request.url.raw_path.decode().partition("?")[0]
        for named, shape, path, statuses in self._shapes:
            if named == method and shape.fullmatch(asked):
                assert str(answer.status_code) in statuses, (method, path, answer.text)
                self._schema[path][method].validate_response(answer)
                return


def check_problem(answer: httpx.Response) -> None:
    """Fails unless this is a problem (RFC 9457) that says no more than it should."""
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem.keys() >= {"type", "title", "detail", "instance", "code"}
    assert "Traceback" not in answer.text
    assert str(ROOT) not in answer.text

"""The document that tells of the API, and whether the API is as it tells."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import orjson
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from gateway.api.management import OPERATIONS
from gateway.api.management.openapi import DONE, build, errors_of, write_document
from gateway.errors import (
    Conflict,
    InvalidKey,
    NotPermitted,
    NotSignedIn,
    UnknownResource,
    VersionMismatch,
    VersionRequired,
)
from tests.source import ROOT
from tests.waiting import until

from .fuzzing import fuzz
from .sample import BROKEN, NOTES

BY_ID = {row.id: row for row in (*NOTES, *BROKEN)}
DOCUMENTS = {"everything": build(OPERATIONS), "the sample": build((*NOTES, *BROKEN))}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_it_is_an_openapi_document(name: str) -> None:
    OPENAPI_31_VALIDATOR.validate(DOCUMENTS[name])


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_reference_leads_somewhere_and_nothing_is_there_for_nobody(name: str) -> None:
    document = DOCUMENTS[name]
    led_to = set(references(document))
    there = {
        f"#/components/{kind}/{each}" for kind in ("schemas", "responses") for each in document["components"][kind]
    }
    fixed = {
        f"#/components/{kind}/{each}" for kind in ("parameters", "headers") for each in document["components"][kind]
    }
    assert led_to - fixed == there
    assert led_to & fixed <= fixed


def test_every_operation_is_told() -> None:
    told = {
        (method.upper(), path, operation["operationId"])
        for path, operations in DOCUMENTS["everything"]["paths"].items()
        for method, operation in operations.items()
    }
    assert told == {(row.method, row.path, row.id) for row in OPERATIONS}


def test_every_tag_and_status_of_the_table_is_known() -> None:
    assert {row.status for row in OPERATIONS} <= DONE.keys()
    assert [tag["name"] for tag in DOCUMENTS["the sample"]["tags"]] == ["notes", "broken"]


def test_the_same_table_makes_the_same_bytes() -> None:
    program = "import sys; from gateway.api.management import *; from gateway.api.management.openapi import *\n"
    program += "sys.stdout.buffer.write(write_document(OPERATIONS))"
    command = [sys.executable, "-c", program]
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        assert subprocess.check_output(command, cwd=ROOT, env=environment) == write_document(OPERATIONS)


def test_what_may_go_wrong_follows_from_the_row() -> None:
    assert {NotSignedIn, NotPermitted, UnknownResource, VersionMismatch, VersionRequired} <= errors_of_row(
        "delete_note"
    )
    assert not {VersionMismatch, Conflict} & errors_of_row("show_note")
    assert Conflict in errors_of_row("create_note")
    assert InvalidKey in errors_of_row("explode")
    (shown,) = (row for row in OPERATIONS if row.id == "show_openapi")
    assert not {NotSignedIn, NotPermitted} & set(errors_of(shown))


def test_who_may_ask_and_how_they_say_who_they_are() -> None:
    paths = DOCUMENTS["the sample"]["paths"]
    assert paths["/api/notes"]["get"]["security"] == [{"session": []}, {"token": []}]
    assert paths["/api/notes"]["get"]["x-permission"] == "keys:own|keys:read"
    assert {"client_key": []} in paths["/api/explode"]["post"]["security"]
    assert DOCUMENTS["everything"]["paths"]["/api/openapi.json"]["get"]["security"] == []


def test_a_parameter_that_may_be_left_out_is_never_null() -> None:
    parameters = {each["name"]: each for each in DOCUMENTS["the sample"]["paths"]["/api/notes"]["get"]["parameters"]}
    assert parameters["stars"] == {
        "name": "stars",
        "in": "query",
        "description": "Notes with so many.",
        "schema": {"type": "integer", "minimum": 0, "maximum": 5},
    }
    assert parameters["title"]["schema"]["type"] == "array"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Where the sample listens, in a process of its own."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        command = [sys.executable, "-m", "tests.gateway.api.management.sample", str(port)]
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
        try:
            until(lambda: listens(port), 20)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()


def test_the_api_is_as_its_document_says(url: str, tmp_path: Path) -> None:
    fuzz(f"{url}/api/openapi.json", {"Authorization": "Bearer writer"}, tmp_path, examples=4)


def test_what_has_no_content_has_none_on_the_wire(url: str) -> None:
    with closing(HTTPConnection(url.removeprefix("http://"), timeout=10)) as connection:
        headers = {"authorization": "Bearer writer", "content-type": "application/json"}
        connection.request("POST", "/api/notes", orjson.dumps({"title": "To be deleted"}), headers)
        made = connection.getresponse()
        made.read()
        connection.request("DELETE", made.headers["location"], headers={**headers, "if-match": made.headers["etag"]})
        gone = connection.getresponse()
        assert (made.status, gone.status, gone.read()) == (201, 204, b"")
        connection.request("HEAD", "/api/notes", headers=headers)
        head = connection.getresponse()
        assert (head.status, head.read(), head.headers["content-type"]) == (200, b"", "application/json")


def listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def errors_of_row(name: str) -> set[type[Exception]]:
    return set(errors_of(BY_ID[name]))


def references(value: Any) -> Iterator[str]:
    return iter(re.findall(r'"\$ref":"([^"]+)"', orjson.dumps(value).decode()))

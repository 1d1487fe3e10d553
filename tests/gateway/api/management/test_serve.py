"""The way of a request through the API, with a sample resource at its end."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import structlog

from gateway.api.management.serve import METHODS, ManagementApi
from gateway.application import new_application

from .asking import Sample, send
from .sample import NOTES, Shelf, application

FIRST = {"title": "First"}


@pytest.fixture
def sample() -> Sample:
    return Sample()


async def test_a_resource_is_made_shown_changed_and_deleted(sample: Sample) -> None:
    made = await sample.ask("POST", "/api/notes", {"title": "First", "stars": 2})
    assert (made.status, made.headers["location"], made.headers["etag"]) == (201, "/api/notes/n000001", '"1"')
    assert made.headers["content-type"] == "application/json"
    assert made.json()["written_at"] == "2023-11-14T22:13:20.000001Z"
    shown = await sample.ask("GET", "/api/notes/n000001")
    assert (shown.status, shown.json()) == (200, made.json())
    changed = await sample.ask("PATCH", "/api/notes/n000001", {"stars": 3}, if_match=shown.headers["etag"])
    assert (changed.status, changed.headers["etag"]) == (200, '"2"')
    assert changed.json() == {**made.json(), "stars": 3, "version": 2}
    gone = await sample.ask("DELETE", "/api/notes/n000001", if_match="*")
    assert (gone.status, gone.body) == (204, b"")
    assert "content-type" not in gone.headers
    assert await sample.refused("GET", "/api/notes/n000001") == (404, "not_found")


async def test_a_change_says_which_version_it_changes(sample: Sample) -> None:
    await sample.ask("POST", "/api/notes", FIRST)
    change = {"stars": 3}
    assert await sample.refused("PATCH", "/api/notes/n000001", change) == (428, "version_required")
    assert await sample.refused("DELETE", "/api/notes/n000001") == (428, "version_required")
    assert await sample.refused("PATCH", "/api/notes/n000001", change, if_match='"2"') == (412, "version_mismatch")
    assert await sample.refused("PATCH", "/api/notes/n000001", change, if_match='"1", "2"') == (400, "invalid_request")
    assert sample.shelf.notes["n000001"].version == 1


async def test_nobody_gets_in_without_saying_who_they_are(sample: Sample) -> None:
    assert await sample.refused("GET", "/api/notes", who="") == (401, "not_signed_in")
    assert await sample.refused("GET", "/api/notes", who="stranger") == (401, "invalid_api_key")


async def test_one_of_the_permissions_is_enough_and_none_is_not(sample: Sample) -> None:
    assert (await sample.ask("GET", "/api/notes", who="writer")).status == 200
    assert (await sample.ask("GET", "/api/notes", who="reader")).status == 200
    assert await sample.refused("GET", "/api/notes", who="browser") == (403, "not_permitted")
    assert await sample.refused("POST", "/api/notes", FIRST, who="reader") == (403, "not_permitted")
    assert sample.shelf.notes == {}


async def test_a_client_key_is_not_signed_in(sample: Sample) -> None:
    await sample.ask("POST", "/api/notes", FIRST)
    assert (await sample.ask("GET", "/api/notes/n000001", who="browser")).status == 200
    assert await sample.refused("GET", "/api/notes/n000001", who="client") == (403, "not_permitted")


async def test_what_another_page_made_a_browser_send_changes_nothing(sample: Sample) -> None:
    assert await sample.refused("POST", "/api/notes", FIRST, who="browser") == (403, "not_permitted")
    assert (await sample.ask("POST", "/api/notes", FIRST, who="browser", origin="http://ours")).status == 201
    assert (await sample.ask("GET", "/api/notes/n000001", who="browser")).status == 200


async def test_only_json_is_read(sample: Sample) -> None:
    body = b'{"title":"First"}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp", ""):
        refusal = await sample.refused("POST", "/api/notes", body, content_type=kind)
        assert refusal == (415, "unsupported_media_type")
    assert (await sample.ask("POST", "/api/notes", body, content_type="Application/JSON; charset=utf-8")).status == 201


async def test_a_long_body_is_refused(sample: Sample) -> None:
    body = b'{"title":"' + b"x" * 1024 * 1024 + b'"}'
    assert await sample.refused("POST", "/api/notes", body) == (413, "request_too_large")
    assert await sample.refused("POST", "/api/notes", body, who="") == (401, "not_signed_in")


async def test_a_body_where_none_belongs_is_refused(sample: Sample) -> None:
    assert await sample.refused("GET", "/api/notes", {}) == (400, "invalid_request")
    assert await sample.refused("DELETE", "/api/notes/n000001", {}, if_match="*") == (400, "invalid_request")


async def test_reading_knows_head(sample: Sample) -> None:
    assert (await sample.ask("HEAD", "/api/notes")).status == 200
    assert (await sample.ask("HEAD", "/api/openapi.json", who="")).status == 200
    assert (await sample.ask("HEAD", "/api/notes", who="")).status == 401


async def test_a_method_that_does_not_work_is_told_which_do(sample: Sample) -> None:
    for method in ("PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"):
        answer = await sample.ask(method, "/api/notes", who="")
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, POST, OPTIONS")
    options = await sample.ask("OPTIONS", "/api/notes/n1", who="")
    assert (options.status, options.headers["allow"]) == (204, "GET, HEAD, PATCH, DELETE, OPTIONS")


async def test_an_unknown_path_is_a_problem_and_no_page(sample: Sample) -> None:
    for path in ("/api", "/api/", "/api/nothing", "/api/notes/n1/more", "/API/Nothing", "/api/notes//"):
        assert await sample.refused("GET", path, who="") == (404, "unknown_url")
    assert await sample.refused("OPTIONS", "/api/nothing", who="") == (404, "unknown_url")
    assert await sample.refused("PROPFIND", "/api/nothing", b"x" * 99) == (404, "unknown_url")


async def test_whatever_is_not_the_api_goes_to_the_pages(sample: Sample) -> None:
    for path in ("/", "/apiary", "/usage"):
        assert (await send(sample.app, "GET", path, b"", {})).headers["x-page"] == "yes"


async def test_an_unexpected_error_is_logged_under_the_id_that_the_client_gets(sample: Sample) -> None:
    with structlog.testing.capture_logs() as lines:
        answer = await sample.ask("POST", "/api/explode")
    assert (answer.status, answer.json()["code"]) == (500, "internal_error")
    assert b"canary" not in answer.body
    (line,) = lines
    assert (line["log_level"], line["request"]) == ("error", answer.headers["x-request-id"])


async def test_state_that_is_away_says_when_to_come_back(sample: Sample) -> None:
    answer = await sample.ask("POST", "/api/be_unavailable", who="client")
    assert (answer.status, answer.headers["retry-after"], answer.json()["code"]) == (503, "3", "state_unavailable")


@pytest.mark.parametrize("name", ["a%00b", "%ff", "%0d%0aset-cookie:x", "x" * 300, "%e2%80%ae"])
async def test_what_cannot_be_a_name_names_nothing(sample: Sample, name: str) -> None:
    assert await sample.refused("GET", f"/api/notes/{name}") == (404, "not_found")


async def test_names_may_have_slashes_and_letters_of_any_kind(sample: Sample) -> None:
    assert (await sample.ask("GET", "/api/notes/a%2Fb%20%C3%A9")).json()["detail"] == "There is no such note."


async def test_pages_follow_each_other(sample: Sample) -> None:
    for number in range(5):
        await sample.ask("POST", "/api/notes", {"title": f"Note {number}", "stars": number % 2})
    target, titles = "/api/notes?stars=0&limit=2&title=a+b", []
    while target:
        answer = await sample.ask("GET", target)
        titles += [note["title"] for note in answer.json()["items"]]
        link = answer.headers.get("link", "")
        assert bool(link) == (answer.json()["next_cursor"] is not None)
        target = link.removeprefix("<").partition(">")[0]
    assert titles == ["Note 0", "Note 2", "Note 4"]


async def test_a_document_that_is_known_is_not_sent_again(sample: Sample) -> None:
    first = await sample.ask("GET", "/api/openapi.json", who="")
    assert first.json()["openapi"] == "3.1.0"
    again = await sample.ask("GET", "/api/openapi.json", who="", if_none_match=first.headers["etag"])
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert (await sample.ask("GET", "/api/openapi.json", who="", if_none_match='"other"')).status == 200


async def test_a_client_that_leaves_while_it_sends_is_no_error_of_ours(sample: Sample) -> None:
    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/api/notes", "raw_path": b"/api/notes"}
    scope |= {"query_string": b"", "headers": [(b"content-type", b"application/json")]}
    sent: list[Any] = []

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def say(message: Any) -> None:
        sent.append(message)

    with structlog.testing.capture_logs() as lines:
        await sample.app(scope, receive, say)
    assert (sent[0]["status"], lines) == (499, [])


async def test_every_operation_has_an_endpoint_and_nothing_else_has() -> None:
    app = application(Shelf(), Sample().answers, NOTES)
    app.logger.setLevel(logging.WARNING)
    await app.start()  # type: ignore[no-untyped-call]
    routes = list(app.router.iter_with_methods())  # type: ignore[no-untyped-call]
    served = {(method, route.mustache_pattern) for method, route in routes if method != "*"}
    rows = {(row.method, row.path) for row in NOTES}
    extra = {("GET", "/api/problems/{code}"), ("GET", "/api/openapi.json")}
    assert {each for each in served if each[0] != "HEAD"} == rows | extra
    assert {path for method, path in served if method == "HEAD"} == {
        path for method, path in rows | extra if method == "GET"
    }
    assert {method for method, _ in served} <= set(METHODS)


async def test_without_pages_everything_unknown_is_a_problem() -> None:
    app = new_application()
    sample = Sample()
    sample.app = app
    ManagementApi((), office=None, entrance=None, answers=None, new_id=lambda: "0" * 36).add_to(app)  # type: ignore[arg-type]
    assert await sample.refused("GET", "/anything") == (404, "unknown_url")

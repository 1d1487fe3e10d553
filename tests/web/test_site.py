"""The dashboard over HTTP, in a real control process."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from blacksheep import Application, Router

from gateway.browsers import GUARDS
from gateway.settings.demo import add_demo
from gateway.settings.model import Settings
from tests.gateway.control.process import FORWARDED, Answer, ControlProcess, record, running, settings_in
from web.page import Page, Role, Site, Visit
from web.site import add_pages


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlProcess]:
    directory = tmp_path_factory.mktemp("demo")
    with running(directory, add_demo(settings_in(directory), "http://127.0.0.1:1"), demo=True) as control:
        record(control, {"key": "demo"}, {"key": "demo", "error": "upstream_closed", "status": 502})
        yield control


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlProcess]:
    with running(tmp_path_factory.mktemp("plain")) as control:
        record(control, {"key": "secret-team"})
        yield control


def page(control: ControlProcess, path: str = "/", **headers: str) -> Answer:
    return control.ask(path, {**FORWARDED, **headers})


def test_a_demo_is_seen_without_a_login(demo: ControlProcess) -> None:
    answer = page(demo)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "mock/gpt-4o" in answer.text
    assert "upstream_closed" in answer.text


def test_a_block_comes_alone(demo: ControlProcess) -> None:
    answer = page(demo, "/?block=live")
    assert answer.status == 200
    assert "<html" not in answer.text
    assert "mock/gpt-4o" in answer.text
    assert page(demo, "/?block=secret").status == 404


def test_otherwise_nobody_sees_usage(plain: ControlProcess) -> None:
    for answer in (page(plain), page(plain, "/?block=live"), page(plain, **{"x-sluicegate-key": "secret-team"})):
        assert answer.status == 200
        assert "secret-team" not in answer.text
        assert "gpt-4o" not in answer.text


@pytest.mark.parametrize("path", ["/", "/?block=live", "/nothing", "/static/nothing.css"])
def test_every_answer_is_guarded_and_not_kept(demo: ControlProcess, path: str) -> None:
    answer = page(demo, path)
    for name, value in GUARDS:
        assert answer.headers[name.decode()] == value.decode()
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in answer.headers
    secure = page(demo, path, **{"x-sluicegate-scheme": "https"}).headers
    assert secure["strict-transport-security"] == "max-age=31536000"


def test_static_files_are_kept_for_ever_under_names_that_change(demo: ControlProcess) -> None:
    links = re.findall(r'(?:src|href)="(/static/[^"]+)"', page(demo).text)
    assert len(links) >= 4
    for link in links:
        answer = page(demo, link)
        assert answer.status == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.body


@pytest.mark.parametrize(
    "path", ["/static/app.css", "/static/..%2fpage.py", "/static/../page.py", "/static/vendor/htmx/manifest.json"]
)
def test_no_other_file_is_served(demo: ControlProcess, path: str) -> None:
    assert page(demo, path).status == 404


def test_an_unknown_page_says_so(demo: ControlProcess) -> None:
    answer = page(demo, "/nothing")
    assert answer.status == 404
    assert "Nothing here" in answer.text


def test_a_page_is_read_with_get_or_head(demo: ControlProcess) -> None:
    assert demo.ask("/", FORWARDED, method="HEAD").status == 200
    assert demo.ask("/", FORWARDED, method="HEAD").body == b""
    assert demo.ask("/", FORWARDED, method="POST").status == 405
    assert demo.ask("/", FORWARDED, method="DELETE").status == 405


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("gate.example", "http://gate.example/v1/"),
        ("[::1]:8080", "http://[::1]:8080/v1/"),
        ("x';rm -rf ~;'", "http://127.0.0.1:8080/v1/"),
        ("<script>", "http://127.0.0.1:8080/v1/"),
    ],
)
def test_the_curl_line_goes_where_the_browser_went_but_never_into_a_shell(
    demo: ControlProcess, host: str, shown: str
) -> None:
    assert shown in page(demo, host=host).text


def test_behind_tls_the_curl_line_says_https(demo: ControlProcess) -> None:
    assert "https://gate.example:8080/v1/" in page(demo, **{"x-sluicegate-scheme": "https"}).text


def test_what_a_worker_has_not_judged_is_not_believed(demo: ControlProcess) -> None:
    said = {"x-forwarded-proto": "https", "x-forwarded-host": "evil.example", "forwarded": "proto=https"}
    assert "http://gate.example:8080/v1/" in page(demo, **said).text


def test_the_host_that_the_browser_asked_for_is_what_the_worker_says(demo: ControlProcess) -> None:
    assert "http://outside.example/v1/" in page(demo, **{"x-sluicegate-host": "outside.example"}).text


async def look_at(role: Role) -> httpx.Response:
    """The answer of a page whose making fails, asked of the application itself."""

    async def load(site: Site, visit: Visit) -> object:
        raise RuntimeError("a secret of ours")

    async def read(name: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
        return []

    app = Application(router=Router(), show_error_details=False)
    made = Page("/", "Made up", "It fails.", "Watch", role, "overview.html", (), load)
    add_pages(app, Site(read, Settings, demo=False, version="1", started_at_us=0, endpoints=()), (made,))
    await app.start()  # type: ignore[no-untyped-call] # BlackSheep's own
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gate.example") as client:
        return await client.get("/")


async def test_a_mistake_of_ours_is_told_without_its_details() -> None:
    answer = await look_at("anyone")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "The gateway's log says why" in answer.text.replace("&#39;", "'")


@pytest.mark.parametrize("role", ["viewer", "admin"])
async def test_a_page_for_people_with_a_login_is_shown_to_nobody_yet(role: Role) -> None:
    answer = await look_at(role)
    assert answer.status_code == 403
    assert "login" in answer.text

"""The dashboard over HTTP, in a real control process."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.browsers import GUARDS
from gateway.errors import ControlUnavailable
from gateway.settings.demo import add_demo
from tests.gateway.control.process import FORWARDED, Answer, ControlProcess, record, running, settings_in
from tests.web.saved import TYPES, Links
from tests.web.visiting import house_in
from web.page import Page, Site, Visit


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
    answer = page(demo, "/?block=figures")
    assert answer.status == 200
    assert "<html" not in answer.text
    assert "mock/gpt-4o" in answer.text
    assert page(demo, "/?block=secret").status == 404


def test_what_a_demo_shows_is_to_be_had_as_files(demo: ControlProcess) -> None:
    for path in ("/requests", "/"):
        links = Links(page(demo, path).text).found
        assert links
        for link in links:
            answer = page(demo, link.url)
            assert (answer.status, answer.headers["content-type"]) == (200, TYPES[link.said("format")]), link.url


def test_otherwise_nobody_sees_anything_without_a_login(plain: ControlProcess) -> None:
    for answer in (page(plain), page(plain, **{"x-sluicegate-key": "secret-team"})):
        assert (answer.status, answer.headers["location"], answer.body) == (303, "/login", b"")
    assert page(plain, "/?block=figures").status == 401
    assert page(plain, "/login", host="localhost").status == 200


@pytest.mark.parametrize("path", ["/", "/?block=figures", "/nothing", "/static/nothing.css"])
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


@pytest.mark.parametrize("path", ["/broken", "/broken?token=slg-lnk-secret"])
async def test_a_mistake_of_ours_is_told_without_its_details(tmp_path: Path, path: str) -> None:
    async def load(site: Site, visit: Visit) -> object:
        raise RuntimeError("a secret of ours")

    made = Page(path="/broken", title="Broken", summary="", template="overview.html", load=load, is_public=True)
    async with house_in(tmp_path, pages=(made,)) as house:
        answer = await house.person().get(path)
    assert answer.status == 500
    assert "secret" not in answer.text
    assert "The gateway's log says why" in answer.text.replace("&#39;", "'")


async def test_a_store_that_is_away_is_said_while_who_asks_is_known(tmp_path: Path) -> None:
    async def load(site: Site, visit: Visit) -> object:
        raise ControlUnavailable("The store is away.", retry_after=1.5)

    made = Page(path="/away", title="Away", summary="", template="overview.html", load=load, is_public=True)
    async with house_in(tmp_path, pages=(made,)) as house:
        answer = await house.person().get("/away")
    assert (answer.status, answer.headers["retry-after"]) == (503, "2")
    assert "The store is away. Requests are served all the same." in answer.text

"""SQL of one's own on a page: run, drawn, exported, saved, cancelled, refused; every example and every hostile text."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from gateway.errors import ControlUnavailable
from gateway.management import queries
from gateway.management.queries import QueryWish
from gateway.store.analytics import Analytics
from gateway.store.asking.examples import examples
from gateway.store.asking.exports import FORMATS
from tests.gateway.management.crowd import add, audit
from tests.gateway.management.offices import somebody
from tests.gateway.store.asking.stores import ENDLESS, opened
from tests.waiting import auntil
from tests.web.markup import assert_well_formed
from tests.web.test_hostile import CORPUS, assert_harmless
from tests.web.visiting import PASSWORD, House, Person, house_in, query_of
from web.pages.sql import MOST_ROWS

COUNTED = "select model, count(*) as requests from requests group by model order by model limit 3"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Analytics]:
    with opened(tmp_path_factory.mktemp("store"), 100) as (made, _):
        yield made


@pytest.fixture
async def house(tmp_path: Path, store: Analytics) -> AsyncIterator[House]:
    async with house_in(tmp_path, store=store) as made:  # type: ignore[arg-type] # it is read alike
        made.around.queries = store.queries
        yield made
        await auntil(lambda: not store._runs and not store.queries._under_way and not store._exports.under_way)


@pytest.fixture
async def owner(house: House) -> Person:
    return await signed_in(house, "olga", "owner")


async def signed_in(house: House, name: str, role: str) -> Person:
    await add(house.office, name, role, password=PASSWORD)  # type: ignore[arg-type] # one of them
    return await house.signed_in(f"{name}@example.com")


async def run(person: Person, text: str, **more: str) -> str:
    """The page with what a query gives."""
    await person.get("/sql")
    answer = await person.submit("/sql", sql=text, **more)
    assert answer.status == 200, answer.text
    assert_well_formed(answer.text)
    return answer.text


async def test_the_page_offers_examples_tables_and_limits(owner: Person) -> None:
    page = await owner.get("/sql")
    assert page.status == 200
    assert_well_formed(page.text)
    text = html.unescape(page.text)
    for shown in ("What did each tag cost in the last 7 days?", "cost_nano_usd", "bigint", "null when nobody knows"):
        assert shown in text, shown
    for shown in ("10 seconds", "1,000 rows", "nano-USD", "None yet.", "from requests"):
        assert shown in text, shown


async def test_a_query_gives_a_table(owner: Person, house: House) -> None:
    text = await run(owner, COUNTED)
    for shown in ("3 rows in", "model-0", '<td class="number" title="2">2</td>', "bigint", "varchar"):
        assert shown in text, shown
    (entry,) = [each for each in await audit(house.office) if each["action"] == "sql.run"]
    assert entry["after"]["sql"] == COUNTED


async def test_values_of_every_kind_are_shown(owner: Person) -> None:
    text = html.unescape(
        await run(
            owner,
            "select null as n, true as b, 2026 as year, 1234567 as many, 0.1::double as d, 1e-9::double as tiny, "
            "[1, 2] as l, {'a': 'ü'} as s, repeat('x', 5000) as long, 1e20::double as large",
        )
    )
    for shown in (">null<", ">true<", ">2026<", ">1,234,567<", ">0.1<", ">1e-09<", ">[1, 2]<", '{"a": "ü"}', ">1e+20<"):
        assert shown in text, shown
    assert f">{'x' * 119}…<" in text


async def test_an_id_of_a_request_leads_to_it(owner: Person) -> None:
    text = await run(owner, "select id, 'x' as name from requests limit 1")
    assert '<a class="row" href="/requests/' in text
    assert "/requests/" not in (await run(owner, "select 'x' as id")).partition("<main")[2]


async def test_line_breaks_of_a_browser_are_none_of_ours(owner: Person, house: House) -> None:
    text = await run(owner, "select 1,\r\n  nothing\r\nfrom requests")
    assert "Line 2, column 3" in text
    assert "        ^" in text
    assert "No answer" in text
    (entry,) = [each for each in await audit(house.office) if each["action"] == "sql.run"]
    assert "\r" not in entry["after"]["sql"]


@pytest.mark.parametrize(
    "text", ["delete from requests", "select * from read_csv('/etc/passwd')", "select 1; select 2"]
)
async def test_what_may_not_be_asked_is_said_beside_the_editor(owner: Person, text: str) -> None:
    shown = await run(owner, text)
    assert "No answer" in shown
    assert html.escape(text) in shown.replace("&#39;", "&#x27;")


async def test_more_rows_than_are_shown_are_told(owner: Person) -> None:
    text = await run(owner, f"select * from range({MOST_ROWS + 5})")
    assert "these are the first 1,000, there are more" in text
    assert len(re.findall(r"<tr><td[^>]*>\d+</td></tr>", text)) == MOST_ROWS
    assert "No row is like that" in await run(owner, "select * from requests where model = 'nothing'")


async def test_a_query_that_is_nothing_or_too_long_is_refused(owner: Person) -> None:
    await owner.get("/sql")
    for text, said in (("  ", "Write a query first."), ("x" * 20_001, "at most 20,000 characters")):
        answer = await owner.submit("/sql", sql=text)
        assert answer.status == 422
        assert said in answer.text
        assert_well_formed(answer.text)


async def test_the_address_says_what_is_in_the_editor(owner: Person) -> None:
    assert "sum(cost_nano_usd) / 1e9 as usd" in (await owner.get("/sql?example=cost_by_day")).text
    assert ">select 42</textarea>" in (await owner.get("/sql?sql=select+42")).text
    assert '<option value="chart" selected>' in (await owner.get("/sql?view=chart")).text
    for odd in ("/sql?example=nothing", "/sql?view=nothing", "/sql?saved=nothing"):
        assert (await owner.get(odd)).status == 200
    assert owner.last is not None
    assert "There is no such saved query" in owner.last.text
    text = await run(owner, "select 42", view="chart")
    link = text.partition("Link to this query")[0].rpartition('href="')[2].partition('"')[0]
    assert query_of(html.unescape(link)) == {"sql": "select 42", "view": "chart"}


async def test_every_example_runs_and_can_be_looked_at(owner: Person) -> None:
    for name, example in examples().items():
        page = await owner.get(f"/sql?example={name}&view=chart")
        answer = await owner.submit("/sql", sql=example.text, view="chart")
        assert (page.status, answer.status) == (200, 200)
        assert html.escape(example.title, quote=False).replace("'", "&#39;") in page.text
        assert "No answer" not in answer.text, name
        assert_well_formed(answer.text)


async def test_numbers_over_time_are_drawn(owner: Person) -> None:
    text = "select ts, total_us, cost_nano_usd as cost from requests order by ts limit 20"
    shown = await run(owner, text, view="chart")
    assert shown.count("<polyline") == 2
    assert "total_us, cost" in shown
    one = await run(
        owner,
        "select date_trunc('month', ts) as m, sum(cost_nano_usd) / 1e9 as usd from requests group by m",
        view="chart",
    )
    assert 'class="piece"' in one


async def test_names_are_ranked_and_what_cannot_be_drawn_says_so(owner: Person) -> None:
    assert 'class="ranking"' in await run(owner, COUNTED, view="chart")
    for text in ("select 1", "select 'x' as a, -1 as b", "select 'x' as a, 'y' as b", "select 1 as a, 2 as b"):
        assert "This answer cannot be drawn" in await run(owner, text, view="chart")
    doubled = "select unnest([timestamp '2026-01-01', timestamp '2026-01-01']) as at, 1 as n"
    assert "more than one row of the same time" in await run(owner, doubled, view="chart")
    for far in ("timestamp 'infinity'", "date '290000-01-01'"):
        assert "cannot be drawn" in await run(owner, f"select {far} as at, 1 as n", view="chart")


async def test_only_the_answer_comes_where_only_that_is_asked_for(owner: Person) -> None:
    form = (await owner.get("/sql")).form("/sql")
    answer = await owner.post("/sql?block=answer", {**form, "sql": COUNTED})
    assert answer.status == 200
    assert "<html" not in answer.text
    assert "model-0" in answer.text
    assert_well_formed(answer.text)


async def test_all_rows_come_as_a_file(owner: Person) -> None:
    form = (await owner.get("/sql")).form("/sql")
    answer = await owner.post("/sql/export", {**form, "sql": "select * from range(3000) as t(n)", "format": "csv"})
    assert answer.headers["content-disposition"] == 'attachment; filename="query.csv"'
    assert answer.text.splitlines()[:2] == ['"n"', "0"]
    assert len(answer.text.splitlines()) == 3001
    wrong = await owner.post("/sql/export", {**form, "sql": "select nothing", "format": "csv"})
    assert wrong.status == 200
    assert "No answer" in wrong.text
    for each in FORMATS:
        failed = await owner.post(
            "/sql/export", {**form, "sql": "select cast(model as integer) from requests", "format": each}
        )
        assert failed.headers["content-type"].startswith("text/html"), each
        assert "Could not convert string" in failed.text
    parquet = await owner.post("/sql/export", {**form, "sql": COUNTED, "format": "parquet"})
    assert parquet.headers["content-type"] == "application/vnd.apache.parquet"
    assert parquet.headers["content-disposition"] == 'attachment; filename="query.parquet"'


async def test_a_query_is_saved_changed_shared_and_deleted(owner: Person, house: House) -> None:
    form = (await owner.get("/sql")).form("/sql")
    nameless = await owner.post("/sql/save", {**form, "sql": COUNTED, "name": ""})
    assert nameless.status == 422
    assert "Give it a name." in nameless.text
    assert COUNTED in html.unescape(nameless.text)
    saved = await owner.post("/sql/save", {**form, "sql": COUNTED, "name": "By model"})
    assert saved.status == 303
    page = await owner.follow()
    assert COUNTED in html.unescape(page.text)
    assert "The query is saved" in page.text
    again = await owner.post("/sql/save", {**form, "sql": "select 1", "name": "By model"})
    assert again.status == 409
    other = await signed_in(house, "ada", "admin")
    mine = query_of(saved.to)["saved"]
    assert "There is no such saved query" in (await other.get(f"/sql?saved={mine}")).text
    await owner.get(saved.to)
    changed = await owner.post("/sql/change", {**page.form("/sql"), "sql": "select 2", "name": "Two", "shared": "yes"})
    assert changed.status == 303
    theirs = await other.get(f"/sql?saved={mine}")
    assert "select 2" in theirs.text
    assert "of Olga" in theirs.text
    refused = await other.post("/sql/change", {**theirs.form("/sql"), "sql": "select 3", "name": "Three"})
    assert refused.status == 403
    stale = await owner.post("/sql/change", {**page.form("/sql"), "sql": "select 4", "name": "Four"})
    assert stale.status == 412
    await owner.get(f"/sql?saved={mine}")
    assert (await owner.submit("/sql/delete")).status == 303
    assert "The query is deleted." in (await owner.follow()).text


async def test_a_running_query_is_shown_and_can_be_cancelled_from_another_window(
    owner: Person, house: House, store: Analytics
) -> None:
    form = (await owner.get("/sql")).form("/sql")
    window = Person(house.app, cookies=owner.cookies)
    running = asyncio.create_task(window.post("/sql", {**form, "sql": ENDLESS, "id": "q-1"}))
    await auntil(lambda: bool(store._runs))
    page = await owner.get("/sql")
    assert "A query of yours is running" in page.text
    assert "Another query of yours is running" in await run(owner, "select 1")
    await owner.get("/sql")
    assert (await owner.submit("/sql/cancel")).status == 303
    answer = await running
    assert "The query was cancelled." in answer.text
    await auntil(lambda: not store.queries._under_way)
    assert "A query of yours is running" not in (await owner.get("/sql")).text
    gone = await owner.post("/sql/cancel", {**form, "id": "q-1"})
    assert gone.status == 404


async def test_a_store_that_is_away_is_said_beside_the_editor(
    owner: Person, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise ControlUnavailable("The analytics store is shut.")

    monkeypatch.setattr(house.around.queries, "ask", away)
    monkeypatch.setattr(house.around.queries, "export", away)
    text = await run(owner, "select 1")
    assert "The analytics store is shut." in text
    assert "select 1</textarea>" in text
    form = (await owner.get("/sql")).form("/sql")
    assert "The analytics store is shut." in (await owner.post("/sql/export", {**form, "sql": "select 1"})).text


async def test_somebody_else_s_query_is_not_theirs_to_cancel(owner: Person, house: House, store: Analytics) -> None:
    other = somebody("admin", "u-9")
    task = asyncio.create_task(queries.run_query(house.office, other, store.queries, QueryWish(sql=ENDLESS), "q-2"))
    await auntil(lambda: bool(store._runs))
    form = (await owner.get("/sql")).form("/sql")
    assert "A query of yours" not in (await owner.get("/sql")).text
    assert (await owner.post("/sql/cancel", {**form, "id": "q-2"})).status == 404
    queries.cancel_query(other, store.queries, "q-2")
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("role", ["member", "viewer"])
async def test_it_is_for_those_who_may_run_sql(house: House, role: str) -> None:
    person = await signed_in(house, role, role)
    answer = await person.get("/sql")
    assert answer.status == 403
    assert "sql:run" in answer.text
    for action in ("/sql", "/sql/export", "/sql/save", "/sql/cancel"):
        assert (await person.post(action, {"csrf": "x", "sql": "select 1"})).status == 403


@pytest.mark.parametrize("text", CORPUS)
async def test_hostile_text_is_text(owner: Person, house: House, text: str) -> None:
    quoted = text.replace("'", "''")
    for view in ("table", "chart"):
        name = text.replace('"', '""')
        shown = await run(owner, f'select \'{quoted}\' as "{name}", 1 as "n{name}"', view=view)
        assert_harmless(shown)
    assert_harmless(await run(owner, text))
    assert_harmless((await owner.get("/sql?" + urlencode({"sql": text, "example": text, "view": text}))).text)
    form = owner.last.form("/sql") if owner.last else {}
    answer = await owner.post("/sql/save", {**form, "sql": text, "name": text, "shared": "yes"})
    if answer.status == 303:
        other = await signed_in(house, "ada", "admin")
        assert_harmless((await other.get(answer.to)).text)
    assert_harmless((await owner.get("/sql")).text)

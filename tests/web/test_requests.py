"""The list of requests and the page of one: filters, pages, columns, who sees what, what was said by strangers."""

from __future__ import annotations

import html
import re
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from gateway.management import keys
from gateway.management.keys import KeyWish
from gateway.records import AttemptRecord, Price, Rates, Tokens
from tests.gateway.management.crowd import actor_of, add
from tests.gateway.usage.records import EXAMPLE
from tests.web.markup import assert_well_formed
from tests.web.store import Store, store_in
from tests.web.test_hostile import CORPUS, assert_harmless
from tests.web.visiting import PASSWORD, House, Person, house_in
from web.filters import SOURCE_WORDS

SECOND = 1_000_000
MIDNIGHT = EXAMPLE.started_at_us
"""2026-11-21 00:00 UTC: somebody in the example rests for a minute from then on."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with store_in(tmp_path) as made:
        yield made


@pytest.fixture
async def house(tmp_path: Path, store: Store) -> AsyncIterator[House]:
    async with house_in(tmp_path, store=store) as made:
        yield made


@pytest.fixture
async def owner(house: House) -> Person:
    await add(house.office, "olga", "owner", password=PASSWORD)
    return await house.signed_in("olga@example.com")


def ago(seconds: float) -> int:
    return time.time_ns() // 1000 - round(seconds * SECOND)


def heads_in(text: str) -> list[str]:
    return re.findall(r"<th scope=\"col\"[^>]*>([^<]+)</th>", text)


def ids_in(text: str) -> list[str]:
    return re.findall(r'<tr id="r-([^"]+)"', text)


async def test_it_is_well_formed_empty_and_full(owner: Person, store: Store) -> None:
    assert_well_formed((await owner.get("/requests")).text)
    assert "No request in this time." in owner.last.text  # type: ignore[union-attr] # it was just answered
    store.add({"started_at_us": ago(5)}, {"started_at_us": ago(9), "error": "invalid_key", "status": 401, "key": None})
    assert_well_formed((await owner.get("/requests")).text)
    assert_well_formed((await owner.get("/requests?block=rows")).text)


async def test_a_page_holds_fifty_and_leads_to_older_and_newer_ones(owner: Person, store: Store) -> None:
    made = store.add(*({"started_at_us": ago(1 + number)} for number in range(120)))
    seen: list[str] = []
    answer = await owner.get("/requests?range=1h")
    pages = [answer.text]
    while older := re.search(r'href="([^"]+)" rel="next"', answer.text):
        answer = await owner.get(html.unescape(older[1]))
        pages.append(answer.text)
    for page in pages:
        seen += ids_in(page)
    assert seen == made
    assert [len(ids_in(page)) for page in pages] == [50, 50, 20]
    newer = re.search(r'href="([^"]+)" rel="prev"', pages[2])
    assert newer is not None
    assert ids_in((await owner.get(html.unescape(newer[1]))).text) == made[50:100]


async def test_only_the_first_page_is_fetched_anew(owner: Person, store: Store) -> None:
    store.add(*({"started_at_us": ago(1 + number)} for number in range(60)))
    first = await owner.get("/requests")
    assert 'hx-get="/requests?block=rows"' in first.text
    older = re.search(r'href="([^"]+)" rel="next"', first.text)
    assert older is not None
    assert "hx-get" not in (await owner.get(html.unescape(older[1]))).text
    assert "hx-get" not in (await owner.get("/requests?live=off")).text


async def test_filters_stand_in_the_address_and_can_be_taken_away(owner: Person, store: Store) -> None:
    store.add({"started_at_us": ago(5)}, {"started_at_us": ago(6), "status": 502, "error": "upstream_closed"})
    text = (await owner.get("/requests?outcome=failed&model=gpt-4o")).text
    assert len(ids_in(text)) == 1
    assert 'href="/requests?range=24h&amp;model=gpt-4o"' in text
    assert "Clear all" in text
    nothing = (await owner.get("/requests?model=nothing")).text
    assert "matches these filters" in nothing
    odd = (await owner.get("/requests?slower=soon")).text
    assert "Not understood, and left out: Took at least." in odd


async def test_columns_are_those_one_chose(owner: Person, store: Store) -> None:
    store.add({"started_at_us": ago(5)})
    text = (await owner.get("/requests?columns=endpoint.tries")).text
    assert heads_in(text) == ["When", "Outcome", "Endpoint", "Attempts"]
    assert (await owner.get("/requests?columns=nonsense")).status == 200


SAID_OF_SOURCES = {
    "reported": ("1,200", "the provider's own count"),
    "counted": ("1,200, counted by the gateway", "our own count"),
    "estimated": ("1,200, an estimate", "an estimate"),
    "none": ("1,200", "nobody can tell"),
}


@pytest.mark.parametrize("source", SAID_OF_SOURCES)
async def test_who_counted_the_tokens_is_told(owner: Person, store: Store, source: str) -> None:
    """In the tooltip of the figures, as a column, on the page of the request; only what is estimated is about."""
    title, words = SAID_OF_SOURCES[source]
    (made,) = store.add({"started_at_us": ago(5), "usage_source": source, "tokens": Tokens(input=1200, output=7)})
    row = html.unescape((await owner.get("/requests?columns=input")).text)
    about = "≈ " if source == "estimated" else ""
    assert f'<span title="{title}">{about}1.2 k</span>' in row
    assert SOURCE_WORDS[source] in (await owner.get("/requests?columns=source&block=rows")).text
    assert words in html.unescape((await owner.get(f"/requests/{made}")).text)


async def test_requests_can_be_told_apart_by_who_counted_them(owner: Person, store: Store) -> None:
    made = store.add(
        *({"started_at_us": ago(5 + number), "usage_source": source} for number, source in enumerate(SOURCE_WORDS))
    )
    for source, id_ in zip(SOURCE_WORDS, made, strict=True):
        assert ids_in((await owner.get(f"/requests?source={source}")).text) == [id_]
    text = (await owner.get("/requests?source=counted")).text
    assert '<option value="counted" selected>our count</option>' in text


async def test_columns_that_were_ticked_are_remembered_until_others_are(owner: Person, store: Store) -> None:
    store.add({"started_at_us": ago(5)})
    ticked = await owner.get("/requests?column=chosen&column=cost&column=key&column=nonsense&range=7d")
    assert (ticked.status, ticked.to) == (303, "/requests?range=7d&columns=key.cost")
    assert heads_in((await owner.get("/requests")).text) == ["When", "Outcome", "Key", "Cost"]
    # A link of somebody else's is shown as it says, and changes nothing here.
    assert heads_in((await owner.get("/requests?columns=endpoint.tries")).text)[2:] == ["Endpoint", "Attempts"]
    assert heads_in((await owner.get("/requests")).text)[2:] == ["Key", "Cost"]
    none = await owner.get("/requests?column=chosen&columns=key.cost")
    assert (none.status, none.to) == (303, "/requests")
    assert len(heads_in((await owner.follow()).text)) > 4


async def test_an_id_leads_to_its_request_whenever_it_was(house: House, owner: Person, store: Store) -> None:
    theirs = "req_011CSHoEeqs5C35K2UUqR7Fy"
    old, *_ = store.add(
        {"started_at_us": ago(40 * 24 * 3600), "upstream_request_id": theirs, "key": "team", "key_id": "key:1"},
        {"started_at_us": ago(5), "upstream_request_id": "of-several-0123456789"},
        {"started_at_us": ago(6), "upstream_request_id": "of-several-0123456789"},
    )
    for text in (old, theirs):
        answer = await owner.get(f"/requests?range=1h&search={text}")
        assert (answer.status, answer.to) == (303, f"/requests/{old}"), text
    several = await owner.get("/requests?range=1h&search=of-several-0123456789")
    assert len(ids_in(several.text)) == 2
    for more in ("&outcome=ok", "&block=rows"):
        assert (await owner.get(f"/requests?search={old}{more}")).status == 200
    await add(house.office, "otto", "member", password=PASSWORD)
    other = await house.signed_in("otto@example.com")
    for text in (old, theirs):
        assert (await other.get(f"/requests?search={text}")).status == 200, "of somebody else"


async def test_whoever_searches_means_the_time_they_look_at(owner: Person) -> None:
    for path, kept in (("/?range=7d", '"range" value="7d"'), ("/?from=2026-11-10", '"from" value="2026-11-10"')):
        text = (await owner.get(path)).text
        assert kept in text.partition('role="search"')[2].partition("</form>")[0]
    chosen = (await owner.get("/?from=2026-11-10&to=2026-11-12")).text
    assert 'type="datetime-local" value="2026-11-13T00:00"' in chosen


async def test_what_a_form_leaves_empty_does_not_stand_in_the_address(owner: Person) -> None:
    answer = await owner.get("/requests?search=&outcome=failed&model=&range=7d")
    assert (answer.status, answer.to) == (303, "/requests?outcome=failed&range=7d")
    assert (await owner.get("/keys?search=&status=")).to == "/keys"


async def test_files_are_offered_of_the_same_filter(owner: Person) -> None:
    text = html.unescape((await owner.get("/requests?outcome=failed&stream=yes")).text)
    found = re.search(r'href="(/api/usage/export\?format=csv[^"]*)"', text)
    assert found is not None
    assert "outcome=failed" in found[1]
    assert "stream=true" in found[1]
    assert "key_ids" not in found[1]


async def test_whoever_may_see_their_own_sees_no_others(house: House, store: Store) -> None:
    mia = await actor_of(house.office, await add(house.office, "mia", "member", password=PASSWORD))
    made = await keys.create_key(house.office, mia, KeyWish(name="mias"))
    mine = f"key:{made.key.id.removeprefix('key:')}"
    hers, theirs = store.add({"key": "mias", "key_id": mine, "started_at_us": ago(5)}, {"started_at_us": ago(5)})
    person = await house.signed_in("mia@example.com")
    assert ids_in((await person.get("/requests")).text) == [hers]
    assert ids_in((await person.get("/requests?key=team")).text) == []
    assert (await person.get(f"/requests/{hers}")).status == 200
    assert (await person.get(f"/requests/{theirs}")).status == 404


async def test_what_strangers_say_is_text(owner: Person, store: Store) -> None:
    for evil in CORPUS:
        (made,) = store.add(hostile(evil))
        for path in (
            "/requests",
            f"/requests/{made}",
            "/",
            "/latency",
            f"/requests?model={quote(evil[:9])}&search={quote(evil[:5])}",
        ):
            answer = await owner.get(path)
            assert answer.status == 200, path
            assert_harmless(answer.text)


def hostile(evil: str) -> dict[str, Any]:
    """A record that says this wherever a client or a provider has a word in it."""
    attempt = AttemptRecord(evil, evil, evil, 500, evil, 1_000, evil, 5, evil)
    names = ("key", "requested_model", "provider", "model", "credential", "error", "user_agent", "upstream_request_id")
    more = ("via", "answered_model", "node", "trace_id", "upstream_format", "price", "key_id", "user_id", "team_id")
    said = dict.fromkeys((*names, *more), evil)
    lists = {"dropped": (evil, f"{evil} (emulated)"), "tags": (evil,), "attempts": (attempt, attempt)}
    return {**said, **lists, "status": 200, "started_at_us": ago(5)}


# One request


async def detail(owner: Person, store: Store, **fields: Any) -> str:
    (made,) = store.add({"started_at_us": ago(5), **fields})
    answer = await owner.get(f"/requests/{made}")
    assert answer.status == 200
    assert_well_formed(answer.text)
    return html.unescape(answer.text)


async def test_it_says_why_who_answered(owner: Person, store: Store) -> None:
    text = await detail(owner, store, via="fast", started_at_us=MIDNIGHT)
    assert plain(text, "What happened") == (
        "fast → mock/gpt-4o on first, because second/llama takes no images; third, which holds the conversation, rests "
        "until 00:01 (its rate limit is used up); 1 more could not be asked; spare failed (500, the provider fails), "
        "and rests for 30.0 s."
    )
    assert "server: another credential was next; it rests for 30.0 s" in text
    assert '<a href="/providers/mock/credentials/third">third</a>' in text
    nobody = {"attempts": (), "passed_over": (), "requested_model": None, "via": None, "provider": None, "model": None}
    refused = await detail(owner, store, status=401, error="invalid_key", **nobody)
    assert plain(refused, "What happened") == (
        "No model was named: no provider was asked, since it came with no client key that is known."
    )
    assert "<h1>/v1/chat/completions</h1>" in refused


def plain(text: str, title: str) -> str:
    """The first paragraph below a title, in words."""
    (said,) = re.findall(f">{title}</h2>.*?<p>(.*?)</p>", text, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", "", said).split())


async def test_times_in_it_are_those_of_whoever_looks(owner: Person, store: Store) -> None:
    (made,) = store.add({"started_at_us": MIDNIGHT})
    assert "until 00:01 (" in plain((await owner.get(f"/requests/{made}")).text, "What happened")
    owner.cookies["sluicegate-zone"] = "Asia/Tokyo"
    assert "until 09:01 (" in plain((await owner.get(f"/requests/{made}")).text, "What happened")


async def test_what_is_linked_is_what_one_may_see(house: House, owner: Person, store: Store) -> None:
    ada = await add(house.office, "ada")
    fields = {"user_id": ada.id, "team_id": "t1", "key": "a b", "key_id": None}
    (made,) = store.add({"started_at_us": ago(5), **fields})
    text = (await owner.get(f"/requests/{made}")).text
    for link in (
        f"/people/{ada.id}",
        "/people/teams/t1",
        "/keys/a%20b",
        "/providers/mock",
        "/providers/mock/credentials/first",
    ):
        assert f'href="{link}"' in text, link
    await add(house.office, "vera", "viewer", password=PASSWORD)
    viewer = await house.signed_in("vera@example.com")
    seen = (await viewer.get(f"/requests/{made}")).text
    for link in re.findall(r'href="(/(?:people|providers|keys)[^"]*)"', seen.partition("<main")[2]):
        assert (await viewer.get(html.unescape(link))).status in (200, 404), link


async def test_a_client_that_left_is_told_where_the_answer_was_good(owner: Person, store: Store) -> None:
    text = await detail(owner, store, error="client_disconnected", passed_over=(), passed_more=0)
    assert plain(text, "What happened").endswith("The client left while it had its answer.")
    attempts = text.partition('id="tries"')[2].partition("</table>")[0]
    assert "client left" in attempts
    assert "answered" not in attempts


async def test_another_model_than_was_asked_is_marked_and_can_be_filtered_by(owner: Person, store: Store) -> None:
    other, same = store.add(
        {"started_at_us": ago(5), "answered_model": "gpt-4.1-mini"},
        {"started_at_us": ago(6), "answered_model": "gpt-4o-2024-08-06"},
    )
    listed = (await owner.get("/requests?columns=answered")).text
    assert listed.count("other model</span>") == 1
    assert "gpt-4.1-mini" in listed
    assert ids_in((await owner.get("/requests?other=yes")).text) == [other]
    assert ids_in((await owner.get("/requests?other=no")).text) == [same]
    assert "another model than the one that was asked" in (await owner.get(f"/requests/{other}")).text
    assert "another model than the one that was asked" not in (await owner.get(f"/requests/{same}")).text


async def test_price_lines_add_up_to_the_cost(house: House, owner: Person, store: Store) -> None:
    house.around.prices["mock", "gpt-4o"] = Price(Rates(1_000_000, 5_000_000, cache_read=100_000))
    used = Tokens(input=1000, output=200, cache_read=400)
    text = await detail(owner, store, tokens=used, cost_nano_usd=1_640_000)
    for shown in ("$1.00", "$0.10", "$5.00", "$0.0006", "$0.00004", "$0.001", "$0.00164"):
        assert f">{shown}<" in text, shown
    about = await detail(owner, store, tokens=used, cost_nano_usd=1_640_000, usage_source="estimated")
    for shown in ("≈ 400", "≈ $0.0006", "≈ $0.00164"):
        assert f">{shown}<" in about, shown
    changed = await detail(owner, store, tokens=used, cost_nano_usd=1_000_000)
    assert "another one by now" in changed


async def test_a_cost_that_nobody_knows_is_never_nothing(owner: Person, store: Store) -> None:
    text = await detail(owner, store, cost_nano_usd=None, cost_source="unpriced")
    assert "not known: the model has no price" in text
    assert "$0.00" not in text


async def test_what_was_lost_is_named(owner: Person, store: Store) -> None:
    text = await detail(owner, store, dropped=("top_k", "response_format (emulated)"))
    assert "<code>top_k</code>" in text
    assert "<code>response_format</code>" in text
    assert "got by other means" in text
    assert "Nothing was lost." in await detail(owner, store)


async def test_ids_are_there_to_quote_and_a_line_to_try_again(owner: Person, store: Store) -> None:
    text = await detail(owner, store, trace_id="4bf92f3577b34da6a3ce929d0e0e4736", requested_model="it's")
    assert "req_1" in text
    assert "4bf92f3577b34da6a3ce929d0e0e4736" in text
    assert "curl -N https://gate.example/v1/chat/completions" in text
    assert """it'"'"'s""" in text
    nameless = await detail(owner, store, requested_model=None, endpoint="/v1/chat/completions", stream=False)
    assert '"model":"fast"' in nameless


async def test_what_is_no_request_is_not_found(owner: Person) -> None:
    for id_ in ("nonsense", "0192f0e1-0000-7000-8000-000000000001", "%3Cscript%3E"):
        assert (await owner.get(f"/requests/{id_}")).status == 404

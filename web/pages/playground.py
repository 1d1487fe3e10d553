"""Any model, tried out in any client's format: a conversation or a body written by hand, sent by a client key as
clients send it, with what the provider was sent beside it.

With a script the answer is shown as it comes; without one when it is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace

import orjson

from gateway.errors import GatewayError, NotSignedIn, Unacceptable
from gateway.management import configuration, keys, lent_keys
from gateway.management.lent_keys import LIFE_SECONDS, HeldKey
from gateway.settings.demo import DEMO_KEY
from web.dialects import DIALECTS, Turn
from web.filters import address
from web.forms import Form, Problem
from web.frame import Choice, frame_of
from web.least import FILES
from web.page import Action, Flow, Page, Sent, Shown, Site, Visit, render_block
from web.pages.keys import link_to
from web.pages.played import Outcome, Play, Preview, Wish, preview_of
from web.pages.playground_form import turns_typed, wish_typed
from web.pages.replayed import Replayed, replayed
from web.pages.where import model_names
from web.seeing import EVERYBODYS

PATH = "/playground"
SEND, PREVIEW, RAW = "/playground/send", "/playground/preview", "/playground/raw"
KEY, LEND, GIVE_BACK = "/playground/key", "/playground/lend", "/playground/give-back"

MOST_BYTES = 8 * 1024 * 1024
LONGEST_KEY = 1000

NO_KEY = "Show a client key, or have one made: every request is asked by one."


@dataclass(frozen=True, slots=True)
class Held:
    """The key that is asked by."""

    name: str
    link: str
    """Empty where its page is not for whoever looks."""
    until_us: int
    is_lent: bool


@dataclass(frozen=True, slots=True)
class Playground:
    """What the template shows."""

    tabs: tuple[Choice, ...]
    is_raw: bool
    formats: tuple[tuple[str, str], ...]
    form: Form
    """What stands in the fields."""
    models: tuple[str, ...]
    endpoints: tuple[str, ...]
    stream: bool
    turns: tuple[Turn, ...]
    is_answering: bool
    held: Held | None
    over: str
    """Why a key that was kept is kept no more."""
    known_key: str
    """The key that everybody knows, in a demo; empty elsewhere."""
    may_lend: bool
    minutes: int
    replayed: Replayed | None
    back: Mapping[str, str]
    """What the address says, for forms that lead back to it."""
    outcome: Outcome | None
    preview: Preview | None
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class Ended:
    """A request that is over."""

    outcome: Outcome
    turns: tuple[Turn, ...]
    is_answered: bool


@dataclass(frozen=True, slots=True)
class Written:
    """A conversation, to be gone on with by hand."""

    wish: Wish


async def load(site: Site, visit: Visit) -> Playground:
    """The page's context. Raises UnknownResource for a request to replay that nobody knows."""
    return replace(await _drawn(site, visit), models=await model_names(site, visit))


async def _drawn(site: Site, visit: Visit) -> Playground:
    """The same without what to choose from."""
    held, over = await _kept(site, visit)
    again = await replayed(site, visit, visit.query["replay"]) if visit.query.get("replay") else None
    form, made = visit.form, visit.made
    if again is not None and not form.values:
        form = Form({"endpoint": (again.endpoint,), "model": (again.model,), "body": (again.body,)})
    if isinstance(made, Written):
        form = Form(
            {"endpoint": (made.wish.endpoint,), "model": (made.wish.model,), "body": (made.wish.body.decode(),)}
        )
    if isinstance(made, Ended) and made.is_answered:
        form = Form({**form.values, "message": ("",)})
    back = {word: value for word in ("mode", "replay") if (value := visit.query.get(word, "") or visit.form.raw(word))}
    is_raw = isinstance(made, Written) or back.get("mode") == "raw" or "replay" in back
    return Playground(
        tabs=_tabs(is_raw=is_raw),
        is_raw=is_raw,
        formats=tuple((each.name, each.title) for each in DIALECTS.values()),
        form=form,
        models=(),
        endpoints=tuple(path for path in site.endpoints if path not in FILES),
        stream=form.raw("stream") != "no" or len(form.every("stream")) > 1,
        turns=made.turns if isinstance(made, Ended) else turns_typed(form),
        is_answering=False,
        held=None if held is None else _shown(visit, held),
        over=over,
        known_key=DEMO_KEY if site.demo else "",
        may_lend=visit.person.may(keys.WRITE, keys.OWN) and visit.person.user_id is not None,
        minutes=LIFE_SECONDS // 60,
        replayed=again,
        back={**back, "mode": "raw"} if is_raw else back,
        outcome=made.outcome if isinstance(made, Ended) else None,
        preview=made if isinstance(made, Preview) else None,
        problem=visit.problem,
    )


def _tabs(*, is_raw: bool) -> tuple[Choice, ...]:
    return (
        Choice("chat", "Conversation", PATH, not is_raw),
        Choice("raw", "JSON by hand", address(PATH, {"mode": "raw"}), is_raw),
    )


def _shown(visit: Visit, held: HeldKey) -> Held:
    link = link_to(held.key.id) if visit.person.may(keys.READ) or held.is_lent else ""
    return Held(held.key.name, link, held.until_us, held.is_lent)


# The key


async def _kept(site: Site, visit: Visit) -> tuple[HeldKey | None, str]:
    """The key that the browser keeps; where it is over, why."""
    value = visit.browser.held_key
    if not value:
        return None, ""
    try:
        return await lent_keys.recall(site.office, visit.person, value), ""
    except NotSignedIn as error:
        return None, error.message


async def show_key(site: Site, visit: Visit) -> Sent:
    """From now on this key is asked by."""
    secret = visit.form.raw("key").strip()
    if not secret:
        raise Unacceptable("Paste the key here.", param="key")
    if len(secret) > LONGEST_KEY:
        raise Unacceptable("This is longer than any key.", param="key")
    held = await lent_keys.hold(site.office, visit.person, secret, visit.browser.address)
    return _back(visit, "key-held", visit.browser.keep_held_key(held.value, LIFE_SECONDS))


async def lend_key(site: Site, visit: Visit) -> Sent:
    """A new key for an hour is asked by."""
    held = await lent_keys.lend(site.office, visit.person)
    return _back(visit, "key-lent", visit.browser.keep_held_key(held.value, LIFE_SECONDS))


async def give_back(site: Site, visit: Visit) -> Sent:
    """No key is asked by any more."""
    was_lent = await lent_keys.give_back(site.office, visit.person, visit.browser.held_key)
    return _back(visit, "key-returned" if was_lent else "key-forgotten", visit.browser.forget_held_key())


def _back(visit: Visit, said: str, cookies: tuple[bytes, ...]) -> Sent:
    there = {word: visit.form.text(word, 100) for word in ("mode", "replay")}
    return Sent(address(PATH, there, {"said": said}), cookies)


# What is done


async def preview(site: Site, visit: Visit) -> Shown:
    """What would become of it. Nothing is sent."""
    wish = wish_typed(site, visit.form)
    held, _ = await _kept(site, visit)
    if held is None and not visit.person.may(EVERYBODYS):
        raise Unacceptable(NO_KEY, param="key")
    return Shown(await preview_of(site, visit, held, wish))


async def write_by_hand(site: Site, visit: Visit) -> Shown:
    """The conversation as a body, to be changed."""
    return Shown(Written(wish_typed(site, visit.form)))


async def send(site: Site, visit: Visit) -> Shown | Flow:
    """What came of it: as it comes for a script, else when it is over."""
    if visit.form.raw("follow") == "yes":
        return flow_of(_followed(site, visit))
    play = await _begun(site, visit)
    try:
        async for _ in play.run():
            pass
    except GatewayError as error:
        raise Unacceptable(error.message) from None
    await play.book()
    return Shown(Ended(await play.outcome(), _went_on(visit, play), play.is_answered))


async def _begun(site: Site, visit: Visit) -> Play:
    visit.person.require(configuration.READ)
    wish = wish_typed(site, visit.form)
    held, over = await _kept(site, visit)
    if held is None:
        raise Unacceptable(over or NO_KEY, param="key")
    return Play(site, visit, held, wish, await preview_of(site, visit, held, wish))


def _went_on(visit: Visit, play: Play) -> tuple[Turn, ...]:
    """The conversation, with what was said now where it was answered."""
    before = turns_typed(visit.form)
    if not (play.wish.said and play.is_answered):
        return before
    return (*before, Turn("user", play.wish.said), Turn("model", play.text))


# For a script


async def _followed(site: Site, visit: Visit) -> AsyncIterator[bytes]:
    """Events: parts of the page in the place of those that are there, and words to add to the answer."""
    try:
        play = await _begun(site, visit)
        drawn = await _drawn(site, visit)
        is_begun = False
        async for heard in play.run():
            if not is_begun:
                is_begun = True
                yield await _parts(site, visit, _answering(drawn, play), play)
            else:
                yield _event(text=heard.text, thought=heard.thought)
        went_on = replace(drawn, turns=_went_on(visit, play))
        yield await _parts(site, visit, went_on, play, over=True)
        await play.book()
        if play.booked is not None or play.sides is not None:
            outcome = replace(drawn, outcome=await play.outcome())
            yield _event(outcome=_rendered(site, visit, "outcome", outcome))
    except GatewayError as error:
        yield _event(problem=error.message)


def _answering(drawn: Playground, play: Play) -> Playground:
    if not play.wish.said:
        return drawn
    turns = (*drawn.turns, Turn("user", play.wish.said), Turn("model", ""))
    return replace(drawn, turns=turns, is_answering=True)


async def _parts(site: Site, visit: Visit, drawn: Playground, play: Play, *, over: bool = False) -> bytes:
    shown = replace(drawn, outcome=await play.outcome())
    talk, outcome = (_rendered(site, visit, name, shown) for name in ("talk", "outcome"))
    return _event(talk=talk, outcome=outcome, answered=play.is_answered, over=over)


def _rendered(site: Site, visit: Visit, block: str, drawn: Playground) -> str:
    return render_block(PAGE, block, drawn, frame_of(site, (), visit, PAGE))


def _event(**said: object) -> bytes:
    return b"data: " + orjson.dumps(said) + b"\n\n"


def flow_of(events: AsyncIterator[bytes]) -> Flow:
    """Events as a flow: when nobody reads them any more, whoever makes them is cancelled, wherever they are."""
    made: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def make() -> None:
        try:
            async for event in events:
                made.put_nowait(event)
        finally:
            made.put_nowait(None)

    making = asyncio.create_task(make())

    async def parts() -> AsyncIterator[bytes]:
        while (event := await made.get()) is not None:
            yield event
        if not making.cancelled() and making.done() and (error := making.exception()) is not None:
            raise error

    def end() -> None:
        making.cancel()

    return Flow(parts(), end)


PAGE = Page(
    path=PATH,
    title="Playground",
    summary="Ask any model in any client's format, and see what its provider is sent.",
    template="playground.html",
    load=load,
    permissions=(configuration.READ,),
    takes_secrets=True,
    group="Set up",
    icon="playground",
    letter="y",
    blocks=("talk", "outcome"),
)

ACTIONS = (
    Action(SEND, PAGE, send, most_bytes=MOST_BYTES, abandonable=True),
    Action(PREVIEW, PAGE, preview, most_bytes=MOST_BYTES),
    Action(RAW, PAGE, write_by_hand, most_bytes=MOST_BYTES),
    Action(KEY, PAGE, show_key),
    Action(LEND, PAGE, lend_key),
    Action(GIVE_BACK, PAGE, give_back),
)

"""The dashboard over HTTP: who may see which page, what a form's answer is, blocks, static files.

Knows requests and answers. Does not know what a page shows; the headers that keep browsers out of trouble are
`gateway.browsers`' business, and on every answer of the control process.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from urllib.parse import parse_qsl, quote, unquote

from blacksheep import Application, Content, Request, Response, StreamedContent

from gateway import logs
from gateway.access.csrf import FIELD
from gateway.browsers import FOR_EVER
from gateway.errors import GatewayError, InvalidRequest, NotSignedIn
from gateway.turns import in_turns
from web import assets
from web.browser import browser_of
from web.display import zone_named
from web.filters import tidied
from web.forms import Problem, read_form
from web.frame import Going, Nothing, frame_of, is_waiting
from web.listening import awaited, listened
from web.packing import ENCODED, VARIES, packed, packed_once, takes_gzip
from web.page import (
    SAVED,
    Action,
    Download,
    Flow,
    Leaving,
    Notice,
    Page,
    Reply,
    Sending,
    Sent,
    Shown,
    Site,
    Visit,
    render,
    render_apart,
    render_block,
)
from web.pages import ACTIONS, PAGES
from web.saving import saved

HTML = b"text/html; charset=utf-8"
TEXT = b"text/plain; charset=utf-8"
EVENTS = b"text/event-stream"
UNBUFFERED = (b"x-accel-buffering", b"no")
"""nginx is not to hold it back."""

METHODS = ("GET", "HEAD", "POST")

OPEN = (b"cache-control", b"no-store, no-transform")
"""On pages that show a secret: nobody on the way packs them either (see `packing`)."""

NAME = re.compile(r"\{([a-z_]+)\}")
"""In the path of a page."""

Answer = Callable[[Request], Awaitable[Response]]

TITLES: Mapping[int, str] = {
    403: "Not for everybody",
    404: "Nothing here",
    405: "Not possible",
    429: "Not so fast",
    503: "Not available at the moment",
}
"""Of notices, by status."""

BROKEN = Notice(500, "That went wrong", "The gateway's log says why. Requests are served all the same.")

READABLE = "/?&=%:;,+@!$'()*~[]-._"
"""What stays as it is in an address that we send a browser to."""

log = logs.get("gateway.web")


def add_pages(
    app: Application, site: Site, pages: tuple[Page, ...] = PAGES, actions: tuple[Action, ...] = ACTIONS
) -> None:
    """Serve pages, forms and static files in `app`; whatever else is asked for there is answered 404 or 405."""
    dashboard = Dashboard(site, pages)
    for page in pages:
        app.router.add_get(page.path, dashboard.showing(page))
        app.router.add_head(page.path, dashboard.showing(page))
        if page.stream is not None:
            app.router.add_get(f"{page.path}/events", dashboard.telling(page))
    paths = {page.path for page in pages}
    for action in actions:
        app.router.add(action.method, action.path, dashboard.carrying_out(action))
        if action.method == "POST" and action.path not in paths:
            # Whoever asks for the address of a form, as by going back to it, means its page.
            app.router.add_get(action.path, dashboard.sending_to(action.page))
            app.router.add_head(action.path, dashboard.sending_to(action.page))
    app.router.add_get("/static/*", _static)
    app.router.add_head("/static/*", _static)
    app.router.fallback = dashboard.otherwise(app)


class Dashboard:
    """The pages of one site."""

    def __init__(self, site: Site, pages: tuple[Page, ...]) -> None:
        self._site, self._pages = site, pages

    def showing(self, page: Page) -> Answer:
        """Answers with a page."""

        async def answer(request: Request) -> Response:
            return await self._settle(request, partial(self._show, page))

        return answer

    def telling(self, page: Page) -> Answer:
        """Answers with what happens on a page, as it happens."""

        async def answer(request: Request) -> Response:
            return await self._settle(request, partial(self._tell_more, page))

        return answer

    def carrying_out(self, action: Action) -> Answer:
        """Answers a form."""

        async def answer(request: Request) -> Response:
            return await self._settle(request, partial(self._carry_out, action))

        return answer

    def sending_to(self, page: Page) -> Answer:
        """Answers with where the page is."""

        async def answer(request: Request) -> Response:
            return _see_other(_address(page, _names(request)))

        return answer

    def otherwise(self, app: Application) -> Answer:
        """Answers where there is nothing."""

        async def say(request: Request, visit: Visit) -> Response:
            methods = [each for each in METHODS if app.router.get_matching_route(each, request.url.path) is not None]
            if not methods:
                return self.notice(visit, Notice(404, TITLES[404], "There is no page at this address."))
            response = self.notice(visit, Notice(405, TITLES[405], f"{request.method} does not work here."))
            response.add_header(b"allow", ", ".join(methods).encode())
            return response

        async def answer(request: Request) -> Response:
            return await self._settle(request, say)

        return answer

    def notice(self, visit: Visit | None, notice: Notice) -> Response:
        """The answer that says one thing."""
        return _html(notice.status, render_apart("notice.html", notice, frame_of(self._site, self._pages, visit)))

    async def _settle(self, request: Request, perform: Callable[[Request, Visit], Awaitable[Response]]) -> Response:
        """What comes of a request, once it is known who asks. Pages are long to make: clients have turns in between."""
        return await in_turns(self._settled(request, perform))

    async def _settled(self, request: Request, perform: Callable[[Request, Visit], Awaitable[Response]]) -> Response:
        visit = None
        try:
            visit = await self._meet(request)
            response = await perform(request, visit)
            return response if response.get_first_header(OPEN[0]) else packed(response, _accepted(request))
        except GatewayError as error:
            return self._told(visit, error)
        except (
            Exception
        ):  # the edge of the dashboard; the web framework would write the address into the log, and links
            log.exception("a page failed", path=request.url.path.decode("latin-1"))
            return self.notice(visit, BROKEN)

    async def _meet(self, request: Request) -> Visit:
        """Raises StateUnavailable."""
        entrance = self._site.entrance
        browser = browser_of(request, self._site.office, entrance.session_token(request))
        try:
            actor = await entrance.identify(request)
        except NotSignedIn:
            actor = None
        query = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        return Visit(
            browser=browser,
            now_us=time.time_ns() // 1000,
            actor=actor,
            query=dict(query),
            pairs=query,
            path=request.url.path.decode("latin-1"),
            names=_names(request),
            zone=zone_named(browser.preferences.get("zone", "")),
        )

    async def _show(self, page: Page, request: Request, visit: Visit) -> Response:
        if elsewhere := self._refusal(page, request, visit) or _tidied(page, visit):
            return elsewhere
        if SAVED in visit.query:
            return await self._save(page, visit)
        block = visit.query.get("block")
        if block is not None and block not in page.blocks:
            return self.notice(visit, Notice(404, TITLES[404], "This page has no such part."))
        context = await page.load(self._site, visit)
        if isinstance(context, Reply):
            return await self._reply(page, visit, context)
        frame = frame_of(self._site, self._pages, visit, page)
        if block is not None:
            return _html(200, render_block(page, block, context, frame))
        return _html(200, render(page, context, frame), visit.browser.introduce() if page.is_public else ())

    async def _save(self, page: Page, visit: Visit) -> Response:
        try:
            return await self._reply(page, visit, await saved(self._site, visit, page))
        except InvalidRequest as error:  # told to whoever wrote the address, which pages do not
            return Response(error.status, None, Content(TEXT, f"{error.message}\n".encode()))

    async def _tell_more(self, page: Page, request: Request, visit: Visit) -> Response:
        if refusal := self._refusal(page, request, visit):
            return Response(401) if refusal.status == 303 else refusal
        assert page.stream is not None
        return _flowing(await page.stream(self._site, visit), request)

    async def _carry_out(self, action: Action, request: Request, visit: Visit) -> Response:
        if refusal := self._refusal(action.page, request, visit):
            return refusal
        form = await read_form(request, action.most_bytes)
        visit.browser.check_form(request.method, form.raw(FIELD))
        # What is shown next is the page, and what of it is fetched anew is fetched there.
        visit = replace(visit, form=form, path=_address(action.page, visit.names))
        running = action.run(self._site, visit)
        try:
            reply = await (awaited(running, request) if action.abandonable else running)
        except GatewayError as error:
            if error.status >= 500:
                raise
            problem = Problem(action.path, error.param, error.message)
            return await self._tell(action.page, replace(visit, problem=problem), error)
        if isinstance(reply, Sending):
            return _sent(reply, request)
        if isinstance(reply, Flow):
            return _flowing(reply, request)
        return await self._reply(action.page, visit, reply)

    async def _tell(self, page: Page, visit: Visit, error: GatewayError) -> Response:
        """The page again, with what is wrong beside the field. Raises GatewayError where it cannot be shown."""
        context = await page.load(self._site, visit)
        if isinstance(context, Reply):
            return await self._reply(page, visit, context)
        frame = frame_of(self._site, self._pages, visit, page)
        response = _html(_status(error), render(page, context, frame))
        return _with_patience(response, error)

    async def _reply(self, page: Page, visit: Visit, reply: Reply) -> Response:
        match reply:
            case Sent():
                return _see_other(reply.to, reply.cookies)
            case Notice():
                return self.notice(visit, reply)
            case Leaving():
                # Not 303: Chrome holds `form-action 'self'` against wherever a form's answer leads, and the list of
                # places to which a provider may lead is not ours to know (https://www.w3.org/TR/CSP3/#directive-form-action).
                going = Going(reply.name, reply.url)
                frame = frame_of(self._site, self._pages, visit)
                return _html(200, render_apart("leaving.html", going, frame), reply.cookies)
            case Download():
                return Response(200, [_kept_as(reply.name)], Content(reply.type.encode(), reply.content))
            case Shown():
                # Not 303 either: what is shown once cannot be kept for the next request.
                visit = replace(visit, made=reply.made)
                context = await page.load(self._site, visit)
                frame, block = frame_of(self._site, self._pages, visit, page), visit.query.get("block", "")
                part = block in page.blocks
                response = _html(
                    200, render_block(page, block, context, frame) if part else render(page, context, frame)
                )
                response.add_header(*OPEN)
                return response

    def _refusal(self, page: Page, request: Request, visit: Visit) -> Response | None:
        """The answer to somebody who may not see a page; None for somebody who may."""
        if page.takes_secrets and visit.browser.is_overheard:
            return self.notice(visit, _overheard(self._site))
        if page.is_public:
            return None
        if visit.actor is None or not (page.permissions or visit.is_signed_in):
            return self._to_login(page, request, visit)
        if not page.permissions or visit.actor.may(*page.permissions):
            return None
        if is_waiting(visit.actor):
            return _html(403, render_apart("waiting.html", Nothing(), frame_of(self._site, self._pages, visit)))
        wanted = " or ".join(page.permissions)
        text = f"This page needs the permission {wanted}, which your role does not have. An admin can give you another."
        return self.notice(visit, Notice(403, TITLES[403], text))

    def _to_login(self, page: Page, request: Request, visit: Visit) -> Response:
        if "block" in visit.query:  # a part of a page is no place for the form; the page asks for itself then
            return self.notice(None, Notice(401, "Signed out", "Your session is over. Reload the page to log in."))
        asked = request.scope["raw_path"] + (b"?" + request.scope["query_string"]).rstrip(b"?")
        there = asked.decode("latin-1") if request.method in ("GET", "HEAD") else _address(page, visit.names)
        return _see_other(
            f"/login?next={quote(there, safe='/')}" if there != "/" else "/login", visit.browser.drop_stale()
        )

    def _told(self, visit: Visit | None, error: GatewayError) -> Response:
        """A notice of an error."""
        status = _status(error)
        text = f"{error.message} Requests are served all the same." if status == 503 else error.message
        return _with_patience(self.notice(visit, Notice(status, TITLES.get(status, "That does not work"), text)), error)


def _sent(sending: Sending, request: Request) -> Response:
    content = StreamedContent(sending.type.encode(), listened(sending.flow, request))
    return Response(200, [_kept_as(sending.name), UNBUFFERED], content)


def _flowing(flow: Flow, request: Request) -> Response:
    return Response(200, [UNBUFFERED], StreamedContent(EVENTS, listened(flow, request)))


def _kept_as(name: str) -> tuple[bytes, bytes]:
    return b"content-disposition", f'attachment; filename="{name}"'.encode()


def _names(request: Request) -> Mapping[str, str]:
    """What stands in an address where its path has a name in braces."""
    return {name: unquote(value or "") for name, value in (request.route_values or {}).items()}


def _address(page: Page, names: Mapping[str, str]) -> str:
    """Where a page is, of these names."""
    return NAME.sub(lambda found: quote(names.get(found[1], found[0]), safe=""), page.path)


async def _static(request: Request) -> Response:
    asset = assets.by_url().get(request.url.path.decode("latin-1"))
    if asset is None:
        return Response(404, None, Content(TEXT, b"No such file.\n"))
    if takes_gzip(_accepted(request)):
        return Response(200, [FOR_EVER, VARIES, ENCODED], Content(asset.type, packed_once(asset.content)))
    return Response(200, [FOR_EVER, VARIES], Content(asset.type, asset.content))


def _accepted(request: Request) -> bytes | None:
    return request.get_first_header(b"accept-encoding")


def _status(error: GatewayError) -> int:
    """A 401 would have to say how to authenticate (RFC 9110, 15.5.2), and what forms do has no name there."""
    return 403 if isinstance(error, NotSignedIn) else error.status


def _with_patience(response: Response, error: GatewayError) -> Response:
    """The answer, saying when to come again where that is known."""
    if error.retry_after is not None:
        response.add_header(b"retry-after", b"%d" % max(1, math.ceil(error.retry_after)))
    return response


def _overheard(site: Site) -> Notice:
    public = site.settings().server.public_url
    there = public if public.startswith("https:") else "the gateway by https://"
    return Notice(
        403,
        "Not over plain HTTP",
        f"Others on the way could read the password. Open {there} in place of this. Where there is none, put a proxy "
        "with TLS in front of the gateway; where there is one, name it in server.trusted_proxies, or its address in "
        "server.public_url. On the gateway's own machine http://localhost will do.",
    )


def _tidied(page: Page, visit: Visit) -> Response | None:
    """To the address without what says nothing in it, where it has any of that. A file is given at any address."""
    if page.is_public or SAVED in visit.query:
        return None
    tidy = tidied(visit.path, visit.pairs)
    return None if tidy is None else _see_other(tidy)


def _see_other(to: str, cookies: tuple[bytes, ...] = ()) -> Response:
    headers = [(b"location", quote(to, safe=READABLE).encode()), *((b"set-cookie", each) for each in cookies)]
    return Response(303, headers)


def _html(status: int, text: str, cookies: tuple[bytes, ...] = ()) -> Response:
    return Response(status, [(b"set-cookie", each) for each in cookies], Content(HTML, text.encode()))

"""The dashboard over HTTP: pages, their blocks, static files.

Knows requests and answers. Does not know what a page shows; the headers that keep browsers out of trouble are
`gateway.browsers`' business, and on every answer of the control process.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from blacksheep import Application, Content, Request, Response

from gateway.browsers import FOR_EVER, origin_of
from gateway.errors import ControlUnavailable
from web import assets
from web.page import Page, Site, Visit, render, render_block, render_notice
from web.pages import PAGES

HTML = b"text/html; charset=utf-8"

Answer = Callable[[Request], Awaitable[Response]]


def add_pages(app: Application, site: Site, pages: tuple[Page, ...] = PAGES) -> None:
    """Serve `pages` and the static files in `app`; whatever else is asked for there is answered 404 or 405."""
    for page in pages:
        app.router.add_get(page.path, _answer_with(page, site))
        app.router.add_head(page.path, _answer_with(page, site))
    app.router.add_get("/static/*", _static)
    app.router.add_head("/static/*", _static)
    readable = {page.path for page in pages}

    async def broken(app: Application, request: Request, error: Exception) -> Response:
        return _notice(site, 500, "That went wrong", "The gateway's log says why. Requests are served all the same.")

    app.exceptions_handlers[500] = broken

    async def otherwise(request: Request) -> Response:
        path = request.url.path.decode("latin-1")
        if path in readable and request.method not in {"GET", "HEAD"}:
            return _notice(site, 405, "Not possible", f"{request.method} does not work here; pages are read with GET.")
        return _notice(site, 404, "Nothing here", "There is no page at this address.")

    app.router.fallback = otherwise


def _answer_with(page: Page, site: Site) -> Answer:
    async def answer(request: Request) -> Response:
        if page.role != "anyone":
            return _notice(site, 403, "Not for everybody", "This page needs a login, and there are no users yet.")
        origin = origin_of({name.lower(): value for name, value in request.headers}, site.settings().server)
        visit = Visit(origin, time.time_ns() // 1000)
        block = next(iter(request.query.get("block", [])), None)
        if block is not None and block not in page.blocks:
            return _notice(site, 404, "Nothing here", "This page has no such part.")
        try:
            context = await page.load(site, visit)
        except ControlUnavailable as error:
            return _notice(
                site, 503, "Not available at the moment", f"{error.message} Requests are served all the same."
            )
        if block is not None:
            return _html(200, render_block(page, block, context, _frame(site)))
        return _html(200, render(page, context, _frame(site)))

    return answer


async def _static(request: Request) -> Response:
    asset = assets.by_url().get(request.url.path.decode("latin-1"))
    if asset is None:
        return Response(404, None, Content(b"text/plain; charset=utf-8", b"No such file.\n"))
    return Response(200, [FOR_EVER], Content(asset.type, asset.content))


def _frame(site: Site) -> dict[str, object]:
    """What every page has around it."""
    return {"pages": PAGES, "version": site.version, "demo": site.demo}


def _notice(site: Site, status: int, title: str, text: str) -> Response:
    return _html(status, render_notice(title, text, _frame(site)))


def _html(status: int, text: str) -> Response:
    return Response(status, None, Content(HTML, text.encode()))

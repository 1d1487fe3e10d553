"""The dashboard over HTTP: pages, their blocks, static files, and the headers that keep browsers out of trouble.

Knows requests and answers. Does not know what a page shows.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable

from blacksheep import Application, Content, Request, Response

from gateway.errors import ControlUnavailable
from web import assets
from web.page import Page, Site, Visit, render, render_block, render_notice
from web.pages import PAGES

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

GUARDS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
)
"""On every answer."""

NO_STORE = (b"cache-control", b"no-store")
FOR_EVER = (b"cache-control", b"public, max-age=31536000, immutable")

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


def origin_of(request: Request, settings_listen: str) -> str:
    """Scheme, host and port as the browser sees us; what a client claims is taken only if it looks like that."""
    host = (request.get_first_header(b"host") or b"").decode("latin-1")
    scheme = (request.get_first_header(b"x-forwarded-proto") or b"http").decode("latin-1")
    if not re.fullmatch(r"[A-Za-z0-9.-]+(:[0-9]+)?|\[[0-9A-Fa-f:.]+\](:[0-9]+)?", host, re.ASCII):
        host = settings_listen
    return f"{scheme if scheme in {'http', 'https'} else 'http'}://{host}"


def _answer_with(page: Page, site: Site) -> Answer:
    async def answer(request: Request) -> Response:
        if page.role != "anyone":
            return _notice(site, 403, "Not for everybody", "This page needs a login, and there are no users yet.")
        visit = Visit(origin_of(request, site.settings().server.listen), time.time_ns() // 1000)
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
        return Response(404, [*GUARDS, NO_STORE], Content(b"text/plain; charset=utf-8", b"No such file.\n"))
    return Response(200, [*GUARDS, FOR_EVER], Content(asset.type, asset.content))


def _frame(site: Site) -> dict[str, object]:
    """What every page has around it."""
    return {"pages": PAGES, "version": site.version, "demo": site.demo}


def _notice(site: Site, status: int, title: str, text: str) -> Response:
    return _html(status, render_notice(title, text, _frame(site)))


def _html(status: int, text: str) -> Response:
    return Response(status, [*GUARDS, NO_STORE], Content(HTML, text.encode()))

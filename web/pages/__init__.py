"""The pages, in the order of the rail: one module each."""

from __future__ import annotations

from web.page import Page
from web.pages import overview

PAGES: tuple[Page, ...] = (overview.PAGE,)

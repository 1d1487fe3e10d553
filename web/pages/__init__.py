"""The pages, in the order of the rail, and those that do not stand in it: one module each."""

from __future__ import annotations

from web.page import Action, Page
from web.pages import account, links, login, overview

PAGES: tuple[Page, ...] = (overview.PAGE, account.PAGE, login.PAGE, *links.PAGES)

ACTIONS: tuple[Action, ...] = (*account.ACTIONS, *login.ACTIONS, *links.ACTIONS)
"""What their forms do."""

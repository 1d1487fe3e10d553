"""BlackSheep's application, made quickly.

Knows what BlackSheep does while one is made. Does not know what is served by it.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from blacksheep import Application, Router


def new_application() -> Application:
    """One with a router of its own, since BlackSheep's default router is one for the whole process.

    BlackSheep looks twice through the whole call stack for where it is made (`validate_router`, `get_parent_file`, by
    `inspect.stack`), which costs more than all the rest of a start: in a thread of its own there is little on that.
    """
    with ThreadPoolExecutor(1) as alone:
        return alone.submit(_Application, router=Router(), show_error_details=False).result()


class _Application(Application):
    """Takes handlers as they are."""

    def normalize_handlers(self) -> None:
        """Ours take a request and give a response, every one of them: nothing is to be bound nor wrapped.

        BlackSheep would look at the signature and the hints of each at every start, and, since these are postponed,
        put a coroutine around it that looks at every response.
        """
        self.router.sort_routes()  # type: ignore[no-untyped-call] # BlackSheep's own, both
        self._normalize_fallback_route()  # type: ignore[no-untyped-call]

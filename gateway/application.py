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
        return alone.submit(Application, router=Router(), show_error_details=False).result()

"""Settings that are values, over HTTP: each is there always, and has a value by default."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from gateway.errors import ManagedByFile, Unacceptable
from gateway.management import configuration
from gateway.management.configured import SettingView, SettingWish
from gateway.management.office import Office
from gateway.settings.stored import SETTINGS

from .operation import Asked, Operation
from .paging import Page, PageQuery, cut

TAG = "settings"
READ, WRITE = configuration.READ, configuration.WRITE


class SettingQuery(PageQuery, frozen=True, kw_only=True):
    """Which settings."""

    search: Annotated[str, Meta(min_length=1, max_length=100, description="Part of the path.")] | None = None
    changeable: Annotated[bool | None, Meta(description="Whether the management API can set them.")] = None


async def list_settings(asked: Asked[Office, None, SettingQuery]) -> Page[SettingView]:
    """In the order of the documentation."""
    query, after = asked.query, asked.query.after(int)
    found = await configuration.list_settings(asked.office, asked.actor)
    rows = [
        (place, setting)
        for place, setting in enumerate(found)
        if (after is None or place > int(after[0]))
        and (query.search is None or query.search in setting.path)
        and query.changeable in (None, setting.changeable)
    ]
    return cut(rows, query, lambda row: (row[0],), lambda row: row[1])


async def show_setting(asked: Asked[Office, None, None]) -> SettingView:
    """One setting."""
    return await configuration.get_setting(asked.office, asked.actor, asked.path["path"])


async def set_setting(asked: Asked[Office, SettingWish, None]) -> SettingView:
    """The value is from now on what was said."""
    value = asked.body.value
    return await configuration.set_value(asked.office, asked.actor, asked.path["path"], value, asked.if_match)


async def unset_setting(asked: Asked[Office, None, None]) -> None:
    """It goes back to what it was before anybody set it."""
    await configuration.delete_object(asked.office, asked.actor, ("setting", asked.path["path"]), asked.if_match)


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/settings",
        id="list_settings",
        summary="List settings",
        description=f"All {len(SETTINGS)} of them in the order of the documentation, with what is in force, who says "
        "it and whether it can be set here.",
        tag=TAG,
        permission=READ,
        query=SettingQuery,
        answer=SettingView,
        paged=True,
        run=list_settings,
    ),
    Operation(
        method="GET",
        path="/api/settings/{path}",
        id="show_setting",
        summary="Show a setting",
        tag=TAG,
        permission=READ,
        answer=SettingView,
        versioned=True,
        run=show_setting,
    ),
    Operation(
        method="PUT",
        path="/api/settings/{path}",
        id="set_setting",
        summary="Set a setting",
        description="A setting that nobody has set here has no `ETag`: send `If-Match: *`. In `login.providers`, "
        "`alerts.webhooks` and `alerts.email` the secret of what is otherwise as it was may be left out, and stays.",
        tag=TAG,
        permission=WRITE,
        body=SettingWish,
        answer=SettingView,
        versioned=True,
        errors=(ManagedByFile,),
        run=set_setting,
    ),
    Operation(
        method="DELETE",
        path="/api/settings/{path}",
        id="unset_setting",
        summary="Take a setting back",
        description="Its value is again what it was before it was set here.",
        tag=TAG,
        permission=WRITE,
        status=204,
        versioned=True,
        errors=(ManagedByFile, Unacceptable),
        run=unset_setting,
    ),
)

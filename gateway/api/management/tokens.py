"""API tokens and sessions over HTTP: by what somebody is known, and how that ends."""

from __future__ import annotations

from gateway.errors import Conflict
from gateway.management import sessions, tokens
from gateway.management.office import Office
from gateway.management.sessions import SessionFilter, SessionView
from gateway.management.tokens import MadeToken, NewToken, TokenFilter, TokenStatus, TokenView

from .operation import Answer, Asked, Operation
from .paging import Page, PageQuery, cut
from .schemas import Id

TOKENS, SESSIONS = "tokens", "sessions"


class TokenQuery(PageQuery, frozen=True, kw_only=True):
    """Which API tokens."""

    status: TokenStatus | None = None
    user_id: Id | None = None


class SessionQuery(PageQuery, frozen=True, kw_only=True):
    """Which sessions."""

    user_id: Id | None = None


async def list_tokens(asked: Asked[Office, None, TokenQuery]) -> Page[TokenView]:
    """Latest first."""
    query, after = asked.query, asked.query.after(str)
    wanted = TokenFilter(status=query.status, user_id=query.user_id)
    after_id = None if after is None else str(after[0])
    found = await tokens.list_tokens(asked.office, asked.actor, wanted, after_id=after_id, limit=query.fetched)
    return cut(found, query, lambda token: (token.id,), lambda token: token)


async def create_token(asked: Asked[Office, NewToken, None]) -> Answer:
    """The token is in the answer, and nowhere else afterwards."""
    made = await tokens.create_token(asked.office, asked.actor, asked.body)
    return Answer(of=made, version=made.token.version, location=f"/api/tokens/{made.token.id}")


async def show_token(asked: Asked[Office, None, None]) -> TokenView:
    """One token."""
    return await tokens.get_token(asked.office, asked.actor, asked.path["id"])


async def revoke_token(asked: Asked[Office, None, None]) -> TokenView:
    """For good."""
    return await tokens.revoke_token(asked.office, asked.actor, asked.path["id"], asked.if_match)


async def list_sessions(asked: Asked[Office, None, SessionQuery]) -> Page[SessionView]:
    """Latest first, without those that are over."""
    query, after = asked.query, asked.query.after(str)
    wanted = SessionFilter(user_id=query.user_id)
    after_id = None if after is None else str(after[0])
    found = await sessions.list_sessions(asked.office, asked.actor, wanted, after_id=after_id, limit=query.fetched)
    return cut(found, query, lambda session: (session.id,), lambda session: session)


async def end_session(asked: Asked[Office, None, None]) -> None:
    """Whoever uses it must log in again."""
    await sessions.end_session(asked.office, asked.actor, asked.path["id"])


async def end_sessions(asked: Asked[Office, None, None]) -> None:
    """All but the one that asks."""
    await sessions.end_sessions(asked.office, asked.actor, asked.path["id"])


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/tokens",
        id="list_tokens",
        summary="List API tokens",
        description="Latest first; one's own, unless one may see all.",
        tag=TOKENS,
        permission=f"{tokens.READ}|{tokens.OWN}",
        query=TokenQuery,
        answer=TokenView,
        paged=True,
        run=list_tokens,
    ),
    Operation(
        method="POST",
        path="/api/tokens",
        id="create_token",
        summary="Make an API token",
        description="In one's own name, with some of one's own permissions. The answer holds the token, which is not "
        "shown again.",
        tag=TOKENS,
        permission=tokens.OWN,
        body=NewToken,
        answer=MadeToken,
        status=201,
        versioned=True,
        idempotent=True,
        run=create_token,
    ),
    Operation(
        method="GET",
        path="/api/tokens/{id}",
        id="show_token",
        summary="Show an API token",
        tag=TOKENS,
        permission=f"{tokens.READ}|{tokens.OWN}",
        answer=TokenView,
        versioned=True,
        run=show_token,
    ),
    Operation(
        method="DELETE",
        path="/api/tokens/{id}",
        id="revoke_token",
        summary="Revoke an API token",
        tag=TOKENS,
        permission=f"{tokens.WRITE}|{tokens.OWN}",
        answer=TokenView,
        versioned=True,
        errors=(Conflict,),
        run=revoke_token,
    ),
    Operation(
        method="GET",
        path="/api/sessions",
        id="list_sessions",
        summary="List sessions",
        description="Who is signed in, since when and from where; one's own, unless one may see all.",
        tag=SESSIONS,
        permission=f"{sessions.READ}|{sessions.OWN}",
        query=SessionQuery,
        answer=SessionView,
        paged=True,
        run=list_sessions,
    ),
    Operation(
        method="DELETE",
        path="/api/sessions/{id}",
        id="end_session",
        summary="End a session",
        tag=SESSIONS,
        permission=f"{sessions.WRITE}|{sessions.OWN}",
        status=204,
        run=end_session,
    ),
    Operation(
        method="DELETE",
        path="/api/users/{id}/sessions",
        id="end_sessions",
        summary="End all sessions of a user",
        description="But the one that asks.",
        tag=SESSIONS,
        permission=f"{sessions.WRITE}|{sessions.OWN}",
        status=204,
        run=end_sessions,
    ),
)

"""A login at GitHub or GitHub Enterprise, which identify people by OAuth 2 and their REST API, without identity tokens.

Facts from https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps and
https://docs.github.com/rest/users, /rest/users/emails, /rest/orgs/orgs and /rest/teams/teams.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from gateway.access.oidc import tokens
from gateway.access.oidc.answers import exchange, read_answer
from gateway.access.oidc.asking import Fetch, Question, ask, mapping, said, text
from gateway.access.oidc.flow import Flow
from gateway.access.oidc.identity import Identity, tidy_email, tidy_groups
from gateway.access.oidc.kinds import issuer_of, scopes_of
from gateway.errors import LoginFailed
from gateway.settings.model import LoginProviderSettings

VERSION = "2022-11-28"
"""Of the REST API: https://docs.github.com/rest/about-the-rest-api/api-versions."""

PAGE_SIZE = 100
MOST_PAGES = 10

CLIENT_METHODS = ("client_secret_post",)


class GitHub:
    """Logins at GitHub."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    async def begin(self, provider: LoginProviderSettings, flow: Flow) -> str:
        """Where the browser must go."""
        endpoint = f"{_server(provider)}/login/oauth/authorize"
        return tokens.authorization_url(endpoint, _client(provider), flow, scopes_of(provider))

    async def finish(self, provider: LoginProviderSettings, flow: Flow, query: Mapping[str, str]) -> Identity:
        """Who has come back. Raises LoginFailed."""
        code = read_answer(query, flow)
        endpoint = f"{_server(provider)}/login/oauth/access_token"
        question = tokens.exchange_question(endpoint, _client(provider), flow, code, CLIENT_METHODS)
        given = await exchange(self._fetch, question)
        account = _Account(self._fetch, api_of(_server(provider)), given["access_token"])
        user = mapping(await account.ask("account details", "/user"), "account details")
        if not isinstance(user.get("id"), int) or isinstance(user["id"], bool):
            raise LoginFailed("The provider does not say whom its answer is about.", details="no id in /user")
        email, verified = primary_email(await account.list("e-mail addresses", "/user/emails"))
        login = said(user.get("login"))
        return Identity(
            provider=provider.id,
            subject=str(user["id"]),
            email=email,
            email_verified=verified,
            name=said(user.get("name")) or login,
            groups=await account.groups() if provider.roles else (),
            claims={"iss": _server(provider), "preferred_username": login},
        )


def api_of(server: str) -> str:
    """Where the REST API of a server is.

    https://docs.github.com/rest/enterprise-admin for GitHub Enterprise Server; with data residency, a subdomain of
    ghe.com, it is https://docs.github.com/enterprise-cloud@latest/admin/data-residency.
    """
    host = urlsplit(server).hostname or ""
    if host == "github.com" or host.endswith(".ghe.com"):
        return f"https://api.{host}"
    return f"{server}/api/v3"


def primary_email(entries: list[dict[str, Any]]) -> tuple[str, bool]:
    """The primary address of an account, and whether it is verified."""
    for entry in entries:
        if entry.get("primary") is True:
            return tidy_email(entry.get("email")), entry.get("verified") is True
    return "", False


class _Account:
    """The REST API, with somebody's access token."""

    def __init__(self, fetch: Fetch, api: str, token: str) -> None:
        self._fetch = fetch
        self._api = api
        self._headers = {
            "authorization": f"Bearer {token}",
            "accept": "application/vnd.github+json",
            "x-github-api-version": VERSION,
        }

    async def ask(self, what: str, path: str) -> Any:
        return await ask(self._fetch, Question(what, self._api + path, headers=self._headers))

    async def list(self, what: str, path: str) -> list[dict[str, Any]]:
        """All pages of a list, as far as anybody could need them."""
        found: list[dict[str, Any]] = []
        for page in range(1, MOST_PAGES + 1):
            answer = await self.ask(what, f"{path}?per_page={PAGE_SIZE}&page={page}")
            if not isinstance(answer, list):
                raise LoginFailed(f"The provider answered something unreadable when asked for its {what}.")
            found += [entry for entry in answer if isinstance(entry, dict)]
            if len(answer) < PAGE_SIZE:
                break
        return found

    async def groups(self) -> tuple[str, ...]:
        """Organizations, and teams as `organization/team`, by the names in their addresses."""
        organizations = [_login(entry) for entry in await self.list("organizations", "/user/orgs")]
        teams = [
            f"{_login(entry.get('organization'))}/{text(entry.get('slug'))}"
            for entry in await self.list("teams", "/user/teams")
            if _login(entry.get("organization")) and text(entry.get("slug"))
        ]
        return tidy_groups(organizations + teams)


def _login(entry: Any) -> str:
    return text(entry.get("login")) if isinstance(entry, dict) else ""


def _server(provider: LoginProviderSettings) -> str:
    return issuer_of(provider).rstrip("/")


def _client(provider: LoginProviderSettings) -> tokens.Client:
    return tokens.Client(provider.client_id, provider.client_secret)

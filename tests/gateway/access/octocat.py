"""GitHub as its documentation shows it: the OAuth pages and the parts of the REST API that a login needs.

Shapes from https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps and
https://docs.github.com/rest (users, emails, organizations, teams), shortened to what is of interest.
"""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import urlencode

from tests.gateway.access.forgery import ACCESS_TOKEN, CLIENT, CODE, SECRET, Answering, Asked, Said, encoded, json_of
from tests.openid_provider import query_of

USER = {
    "login": "octocat",
    "id": 583231,
    "node_id": "MDQ6VXNlcjU4MzIzMQ==",
    "type": "User",
    "site_admin": False,
    "name": "The Octocat",
    "company": "@github",
    "email": "public@elsewhere.example",
    "two_factor_authentication": True,
}

EMAILS: list[dict[str, Any]] = [
    {"email": "old@elsewhere.example", "verified": True, "primary": False, "visibility": None},
    {"email": "Octocat@Corp.example", "verified": True, "primary": True, "visibility": "private"},
]

ORGANIZATIONS = [{"login": "corp", "id": 1, "node_id": "MDEyOk9yZ2FuaXphdGlvbjE=", "description": "A great one"}]

TEAM = {"id": 1, "name": "Justice League", "slug": "justice-league", "privacy": "closed", "permission": "admin"}


class Octocat(Answering):
    """GitHub Enterprise Server on this machine, with one account; `api` is where its REST API is."""

    def __init__(self, api: str = "/api/v3") -> None:
        super().__init__()
        self.challenge = ""
        self.scope = ""
        self.emails = EMAILS
        self.user: dict[str, Any] = USER
        self.organizations: list[dict[str, Any]] = ORGANIZATIONS
        self.teams: list[dict[str, Any]] = [{**TEAM, "organization": ORGANIZATIONS[0]}]
        self.answers = {
            "/login/oauth/access_token": self.exchange,
            f"{api}/user": lambda asked: self.resource(asked, self.user),
            f"{api}/user/emails": lambda asked: self.paged(asked, self.emails, "user:email"),
            f"{api}/user/orgs": lambda asked: self.paged(asked, self.organizations, "read:org"),
            f"{api}/user/teams": lambda asked: self.paged(asked, self.teams, "read:org"),
        }

    def browse(self, url: str) -> dict[str, str]:
        """What the user's browser does with the login address: what it brings back."""
        assert url.startswith(f"{self.url}/login/oauth/authorize?")
        query = query_of(url)
        assert (query["client_id"], query["code_challenge_method"]) == (CLIENT, "S256")
        self.challenge, self.scope = query["code_challenge"], query["scope"]
        return {"code": CODE, "state": query["state"]}

    def exchange(self, asked: Asked) -> Said:
        form = asked.form
        if (form["client_id"], form["client_secret"]) != (CLIENT, SECRET):
            return self.said(asked, error="incorrect_client_credentials", error_description="The client_id and/or …")
        challenge = encoded(hashlib.sha256(form["code_verifier"].encode()).digest())
        if form["code"] != CODE or challenge != self.challenge:
            return self.said(asked, error="bad_verification_code", error_description="The code passed is incorrect.")
        return self.said(asked, access_token=ACCESS_TOKEN, scope=self.scope.replace(" ", ","), token_type="bearer")

    def said(self, asked: Asked, **answer: str) -> Said:
        """With status 200 whatever it is, and JSON only for those who ask for it."""
        if asked.headers["accept"] == "application/json":
            return json_of(answer)
        return 200, {"content-type": "application/x-www-form-urlencoded"}, urlencode(answer).encode()

    def resource(self, asked: Asked, value: Any) -> Said:
        if asked.headers.get("authorization") != f"Bearer {ACCESS_TOKEN}":
            return json_of({"message": "Bad credentials", "status": "401"}, 401)
        if not asked.headers.get("user-agent"):
            return 403, {}, b"Request forbidden by administrative rules."
        return json_of(value)

    def paged(self, asked: Asked, values: list[dict[str, Any]], scope: str) -> Said:
        if scope not in self.scope.split(" "):
            return json_of({"message": f"You need at least {scope} scope", "status": "403"}, 403)
        size, page = int(asked.query.get("per_page", 30)), int(asked.query.get("page", 1))
        return self.resource(asked, values[(page - 1) * size : page * size])

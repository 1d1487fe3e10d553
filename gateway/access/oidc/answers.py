"""What a provider answers, through the browser and at its token endpoint, and the words for its refusals.

Facts from RFC 6749, RFC 9207, https://openid.net/specs/openid-connect-core-1_0.html#AuthError, and for GitHub
https://docs.github.com/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from gateway.errors import LoginFailed

from .asking import Fetch, Question, ask, mapping, said, text
from .flow import Flow

TURNED_DOWN = {
    "access_denied": "The login was cancelled, or the provider does not let this account in.",
    "account_selection_required": "The provider wants an account to be chosen first.",
    "consent_required": "The provider wants a consent that it was not given.",
    "interaction_required": "The provider wants to ask something first.",
    "invalid_request": "The provider does not understand this gateway's request.",
    "invalid_scope": "The provider does not know a scope that this gateway asks for.",
    "login_required": "The provider wants a login first.",
    "redirect_uri_mismatch": "The provider does not know the address of this gateway.",
    "server_error": "Something went wrong at the provider.",
    "temporarily_unavailable": "The provider is too busy or being repaired; try again later.",
    "unauthorized_client": "The provider does not let this gateway log people in.",
    "unsupported_response_type": "The provider does not know the kind of login this gateway asks for.",
}
"""`error` in the answer that the browser brings."""

NOT_EXCHANGED = {
    "bad_verification_code": "The provider does not take the code: it is used up or too old. Log in again.",
    "incorrect_client_credentials": "The provider does not know this gateway's client id, or its secret is wrong.",
    "invalid_client": "The provider does not know this gateway's client id, or its secret is wrong.",
    "invalid_grant": "The provider does not take the code: it is used up, too old or not this login's. Log in again.",
    "redirect_uri_mismatch": "The provider does not know the address of this gateway.",
    "unauthorized_client": "The provider does not let this gateway log people in.",
    "unverified_user_email": "The e-mail address of this account is not verified at the provider.",
}
"""`error` in the answer of the token endpoint."""

STRANGE = "This answer does not belong to a login that was begun here. Log in again."


def read_answer(query: Mapping[str, str], flow: Flow, issuer: str = "", *, names_issuer: bool = False) -> str:
    """The code that the browser brings back. Raises LoginFailed.

    `issuer` is whom the answer must name where it names anybody, and with `names_issuer` it must name somebody;
    empty ignores what it names.
    """
    if not hmac.compare_digest(query.get("state", "").encode(), flow.state.encode()):
        raise LoginFailed(STRANGE, details="state is missing or wrong")
    named = query.get("iss")
    if issuer and names_issuer and named is None:
        raise LoginFailed("The answer does not say which provider it comes from.", details="no iss")
    if issuer and named is not None and named != issuer:
        raise LoginFailed(
            "The answer comes from another provider than the one asked.",
            details=f"expected {issuer}, found {said(named)}",
        )
    if "error" in query:
        raise _refusal(query, TURNED_DOWN, "The provider refused the login.")
    if not query.get("code"):
        raise LoginFailed("The answer of the provider is incomplete.", details="neither code nor error")
    return query["code"]


async def exchange(fetch: Fetch, question: Question) -> dict[str, Any]:
    """What the token endpoint gives for a code, an access token at the least. Raises LoginFailed."""
    answer = mapping(await ask(fetch, question), question.what)
    if "error" in answer:
        raise _refusal(answer, NOT_EXCHANGED, "The provider did not give tokens for the code.")
    if not text(answer.get("access_token")) or text(answer.get("token_type")).lower() != "bearer":
        raise LoginFailed("The provider did not give tokens for the code.", details="no access token of type bearer")
    return answer


def _refusal(answer: Mapping[str, Any], words: Mapping[str, str], otherwise: str) -> LoginFailed:
    error = said(answer["error"])
    details = f"{error}: {said(answer.get('error_description'))}"
    return LoginFailed(words.get(error, otherwise), details=details)

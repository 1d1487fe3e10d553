"""What the libraries do for a login: the address of the provider's page, the client's proof, the signed identity token.

The only module that imports authlib and joserfc, which come with the extra `oidc`; import it through `library`.
Nothing is sent here.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlencode

import orjson
from authlib.oauth2 import ClientAuth, OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import (
    BadSignatureError,
    ClaimError,
    ExpiredTokenError,
    InvalidKeyIdError,
    JoseError,
    MissingClaimError,
    UnsupportedAlgorithmError,
)
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from gateway.errors import LoginFailed

from .asking import Question, said, text
from .discovery import BASIC_METHOD
from .flow import Expected, Flow

LEEWAY_SECONDS = 60
"""How far the provider's clock may be off."""

ALGORITHMS = frozenset(
    ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
)
"""Signatures that only the provider's private key can make: neither `none` nor one that a shared secret makes."""

KEY_TYPES: Mapping[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}

LEAST_RSA_DIGITS = 342
"""Base64 digits of the modulus of an RSA key with 2048 bits, the fewest allowed: RFC 7518, section 3.3."""

HASHED_AS = {"Ed25519": "EdDSA"}
"""By which name authlib knows the hash that goes with a signature, where RFC 9864 gave it a new one."""

UNREADABLE = "The provider's identity token cannot be read."
FOREIGN = "The provider's identity token is meant for another application."

REASONS: tuple[tuple[type[JoseError], str], ...] = (
    (UnsupportedAlgorithmError, "The provider's identity token is signed in a way that proves nothing."),
    (InvalidKeyIdError, "The provider's identity token is signed with a key that the provider does not publish."),
    (BadSignatureError, "The signature of the provider's identity token is wrong."),
    (ExpiredTokenError, "The provider's identity token has expired."),
    (MissingClaimError, "The provider's identity token lacks something that it must say."),
)

REASONS_OF_CLAIMS = {
    "iss": "The provider's identity token comes from another issuer.",
    "sub": "The provider's identity token does not say whom it is about.",
    "aud": FOREIGN,
    "azp": FOREIGN,
    "nonce": "The provider's identity token belongs to another login.",
    "at_hash": "The provider's access token does not belong to its identity token.",
    "iat": "The provider's identity token is from the future: one of the clocks is wrong.",
    "nbf": "The provider's identity token is not valid yet: one of the clocks is wrong.",
}


@dataclass(frozen=True, slots=True)
class Client:
    """This gateway, as a provider knows it."""

    id: str
    secret: str = field(repr=False)


class _Allowed(JWSRegistry):
    """Signatures we accept. Members of a header that we do not know are ignored, as RFC 7515 wants."""

    max_header_length = 8192  # Some bring the chain of their certificates along.

    def __init__(self) -> None:
        super().__init__(algorithms=ALGORITHMS, strict_check_header=False)

    def get_alg(self, name: str) -> Any:
        """As the library, which warns of `EdDSA` although providers have no other word for Ed25519 yet."""
        if name not in ALGORITHMS:
            raise UnsupportedAlgorithmError(f"{said(name)!r} is not allowed")
        return self.algorithms[name]


def authorization_url(endpoint: str, client: Client, flow: Flow, scopes: Iterable[str], **more: str) -> str:
    """Where the browser goes to, with the S256 challenge of PKCE (RFC 7636); `more` are further parameters."""
    maker = OAuth2Client(None, client_id=client.id, scope=" ".join(scopes), code_challenge_method="S256")
    url, _ = maker.create_authorization_url(
        endpoint, state=flow.state, code_verifier=flow.verifier, redirect_uri=flow.redirect_uri, **more
    )
    return str(url)


def exchange_question(
    endpoint: str, client: Client, flow: Flow, code: str, methods: Collection[str] = (BASIC_METHOD,)
) -> Question:
    """What changes a code into tokens. Raises LoginFailed where the provider wants a proof that we cannot give."""
    body = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": flow.redirect_uri,
        "code_verifier": flow.verifier,
    }
    method = _client_method(client, methods)
    if method == BASIC_METHOD:  # Which wants both encoded first: RFC 6749, section 2.3.1.
        client = Client(quote_plus(client.id), quote_plus(client.secret))
    proof = ClientAuth(client.id, client.secret, method)
    headers = {"content-type": "application/x-www-form-urlencoded"}
    url, headers, content = proof.prepare("POST", endpoint, headers, urlencode(body))
    return Question("tokens", url, "POST", headers, content.encode(), may_refuse=True)


def _client_method(client: Client, offered: Collection[str]) -> str:
    if not client.secret:
        return "none"
    for method in (BASIC_METHOD, "client_secret_post"):
        if method in offered:
            return method
    raise LoginFailed(
        "The provider does not let a client prove itself with a secret.", details=f"it offers {said(' '.join(offered))}"
    )


def names_unknown_key(token: str, keys: Iterable[Any]) -> bool:
    """Whether the header of a signed token names a key that is not among these."""
    kid = _header(token).get("kid")
    return kid is not None and all(not isinstance(key, dict) or key.get("kid") != kid for key in keys)


def read_identity_token(token: str, keys: Iterable[Any], expected: Expected) -> Mapping[str, Any]:
    """The claims of an identity token, once its signature, its issuer and its purpose are what they must be.

    `keys` as the provider publishes them. Facts from https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation.
    Raises LoginFailed.
    """
    try:
        read = jwt.decode(token, KeySet(list(_usable(keys))), registry=_Allowed())
        header = {**read.header, "alg": HASHED_AS.get(read.header["alg"], read.header["alg"])}
        claims = CodeIDToken(read.claims, header, _options(expected), _parameters(expected))
        claims.validate(now=expected.now, leeway=LEEWAY_SECONDS)
    except JoseError as error:
        raise LoginFailed(_reason(error), details=said(str(error))) from None
    except (ValueError, TypeError, RecursionError) as error:
        raise LoginFailed(UNREADABLE, details=said(f"{type(error).__name__}: {error}")) from None
    if not claims["sub"]:
        raise LoginFailed(REASONS_OF_CLAIMS["sub"])
    return dict(claims)


def _options(expected: Expected) -> dict[str, dict[str, Any]]:
    return {
        "iss": {"essential": True, "value": expected.issuer},
        "aud": {"essential": True, "value": expected.client_id},
        "exp": {"essential": True},
        "iat": {"essential": True},
    }


def _parameters(expected: Expected) -> dict[str, str]:
    return {"nonce": expected.nonce, "client_id": expected.client_id, "access_token": expected.access_token}


def _reason(error: JoseError) -> str:
    for kind, reason in REASONS:
        if isinstance(error, kind):
            return reason
    if isinstance(error, ClaimError):
        return REASONS_OF_CLAIMS.get(error.claim, "The provider's identity token makes no sense.")
    return UNREADABLE


def _usable(keys: Iterable[Any]) -> Iterable[RSAKey | ECKey | OKPKey]:
    """The keys that may have made a signature; others, and those that are broken, do not spoil them."""
    for key in keys:
        if not isinstance(key, dict) or key.get("use", "sig") != "sig" or not isinstance(key.get("kty"), str):
            continue
        kind = KEY_TYPES.get(key["kty"])
        if kind is None or (kind is RSAKey and len(text(key.get("n"))) < LEAST_RSA_DIGITS):
            continue
        try:
            yield kind.import_key(key)
        except (JoseError, ValueError, TypeError, KeyError):
            continue


def _header(token: str) -> dict[str, Any]:
    """What a token says of itself; nothing of it is believed."""
    first = token.partition(".")[0]
    try:
        header = orjson.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    except (ValueError, binascii.Error):
        raise LoginFailed(UNREADABLE) from None
    return header if isinstance(header, dict) else {}

"""Who is let in where: a row for every route there is, a column for everybody who may come.

What stands in a row is the status that each of them hears who asks as `routes.knock` does: with a body that is too
little, and for things that are not there. So 401 and 403 say that somebody is kept out, 303 that a browser is sent on
(to the login, where it is not signed in), and 200, 400, 404, 409, 415, 422 or 501 that somebody was let in, for whom
there was nothing to do. The operator asks at the control process's own socket, where there is no inference.

`token` is an API token of an admin, for the audit log alone. `key` is a client key of the member.
"""

from __future__ import annotations

WHO = ("anonymous", "key", "token", "pending", "viewer", "member", "admin", "owner", "operator")
MORE = (*WHO[:5], "stranger", "member", "leader", *WHO[6:])

API = """
                                                       none  key tokn pend view memb admn ownr oper
GET    /api/alerts                                      401  403  403  403  403  403  200  200  200
POST   /api/alerts/test                                 401  403  403  403  403  403  422  422  422
POST   /api/alerts/{id}/close                           401  403  403  403  403  403  404  404  404
GET    /api/aliases                                     401  403  403  403  200  200  200  200  200
POST   /api/aliases                                     401  403  403  403  403  403  422  422  422
DELETE /api/aliases/{name}                              401  403  403  403  403  403  404  404  404
GET    /api/aliases/{name}                              401  403  403  403  404  404  404  404  404
PATCH  /api/aliases/{name}                              401  403  403  403  403  403  404  404  404
GET    /api/audit                                       401  403  200  403  403  403  200  200  200
GET    /api/audit/export                                401  403  200  403  403  403  200  200  200
GET    /api/catalog                                     401  403  403  403  200  200  200  200  200
GET    /api/combos                                      401  403  403  403  200  200  200  200  200
POST   /api/combos                                      401  403  403  403  403  403  422  422  422
DELETE /api/combos/{name}                               401  403  403  403  403  403  404  404  404
GET    /api/combos/{name}                               401  403  403  403  404  404  404  404  404
PATCH  /api/combos/{name}                               401  403  403  403  403  403  404  404  404
GET    /api/credentials                                 401  403  403  403  200  200  200  200  200
POST   /api/credentials                                 401  403  403  403  403  403  422  422  422
POST   /api/credentials/test                            401  403  403  403  403  403  422  422  422
DELETE /api/credentials/{provider}/{name}               401  403  403  403  403  403  404  404  404
GET    /api/credentials/{provider}/{name}               401  403  403  403  404  404  404  404  404
PATCH  /api/credentials/{provider}/{name}               401  403  403  403  403  403  404  404  404
GET    /api/credentials/{provider}/{name}/standing      401  403  403  403  404  404  404  404  404
POST   /api/credentials/{provider}/{name}/test          401  403  403  403  403  403  404  404  404
POST   /api/explain                                     401  403  403  403  422  422  422  422  422
GET    /api/export                                      401  403  403  403  403  403  200  200  200
POST   /api/export                                      401  403  403  403  403  403  200  200  200
GET    /api/health                                      401  403  403  403  403  403  200  200  200
POST   /api/import                                      401  403  403  403  403  403  422  422  422
GET    /api/jobs                                        401  403  403  403  403  403  200  200  200
POST   /api/jobs/{name}/run                             401  403  403  403  403  403  404  404  404
GET    /api/keys                                        401  403  403  403  403  200  200  200  200
POST   /api/keys                                        401  403  403  403  403  422  422  422  422
DELETE /api/keys/{id}                                   401  403  403  403  403  404  404  404  404
GET    /api/keys/{id}                                   401  403  403  403  403  404  404  404  404
PATCH  /api/keys/{id}                                   401  403  403  403  403  404  404  404  404
GET    /api/keys/{id}/limits                            401  403  403  403  403  404  404  404  404
POST   /api/keys/{id}/limits/reset                      401  403  403  403  403  403  404  404  404
POST   /api/keys/{id}/rotate                            401  403  403  403  403  404  404  404  404
GET    /api/limits                                      401  403  403  403  200  200  200  200  200
POST   /api/limits                                      401  403  403  403  403  403  422  422  422
DELETE /api/limits/{name}                               401  403  403  403  403  403  404  404  404
GET    /api/limits/{name}                               401  403  403  403  404  404  404  404  404
PATCH  /api/limits/{name}                               401  403  403  403  403  403  404  404  404
GET    /api/limits/{name}/standing                      401  403  403  403  404  403  404  404  404
GET    /api/live                                        401  200  403  403  200  200  200  200  200
GET    /api/live/ws                                     401  400  403  403  400  400  400  400  400
GET    /api/me                                          401  403  200  200  200  200  200  200  200
POST   /api/me/password                                 401  403  422  422  422  422  422  422  422
GET    /api/models                                      401  403  403  403  200  200  200  200  200
GET    /api/models/{provider}/{model}                   401  403  403  403  404  404  404  404  404
GET    /api/openapi.json                                200  200  200  200  200  200  200  200  200
GET    /api/prices                                      401  403  403  403  200  200  200  200  200
POST   /api/prices                                      401  403  403  403  403  403  422  422  422
DELETE /api/prices/{model}                              401  403  403  403  403  403  404  404  404
GET    /api/prices/{model}                              401  403  403  403  404  404  404  404  404
PATCH  /api/prices/{model}                              401  403  403  403  403  403  404  404  404
GET    /api/problems/{code}                             404  404  404  404  404  404  404  404  404
GET    /api/providers                                   401  403  403  403  200  200  200  200  200
POST   /api/providers                                   401  403  403  403  403  403  422  422  422
DELETE /api/providers/{id}                              401  403  403  403  403  403  404  404  404
GET    /api/providers/{id}                              401  403  403  403  404  404  404  404  404
PATCH  /api/providers/{id}                              401  403  403  403  403  403  404  404  404
GET    /api/providers/{id}/standing                     401  403  403  403  404  404  404  404  404
POST   /api/providers/{id}/test                         401  403  403  403  403  403  404  404  404
GET    /api/queries                                     401  403  403  403  403  403  200  200  200
POST   /api/queries                                     401  403  403  403  403  403  422  422  422
DELETE /api/queries/{id}                                401  403  403  403  403  403  404  404  404
GET    /api/queries/{id}                                401  403  403  403  403  403  404  404  404
PATCH  /api/queries/{id}                                401  403  403  403  403  403  404  404  404
GET    /api/registry                                    401  403  403  403  200  200  200  200  200
GET    /api/reload                                      401  403  403  403  403  403  200  200  200
POST   /api/reload                                      401  403  403  403  403  403  200  200  200
DELETE /api/rests                                       401  403  403  403  403  403  400  400  400
GET    /api/rests                                       401  403  403  403  200  200  200  200  200
POST   /api/rests/probe                                 401  403  403  403  403  403  422  422  422
GET    /api/sessions                                    401  403  403  200  200  200  200  200  200
DELETE /api/sessions/{id}                               401  403  403  404  404  404  404  404  404
GET    /api/settings                                    401  403  403  403  200  200  200  200  200
DELETE /api/settings/{path}                             401  403  403  403  403  403  404  404  404
GET    /api/settings/{path}                             401  403  403  403  404  404  404  404  404
PUT    /api/settings/{path}                             401  403  403  403  403  403  422  422  422
POST   /api/sql                                         401  403  403  403  403  403  422  422  422
POST   /api/sql/export                                  401  403  403  403  403  403  422  422  422
DELETE /api/sql/running/{id}                            401  403  403  403  403  403  404  404  404
GET    /api/teams                                       401  403  403  403  403  200  200  200  200
POST   /api/teams                                       401  403  403  403  403  403  422  422  422
DELETE /api/teams/{id}                                  401  403  403  403  403  403  404  404  404
GET    /api/teams/{id}                                  401  403  403  403  403  404  404  404  404
PATCH  /api/teams/{id}                                  401  403  403  403  403  404  404  404  404
GET    /api/teams/{id}/members                          401  403  403  403  403  404  404  404  404
POST   /api/teams/{id}/members                          401  403  403  403  403  404  404  404  404
DELETE /api/teams/{id}/members/{user_id}                401  403  403  403  403  404  404  404  404
GET    /api/tokens                                      401  403  403  403  200  200  200  200  200
POST   /api/tokens                                      401  403  403  403  422  422  422  422  422
DELETE /api/tokens/{id}                                 401  403  403  403  404  404  404  404  404
GET    /api/tokens/{id}                                 401  403  403  403  404  404  404  404  404
GET    /api/usage                                       401  200  403  403  200  200  200  200  200
POST   /api/usage/compact                               401  403  403  403  403  403  202  202  202
GET    /api/usage/days                                  401  200  403  403  200  200  200  200  200
GET    /api/usage/export                                401  200  403  403  200  200  200  200  200
POST   /api/usage/import-archive                        401  403  403  403  403  403  422  422  422
GET    /api/usage/latency                               401  403  403  403  200  403  200  200  200
GET    /api/usage/storage                               401  403  403  403  403  403  200  200  200
DELETE /api/usage/{id}/bodies                           401  403  403  403  403  403  404  404  404
GET    /api/usage/{id}/bodies                           401  403  403  403  403  403  404  404  404
GET    /api/users                                       401  403  403  403  403  403  200  200  200
POST   /api/users                                       401  403  403  403  403  403  422  422  422
DELETE /api/users/{id}                                  401  403  403  403  403  403  404  404  404
GET    /api/users/{id}                                  401  403  403  403  403  403  404  404  404
PATCH  /api/users/{id}                                  401  403  403  403  403  403  404  404  404
GET    /api/users/{id}/identities                       401  403  403  403  403  403  404  404  404
DELETE /api/users/{id}/identities/{provider}/{subject}  401  403  404  404  404  404  404  404  404
POST   /api/users/{id}/password-link                    401  403  403  403  403  403  404  404  404
DELETE /api/users/{id}/sessions                         401  403  403  404  404  404  404  404  404
GET    /api/views                                       401  403  403  403  200  200  200  200  200
POST   /api/views                                       401  403  422  422  422  422  422  422  422
DELETE /api/views/{id}                                  401  403  403  403  404  404  404  404  404
GET    /api/views/{id}                                  401  403  403  403  404  404  404  404  404
PATCH  /api/views/{id}                                  401  403  403  403  404  404  404  404  404
POST   /api/vault/rotate                                401  403  403  403  403  403  200  200  200
"""
"""Management."""

INFERENCE = """
                                                    none  key tokn pend view memb admn ownr oper
POST   /v1/audio/speech                              401  400  401  401  401  401  401  401  404
POST   /v1/audio/transcriptions                      401  415  401  401  401  401  401  401  404
POST   /v1/audio/translations                        401  415  401  401  401  401  401  401  404
POST   /v1/chat/completions                          401  400  401  401  401  401  401  401  404
POST   /v1/completions                               401  400  401  401  401  401  401  401  404
POST   /v1/embeddings                                401  400  401  401  401  401  401  401  404
POST   /v1/images/edits                              401  415  401  401  401  401  401  401  404
POST   /v1/images/generations                        401  400  401  401  401  401  401  401  404
POST   /v1/images/variations                         401  415  401  401  401  401  401  401  404
POST   /v1/messages                                  401  400  401  401  401  401  401  401  404
POST   /v1/messages/count_tokens                     401  400  401  401  401  401  401  401  404
GET    /v1/models                                    401  200  401  401  401  401  401  401  404
GET    /v1/models/*                                  401  200  401  401  401  401  401  401  404
POST   /v1/moderations                               401  400  401  401  401  401  401  401  404
POST   /v1/rerank                                    401  400  401  401  401  401  401  401  404
POST   /v1/responses                                 401  400  401  401  401  401  401  401  404
DELETE /v1/responses/*                               401  404  401  401  401  401  401  401  404
GET    /v1/responses/*                               401  404  401  401  401  401  401  401  404
POST   /v1/responses/*                               401  404  401  401  401  401  401  401  404
POST   /v1/responses/compact                         401  400  401  401  401  401  401  401  404
POST   /v1/responses/input_tokens                    401  400  401  401  401  401  401  401  404
GET    /v1beta/models                                401  200  401  401  401  401  401  401  404
GET    /v1beta/models/*                              401  200  401  401  401  401  401  401  404
POST   /v1beta/models/{model}:batchEmbedContents     401  501  401  401  401  401  401  401  404
POST   /v1beta/models/{model}:countTokens            401  400  401  401  401  401  401  401  404
POST   /v1beta/models/{model}:embedContent           401  501  401  401  401  401  401  401  404
POST   /v1beta/models/{model}:generateContent        401  400  401  401  401  401  401  401  404
POST   /v1beta/models/{model}:streamGenerateContent  401  400  401  401  401  401  401  401  404
"""
"""For client keys and nobody else."""

OTHERS = """
                              none  key tokn pend view memb admn ownr oper
GET    /healthz                200  200  200  200  200  200  200  200  404
POST   /internal/count-tokens  404  404  404  404  404  404  404  404  400
GET    /metrics                200  200  200  200  200  200  200  200  404
GET    /readyz                 200  200  200  200  200  200  200  200  404
"""
"""Of the gateway itself: open to whatever watches it, and one for the workers alone."""

SOMEBODYS = """
                                          none  key tokn pend view strg memb lead admn ownr oper
GET    /api/users/{viewer}                 401  403  403  403  200  403  403  403  200  200  200
GET    /api/users/{viewer}/identities      401  403  403  403  200  403  403  403  200  200  200
PATCH  /api/users/{viewer}                 401  403  403  403  403  403  403  403  412  412  412
DELETE /api/users/{viewer}                 401  403  403  403  403  403  403  403  412  412  412
POST   /api/users/{viewer}/password-link   401  403  403  403  403  403  403  403  201  201  201
DELETE /api/users/{viewer}/identities/x/y  401  403  403  403  404  403  403  403  404  404  404
GET    /api/users/{owner}                  401  403  403  403  403  403  403  403  200  200  200
PATCH  /api/users/{owner}                  401  403  403  403  403  403  403  403  403  412  412
DELETE /api/users/{owner}                  401  403  403  403  403  403  403  403  403  412  412
POST   /api/users/{owner}/password-link    401  403  403  403  403  403  403  403  403  201  201
GET    /api/teams/{team}                   401  403  403  403  403  404  200  200  200  200  200
PATCH  /api/teams/{team}                   401  403  403  403  403  404  403  412  412  412  412
DELETE /api/teams/{team}                   401  403  403  403  403  403  403  403  412  412  412
GET    /api/teams/{team}/members           401  403  403  403  403  404  200  200  200  200  200
POST   /api/teams/{team}/members           401  403  403  403  403  404  403  422  422  422  422
DELETE /api/teams/{team}/members/nobody    401  403  403  403  403  404  403  404  404  404  404
GET    /api/keys/{key}                     401  403  403  403  403  404  200  404  200  200  200
PATCH  /api/keys/{key}                     401  403  403  403  403  404  412  404  412  412  412
DELETE /api/keys/{key}                     401  403  403  403  403  404  412  404  412  412  412
GET    /api/keys/{team-key}                401  403  403  403  403  404  200  200  200  200  200
PATCH  /api/keys/{team-key}                401  403  403  403  403  404  403  412  412  412  412
DELETE /api/keys/{team-key}                401  403  403  403  403  404  403  412  412  412  412
GET    /api/tokens/{token}                 401  403  403  403  404  404  404  404  200  200  200
DELETE /api/tokens/{token}                 401  403  403  403  404  404  404  404  412  412  412
GET    /api/tokens/{viewer-token}          401  403  403  403  200  404  404  404  200  200  200
DELETE /api/tokens/{viewer-token}          401  403  403  403  412  404  404  404  412  412  412
"""
"""What is there, and whose it is: `key` is the member's, `team-key` that of a team which `leader` leads and `member`
belongs to, `token` the admin's, `viewer-token` the viewer's. Changes are of a version that it never had: 412 says that
somebody was let in."""


Verdicts = dict[tuple[str, str], dict[str, int]]
"""By method and path: the status that each hears."""


def verdicts(table: str, who: tuple[str, ...]) -> Verdicts:
    """What a table says; its first line is for people."""
    rows = [line.split() for line in table.strip().splitlines()[1:]]
    found = {(method, path): dict(zip(who, map(int, said), strict=True)) for method, path, *said in rows}
    assert len(found) == len(rows), "a route has one row"
    return found

"""Why somebody was asked or was not, why an attempt failed, why a request ended: the words of usage records and of
explanations as people read them. Pure.

Clauses stand behind a name, such as `team-a` *rests*, or behind `it`. What has no words here stands as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from gateway.usage import figures

Row = Mapping[str, Any]


class Clause(NamedTuple):
    """Words for how somebody was chosen."""

    was: str
    """Of a request that is over: `team-b`, *whose turn it was*."""
    be: str
    """Of one that would be sent: *its turn, by round robin*."""


CHOSEN: Mapping[str, Clause] = MappingProxyType(
    {
        "fallback": Clause("the first of the combo", "the combo goes in the order of its targets"),
        "fill_first": Clause("the first of the provider's credentials", "the first in order that can be used"),
        "round_robin": Clause("whose turn it was", "its turn: one after another"),
        "weighted": Clause("whose turn it was by weight", "its turn, by weight"),
        "least_busy": Clause("which had the fewest requests under way", "it has the fewest requests under way"),
        "lowest_latency": Clause("which was fastest of late", "it was fastest of late"),
        "lowest_cost": Clause("which costs least", "it costs least"),
        "headroom": Clause("which had most left of its rate limits", "it has most left of its rate limits"),
        "priority": Clause("which goes before the others by priority", "it goes before the others by priority"),
        "session": Clause(
            "which holds the conversation, and with it the provider's cache",
            "it holds the conversation, and with it the provider's cache",
        ),
        "probe": Clause(
            "which rests, to see whether it is well again", "it rests, and this would see whether it is well again"
        ),
        "resting": Clause("which rests: nobody else was left", "it rests, and nobody else is left"),
        "again": Clause("once more", "once more"),
        "hedge": Clause("beside the one that took long", "beside the one that takes long"),
        "pinned": Clause("which alone has what the request continues", "it alone has what the conversation refers to"),
    }
)
"""By the word of `chosen_by` and `ordered_by`."""

STAYS = Clause("where the conversation stays", "the conversation stays with this target")
"""`session` of a target."""

FAULTS: Mapping[str, str] = MappingProxyType(
    {
        "rate_limit": "its rate limit is used up",
        "quota": "its quota or its balance is used up",
        "auth": "the provider refuses its secret",
        "forbidden": "the provider does not let it do this",
        "not_found": "the provider does not know the model",
        "overloaded": "the provider is overloaded",
        "server": "the provider fails",
        "malformed": "an answer could not be read",
        "timeout": "no answer came in time",
        "closed": "the connection was closed before the end",
        "unreachable": "the provider cannot be reached",
        "breaker": "too much failed there in a row",
        "bad_request": "the provider finds fault with the request",
        "context_too_long": "the prompt is too long for the model",
        "content_filter": "the provider's filter refuses it",
        "thinking_state": "the provider does not accept the reasoning of earlier turns",
    }
)
"""What failures mean and what somebody rests for, by the word of the verdicts."""

LACKS: Mapping[str, str] = MappingProxyType(
    {
        "busy": "has as many requests under way as it may",
        "key": "is not for this client key",
        "model_not_allowed": "is not for this client key any more",
        "models": "may not be asked for this model",
        "paused": "is paused",
        "pinned": "does not have what the conversation refers to",
        "unpriced": "has no price, and the key may not use such models",
        "model_unpriced": "has no price, and the key may not use such models",
        "unsupported_parameter": "cannot be given what is asked for",
        "rate_limit_exceeded": "has no room left in its limits",
        "insufficient_quota": "has spent its quota or budget",
        "budget_spent": "has spent its quota or budget",
        "no images": "takes no images",
        "no audio": "takes no sound",
        "no documents": "takes no documents",
        "no tools": "calls no tools",
        "no reasoning": "does not reason, which is asked for",
    }
)
"""Why somebody is passed over who does not rest."""

ENDED: Mapping[str, str] = MappingProxyType(
    {
        "invalid_key": "it came with no client key that is known",
        "api_key_expired": "its client key has expired",
        "api_key_revoked": "its client key was revoked",
        "api_key_paused": "its client key is paused",
        "endpoint_not_allowed": "its client key may not use this endpoint",
        "model_not_allowed": "its client key may not use this model",
        "model_unpriced": "nobody knows what the model costs, and its client key has a budget",
        "budget_spent": "a budget or quota is spent",
        "insufficient_quota": "the quota or budget of the period is spent",
        "rate_limit_exceeded": "a limit left no room for it",
        "model_not_found": "no provider serves this model",
        "invalid_request": "the request does not make sense",
        "ambiguous_request": "the request could be read in two ways",
        "unsupported_parameter": "the provider has no counterpart for something that is asked for",
        "media_unavailable": "an image or a document that it names by URL could not be fetched",
        "previous_response_not_found": "the response that it continues is not kept",
        "response_not_found": "no such response is kept",
        "unknown_url": "there is no such path",
        "method_not_allowed": "the path does not take this method",
        "request_timeout": "the client took too long to send it",
        "request_too_large": "it is larger than is allowed",
        "unsupported_media_type": "its content type or encoding is not read here",
        "format_not_served": "the provider speaks another format than this endpoint, which is not translated",
        "limits_unavailable": "limits could not be counted at that moment",
        "control_unavailable": "a part of the gateway did not answer",
        "state_unavailable": "what the gateway keeps could not be read",
        "draining": "the gateway was about to stop",
        "internal_error": "the gateway failed",
        "all_resting": "everybody who could answer rested",
        "hedge_lost": "another target answered sooner",
        "client_disconnected": "the client left",
        "client_stalled": "the client took nothing of its answer for too long",
        "upstream_unreachable": "the provider could not be reached",
        "upstream_forbidden": "nobody allowed a connection to where its address leads",
        "upstream_tls_failed": "the provider's certificate is not trusted, or TLS failed",
        "upstream_timeout": "no answer came in time",
        "upstream_closed": "the connection was closed before the end",
        "upstream_malformed": "the answer could not be read",
        "upstream_rejected_credential": "the provider refused our credential",
        "upstream_error": "the provider failed",
        "upstream_error_event": "the provider broke its answer off with an error",
    }
)
"""Why a request ended as it did, by the kind of the error in its record."""

LEFT = frozenset(("client_disconnected", "client_stalled"))
"""Kinds of ends that are the client's doing."""

_ROOM = re.compile(r"(context|max_input) (\d+) < (\d+)")
_STATUS = "upstream_status_"
_FAULT = "upstream_"


def rests_for(reason: str) -> bool:
    """Whether somebody who is passed over for this rests."""
    return reason in FAULTS


def lacks(reason: str) -> str:
    """Why somebody is passed over, as a clause behind a name."""
    if room := _ROOM.fullmatch(reason):
        most, needed = (figures.exact_count(int(each)) for each in room.groups()[1:])
        return f"has room for {most} tokens, and {needed} are needed"
    if reason in FAULTS:
        return f"rests: {FAULTS[reason]}"
    return LACKS.get(reason, reason.replace("_", " "))


def chosen(label: str) -> Clause:
    """How somebody was chosen; a weight with what it is a part of."""
    word, _, weight = label.partition(" ")
    clause = CHOSEN.get(word, Clause(f"by {word.replace('_', ' ')}", f"by {word.replace('_', ' ')}"))
    part, _, whole = weight.partition("/")
    return Clause(*(f"{each} ({part} of {whole})" for each in clause)) if whole else clause


def ordered(label: str) -> Clause:
    """The same of a target."""
    return STAYS if label == "session" else chosen(label)


def failed(attempt: Row) -> str:
    """Why an attempt failed: its status, and what it means."""
    status, error, reason = attempt["status"], attempt["error"] or "", attempt["reason"] or ""
    means = FAULTS.get(reason) or ended(error)
    return means if not status or str(status) in means else f"{status}, {means}"


def ended(error: str | None) -> str:
    """Why a request ended as it did, in a clause."""
    if not error:
        return "there was nothing to ask"
    if error in ENDED:
        return ENDED[error]
    if error.startswith(_STATUS):
        return f"the provider answered {error.removeprefix(_STATUS)}"
    return FAULTS.get(error.removeprefix(_FAULT), error.replace("_", " "))


def has_left(error: str | None) -> bool:
    """Whether a request ended because of its client."""
    return error in LEFT


def target_of(row: Row) -> str:
    """`provider/model on credential`."""
    target = f"{row['provider']}/{row['model']}"
    return f"{target} on {row['credential']}" if row["credential"] else target

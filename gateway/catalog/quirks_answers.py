"""What some providers answer otherwise than their format has it: errors with status 200, and usage that is less than
what was used. All are told fields, and change none."""

from __future__ import annotations

from typing import Any

Fields = dict[str, Any]

_INTERRUPTED = ("insufficient_system_resource", "aborted")


def minimax_errors(answer: Fields) -> tuple[str, str] | None:
    """MiniMax tells errors with status 200, in `base_resp`: the code and the message where that is one.
    https://platform.minimax.io/docs/api-reference/errorcode"""
    said = answer.get("base_resp")
    if not isinstance(said, dict):
        return None
    code = said.get("status_code")
    if isinstance(code, bool) or not isinstance(code, int) or code == 0:
        return None
    return str(code), str(said.get("status_msg") or f"MiniMax reported the error {code}.")


def deepseek_interrupted(answer: Fields) -> tuple[str, str] | None:
    """DeepSeek breaks answers off where it is overloaded, which only `finish_reason` tells: that is an error, worth
    another attempt. https://api-docs.deepseek.com/api/create-chat-completion"""
    choices = answer.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    reason = first.get("finish_reason") if isinstance(first, dict) else None
    return (reason, "The provider broke its answer off.") if reason in _INTERRUPTED else None


def xai_usage(usage: Fields) -> Fields:
    """xAI leaves reasoning out of `completion_tokens`, but not out of the total and the bill: output is what the total
    has beyond the prompt. https://docs.x.ai/docs/guides/reasoning"""
    prompt, completion, total = (usage.get(name) for name in ("prompt_tokens", "completion_tokens", "total_tokens"))
    if not (type(prompt) is int and type(completion) is int and type(total) is int):
        return usage
    return {**usage, "completion_tokens": total - prompt} if total - prompt > completion else usage

"""Keys of plans are told of limits as their vendors tell of them, and other keys are not."""

from __future__ import annotations

import pytest

from gateway.mock.plans import headers_of
from gateway.routing.rate_headers import windows_in

NOW = 1_767_225_600 + 3 * 3600
DAY = 86_400


def told(key: str, now: int = NOW, header: bytes = b"x-api-key") -> dict[bytes, bytes]:
    lines = headers_of({header: key.encode()}, now).split(b"\r\n")
    return dict(line.split(b": ") for line in lines if line)


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("sk-plan-claude-90", ["plan-5h", "plan-7d", "plan-7d_opus"]),
        ("sk-plan-codex-90", ["codex-primary", "codex-secondary"]),
        ("sk-plan-metered-90", ["requests-day", "tokens-day", "tokens-hour"]),
        ("sk-plan-other-90", []),
        ("sk-demo", []),
        ("sk-plan-claude-90-or-so", []),
    ],
)
def test_a_plan_has_its_windows(key: str, names: list[str]) -> None:
    found = windows_in(told(key), NOW * 1_000_000)
    assert sorted(each.name for each in found) == names
    for each in found:
        assert each.share is not None
        assert 0 < each.share < 1
        assert each.reset_seconds is not None
        assert 0 < each.reset_seconds <= 7 * DAY
    assert told(f"Bearer {key}", header=b"authorization") == told(key)


def test_a_window_is_used_up_as_time_goes_on_and_begins_anew() -> None:
    ends = NOW // 18_000 * 18_000 + 18_000
    used = [float(told("sk-plan-claude-90", at)[b"anthropic-ratelimit-unified-5h-utilization"]) for at in
            (ends - 18_000, ends - 9_000, ends - 1, ends)]  # fmt: skip
    assert used == [0.36, 0.63, pytest.approx(0.9, abs=0.001), 0.36]

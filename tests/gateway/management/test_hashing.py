from __future__ import annotations

import asyncio
import threading

import pytest

from gateway.access import passwords
from gateway.errors import TooManyAttempts
from gateway.management.hashing import PasswordThreads


async def test_a_few_passwords_are_checked_at_once_and_others_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, begun = threading.Event(), threading.Semaphore(0)
    running: list[int] = []
    most: list[int] = []

    def slow(password: str) -> str:
        running.append(1)
        most.append(len(running))
        begun.release()
        assert go_on.wait(20)
        running.pop()
        return password

    monkeypatch.setattr(passwords, "hashed", slow)
    threads = PasswordThreads(at_once=2, most_waiting=3)
    tasks = [asyncio.create_task(threads.hashed(str(number))) for number in range(5)]
    for _ in range(2):
        assert await asyncio.to_thread(begun.acquire, timeout=20)
    with pytest.raises(TooManyAttempts) as refusal:
        threads.check_room()
    assert refusal.value.retry_after
    with pytest.raises(TooManyAttempts):
        await threads.hashed("one too many")
    go_on.set()
    assert await asyncio.gather(*tasks) == ["0", "1", "2", "3", "4"]
    assert max(most) <= 2
    threads.check_room()


async def test_a_failure_makes_room_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: str) -> str:
        raise ValueError("broken")

    threads = PasswordThreads(at_once=1, most_waiting=0)
    monkeypatch.setattr(passwords, "hashed", broken)
    for _ in range(3):
        with pytest.raises(ValueError, match="broken"):
            await threads.hashed("x")

"""Numbers as alerts say them. Pure."""

from __future__ import annotations

from datetime import timedelta

from gateway.records import NANO_USD
from gateway.settings.instants import EPOCH

UNITS = ("bytes", "KB", "MB", "GB", "TB", "PB")


def share(part: int, whole: int) -> float:
    """How much of something that is, in percent; of nothing all."""
    return part * 100 / whole if whole else 100.0


def percent(figure: float) -> str:
    """`83 %`, never `100 %` before it is."""
    return f"{int(figure)} %"


def amount(number: int) -> str:
    """`1,234`."""
    return f"{number:,}"


def money(nano_usd: int) -> str:
    """`8.31 USD`; small amounts with two digits that say something."""
    usd = nano_usd / NANO_USD
    if not nano_usd or abs(usd) >= 0.1:
        return f"{usd:,.2f} USD"
    return f"{usd:.10f}".rstrip("0") + " USD" if abs(usd) < 1e-7 else f"{float(f'{usd:.2g}'):.9f}".rstrip("0") + " USD"


def minutes(figure: float) -> str:
    """`16 minutes`; from three hours on `4 hours`."""
    if figure >= 180:
        return f"{amount(int(figure / 60))} hours"
    return {0: "less than a minute", 1: "1 minute"}.get(int(figure), f"{int(figure)} minutes")


def clock(unix_us: int) -> str:
    """`2026-05-21 10:00 UTC`."""
    return (EPOCH + timedelta(microseconds=unix_us)).strftime("%Y-%m-%d %H:%M UTC")


def size(number: int) -> str:
    """`1.5 GB`, as makers of disks count."""
    figure, unit = float(max(number, 0)), 0
    while figure >= 1000 and unit < len(UNITS) - 1:
        figure, unit = figure / 1000, unit + 1
    return f"{figure:.0f} {UNITS[unit]}" if unit == 0 or figure >= 100 else f"{figure:.1f} {UNITS[unit]}"

"""Figures as people read them: money, tokens, durations, shares. The dashboard and the terminal show the same.

Knows how many digits help. Does not know where a figure stands or what it means.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

NOTHING = "\N{EN DASH}"
"""What stands for no figure at all."""

NANO = Decimal(10) ** -9

SCALES = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))

MILLISECOND = 1000
SECOND = 1000 * MILLISECOND
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def money(nano_usd: int) -> str:
    """`$12.40`, `$1,204.00`; below a dollar two significant digits, `$0.0031`: what cost something is never `$0.00`."""
    amount = abs(nano_usd) * NANO
    sign = "-" if nano_usd < 0 else ""
    digits = 2 if amount >= 1 or not amount else max(2, 1 - amount.adjusted())
    rounded = amount.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return f"{sign}${rounded:,.{2 if rounded >= 1 else digits}f}"


def exact_money(nano_usd: int) -> str:
    """Every digit there is, at least two after the point."""
    text = f"{abs(nano_usd) * NANO:,.9f}"
    while text.endswith("0") and text[-3] != ".":
        text = text[:-1]
    return f"{'-' if nano_usd < 0 else ''}${text}"


def plain_money(nano_usd: int) -> str:
    """US dollars for programs: `12.4`, `0.000000001`, without a sign for the currency or between thousands."""
    text = f"{nano_usd * NANO:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def count(number: int) -> str:
    """`950`, `1.2 k`, `34.5 k`, `340 k`, `3.4 M`: for tokens and whatever else comes in large numbers."""
    size = abs(number)
    for scale, letter in SCALES:
        # What would round to a full thousand of the smaller letter is said in the larger one.
        if size >= scale * Decimal("0.9995"):
            return f"{'-' if number < 0 else ''}{_short(Decimal(size) / scale)} {letter}"
    return str(number)


def exact_count(number: int) -> str:
    """`1,234,567`."""
    return f"{number:,}"


def duration(microseconds: int) -> str:
    """`90 µs`, `4.2 ms`, `420 ms`, `3.1 s`, `2 min 5 s`, `3 h 20 min`, `4 d 3 h`."""
    if microseconds < MILLISECOND:
        return f"{microseconds} µs"
    if microseconds < 999.5 * MILLISECOND:
        return f"{_short(Decimal(microseconds) / MILLISECOND, whole_from=10)} ms"
    if microseconds < 59.95 * SECOND:
        return f"{_short(Decimal(microseconds) / SECOND)} s"
    if microseconds < HOUR:
        return _two(microseconds, (MINUTE, "min"), (SECOND, "s"))
    if microseconds < DAY:
        return _two(microseconds, (HOUR, "h"), (MINUTE, "min"))
    return _two(microseconds, (DAY, "d"), (HOUR, "h"))


def exact_duration(microseconds: int) -> str:
    """`1,234.567 ms`."""
    return f"{Decimal(microseconds) / MILLISECOND:,} ms"


def share(part: int, whole: int) -> str:
    """`4.2 %`, `12 %`; a small part is never nothing, and nearly all is never all."""
    if not whole:
        return NOTHING
    percent = Decimal(100 * part) / whole
    if 0 < percent < Decimal("0.1"):
        return "<0.1 %"
    if Decimal("99.5") <= percent < 100:
        return ">99 %"
    return f"{_short(percent, whole_from=10)} %" if percent else "0 %"


def _short(number: Decimal, *, whole_from: int = 100) -> str:
    """One digit after the point, none from `whole_from` on."""
    tenths = number.quantize(Decimal("0.1"), ROUND_HALF_UP)
    return str(number.quantize(Decimal(1), ROUND_HALF_UP)) if tenths >= whole_from else str(tenths)


def _two(microseconds: int, large: tuple[int, str], small: tuple[int, str]) -> str:
    """The two units in which a long duration is said."""
    smalls = (microseconds + small[0] // 2) // small[0]
    larges, rest = divmod(smalls, large[0] // small[0])
    return f"{larges} {large[1]} {rest} {small[1]}" if rest else f"{larges} {large[1]}"

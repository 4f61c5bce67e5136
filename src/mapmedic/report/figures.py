"""Numbers as people read them: "412.6 MiB", "5.1 MiB/s", "17 µs", "98 %". The one place that decides how."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime

from mapmedic.model.units import NANOSECONDS_PER_SECOND

ABSENT = "unknown"
"""What stands where nobody could say a number: None, NaN and infinities alike."""

Number = float | int | None

_BINARY_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_DURATIONS = ((1_000, "ns", 1), (1_000_000, "µs", 1_000), (1_000_000_000, "ms", 1_000_000))
_MINUTE = 60
_HOUR = 3600


def finite(value: Number) -> float | None:
    """Return ``value`` as a float, None where it is no number at all (None, NaN, an infinity)."""
    if value is None:
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def bytes_text(value: Number) -> str:
    """Return a number of bytes in binary units with one decimal ("412.6 MiB")."""
    number = finite(value)
    if number is None:
        return ABSENT
    sign, size = ("-" if number < 0 else ""), abs(number)
    exponent = 0
    # 1023.95 would print as "1024.0": one unit further up reads better.
    while size >= 1023.95 and exponent < len(_BINARY_UNITS) - 1:
        size /= 1024
        exponent += 1
    digits = f"{size:.1f}" if exponent else f"{size:.0f}"
    return f"{sign}{digits} {_BINARY_UNITS[exponent]}"


def rate_text(value: Number, uncertainty: Number = None) -> str:
    """Return bytes per second ("5.1 MiB/s"), with its uncertainty in the same unit ("5.1 ± 0.4 MiB/s")."""
    doubt = finite(uncertainty)
    if finite(value) is None:
        return ABSENT
    amount, unit = bytes_text(value).split(" ")
    if doubt is None:
        return f"{amount} {unit}/s"
    size = abs(doubt) / 1024 ** _BINARY_UNITS.index(unit)
    return f"{amount} ± {size:.{1 if size >= 0.05 or not size else 2}f} {unit}/s"


def count_text(value: Number) -> str:
    """Return a whole number in groups of three ("812,345")."""
    number = finite(value)
    if number is None:
        return ABSENT
    return f"{value if isinstance(value, int) else round(number):,}"


def entries_text(value: Number) -> str:
    """Return how many entries that are ("1 entry", "812,345 entries")."""
    return f"{count_text(value)} {'entry' if value == 1 else 'entries'}"


def plain_text(value: Number) -> str:
    """Return a number of no particular unit, short but not rounded to nothing ("0.0123", "1,234.5")."""
    number = finite(value)
    if number is None:
        return ABSENT
    if number == int(number) or abs(number) >= 1000:
        return f"{number:,.1f}".removesuffix(".0")
    return f"{number:.3g}"


def percent_text(share: Number) -> str:
    """Return a share of 1 in percent ("98 %", "0.4 %"); never "100 %" for less, or "0 %" for more."""
    number = finite(share)
    if number is None:
        return ABSENT
    percent = number * 100
    if 99.5 <= percent < 100:
        return "over 99 %"
    if 0 < percent < 0.1:
        return "under 0.1 %"
    return (
        f"{percent:.1f} %"
        if 0 < abs(percent) < 10 and abs(percent - round(percent)) >= 0.05
        else f"{percent:.0f} %"
    )


def change_text(change: Number) -> str:
    """Return a relative change with its sign ("-62 %", "+3.5 %")."""
    number = finite(change)
    if number is None:
        return ABSENT
    sign, share = "+" if number > 0 else "-" if number < 0 else "", abs(number)
    if 0.995 <= share < 1:  # "-over 99 %" is nothing that anybody says
        return f"{sign}{math.floor(share * 1000) / 10:.1f} %"
    return f"{sign}{percent_text(share)}"


def duration_text(nanoseconds: Number) -> str:
    """Return a length of time ("17 µs", "1.4 ms", "30 s", "2 min 5 s")."""
    number = finite(nanoseconds)
    if number is None:
        return ABSENT
    if number == 0:
        return "0 s"
    if number < 0:
        return f"-{duration_text(-number)}"
    for limit, unit, size in _DURATIONS:
        # Rounded before it is compared: 999.96 µs is "1 ms", not "1000 µs".
        if float(f"{number:.3g}") < limit:
            return f"{_three_digits(number / size)} {unit}"
    return _seconds_text(number / NANOSECONDS_PER_SECOND)


def _seconds_text(seconds: float) -> str:
    if float(f"{seconds:.3g}") < _MINUTE:
        return f"{_three_digits(seconds)} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s".removesuffix(" 0 s")
    return f"{whole // _HOUR:,} h {whole % _HOUR // _MINUTE} min".removesuffix(" 0 min")


def _three_digits(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def time_text(at: Number) -> str:
    """Return a moment in UTC ("2026-11-23 03:45:12 UTC") from nanoseconds since 1970."""
    number = finite(at)
    if number is None:
        return ABSENT
    try:
        return f"{datetime.fromtimestamp(number / NANOSECONDS_PER_SECOND, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return ABSENT


_BY_UNIT: dict[str, Callable[[Number], str]] = {
    "bytes": bytes_text,
    "B": bytes_text,
    "bytes/s": rate_text,
    "B/s": rate_text,
    "bytes_per_second": rate_text,
    "ns": duration_text,
    "nanoseconds": duration_text,
    "ratio": percent_text,
    "share": percent_text,
    "fraction": percent_text,
    "": plain_text,
}
_SCALED: dict[str, tuple[Callable[[Number], str], float]] = {
    "µs": (duration_text, 1e3),
    "us": (duration_text, 1e3),
    "ms": (duration_text, 1e6),
    "milliseconds": (duration_text, 1e6),
    "s": (duration_text, 1e9),
    "seconds": (duration_text, 1e9),
    "%": (percent_text, 0.01),
    "percent": (percent_text, 0.01),
    "MiB": (bytes_text, 1 << 20),
}


def measured_text(value: float | int | str | None, unit: str = "") -> str:
    """Return a measured value in its unit; words stay words, an unknown unit is put behind the number."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    number = finite(value)
    if number is None:
        return ABSENT
    if unit in _BY_UNIT:
        return _BY_UNIT[unit](number)
    if unit in _SCALED:
        render, factor = _SCALED[unit]
        return render(number * factor)
    return f"{plain_text(number)} {unit}"

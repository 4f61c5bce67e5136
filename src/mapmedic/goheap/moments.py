"""Go's time.Time and time.Duration (src/time/time.go)."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta

from mapmedic.memory.reader import Memory

_HAS_MONOTONIC = 1 << 63
_NANOSECOND_BITS = 30
_SECOND_MASK = (1 << 33) - 1
# Seconds from year 1 and from 1885 to 1970.
_FROM_YEAR_1, _FROM_1885 = 62_135_596_800, 2_682_288_000
_YEAR_10000 = 253_402_300_800
NANOSECONDS = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = ((3600 * NANOSECONDS, "h"), (60 * NANOSECONDS, "m"))


def unix_ns(memory: Memory, address: int) -> int | None:
    """Return the nanoseconds since 1970 of the time.Time at ``address``; None where no such moment lies there."""
    words = memory.words(address, "Qq")
    return None if words is None else _unix_ns(*words)


def unix_ns_of(raw: bytes) -> int | None:
    """Return the nanoseconds since 1970 of a time.Time whose first 16 bytes are ``raw``; None where that is none."""
    return _unix_ns(*struct.unpack("<Qq", raw))


def _unix_ns(wall: int, ext: int) -> int | None:
    nanoseconds = wall & ((1 << _NANOSECOND_BITS) - 1)
    since_1885 = wall >> _NANOSECOND_BITS & _SECOND_MASK
    seconds = since_1885 - _FROM_1885 if wall & _HAS_MONOTONIC else ext - _FROM_YEAR_1
    if nanoseconds >= NANOSECONDS or not -_FROM_YEAR_1 <= seconds < _YEAR_10000:
        return None
    return seconds * NANOSECONDS + nanoseconds


def time_text(memory: Memory, address: int) -> str | None:
    """Return the time.Time at ``address`` in UTC (RFC 3339), with its monotonic reading where it has one."""
    words = memory.words(address, "Qq")
    at = None if words is None else _unix_ns(*words)
    if words is None or at is None:
        return None
    text = moment_text(at)
    wall, ext = words
    return f"{text} m={ext / NANOSECONDS:+.9f}" if wall & _HAS_MONOTONIC else text


def moment_text(ns: int) -> str:
    """Return nanoseconds since 1970 as RFC 3339 in UTC, without trailing zeros, for the years 1 to 9999."""
    seconds, nanoseconds = divmod(ns, NANOSECONDS)
    moment = _EPOCH + timedelta(seconds=seconds)
    fraction = f".{nanoseconds:09d}".rstrip("0").rstrip(".")
    return f"{moment.replace(tzinfo=None).isoformat()}{fraction}Z"


def duration_text(ns: int) -> str:
    """Return a length of time as Go prints it ("1h0m0.5s", "1.5ms", "0s")."""
    if ns == 0:
        return "0s"
    sign, left = ("-" if ns < 0 else ""), abs(ns)
    for unit, size in (("ns", 1), ("µs", 1_000), ("ms", 1_000_000)):
        if left < size * 1000:
            return f"{sign}{_decimal(left, size)}{unit}"
    parts: list[str] = []
    for size, letter in _UNITS:
        if parts or left >= size:
            parts.append(f"{left // size}{letter}")
        left %= size
    return f"{sign}{''.join(parts)}{_decimal(left, NANOSECONDS)}s"


def _decimal(number: int, unit: int) -> str:
    whole, rest = divmod(number, unit)
    digits = f"{rest:0{len(str(unit)) - 1}d}".rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else str(whole)

"""Which entries of a map fit the conditions of an eviction, as the agent would judge them (agent/matcher.go)."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mapmedic.errors import UsageError
from mapmedic.goheap.descriptors import SIGNED, UNSIGNED, Descriptor, Kind
from mapmedic.goheap.fields import TIME, Fields, Reading
from mapmedic.goheap.moments import NANOSECONDS, unix_ns_of
from mapmedic.goheap.patterns import compile_glob, compile_pattern
from mapmedic.model.evict_condition import EvictCondition

_INTEGERS, _FLOATS = SIGNED | UNSIGNED, {Kind.FLOAT32: "<f", Kind.FLOAT64: "<d"}
_DURATION = "time.Duration"
_TIME_BYTES = 16
_ZERO_TIME_NS = -62_135_596_800 * NANOSECONDS
# As the agent's: longer texts fit no pattern.
_MOST_TEXT_BYTES = 1024
_MOST_LENGTH = 1 << 47

# Whether a value of this type at this address fits.
_Test = Callable[[Reading, Descriptor, int], bool]


@dataclass(frozen=True, slots=True)
class EntryTest:
    """One condition, ready to be asked of entries whose keys (``on_key``) or values are of type ``start``."""

    on_key: bool
    start: Descriptor
    names: tuple[str, ...]
    fields: Fields
    suits: Callable[[Descriptor], bool]
    holds: _Test

    def fits(self, reading: Reading, key: int, elem: int) -> bool:
        """Tell whether the entry with its key and element there fits; a nil on the way does not."""
        at = self.fields.find(reading, self.start, key if self.on_key else elem, self.names)
        return at is not None and self.suits(at[0]) and self.holds(reading, *at)


def entry_tests(
    fields: Fields, key: Descriptor, elem: Descriptor, conditions: Sequence[EvictCondition], now_ns: int
) -> tuple[EntryTest, ...]:
    """Return the tests that an entry has to pass, all of them; UsageError where one cannot be asked of such entries."""
    return tuple(_test(fields, key if each.on == "key" else elem, each, now_ns) for each in conditions)


def _test(fields: Fields, start: Descriptor, condition: EvictCondition, now_ns: int) -> EntryTest:
    names = tuple(condition.field.split(".")) if condition.field else ()
    suits, holds = _judge(condition, now_ns)
    leaf = fields.leaf(start, names)
    if isinstance(leaf, str):
        raise UsageError(f"'{condition.text}': {leaf}")
    if leaf is not None and not suits(leaf):
        raise UsageError(f"'{condition.text}': {condition.operator} cannot be asked of a {leaf.name}")
    return EntryTest(condition.on == "key", start, names, fields, suits, holds)


def _judge(condition: EvictCondition, now_ns: int) -> tuple[Callable[[Descriptor], bool], _Test]:
    """Return what types the condition can be asked of, and whether a value of such a type fits it."""
    operator, value = condition.operator, condition.value
    if operator == "older_than":
        before = now_ns - (condition.seconds or 0) * NANOSECONDS
        return (lambda kind: kind.name == TIME), lambda reading, _, at: _is_before(reading, at, before)
    if operator == "expired":
        return _is_moment, lambda reading, kind, at: _has_passed(reading, kind, at, now_ns)
    if isinstance(value, int):
        return (
            lambda kind: kind.kind in _INTEGERS
        ), lambda reading, kind, at: _integer(reading, kind, at) == value
    return _is_text, _text_test(operator, value or "")


def _is_text(kind: Descriptor) -> bool:
    return kind.kind is Kind.STRING


def _is_moment(kind: Descriptor) -> bool:
    is_number = kind.kind in _INTEGERS or kind.kind in _FLOATS
    return kind.name == TIME or (is_number and kind.name != _DURATION)


def _text_test(operator: str, value: str) -> _Test:
    wanted = value.encode("utf-8", "surrogateescape")
    if operator == "prefix":
        return lambda reading, _, at: _text(reading, at, len(wanted), is_start=True) == wanted
    if operator == "equals":
        return lambda reading, _, at: _text(reading, at, len(wanted), is_start=False) == wanted
    pattern = compile_glob(value) if operator == "glob" else compile_pattern(value)
    return lambda reading, _, at: _is_like(reading, at, pattern)


def _is_like(reading: Reading, at: int, pattern: re.Pattern[str]) -> bool:
    text = _text(reading, at, _MOST_TEXT_BYTES, is_start=None)
    return text is not None and pattern.search(text.decode("utf-8", "replace")) is not None


def _text(reading: Reading, at: int, size: int, *, is_start: bool | None) -> bytes | None:
    """Return the text at ``at``: the first ``size`` bytes, or all of it where it is so long, or (None) no longer."""
    raw = reading.read(at, 16)
    start, length = struct.unpack("<2Q", raw) if raw else (0, _MOST_LENGTH)
    too_short, too_long = is_start is not None and length < size, not is_start and length > size
    if too_short or too_long or length >= _MOST_LENGTH:
        return None
    size = size if is_start else length
    return reading.read(start, size) if size else b""


def _integer(reading: Reading, kind: Descriptor, at: int) -> int | None:
    raw = reading.read(at, kind.size)
    return None if raw is None else int.from_bytes(raw, "little", signed=kind.kind in SIGNED)


def _is_before(reading: Reading, at: int, when_ns: int) -> bool:
    """Tell whether the time.Time at ``at`` is before; the zero time says "never"."""
    raw = reading.read(at, _TIME_BYTES)
    ns = None if raw is None else unix_ns_of(raw)
    return ns is not None and ns != _ZERO_TIME_NS and ns < when_ns


def _has_passed(reading: Reading, kind: Descriptor, at: int, now_ns: int) -> bool:
    """Take numbers for Unix seconds, as the exp of a JWT is; zero and less say "never"."""
    if kind.name == TIME:
        return _is_before(reading, at, now_ns)
    if kind.kind in _FLOATS:
        raw = reading.read(at, kind.size)
        number = struct.unpack(_FLOATS[kind.kind], raw)[0] if raw else 0.0
        return bool(0 < number < now_ns / NANOSECONDS)
    whole = _integer(reading, kind, at) or 0
    return 0 < whole < now_ns // NANOSECONDS

"""What the keys of a map have in common: prefixes of texts, ranges of numbers, values of a struct's fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from mapmedic.model.entries import Grouping, KeyGroup
from mapmedic.model.go_values import Boxed, GoValue, Plain, Pointer, Said, Struct, Text

_SEPARATORS = ":/._-| "
_MOST_GROUPS, _MOST_FIELDS, _MOST_GROUPINGS = 10, 8, 2
_LEVELS = 3
# A prefix that nearly every key has for itself groups nothing; one that few keys have is no prefix of theirs.
_MOST_DISTINCT, _LEAST_SHARE = 0.1, 0.5
_FEW = 20
_RANGES = 8


def group_keys(keys: Sequence[GoValue]) -> tuple[Grouping, ...]:
    """Return the ways in which ``keys`` fall into groups, the coarsest first; none where they do not."""
    return tuple(_group(keys, ""))


def _group(keys: Sequence[GoValue], field: str) -> Iterator[Grouping]:
    plain = [_inner(key) for key in keys]
    structs = [key for key in plain if isinstance(key, Struct)]
    if structs and not field:
        for place, (name, _) in enumerate(structs[0].fields[:_MOST_FIELDS]):
            yield from _group(
                [key.fields[place][1] for key in structs if len(key.fields) > place], f".{name}"
            )
        return
    texts = [key.text for key in plain if isinstance(key, Text)]
    if texts:
        yield from _by_text(texts, field)
        return
    numbers = [key.value for key in plain if isinstance(key, Plain) and isinstance(key.value, int)]
    if numbers and not isinstance(numbers[0], bool):
        yield from _by_range(numbers, field)
        return
    words = [
        str(key.value) if isinstance(key, Plain) else key.text
        for key in plain
        if isinstance(key, Plain | Said)
    ]
    yield from _by_value(words, field)


def _inner(key: GoValue) -> GoValue:
    """Return what a pointer leads to, or an interface holds."""
    for _ in range(_LEVELS):
        inner = key.value if isinstance(key, Boxed) else key.to if isinstance(key, Pointer) else None
        if inner is None:
            return key
        key = inner
    return key


def _by_text(texts: Sequence[str], field: str) -> Iterator[Grouping]:
    """Yield groupings by prefix, or by the whole text where there are few."""
    whole = Counter(texts)
    if len(whole) <= _FEW and len(whole) < len(texts):
        yield _grouping(f"{field} value".strip(), whole)
        return
    found: dict[tuple[str, ...], tuple[int, str, Counter[str]]] = {}
    for separator in _SEPARATORS:
        for level in range(1, _LEVELS + 1):
            groups = Counter(_prefix(text, separator, level) for text in texts)
            without = groups.pop("", 0)
            if without > len(texts) * (1 - _LEAST_SHARE):
                break
            if len(groups) > max(_FEW, len(texts) * _MOST_DISTINCT):
                break
            said = f"{field} prefix up to {_ordinal(level)}{separator!r}".strip()
            # The same groups by another separator say nothing new.
            found.setdefault(tuple(sorted(map(str, groups.values()))), (len(groups), said, groups))
    several = sorted((each for each in found.values() if each[0] > 1), key=lambda each: each[0])
    for _, said, groups in (several or list(found.values()))[:_MOST_GROUPINGS]:
        yield _grouping(said, groups)


def _prefix(text: str, separator: str, level: int) -> str:
    """Return ``text`` up to its ``level``-th ``separator``; "" where it has not as many."""
    parts = text.split(separator, level)
    return separator.join(parts[:level]) + separator if len(parts) > level else ""


def _ordinal(level: int) -> str:
    return "" if level == 1 else f"the {level}{'nd' if level == 2 else 'rd'} "


def _by_range(numbers: Sequence[int], field: str) -> Iterator[Grouping]:
    """Yield a grouping by equal ranges with round ends, or by value where there are few."""
    values = Counter(numbers)
    if len(values) <= _FEW and len(values) < len(numbers):
        yield _grouping(f"{field} value".strip(), Counter({str(n): count for n, count in values.items()}))
        return
    low, high = min(numbers), max(numbers)
    width = _round_width((high - low) // _RANGES + 1)
    ranges = Counter(number // width for number in numbers)
    named = {f"{n * width:,} to {(n + 1) * width - 1:,}": count for n, count in sorted(ranges.items())}
    if len(numbers) > 1:
        yield _grouping(f"{field} range".strip(), Counter(named))


def _round_width(least: int) -> int:
    """Return the least 1, 2 or 5 times a power of ten that is not below ``least``."""
    power = int("1" + "0" * (len(str(least)) - 1))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)


def _by_value(words: Sequence[str], field: str) -> Iterator[Grouping]:
    values = Counter(words)
    if values and len(values) < len(words):
        yield _grouping(f"{field} value".strip(), values)


def _grouping(by: str, groups: Counter[str]) -> Grouping:
    largest = tuple(KeyGroup(name, count) for name, count in groups.most_common(_MOST_GROUPS))
    return Grouping(by, largest, len(groups))

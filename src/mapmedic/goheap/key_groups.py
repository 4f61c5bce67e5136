"""What the keys of a map have in common: prefixes of texts, ranges of numbers, values of a struct's fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from mapmedic.model.entries import Grouping, KeyGroup
from mapmedic.model.go_values import Boxed, GoValue, Plain, Pointer, Said, Struct, Text

_SEPARATORS = ":/._-| "
_MOST_GROUPS, _MOST_FIELDS, _MOST_GROUPINGS = 10, 8, 2
_LEVELS = 3
# A prefix that nearly every key has for itself groups nothing; one that few keys have is no prefix of theirs.
_MOST_DISTINCT, _LEAST_SHARE = 0.1, 0.5
_FEW = 20
_RANGES = 8


# A key, or what is known of it, and the bytes of its entry.
_Weighed = tuple[GoValue, int]


def group_keys(keys: Sequence[GoValue], weights: Sequence[int]) -> tuple[Grouping, ...]:
    """Return the ways in which ``keys`` fall into groups, the coarsest first; none where they do not.

    ``weights``: key -> bytes of its entry.
    """
    return tuple(_group(list(zip(keys, weights, strict=True)), ""))


def _group(keys: Sequence[_Weighed], field: str) -> Iterator[Grouping]:
    plain = [(_inner(key), weight) for key, weight in keys]
    structs = [(key, weight) for key, weight in plain if isinstance(key, Struct)]
    if structs and not field:
        for place, (name, _) in enumerate(structs[0][0].fields[:_MOST_FIELDS]):
            inner = [(key.fields[place][1], weight) for key, weight in structs if len(key.fields) > place]
            yield from _group(inner, f".{name}")
        return
    texts = [(key.text, weight) for key, weight in plain if isinstance(key, Text)]
    if texts:
        yield from _by_text(texts, field)
        return
    numbers = [(key.value, w) for key, w in plain if isinstance(key, Plain) and isinstance(key.value, int)]
    if numbers and not isinstance(numbers[0][0], bool):
        yield from _by_range(numbers, field)
        return
    words = [
        (str(key.value) if isinstance(key, Plain) else key.text, weight)
        for key, weight in plain
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


def _by_text(texts: Sequence[tuple[str, int]], field: str) -> Iterator[Grouping]:
    """Yield groupings by prefix, or by the whole text where there are few."""
    distinct = len({text for text, _ in texts})
    if distinct <= _FEW and distinct < len(texts):
        yield _grouping(f"{field} value".strip(), texts)
        return
    found: dict[tuple[str, ...], tuple[int, str, str, int]] = {}
    for separator in _SEPARATORS:
        for level in range(1, _LEVELS + 1):
            groups = Counter(_prefix(text, separator, level) for text, _ in texts)
            without = groups.pop("", 0)
            if without > len(texts) * (1 - _LEAST_SHARE):
                break
            if len(groups) > max(_FEW, len(texts) * _MOST_DISTINCT):
                break
            said = f"{field} prefix up to {_ordinal(level)}{separator!r}".strip()
            # The same groups by another separator say nothing new.
            found.setdefault(tuple(sorted(map(str, groups.values()))), (len(groups), said, separator, level))
    several = sorted((each for each in found.values() if each[0] > 1), key=lambda each: each[0])
    for _, said, separator, level in (several or list(found.values()))[:_MOST_GROUPINGS]:
        named = ((_prefix(text, separator, level), weight) for text, weight in texts)
        yield _grouping(said, (each for each in named if each[0]))


def _prefix(text: str, separator: str, level: int) -> str:
    """Return ``text`` up to its ``level``-th ``separator``; "" where it has not as many."""
    parts = text.split(separator, level)
    return separator.join(parts[:level]) + separator if len(parts) > level else ""


def _ordinal(level: int) -> str:
    return "" if level == 1 else f"the {level}{'nd' if level == 2 else 'rd'} "


def _by_range(numbers: Sequence[tuple[int, int]], field: str) -> Iterator[Grouping]:
    """Yield a grouping by equal ranges with round ends, or by value where there are few."""
    values = {number for number, _ in numbers}
    if len(values) <= _FEW and len(values) < len(numbers):
        yield _grouping(f"{field} value".strip(), ((str(number), weight) for number, weight in numbers))
        return
    width = _round_width((max(values) - min(values)) // _RANGES + 1)
    named = (
        (f"{number // width * width:,} to {(number // width + 1) * width - 1:,}", weight)
        for number, weight in numbers
    )
    if len(numbers) > 1:
        yield _grouping(f"{field} range".strip(), named)


def _round_width(least: int) -> int:
    """Return the least 1, 2 or 5 times a power of ten that is not below ``least``."""
    power = int("1" + "0" * (len(str(least)) - 1))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)


def _by_value(words: Sequence[tuple[str, int]], field: str) -> Iterator[Grouping]:
    if words and len({word for word, _ in words}) < len(words):
        yield _grouping(f"{field} value".strip(), words)


def _grouping(by: str, named: Iterable[tuple[str, int]]) -> Grouping:
    """Return the groups that (name, bytes) of each entry make, those with the most bytes first."""
    entries, held = Counter[str](), Counter[str]()
    for name, weight in named:
        entries[name] += 1
        held[name] += weight
    largest = sorted(entries, key=lambda name: (-held[name], -entries[name]))[:_MOST_GROUPS]
    return Grouping(by, tuple(KeyGroup(name, entries[name], held[name]) for name in largest), len(entries))

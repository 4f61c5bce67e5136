"""profile.proto decoded slowly, one object a sample: the oracle of mapmedic.formats.pprof.

Written from google/pprof's profile.proto alone, sharing no code and no data layout with the native decoder.
"""

from __future__ import annotations

import gzip
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

Fields = dict[int, list[Any]]


def decode(data: bytes) -> dict[str, Any]:
    """Return a profile as nested lists, every reference replaced by what it points to."""
    plain = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    top = _fields(plain)
    strings = [text.decode("utf-8", "replace") for text in top[6]] or [""]
    functions = {_one(f, 1): _function(f, strings) for f in map(_fields, top[5])}
    mappings = {_one(m, 1): _mapping(m, strings) for m in map(_fields, top[3])}
    places = {_one(loc, 1): _location(loc, functions, mappings) for loc in map(_fields, top[4])}
    return {
        "types": [_pair(t, strings) for t in top[1]],
        "samples": [_sample(s, places, strings) for s in map(_fields, top[2])],
        "mappings": list(mappings.values()),
        "locations": list(places.values()),
        "functions": list(functions.values()),
        "period_type": _pair(top[11][-1], strings) if top[11] else None,
        "numbers": [_signed(_one(top, n)) for n in (12, 9, 10)],
        "texts": [strings[_one(top, n)] for n in (14, 7, 8, 15)],
        "comments": [strings[n] for n in _numbers(top[13])],
    }


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def _wire(data: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        if tag & 7 == 0:
            value, at = _varint(data, at)
            yield tag >> 3, value
        elif tag & 7 == 2:
            length, at = _varint(data, at)
            assert at + length <= len(data)
            yield tag >> 3, data[at : at + length]
            at += length
        else:
            at += {1: 8, 5: 4}[tag & 7]


def _fields(data: bytes) -> Fields:
    fields: Fields = defaultdict(list)
    for number, value in _wire(data):
        fields[number].append(value)
    return fields


def _numbers(values: list[Any]) -> list[int]:
    numbers = []
    for value in values:
        if isinstance(value, int):
            numbers.append(value)
            continue
        at = 0
        while at < len(value):
            number, at = _varint(value, at)
            numbers.append(number)
    return numbers


def _one(fields: Fields, number: int) -> int:
    found: int = fields[number][-1] if fields[number] else 0
    return found


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _pair(data: bytes, strings: list[str]) -> tuple[str, str]:
    fields = _fields(data)
    return strings[_one(fields, 1)], strings[_one(fields, 2)]


def _function(fields: Fields, strings: list[str]) -> tuple[Any, ...]:
    return (*(strings[_one(fields, n)] for n in (2, 3, 4)), _signed(_one(fields, 5)))


def _mapping(fields: Fields, strings: list[str]) -> tuple[Any, ...]:
    texts = (strings[_one(fields, 5)], strings[_one(fields, 6)])
    return (*(_one(fields, n) for n in (2, 3, 4)), *texts, *(bool(_one(fields, n)) for n in (7, 8, 9, 10)))


def _location(fields: Fields, functions: dict[int, Any], mappings: dict[int, Any]) -> tuple[Any, ...]:
    lines = [_fields(line) for line in fields[4]]
    named = [(functions.get(_one(line, 1)), _signed(_one(line, 2))) for line in lines]
    return _one(fields, 3), mappings.get(_one(fields, 2)), bool(_one(fields, 5)), named


def _label(fields: Fields, strings: list[str]) -> tuple[Any, ...]:
    key, text, unit = (strings[_one(fields, n)] for n in (1, 2, 4))
    return key, text, _signed(_one(fields, 3)), unit


def _sample(fields: Fields, places: dict[int, Any], strings: list[str]) -> tuple[Any, ...]:
    labels = [_fields(label) for label in fields[3]]
    named = [
        (strings[_one(lb, 1)], strings[_one(lb, 2)], _signed(_one(lb, 3)), strings[_one(lb, 4)])
        for lb in labels
    ]
    stack = [places[identity] for identity in _numbers(fields[1])]
    return [_signed(value) for value in _numbers(fields[2])], stack, named

"""``mapmedic.heap/1`` as text and back: what `mapmedic heap --json` prints, and what a session keeps of a process.

The fields are those of ``model.inventory``, by name: what is added there is written and read here without more.
A field that is missing takes its default (an older version wrote it), one that is not known is left out.
"""

from __future__ import annotations

import json
import math
import types
import typing
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any

from mapmedic.errors import FormatError
from mapmedic.model.inventory import Inventory

SCHEMA = "mapmedic.heap/1"
_WHAT = "inventory"
_SHOWN = 60
_TOO_LARGE = 1 << 64
Json = dict[str, Any]


def inventory_json(inventory: Inventory) -> Json:
    """Return ``mapmedic.heap/1``."""
    value: Json = {"schema": SCHEMA, **plain(inventory)}
    if inventory.account is not None:
        value["account"]["unexplained_bytes"] = inventory.account.unexplained_bytes
    return value


def encode_inventory(inventory: Inventory) -> bytes:
    """Return ``mapmedic.heap/1`` as compact JSON."""
    return json.dumps(inventory_json(inventory), separators=(",", ":"), allow_nan=False).encode()


def parse_inventory(data: bytes) -> Inventory:
    """Return the inventory in ``data``; FormatError where it is none."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FormatError(_WHAT, f"no JSON: {error}") from error
    schema = value.get("schema") if isinstance(value, dict) else None
    if schema != SCHEMA:
        raise FormatError(_WHAT, f"it is {_shown(schema)}, not {SCHEMA}")
    inventory: Inventory = reader_of(Inventory)(value, _WHAT)
    return inventory


def plain(value: Any) -> Any:
    """Return ``value`` (records, rows, words, numbers) as JSON holds it."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    return value.value if isinstance(value, Enum) else value


# Takes what JSON holds and where that stands; returns what the model wants, or raises FormatError.
_Read = Callable[[Any, str], Any]


@cache
def reader_of(kind: Any) -> _Read:
    """Return what reads a value of ``kind``, a type as the model writes it; what that reads raises FormatError."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if is_dataclass(kind) and isinstance(kind, type):
        return _record(kind)
    if origin in (typing.Union, types.UnionType):
        inner = reader_of(next(each for each in arguments if each is not types.NoneType))
        return lambda value, where: None if value is None else inner(value, where)
    if origin is tuple and arguments[1:] == (...,):
        return _row(reader_of(arguments[0]))
    if origin is tuple:
        return _fixed_row(tuple(map(reader_of, arguments)))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _word(kind)
    return _plain_value(kind)


def _record(kind: type) -> _Read:
    hints = typing.get_type_hints(kind)
    names = [(f.name, reader_of(hints[f.name]), f.default is MISSING) for f in fields(kind)]

    def read(value: Any, where: str) -> Any:
        if not isinstance(value, dict):
            raise FormatError(where, f"{_shown(value)} is no object")
        given = {}
        for name, reader, is_required in names:
            if name in value:
                given[name] = reader(value[name], name)
            elif is_required:
                raise FormatError(where, f"it has no {name}")
        return kind(**given)

    return read


def _row(inner: _Read) -> _Read:
    def read(value: Any, where: str) -> Any:
        if not isinstance(value, list):
            raise FormatError(where, f"{_shown(value)} is no list")
        return tuple([inner(each, where) for each in value])

    return read


def _fixed_row(inner: tuple[_Read, ...]) -> _Read:
    def read(value: Any, where: str) -> Any:
        if not isinstance(value, list) or len(value) != len(inner):
            raise FormatError(where, f"{_shown(value)} is no list of {len(inner)}")
        return tuple(reader(each, where) for reader, each in zip(inner, value, strict=True))

    return read


def _word(kind: type[Enum]) -> _Read:
    known = {each.value: each for each in kind}

    def read(value: Any, where: str) -> Any:
        if not isinstance(value, str) or value not in known:
            raise FormatError(where, f"{_shown(value)} is none of {', '.join(map(str, known))}")
        return known[value]

    return read


def _plain_value(kind: Any) -> _Read:
    base = getattr(kind, "__supertype__", kind)

    def read(value: Any, where: str) -> Any:
        number = base is float and isinstance(value, int) and not isinstance(value, bool)
        if not number and type(value) is not base:
            raise FormatError(where, f"{_shown(value)} is no {base.__name__}")
        if base in (int, float) and not (math.isfinite(value) and abs(value) < _TOO_LARGE):
            raise FormatError(where, "no number that a machine has")
        return value

    return read


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"

"""The header of a file of entries that were saved from outside; behind it entries in frames (``formats.entry_stream``).

An entry is JSON: {"key": K, "value": V}; in a difference {"entry": {...}} for what came, with "was": N where it stands
for the entry number N of the base, and {"gone": N} for one that went. docs/reference/saved-entries.md says what K and V
are made of.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

from mapmedic.errors import FormatError
from mapmedic.formats.agent import parse_object, whole_number
from mapmedic.formats.entry_stream import encode_frame
from mapmedic.model.saved_entries import EntryBounds, SavedHeader

SAVED_SCHEMA = "mapmedic.entries/1"
_WHAT = "header of saved entries"
_LENGTH_BYTES = 4
_MAX_HEADER_BYTES = 1 << 20
_COUNTS = ("pid", "started_ticks", "address", "entries")
_TEXTS = ("boot", "program", "owner", "design", "tool_version")
_TEXTS_OR_NOT = ("build_id", "type", "key_type", "value_type", "base")
_FLAGS = ("is_redacted", "is_difference", "is_raw")


def encode_saved_header(header: SavedHeader) -> bytes:
    """Return the first frame of a file of saved entries."""
    facts = {"schema": SAVED_SCHEMA, **asdict(header)}
    facts["copied_at_unix_ns"] = facts.pop("copied_at")
    return encode_frame(json.dumps(facts).encode())


def parse_saved_header(data: bytes) -> tuple[SavedHeader, int]:
    """Return the header at the start of ``data`` and where the entries begin; FormatError where there is none."""
    length = int.from_bytes(data[:_LENGTH_BYTES], "big")
    payload = data[_LENGTH_BYTES : _LENGTH_BYTES + length]
    if not 0 < length <= _MAX_HEADER_BYTES or len(payload) < length:
        raise FormatError(_WHAT, "it does not begin as a file of saved entries does", 0)
    facts = parse_object(payload, _WHAT)
    if facts.get("schema") != SAVED_SCHEMA:
        raise FormatError(_WHAT, f"not a {SAVED_SCHEMA}", 0)
    known = {name: _checked(facts, name) for name in (*_COUNTS, *_TEXTS, *_TEXTS_OR_NOT, *_FLAGS)}
    copied_at = _checked(facts, "copied_at_unix_ns")
    return SavedHeader(**known, copied_at=copied_at, bounds=_bounds(facts)), _LENGTH_BYTES + length


def _checked(facts: dict[str, Any], name: str) -> Any:
    # Files from before there was anything raw do not say it.
    value = facts.get(name, False if name == "is_raw" else None)
    if name in _TEXTS:
        fits = isinstance(value, str)
    elif name in _TEXTS_OR_NOT:
        fits = value is None or isinstance(value, str)
    elif name in _FLAGS:
        fits = isinstance(value, bool)
    else:
        fits = whole_number(value) is not None
    if not fits:
        raise FormatError(_WHAT, f"its {name} is not what it should be")
    return value


def _bounds(facts: dict[str, Any]) -> EntryBounds:
    said = facts.get("bounds")
    if not isinstance(said, dict):
        raise FormatError(_WHAT, "it does not say how far entries were looked into")
    numbers = {each.name: whole_number(said.get(each.name)) for each in fields(EntryBounds)}
    known = {name: number for name, number in numbers.items() if number is not None}
    if len(known) < len(numbers):
        raise FormatError(_WHAT, "it does not say how far entries were looked into")
    return EntryBounds(**known)

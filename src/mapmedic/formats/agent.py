"""Answers of the mapmedic agent (docs/reference/agent-api.yaml)."""

from __future__ import annotations

import json
from typing import Any

from mapmedic.errors import FormatError
from mapmedic.model.observation import RegisteredMap

MAX_BYTES = 16 << 20
_MAPS = "agent maps"
MAPS_SCHEMA = "mapmedic.agent.maps/1"


def parse_object(data: bytes, what: str) -> dict[str, Any]:
    """Return the JSON object in ``data``; FormatError where it is none, or larger than 16 MiB."""
    if len(data) > MAX_BYTES:
        raise FormatError(what, f"{len(data):,} bytes are more than the agent ever sends")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FormatError(what, f"not JSON: {error}", getattr(error, "pos", None)) from error
    if not isinstance(value, dict):
        raise FormatError(what, "not a JSON object")
    return value


def parse_registered_maps(data: bytes) -> tuple[RegisteredMap, ...]:
    """Return the maps the agent lists; FormatError where the answer is not its contract."""
    return registered_maps(parse_object(data, _MAPS))


def registered_maps(answer: dict[str, Any]) -> tuple[RegisteredMap, ...]:
    """Return the maps in the agent's ``answer``; FormatError where it is not its contract."""
    listed = answer.get("maps")
    if answer.get("schema") != MAPS_SCHEMA or not isinstance(listed, list):
        raise FormatError(_MAPS, f"not a {MAPS_SCHEMA} answer")
    return tuple(_registered_map(entry) for entry in listed)


def _registered_map(entry: Any) -> RegisteredMap:
    if not isinstance(entry, dict):
        raise FormatError(_MAPS, "an entry is not an object")
    return RegisteredMap(
        name=_text(entry, "name"),
        kind=_text(entry, "kind"),
        type=_text(entry, "type"),
        entries=None if entry.get("entries") is None else _count(entry, "entries"),
        registered_at=_text(entry, "registered_at") if entry.get("registered_at") else None,
    )


def _text(entry: dict[str, Any], name: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str):
        raise FormatError(_MAPS, f"an entry's {name} is not a text")
    return value


def _count(entry: dict[str, Any], name: str) -> int:
    value = whole_number(entry.get(name))
    if value is None:
        raise FormatError(_MAPS, f"an entry's {name} is not a count")
    return value


def whole_number(value: object) -> int | None:
    """Return ``value`` where it is a count that a Go process could have sent, None where it is anything else."""
    # bool is an int to Python, and JSON's numbers have no bounds.
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 64:
        return value
    return None

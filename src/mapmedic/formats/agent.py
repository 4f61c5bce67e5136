"""Answers of the mapmedic agent (docs/reference/agent-api.yaml)."""

from __future__ import annotations

import json
from typing import Any

from mapmedic.errors import FormatError
from mapmedic.model.observation import RegisteredMap

MAX_BYTES = 16 << 20
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
    return registered_maps(parse_object(data, "agent maps"))


def registered_maps(answer: dict[str, Any]) -> tuple[RegisteredMap, ...]:
    """Return the maps in the agent's ``answer``; FormatError where it is not its contract."""
    listed = answer.get("maps")
    if answer.get("schema") != MAPS_SCHEMA or not isinstance(listed, list):
        raise FormatError("agent maps", f"not a {MAPS_SCHEMA} answer")
    return tuple(_registered_map(entry) for entry in listed)


def _registered_map(entry: Any) -> RegisteredMap:
    try:
        entries = entry["entries"]
        return RegisteredMap(
            name=str(entry["name"]),
            kind=str(entry["kind"]),
            type=str(entry["type"]),
            entries=int(entries) if entries is not None else None,
            registered_at=str(entry["registered_at"]) if entry.get("registered_at") else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError("agent maps", f"an entry lacks or garbles {error}") from error

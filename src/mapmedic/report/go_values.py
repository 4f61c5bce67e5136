"""Go values as text, much as Go prints them, and as JSON."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from mapmedic.model.go_values import (
    Boxed,
    Elements,
    GoValue,
    Plain,
    Pointer,
    Said,
    Struct,
    Text,
    Unreadable,
)


@singledispatch
def value_text(value: GoValue | None) -> str:
    """Return ``value`` in one line; what is in it may still be obeyed by a terminal (``inert``)."""
    del value
    return "nil"


@value_text.register
def _(value: Plain) -> str:
    if value.value is None:
        return "nil"
    return str(value.value).lower() if isinstance(value.value, bool) else str(value.value)


@value_text.register
def _(value: Text) -> str:
    return f'"{value.text}"' if value.is_whole else f'"{value.text}…" ({value.length:,} bytes)'


@value_text.register
def _(value: Said) -> str:
    return value.text


@value_text.register
def _(value: Struct) -> str:
    parts = [f"{name}:{value_text(each)}" for name, each in value.fields]
    return f"{{{' '.join(parts + ([f'… {value.left_out} more'] if value.left_out else []))}}}"


@value_text.register
def _(value: Elements) -> str:
    parts = [value_text(each) for each in value.first]
    more = value.length - len(value.first)
    return f"[{' '.join(parts + ([f'… {more:,} more'] if more > 0 else []))}]"


@value_text.register
def _(value: Pointer) -> str:
    if value.to:
        return f"&{value_text(value.to)}"
    return f"{value.address:#x}{' (leads back)' if value.is_cycle else ''}"


@value_text.register
def _(value: Boxed) -> str:
    return f"{_type_of(value.value)}({value_text(value.value)})" if value.value else "nil"


@value_text.register
def _(value: Unreadable) -> str:
    return f"unreadable at {value.address:#x}: {value.why}"


def _type_of(value: GoValue) -> str:
    return "?" if isinstance(value, Unreadable) else value.type


@singledispatch
def value_json(value: GoValue | None) -> Any:
    """Return ``value`` as plain JSON. What JSON has no word for is an object whose names begin with ``$``."""
    return getattr(value, "text", None)


@value_json.register
def _(value: Plain) -> Any:
    return value.value


@value_json.register
def _(value: Text) -> Any:
    return value.text if value.is_whole else {"$text": value.text, "$bytes": value.length}


@value_json.register
def _(value: Struct) -> Any:
    fields = {name: value_json(each) for name, each in value.fields}
    return fields | ({"$left_out": value.left_out} if value.left_out else {})


@value_json.register
def _(value: Elements) -> Any:
    first = [value_json(each) for each in value.first]
    if value.capacity is None and value.length == len(first):
        return first
    return {"$length": value.length, "$capacity": value.capacity, "$first": first}


@value_json.register
def _(value: Pointer) -> Any:
    if value.to:
        return value_json(value.to)
    return {"$pointer": f"{value.address:#x}", "$cycle": value.is_cycle}


@value_json.register
def _(value: Boxed) -> Any:
    return {"$type": _type_of(value.value), "$value": value_json(value.value)} if value.value else None


@value_json.register
def _(value: Unreadable) -> Any:
    return {"$unreadable": f"{value.address:#x}", "$why": value.why}

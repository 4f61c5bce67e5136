"""Names for what hangs on a goroutine's stack or in a closure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from mapmedic import _native
from mapmedic.goheap.descriptors import Kind
from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.names import GlobalNames
from mapmedic.goheap.stacks import Frame, readable_tables
from mapmedic.goheap.ways import Step
from mapmedic.memory.reader import Address


@dataclass(frozen=True, slots=True)
class Names:
    """What of an owner's three names is known, and the type of the map, counted from where the types begin."""

    path: str | None
    declared: str | None
    label: str
    map_type: int | None = None


# A closure is named after the function it stands in: src/cmd/compile/internal/ir/func.go, closureName.
_CLOSURE_SUFFIX = re.compile(r"(\.(func\d+|gowrap\d+|deferwrap\d+|\d+)|-range\d+)+$")
# How the compiler types its values: src/cmd/compile/internal/typecheck/func.go, ClosureType.
_CLOSURE_TYPE = "struct { F uintptr"
# What stands behind a call of these is whoever asked the runtime to wait, grow or collect.
_RUNTIME = ("runtime.", "internal/runtime/", "internal/sync.", "sync.")


def stack_names(
    heap: GoHeap, goroutine: int, holders: Sequence[Address], steps: Sequence[Step], names: GlobalNames | None
) -> Names:
    """Name what is reached along ``steps`` from the words at ``holders``, all on the stack of ``goroutine``.

    Of several frames the outermost one that says a name is believed: it holds on the longest.
    """
    frames = [(at, frame) for at in holders if (frame := heap.stacks.frame_at(at)) is not None]
    for at, frame in reversed(frames):
        named = _furthest(heap, steps, partial(names.local, frame, at)) if names else None
        if named is not None:
            return _named(goroutine, frame, named)
    own = next((frame for _, frame in reversed(frames) if not frame.function.startswith(_RUNTIME)), None)
    frame_or_none = own or (frames[-1][1] if frames else None)
    where = f" {frame_or_none.function}" if frame_or_none else ""
    return Names(None, None, f"goroutine {goroutine}{where}")


def header_names(
    heap: GoHeap, goroutine: int, header: Address, holders: Sequence[Address], names: GlobalNames | None
) -> Names:
    """Name the map whose header lies on the stack of ``goroutine``, with pointers to it at ``holders``."""
    frame = heap.stacks.frame_at(header)
    found = stack_names(heap, goroutine, holders or (header,), (), names)
    if found.path is not None or frame is None:
        return found
    # The pointer to a header that does not escape is a constant, so nothing says where the variable is.
    named = names.only_local(frame, ()) if names else None
    if named is not None:
        return _named(goroutine, frame, named)
    return Names(None, None, f"goroutine {goroutine} {frame.function}")


def closure_names(heap: GoHeap, steps: Sequence[Step], names: GlobalNames | None) -> Names | None:
    """Name what the closure nearest to the end of a way has captured; None where there is no closure on it."""
    for index in range(len(steps) - 1, -1, -1):
        address, place, kind, type_ = steps[index]
        may_be = kind == "unknown" or (heap.types.name(type_) or "").startswith(_CLOSURE_TYPE)
        word = heap.memory.word(address) if may_be else None
        with readable_tables():
            function = heap.stacks.code.function(word) if word else None
        if function is None or function[0] != word:
            continue
        label = f"closure {function[1]}"
        named = _furthest(heap, steps[index + 1 :], partial(names.captured, word, place)) if names else None
        if named is None:
            return Names(None, None, label)
        variable, path, declared, map_type = named
        around = _CLOSURE_SUFFIX.sub("", function[1])
        return Names(f"{label}.{variable}{path}", declared or f"{around}.{variable}", label, map_type)
    return None


def _furthest(
    heap: GoHeap, steps: Sequence[Step], name: Callable[[list[int]], _native.NamedMap | None]
) -> _native.NamedMap | None:
    """Return the name by the debug information as far as that leads to a map, from there on by the types in memory."""
    places = [place for _, place, _, _ in steps]
    for known in range(len(steps), -1, -1):
        named = name(places[:known])
        if named is None:
            continue
        if known == len(steps):
            return named
        way = heap.ways.along(steps[known:], Kind.MAP)
        variable, path, declared, _ = named
        inner = heap.ways.declared(steps[known:]) or declared
        return None if way is None else (variable, f"{path}{way.path}", inner, None)
    return None


def _named(goroutine: int, frame: Frame, named: _native.NamedMap) -> Names:
    variable, path, declared, map_type = named
    label = f"goroutine {goroutine} {frame.function}"
    return Names(f"{label}.{variable}{path}", declared or f"{frame.function}.{variable}", label, map_type)

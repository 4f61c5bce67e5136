"""What the program's own code says of the types of its variables, captured ones and frames, as places in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mapmedic import _native
from mapmedic.goheap.runtime import Runtime
from mapmedic.goheap.stacks import Stacks, readable_tables

# Goroutines that stand at one place say the same of each: the first of them must do.
_MOST_FRAMES = 1 << 12

# Address of the word it begins at (of a closure: its function), offsets from there on, whether it is a map, its type.
Way = tuple[int, list[int], bool, int]


@dataclass(frozen=True, slots=True)
class SaidTypes:
    """Ways from words and from closures, and (address, type) of headers of maps that lie on stacks."""

    words: list[Way]
    closures: list[Way]
    headers: list[tuple[int, int]]


def find_said_types(code: _native.GoCode, runtime: Runtime, stacks: Stacks) -> SaidTypes:
    """Return what the code says; HeapUnreadable where the program's table of functions is damaged."""
    variables = min(s.start for s in runtime.sections), max(s.end for s in runtime.sections)
    standing = np.unique(stacks.pc).tobytes()
    with readable_tables():
        said = code.said_types((runtime.types, runtime.types_end), variables, standing)
    found = SaidTypes([], [], [])
    for begins, address, place, offsets, is_map, type_ in said:
        if begins == "closure":
            found.closures.append((address, offsets, is_map, type_))
        elif begins == "word":
            found.words.append((address, offsets, is_map, type_))
        else:
            frames = stacks.fp[(stacks.pc if begins == "slot" else stacks.entry) == address][:_MOST_FRAMES]
            places = [int(high) + place for high in frames.tolist()]
            if begins == "slot":
                found.words.extend((at, offsets, is_map, type_) for at in places)
            else:
                found.headers.extend((at, type_) for at in places)
    return found

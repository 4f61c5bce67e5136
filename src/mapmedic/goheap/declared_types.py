"""The types of maps that no object of the heap tells, as the program's debug information declares them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.names import GlobalNames
from mapmedic.goheap.owners import name_owner


def with_declared_types(heap: GoHeap, names: GlobalNames | None) -> GoHeap:
    """Return ``heap`` with the type that the variable of each map of unknown type is declared with."""
    if names is None:
        return heap
    map_types = heap.maps["map_type"].copy()
    for row in np.flatnonzero((map_types == 0) & (heap.maps["bucket_type"] == 0)):
        on_stack = bool(heap.maps["is_on_stack"][row])
        owner = name_owner(heap, int(heap.maps["address"][row]), names, on_stack=on_stack)
        if owner.map_type is not None:
            map_types[row] = heap.runtime.types + owner.map_type
    return replace(heap, maps={**heap.maps, "map_type": map_types})

"""The heap of a Go process as one survey: every map, what it is, how large, who holds it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mapmedic import _native
from mapmedic.errors import HeapUnreadable
from mapmedic.goheap.confirm import confirm_runtime
from mapmedic.goheap.descriptors import Descriptors
from mapmedic.goheap.global_labels import GlobalLabels
from mapmedic.goheap.interfaces import find_interfaces
from mapmedic.goheap.map_sizes import SIZE_CLASSES
from mapmedic.goheap.names import GlobalNames
from mapmedic.goheap.page_count import may_be_found
from mapmedic.goheap.roots import Roots, find_roots
from mapmedic.goheap.runtime import Runtime, find_runtime
from mapmedic.goheap.said_types import find_said_types
from mapmedic.goheap.stack_maps import stack_headers
from mapmedic.goheap.stacks import Stacks, read_code, unwind_stacks
from mapmedic.goheap.static_objects import StaticObjects, find_static_objects
from mapmedic.goheap.types import Types
from mapmedic.goheap.watchers import find_watchers
from mapmedic.goheap.ways import WayNames
from mapmedic.memory.reader import Memory
from mapmedic.model.inventory import SnapshotMode

# In a column of what is not known of every row.
_UNKNOWN = (1 << 64) - 1
# Of the pages of a heap, how many may come and go while it is read without a stop.
_MOST_MOVED = 0.1


@dataclass(frozen=True, slots=True)
class GoHeap:
    """A surveyed heap; ``unread`` says what could not be read.

    ``maps`` and ``sync_maps`` are columns (number -> value).
    """

    memory: Memory
    runtime: Runtime
    roots: Roots
    stacks: Stacks
    labels: GlobalLabels
    types: Types
    ways: WayNames
    statics: StaticObjects
    survey: _native.HeapSurvey
    totals: dict[str, int]
    maps: dict[str, np.ndarray]
    sync_maps: dict[str, np.ndarray]
    unread: tuple[str, ...]


def survey_heap(memory: Memory, names: GlobalNames | None = None) -> GoHeap:
    """Return the heap in ``memory``; HeapUnreadable where what was read contradicts itself.

    ``names``: what the program's debug information says, of the types of global variables too.
    """
    runtime = find_runtime(memory)
    code = read_code(memory, runtime)
    doubts = confirm_runtime(memory, runtime, code)
    stacks = unwind_stacks(memory, runtime, code)
    roots, unread = find_roots(memory, runtime, stacks)
    labels = GlobalLabels(memory, code, runtime.sections)
    said = find_said_types(code, runtime, stacks)
    types = Types(memory, runtime.types)
    ways = WayNames.of(Descriptors(types))
    interfaces = find_interfaces(memory, runtime, roots)
    variables = [(at, runtime.types + kind) for at, kind in names.types()] if names else []
    statics = find_static_objects(ways, runtime, roots, interfaces, names)
    place = {
        "allspans": runtime.allspans, "spans": runtime.spans, "swiss": runtime.layout.swiss,
        "sync_trie": runtime.layout.sync_trie, "types": runtime.types, "types_end": runtime.types_end,
        "globals": [(section.start, section.end) for section in runtime.sections],
        "arenas": runtime.arenas, "text": runtime.text,
        "certain_roots": roots.certain, "size_classes": list(SIZE_CLASSES),
        "variables": [*variables, *statics.variables()],
        "said_words": said.words, "said_closures": said.closures, "said_headers": said.headers,
        "moving": memory.how is SnapshotMode.LIVE, "watchers": find_watchers(labels, roots),
        "stack_headers": stack_headers(stacks),
    }  # fmt: skip
    try:
        survey = _native.HeapSurvey(
            memory.image, runtime.layout.spans, place, roots.words.tobytes(), stacks.used(), interfaces
        )  # fmt: skip
    except ValueError as error:
        raise HeapUnreadable(f"the heap cannot be read: {error}") from error
    totals = survey.totals()
    unread += doubts + _page_doubts(memory, totals["pages_in_use"], runtime.pages_in_use)
    maps, sync_maps = _columns(survey.maps()), _columns(survey.sync_maps())
    return GoHeap(
        memory, runtime, roots, stacks, labels, types, ways, statics, survey, totals, maps, sync_maps, unread
    )  # fmt: skip


def shared_bytes(heap: GoHeap, row: dict[str, int]) -> int | None:
    """Return what the map or sync.Map in ``row`` leads to beyond what it retains; None where nobody went to see."""
    # Held by whom, is a question to the memory of one moment.
    is_unknown = heap.memory.how is SnapshotMode.LIVE or row["shared_bytes"] == _UNKNOWN
    return None if is_unknown else row["shared_bytes"]


def _columns(raw: dict[str, bytes]) -> dict[str, np.ndarray]:
    return {name: np.frombuffer(column, dtype="<u8") for name, column in raw.items()}


def _page_doubts(memory: Memory, found: int, counted: int) -> tuple[str, ...]:
    """Hold the pages of all spans against the runtime's own count; only memory of no single moment may differ."""
    if found in may_be_found(memory, counted):
        return ()
    words = f"its spans have {found:,} pages, the runtime counts {counted:,}"
    if memory.how is not SnapshotMode.LIVE or abs(found - counted) > _MOST_MOVED * counted:
        raise HeapUnreadable(f"the heap does not add up: {words}")
    return (f"what moved while the memory was read: {words}",)

"""Name the frames that net/http/pprof hides, and unsample the figures.

Go drops runtime frames at the leaf of heap profiles, and with them every trace of map growth. The raw
return addresses in ``heap?debug=1`` are complete, and ``/debug/pprof/symbol`` names them, in stripped
binaries too (src/net/http/pprof/pprof.go, src/runtime/pprof/pprof.go printStackRecord).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from mapmedic.model.frames import Frame
from mapmedic.model.heap import HeapProfile, Stack, restored_frame
from mapmedic.model.heap_records import HeapRecords, hidden_prefix_lengths
from mapmedic.model.profile import Profile

# Fewer than this share of the known names right: the answers are about another binary.
MIN_SYMBOL_AGREEMENT = 0.5


def symbols_agree(records: HeapRecords, symbols: Mapping[int, str]) -> bool:
    """Tell whether the symbol answers match the names that the profile itself prints.

    Answers that name none of them prove nothing, and are not believed either.
    """
    if not symbols or not len(records.frame_pc):
        return True
    asked = right = 0
    names = records.names
    for pc, function in zip(records.frame_pc.tolist(), records.frame_function.tolist(), strict=True):
        named = symbols.get(pc)
        if named is not None:
            asked += 1
            right += named == names[function]
    return asked > 0 and right / asked >= MIN_SYMBOL_AGREEMENT


def heap_from_text(records: HeapRecords, symbols: Mapping[int, str]) -> HeapProfile:
    """Return the profile of ``heap?debug=1`` with its hidden frames named by ``symbols``."""
    frames = _printed_frames(records)
    hidden = hidden_prefix_lengths(records).tolist()
    stack = records.stack.tolist()
    starts = records.stack_start.tolist()
    printed = records.frame_start.tolist()
    restored: dict[int, Frame] = {}
    stacks: list[Stack] = []
    keys: list[bytes] = []
    sizes = _object_sizes(records)
    for index, count in enumerate(hidden):
        leaf = stack[starts[index] : starts[index] + count]
        for address in leaf:
            if address not in restored:
                restored[address] = restored_frame(address, symbols)
        named = tuple(restored[address] for address in leaf)
        stacks.append(named + tuple(frames[printed[index] : printed[index + 1]]))
        raw = records.stack[starts[index] : starts[index + 1]].tobytes()
        keys.append(sizes[index].tobytes() + raw)
    return _profile(records, tuple(stacks), tuple(keys), sizes, bool(symbols))


def _printed_frames(records: HeapRecords) -> list[Frame]:
    cache: dict[tuple[int, int, int], Frame] = {}
    frames = []
    columns = (records.frame_function, records.frame_file, records.frame_line)
    for key in zip(*(column.tolist() for column in columns), strict=True):
        if key not in cache:
            function, file, line = key
            cache[key] = Frame(records.names[function], records.files[file] or None, line or None)
        frames.append(cache[key])
    return frames


def _object_sizes(records: HeapRecords) -> npt.NDArray[np.int64]:
    # The runtime keeps one bucket per stack and size, so the quotient is the size.
    return records.alloc_bytes // np.maximum(records.alloc_objects, 1)


def _profile(
    records: HeapRecords,
    stacks: tuple[Stack, ...],
    keys: tuple[bytes, ...],
    sizes: npt.NDArray[np.int64],
    restored: bool,
) -> HeapProfile:
    scaled = records.unsampled()
    return HeapProfile(
        stacks=stacks,
        keys=keys,
        object_bytes=sizes,
        inuse_bytes=scaled.inuse_bytes,
        inuse_objects=scaled.inuse_objects,
        alloc_bytes=scaled.alloc_bytes,
        alloc_objects=scaled.alloc_objects,
        sampled_inuse=records.inuse_objects,
        sampled_allocs=records.alloc_objects,
        frames_restored=restored,
        memstats=records.memstats,
    )


def heap_from_pprof(profile: Profile) -> HeapProfile:
    """Return a binary heap profile in the same shape; its hidden frames are gone for good."""
    columns = {kind: profile.values[:, i] for i, kind in enumerate(v.kind for v in profile.sample_types)}
    zero = np.zeros(len(profile.values), dtype=np.int64)
    inuse_objects = columns.get("inuse_objects", zero)
    alloc_objects = columns.get("alloc_objects", zero)
    stacks = tuple(_pprof_stacks(profile))
    return HeapProfile(
        stacks=stacks,
        keys=tuple(repr(stack).encode() for stack in stacks),
        object_bytes=zero,
        inuse_bytes=columns.get("inuse_space", zero).astype(np.float64),
        inuse_objects=inuse_objects.astype(np.float64),
        alloc_bytes=columns.get("alloc_space", zero).astype(np.float64),
        alloc_objects=alloc_objects.astype(np.float64),
        # The file holds unsampled figures only; taken as they are they understate the error.
        sampled_inuse=inuse_objects,
        sampled_allocs=alloc_objects,
        frames_restored=False,
        memstats=None,
    )


def _pprof_stacks(profile: Profile) -> list[Stack]:
    of_location = _location_frames(profile)
    starts = profile.stack_start.tolist()
    stack = profile.stack.tolist()
    return [
        tuple(frame for location in stack[begin:end] for frame in of_location[location])
        for begin, end in pairwise(starts)
    ]


def _location_frames(profile: Profile) -> list[Stack]:
    starts = profile.line_start.tolist()
    functions, lines = profile.line_function.tolist(), profile.line_number.tolist()
    frames = [
        Frame(profile.function_names[function], profile.function_files[function] or None, line or None)
        if function >= 0
        else Frame("(no symbol)")
        for function, line in zip(functions, lines, strict=True)
    ]
    return [tuple(frames[begin:end]) for begin, end in pairwise(starts)]

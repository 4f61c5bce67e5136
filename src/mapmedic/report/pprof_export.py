"""A heap profile as profile.proto, so that `go tool pprof` shows the frames it has never seen.

Go's own profiles lose the runtime frames at the leaf when they are written (src/runtime/pprof/protomem.go);
pprof itself drops only what a profile's drop_frames asks for (google/pprof profile/prune.go).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from mapmedic.formats.pprof import encode_profile
from mapmedic.model.frames import Frame
from mapmedic.model.heap import HeapChange, HeapProfile
from mapmedic.model.profile import Int64s, Labels, Mapping, Profile, ValueType
from mapmedic.model.units import NANOSECONDS_PER_SECOND, UnixNanoseconds
from mapmedic.report.figures import duration_text, time_text
from mapmedic.report.inert import inert

# Go's own order (src/runtime/pprof/pprof.go): tools that pick by number find what they expect.
_TYPES = (
    ValueType("alloc_objects", "count"),
    ValueType("alloc_space", "bytes"),
    ValueType("inuse_objects", "count"),
    ValueType("inuse_space", "bytes"),
)
_GROWTH_TYPES = (ValueType("growth_objects", "count"), ValueType("growth_space", "bytes"))
# The leaf of every stack: it says nothing, and with it nothing else would have a flat figure. pprof leaves it
# out when it reads the file; the file has it.
_DROPPED = r"runtime\.mallocgc\w*"
_LARGEST = float(1 << 62)


@dataclass(frozen=True, slots=True)
class ProfileOrigin:
    """Where a profile came from: its target, the moment of its last capture, and the tool that writes it."""

    target: str
    at: UnixNanoseconds
    tool_version: str


def pprof_bytes(heap: HeapProfile, origin: ProfileOrigin, change: HeapChange | None = None) -> bytes:
    """Return ``heap`` as gzipped profile.proto with every frame under its real name.

    With ``change`` (of the same heap) the profile also has growth_objects and growth_space: what each stack
    gained in the window, negative where it shrank. Figures are unsampled, as in Go's binary profiles.
    """
    return encode_profile(_profile(heap, origin, change))


def _profile(heap: HeapProfile, origin: ProfileOrigin, change: HeapChange | None) -> Profile:
    frames, stack = _numbered(heap)
    functions = {(frame.function, frame.file): 0 for frame in frames}
    functions = {function: number for number, function in enumerate(functions)}
    names = tuple(inert(name) for name, _ in functions)
    return Profile(
        sample_types=_TYPES + (_GROWTH_TYPES if change else ()),
        values=_values(heap, change),
        stack_start=np.cumsum([0, *map(len, heap.stacks)], dtype=np.int64),
        stack=np.array(stack, dtype=np.int32),
        location_address=np.zeros(len(frames), dtype=np.uint64),
        location_mapping=np.zeros(len(frames), dtype=np.int32),
        location_folded=np.zeros(len(frames), dtype=np.bool_),
        line_start=np.arange(len(frames) + 1, dtype=np.int64),
        line_function=np.array([functions[f.function, f.file] for f in frames], dtype=np.int32),
        line_number=np.array([frame.line or 0 for frame in frames], dtype=np.int64),
        function_names=names,
        function_system_names=names,
        function_files=tuple(inert(file or "") for _, file in functions),
        function_start_line=np.zeros(len(functions), dtype=np.int64),
        # It says that names are known: without it pprof goes looking for a binary to take them from.
        mappings=(Mapping(0, 0, 0, inert(origin.target), "", True, True, True, True),),
        labels=_sizes(heap),
        period_type=ValueType("space", "bytes"),
        period=0,
        time_nanos=origin.at,
        duration_nanos=round(change.seconds * NANOSECONDS_PER_SECOND) if change else 0,
        comments=tuple(map(inert, _comments(heap, origin, change))),
        default_sample_type="inuse_space",
        drop_frames=_DROPPED,
        keep_frames="",
        doc_url="",
    )


def _numbered(heap: HeapProfile) -> tuple[dict[Frame, int], list[int]]:
    """Return every frame with the number of its location, and all stacks as such numbers, one after another."""
    frames: dict[Frame, int] = {}
    # Stacks share their frames: an identity is looked up ten times as fast as three texts are hashed.
    known: dict[int, int] = {}
    stack: list[int] = []
    for frame in chain.from_iterable(heap.stacks):
        number = known.get(id(frame))
        if number is None:
            number = known[id(frame)] = frames.setdefault(frame, len(frames))
        stack.append(number)
    return frames, stack


def _values(heap: HeapProfile, change: HeapChange | None) -> Int64s:
    columns = [heap.alloc_objects, heap.alloc_bytes, heap.inuse_objects, heap.inuse_bytes]
    if change is not None:
        columns += [change.gained_bytes / np.maximum(heap.object_bytes, 1), change.gained_bytes]
    return np.stack([_whole(column) for column in columns], axis=1)


def _whole(column: npt.NDArray[np.float64]) -> Int64s:
    """Return whole figures that a profile can hold; what is no number counts as nothing."""
    held = np.nan_to_num(column, nan=0.0, posinf=0.0, neginf=0.0)
    return np.rint(np.clip(held, -_LARGEST, _LARGEST)).astype(np.int64)


def _sizes(heap: HeapProfile) -> Labels:
    """Return the label "bytes" (the size of one object) that Go gives each sample, where it is known."""
    known = np.flatnonzero(heap.object_bytes > 0)
    ones = np.ones(len(known), dtype=np.int32)
    return Labels(known, ones, ones * 0, ones * 0, heap.object_bytes[known], ("", "bytes"))


def _comments(heap: HeapProfile, origin: ProfileOrigin, change: HeapChange | None) -> list[str]:
    """Return what `go tool pprof -comments` prints."""
    comments = [
        f"heap of {origin.target}, captured {time_text(origin.at)}, written by mapmedic {origin.tool_version}",
        "runtime frames at the leaf, which net/http/pprof hides, are restored"
        if heap.frames_restored
        else "runtime frames at the leaf are missing: this profile came without its raw addresses",
    ]
    if change is not None and math.isfinite(change.seconds):
        comments.append(
            f"growth_objects, growth_space: the change of live memory in {duration_text(change.seconds * 1e9)}"
        )
    return comments

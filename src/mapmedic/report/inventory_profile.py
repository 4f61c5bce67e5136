"""An inventory as profile.proto: whose the live heap is, as a stack of owners that `go tool pprof` shows.

The path of an owner is the stack, its variable at the root: main.reg < main.reg.shards[3] < main.reg.shards[3].m. Each
map's bytes are what it alone holds, less what maps below it in its path hold; what is in no map is ``(other)``. So
all of it adds up to the live heap.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from mapmedic.formats.pprof import encode_profile
from mapmedic.model.inventory import Inventory, MapInstance
from mapmedic.model.profile import Labels, Mapping, Profile, ValueType
from mapmedic.model.units import UnixNanoseconds
from mapmedic.report.inert import inert

_TYPES = (ValueType("inuse_objects", "count"), ValueType("inuse_space", "bytes"))
_OTHER = "(other)"
# A step of a path: a field, with the elements behind it; what stands in quotes may hold anything.
_STEP = re.compile(r'(?:"(?:[^"\\]|\\.)*"|\[(?:"(?:[^"\\]|\\.)*"|[^\]"])*\]|[^.\["])+')
_Sample = tuple[tuple[str, ...], int, int]


def inventory_profile(inventory: Inventory, tool_version: str) -> bytes:
    """Return ``inventory`` as gzipped profile.proto: bytes retained by owner, and entries as objects."""
    samples = list(_samples(inventory))
    frames = {name: 0 for stack, _, _ in samples for name in stack}
    frames = {name: number for number, name in enumerate(frames)}
    stack = [frames[name] for names, _, _ in samples for name in reversed(names)]
    names, none = tuple(map(inert, frames)), np.zeros(0, dtype=np.int32)
    target = inventory.target
    profile = Profile(
        sample_types=_TYPES,
        values=np.array([[entries, held] for _, entries, held in samples], dtype=np.int64).reshape(-1, 2),
        stack_start=np.cumsum([0, *(len(names) for names, _, _ in samples)], dtype=np.int64),
        stack=np.array(stack, dtype=np.int32),
        location_address=np.zeros(len(frames), dtype=np.uint64),
        location_mapping=np.zeros(len(frames), dtype=np.int32),
        location_folded=np.zeros(len(frames), dtype=np.bool_),
        line_start=np.arange(len(frames) + 1, dtype=np.int64),
        line_function=np.arange(len(frames), dtype=np.int32),
        line_number=np.zeros(len(frames), dtype=np.int64),
        function_names=names,
        function_system_names=names,
        function_files=("",) * len(frames),
        function_start_line=np.zeros(len(frames), dtype=np.int64),
        mappings=(Mapping(0, 0, 0, inert(target.exe), "", True, True, True, True),),
        labels=Labels(np.zeros(0, dtype=np.int64), none, none, none, np.zeros(0, dtype=np.int64), ("",)),
        period_type=ValueType("space", "bytes"),
        period=0,
        time_nanos=UnixNanoseconds(inventory.snapshot.taken_at_unix_ns or 0),
        duration_nanos=0,
        comments=(
            inert(f"maps of {target.exe} by owner, written by mapmedic {tool_version}"),
            "inuse_space: what a map alone holds, less what maps below it in its path hold; inuse_objects: its entries",
        ),
        default_sample_type="inuse_space",
        drop_frames="",
        keep_frames="",
        doc_url="",
    )
    return encode_profile(profile)


def _samples(inventory: Inventory) -> Iterator[_Sample]:
    """Yield (names of the stack, root first; entries; bytes) so that bytes add up to the live heap."""
    left = inventory.snapshot.heap_bytes
    below = _held_below(inventory.maps)
    # The largest first: where it is not known that one lies in another, the larger one has it.
    for each in sorted(inventory.maps, key=_bytes, reverse=True):
        held = min(left, max(each.shallow_bytes, _bytes(each) - below.get(each.path or "", 0)))
        left -= held
        yield _stack(each), each.entries, held
    if left:
        yield (_OTHER,), 0, left


def _bytes(each: MapInstance) -> int:
    return max(each.retained_bytes or 0, each.shallow_bytes)


def _held_below(maps: tuple[MapInstance, ...]) -> dict[str, int]:
    """Return path -> what the maps next below it in that path hold."""
    paths = {each.path for each in maps if each.path}
    below: dict[str, int] = {}
    for each in maps:
        above = next((path for path in reversed(_prefixes(each.path or "")[:-1]) if path in paths), None)
        if above is not None:
            below[above] = below.get(above, 0) + _bytes(each)
    return below


def _stack(each: MapInstance) -> tuple[str, ...]:
    return _prefixes(each.path) if each.path else (each.declared or each.label or each.type or "map",)


def _prefixes(path: str) -> tuple[str, ...]:
    """Return the variable, then each field of it with the way there: a map in a map lies below its map."""
    package, slash, rest = path.rpartition("/")
    ends = [match.end() for match in _STEP.finditer(rest)]
    # The first step is the package, the second the variable; elements of a map stand for what is in it.
    first = rest.find("[")
    cuts = sorted({*ends[1:], *([first] if first > 0 else [])})
    return tuple(package + slash + rest[:cut] for cut in cuts) or (path,)

"""Heap profiles and observations in the words of the domain: stacks, objects held and made, moments."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mapmedic.formats.memstats import parse_memstats
from mapmedic.model.findings import Blank, Site, SourceFlow, SourceHint
from mapmedic.model.frames import Frame, is_runtime
from mapmedic.model.goroutines import GoroutineDump, GoroutineFrame, GoroutineGroup
from mapmedic.model.heap import HeapProfile, Stack
from mapmedic.model.heap_records import unsample
from mapmedic.model.memstats import MemStats
from mapmedic.model.observation import Capture, Observation, RegisteredMap
from mapmedic.model.units import KIB, NANOSECONDS_PER_SECOND, UnixNanoseconds
from tests.property.strategies import FOOTER


@dataclass(frozen=True)
class ToldSource:
    """A source that says the same of every inserting statement and of every allocation: a mock."""

    hint: SourceHint | None = None
    flow: SourceFlow | None = None

    def locate(self, site: Site) -> SourceHint | None:
        return self.hint

    def follow(self, stack: Sequence[Site]) -> SourceFlow | None:
        return self.flow


RATE = 512 * KIB
START = 1_700_000_000 * NANOSECONDS_PER_SECOND
_FOOTER = parse_memstats(FOOTER.partition(b"MemStats\n")[2])

# How arrays look in real profiles (tests/golden): Swiss tables, classic buckets, both designs of sync.Map.
SWISS = "internal/runtime/maps.newarray < internal/runtime/maps.(*table).rehash < runtime.mapassign_faststr"
CLASSIC = "runtime.makeBucketArray < runtime.hashGrow < runtime.mapassign_faststr"
HASHTRIE = (
    "runtime.newobject < internal/sync.newEntryNode[...] < internal/sync.(*HashTrieMap[...]).Swap < "
    "internal/sync.(*HashTrieMap[...]).Store < sync.(*Map).Store"
)
OLD_SYNC_MAP = f"{CLASSIC} < sync.(*Map).Swap < sync.(*Map).Store"
APPEND = "runtime.mallocgc < runtime.growslice"
HTTP = "net/http.HandlerFunc.ServeHTTP < net/http.(*conn).serve"


def stack(text: str) -> Stack:
    """Return the frames of "leaf < caller < …"; "main.put:12" has a line, "file.go|main.put" a file.

    Runtime frames at the leaf are restored ones.
    """
    frames: list[Frame] = []
    hidden = True
    for word in text.split(" < "):
        file, _, rest = word.rpartition("|")
        match = re.fullmatch(r"(.*?)(?::(\d+))?", rest)
        assert match is not None
        name, line = match.group(1), match.group(2)
        hidden = hidden and (is_runtime(name) or name.startswith("0x"))
        frames.append(Frame(name, file or ("x.go" if line else None), int(line) if line else None, hidden))
    return tuple(frames)


@dataclass
class Heap:
    """A heap profile being put together; ``at_rate`` of 1 means that the sampler saw everything."""

    at_rate: int = RATE
    rows: list[tuple[str, int, int, int]] = field(default_factory=list)

    def holds(self, text: str, size: int, objects: int, made: int | None = None) -> Heap:
        """Add ``objects`` live objects of ``size`` bytes allocated at ``text``, of ``made`` in all."""
        chance = 1 - np.exp(-size / self.at_rate) if self.at_rate > 1 else 1.0
        everything = objects if made is None else made
        self.rows.append((text, size, round(objects * chance), round(everything * chance)))
        return self

    def sampled(self, text: str, size: int, inuse: int, allocs: int) -> Heap:
        """Add a record by what the sampler saw."""
        self.rows.append((text, size, inuse, allocs))
        return self

    def profile(self, memstats: MemStats | None = None) -> HeapProfile:
        """Return the profile, unsampled as a real one is."""
        size = np.array([row[1] for row in self.rows], dtype=np.int64)
        inuse = np.array([row[2] for row in self.rows], dtype=np.int64)
        allocs = np.array([row[3] for row in self.rows], dtype=np.int64)
        inuse_objects, inuse_bytes = unsample(inuse, inuse * size, self.at_rate)
        alloc_objects, alloc_bytes = unsample(allocs, allocs * size, self.at_rate)
        return HeapProfile(
            stacks=tuple(stack(row[0]) if row[0] else () for row in self.rows),
            keys=tuple(f"{row[1]} {row[0]}".encode() for row in self.rows),
            object_bytes=size,
            inuse_bytes=inuse_bytes,
            inuse_objects=inuse_objects,
            alloc_bytes=alloc_bytes,
            alloc_objects=alloc_objects,
            sampled_inuse=inuse,
            sampled_allocs=allocs,
            frames_restored=True,
            memstats=memstats,
        )


def memstats(num_gc: int, seconds: float, *, forced: bool = True, allocated: int | None = None) -> MemStats:
    """Return the footer after GC number ``num_gc``, which ended ``seconds`` after the start."""
    ends = [0] * 256
    ends[(num_gc + 255) % 256] = START + int(seconds * NANOSECONDS_PER_SECOND)
    return dataclasses.replace(
        _FOOTER,
        num_gc=num_gc,
        num_forced_gc=num_gc if forced else 0,
        last_gc_ns=max(ends),
        pause_end_ns=tuple(ends),
        total_alloc_bytes=num_gc * 10**9 if allocated is None else allocated,
        mallocs=num_gc * 10**6,
        stack_inuse_bytes=10**6,
    )


def capture(
    seconds: float,
    heap: Heap | None = None,
    *,
    gc: int | None = 1,
    allocated: int | None = None,
    goroutines: GoroutineDump | None = None,
    maps: Sequence[RegisteredMap] | None = None,
) -> Capture:
    """Return one visit ``seconds`` after the start, a forced GC number ``gc`` just before; None: no footer."""
    stats = memstats(gc, seconds, allocated=allocated) if gc is not None else None
    return Capture(
        at=UnixNanoseconds(START + int(seconds * NANOSECONDS_PER_SECOND)),
        heap=heap.profile(stats) if heap else None,
        goroutine_counts=goroutines,
        goroutines=None,
        registered_maps=tuple(maps) if maps is not None else None,
    )


def observation(*captures: Capture, target: str = "http://127.0.0.1:6060") -> Observation:
    """Return what was seen of ``target``."""
    return Observation(target, captures, (), (Blank("metrics", "none"),), "go1.26.6")


def watched(*heaps: Heap, every: float = 10.0) -> Observation:
    """Return captures of ``heaps`` ``every`` so many seconds, a GC before each."""
    return observation(*(capture(i * every, heap, gc=i + 1) for i, heap in enumerate(heaps)))


def registered(name: str, entries: int | None, kind: str = "map") -> RegisteredMap:
    """Return a map that the agent lists."""
    return RegisteredMap(name, kind, "map[string]*main.T", entries, "main.go:1")


def goroutines(**places: int) -> GoroutineDump:
    """Return a dump of so many goroutines at ``main.<place>``; ``conn`` stands for an idle connection."""
    groups = tuple(
        GoroutineGroup(count, "", 0, 0, _frames(place), None, (), 0, False)
        for place, count in places.items()
        if count
    )
    return GoroutineDump(groups, sum(places.values()), False)


def _frames(place: str) -> tuple[GoroutineFrame, ...]:
    if place == "conn":
        names = ("internal/poll.runtime_pollWait", "net.(*conn).Read", "net/http.(*conn).serve")
    else:
        names = ("runtime.chanrecv1", f"main.{place}")
    return tuple(GoroutineFrame(name, "x.go", 7) for name in names)

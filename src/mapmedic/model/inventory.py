"""Every map in a process, as of one moment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from mapmedic.model.goroutines import GoroutineDump
from mapmedic.model.units import MIB


class OwnerKind(StrEnum):
    """What holds a map; the words of the contract ``mapmedic.heap/1``."""

    GLOBAL = "global"
    GOROUTINE = "goroutine"
    CLOSURE = "closure"
    HEAP = "heap"
    UNKNOWN = "unknown"


class SnapshotMode(StrEnum):
    """How memory was read, and so what it is worth.

    FORK: of one moment, from a frozen copy. FREEZE: of one moment, the process stood still. LIVE: of no single
    moment. CORE: of the moment that a core was written.
    """

    FORK = "fork"
    FREEZE = "freeze"
    LIVE = "live"
    CORE = "core"


# The watch over the memory looks every 5 ms, in which a fast writer dirties some ten MiB.
DEFAULT_FLOOR_BYTES = 64 * MIB


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading a process may cost: how long it stands still, how little memory is left, and for which way.

    ``how`` None leaves the way to us.
    """

    how: SnapshotMode | None = None
    max_pause_ms: float = 200.0
    memory_floor_bytes: int = DEFAULT_FLOOR_BYTES


@dataclass(frozen=True, slots=True)
class MapInstance:
    """One map. None is what is not known, never zero.

    ``shallow_bytes``, ``dead_bytes``, ``retained_bytes``, ``resident_bytes``, ``shared_bytes``: as
    docs/concepts/the-house.md defines them. ``seed``: 32 bits of its hash seed, another one where the map there was
    made anew, or cleared.
    """

    address: int
    owner: str
    path: str | None
    declared: str | None
    label: str | None
    owner_kind: OwnerKind
    type: str | None
    design: str
    entries: int
    capacity: int | None
    shallow_bytes: int
    dead_bytes: int | None
    retained_bytes: int | None
    resident_bytes: int | None = None
    seed: int | None = None
    shared_bytes: int | None = None

    @property
    def fill(self) -> float | None:
        """Return the share of slots that hold an entry; None where slots are not known or there are none."""
        return self.entries / self.capacity if self.capacity else None


class HolderKind(StrEnum):
    """What holds much and is no map. LIST: of container/list; POOL: what waits in a sync.Pool.

    OBJECT: a value with fields, or one of which nothing more is known.
    """

    SLICE = "slice"
    CHANNEL = "channel"
    ARRAY = "array"
    STRING = "string"
    LIST = "list"
    POOL = "pool"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class Holder:
    """Something else that holds much: at least 1 MiB and one in a hundred bytes. None is what is not known.

    No single thing below it holds more than half of ``retained_bytes``; maps and what is in them are left out,
    but not what holds many maps.
    """

    address: int
    owner: str
    path: str | None
    declared: str | None
    label: str | None
    owner_kind: OwnerKind
    kind: HolderKind
    type: str | None
    length: int | None
    capacity: int | None
    shallow_bytes: int
    retained_bytes: int

    @property
    def design(self) -> str:
        """Return what it is, beside the designs of maps."""
        return self.kind.value

    @property
    def entries(self) -> int:
        """Return its elements, of a string its bytes; none of what has no length, or one that is not known."""
        return self.length or 0

    @property
    def dead_bytes(self) -> None:
        """Return None: what of its room was left behind is not known."""
        return None


@dataclass(frozen=True, slots=True)
class InventoryTarget:
    """The program that was looked at.

    ``host``, ``pid`` and ``started_at_seconds`` (Unix time, give or take the kernel's whole seconds) together name
    one process; ``build_id`` is Go's own (cmd/internal/buildid). None is what is not known.
    """

    pid: int | None
    exe: str
    go_version: str
    stripped: bool | None
    experiments: tuple[str, ...]
    host: str | None = None
    started_at_seconds: float | None = None
    build_id: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How it was looked at. ``pause_ms``: from the first thread asked to stop to the last one let go.

    ``notes``: why it was not looked at in the usual way, and what was given up for that. ``uncertain_bytes``: of
    ``heap_bytes``, those that nothing holds but words that may be pointers or mere numbers.
    ``taken_at_unix_ns``: when, by the clock of the machine that looked; None where nobody noted it.
    """

    mode: SnapshotMode
    pause_ms: float
    heap_objects: int
    heap_bytes: int
    complete: bool
    notes: tuple[str, ...] = ()
    uncertain_bytes: int = 0
    taken_at_unix_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """Where the RAM of a process is. All but the first add up to it, but for ``unexplained_bytes``.

    Go's heap: ``live_bytes`` (reached objects), ``dead_bytes`` (allocated, not reached: garbage not swept yet),
    ``room_bytes`` (in spans, around and between objects), ``free_bytes`` (no span, not given back). Beside it:
    ``stack_bytes`` of goroutines, ``runtime_bytes`` of its own books, ``program_bytes`` (text and globals),
    ``file_bytes`` (other files mapped), ``off_heap_bytes`` (C, anonymous mappings, threads).
    """

    rss_bytes: int
    live_bytes: int
    dead_bytes: int
    room_bytes: int
    free_bytes: int
    stack_bytes: int
    runtime_bytes: int
    program_bytes: int
    file_bytes: int
    off_heap_bytes: int

    @property
    def unexplained_bytes(self) -> int:
        """Return what VmRSS has beyond all of them; less than none where memory went while it was counted."""
        heap = self.live_bytes + self.dead_bytes + self.room_bytes + self.free_bytes
        beside = self.stack_bytes + self.runtime_bytes + self.program_bytes + self.file_bytes
        return self.rss_bytes - heap - beside - self.off_heap_bytes


@dataclass(frozen=True, slots=True)
class AllocationCounters:
    """What the runtime has counted since the program began: collections, bytes allocated, bytes found dead.

    What lies in the caches of its Ps (some MiB at most) is not counted yet (src/runtime/mgcpacer.go).
    """

    collections: int
    allocated_bytes: int
    freed_bytes: int


@dataclass(frozen=True, slots=True)
class MapArrays:
    """Arrays (of groups, of buckets) that once were a map's: of ``type``, or of another with slots of the same size."""

    type: str
    count: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Garbage:
    """What nothing leads to any more and is not swept yet: ``bytes`` of all of it, and of what once was a map's."""

    bytes: int
    map_arrays: tuple[MapArrays, ...] = ()


@dataclass(frozen=True, slots=True)
class HeapCheck:
    """Hold one figure of what was read against what it must be, ``least`` to ``most``.

    ``passed`` is None where that could not be decided; ``why`` says what is wrong, "" where nothing is.
    """

    name: str
    measured: int
    least: int | None
    most: int | None
    passed: bool | None
    why: str


@dataclass(frozen=True, slots=True)
class Inventory:
    """All maps, the largest first, what could not be read, and where the RAM is (``account``).

    ``checks`` is what it was held against; one that fails takes ``snapshot.complete`` back.
    ``goroutines`` are grouped by where they began and who started them; None where they were not counted.
    ``stack_bytes``: what the stacks of all goroutines take. ``holders``: what else holds much, the largest first.
    ``counters`` and ``garbage`` are None where they were not found, and of memory of no single moment.
    """

    target: InventoryTarget
    snapshot: Snapshot
    maps: tuple[MapInstance, ...]
    unread: tuple[str, ...]
    account: Account | None = None
    goroutines: GoroutineDump | None = None
    stack_bytes: int | None = None
    holders: tuple[Holder, ...] = ()
    checks: tuple[HeapCheck, ...] = ()
    counters: AllocationCounters | None = None
    garbage: Garbage | None = None

    def checked(self, checks: tuple[HeapCheck, ...]) -> Inventory:
        """Return it with ``checks`` added, and claiming less where one of them failed."""
        failed = any(check.passed is False for check in checks)
        snapshot = replace(self.snapshot, complete=self.snapshot.complete and not failed)
        return replace(self, snapshot=snapshot, checks=self.checks + checks)

    def largest(self, count: int) -> Inventory:
        """Return it with the ``count`` largest maps only, and no longer complete where it had more."""
        rest = self.maps[count:]
        if not rest:
            return self
        held = sum(each.shallow_bytes for each in rest)
        why = (
            f"not listed: {len(rest):,} smaller maps that take {held:,} bytes (only {count:,} were asked for)"
        )
        snapshot = replace(self.snapshot, complete=False)
        return replace(self, snapshot=snapshot, maps=self.maps[:count], unread=(*self.unread, why))

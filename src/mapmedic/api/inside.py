"""Look into a process or a core: its maps, what is in one of them, who holds it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mapmedic.capture.image_loading import holds_image
from mapmedic.capture.inventory import capture_inventory
from mapmedic.capture.map_look import capture_entries, capture_holders
from mapmedic.capture.memstats import capture_checked
from mapmedic.capture.stored import stored_inventories
from mapmedic.capture.targets import TargetKind, parse_target
from mapmedic.errors import FormatError, UsageError
from mapmedic.model.connection import DIRECT, Connection
from mapmedic.model.entries import MapEntries
from mapmedic.model.holders import MapHolders
from mapmedic.model.inventory import DEFAULT_FLOOR_BYTES, Inventory, Limits, SnapshotMode


def heap(
    target: str,
    *,
    snapshot: str | None = None,
    max_pause_ms: float = 200.0,
    memory_floor_bytes: int | None = None,
    exe: Path | None = None,
    against: str | None = None,
    connection: Connection = DIRECT,
    progress: Callable[[str, float], None] | None = None,
) -> Inventory:
    """Return every map of the Go process ``target`` (pid:N, N, or core:PATH); its memory is only read.

    Of a session with an image of the memory the maps are read from that; of any other file that keeps inventories it
    is the last of them. ``exe`` is the program of a core, where it cannot be
    found from the core. ``snapshot`` is fork, freeze or live; None takes the best that keeps ``max_pause_ms`` and
    leaves ``memory_floor_bytes`` free to the process and to us.
    CouldNotLook, with the process as it was, where it cannot be read within these. ``progress`` is called with
    (what is done, share of it), from another thread. ``against`` is the net/http/pprof base of the same process,
    reached by ``connection``: what it says of its heap is held against what was read, as ``checks``.
    """
    parsed = parse_target(target)
    if against is not None and parsed.kind is not TargetKind.PROCESS:
        raise UsageError("--against goes with a process that runs: only that can still be asked")
    if parsed.path is not None and not holds_image(parsed.path):
        return _kept_inventory(parsed.path)
    limits = _limits(snapshot, max_pause_ms, memory_floor_bytes)
    if against is None:
        return capture_inventory(parsed, limits, exe, progress)
    return capture_checked(parsed, limits, exe, progress, against, connection)


def heap_entries(
    target: str,
    owner: str,
    *,
    shown: int = 20,
    snapshot: str | None = None,
    max_pause_ms: float = 200.0,
    memory_floor_bytes: int | None = None,
    exe: Path | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> MapEntries:
    """Return what is in the map ``owner`` (a name or 0x…) of ``target``: ``shown`` entries, groups of keys, ages.

    Otherwise as ``heap``; UsageError where no map, or more than one, is called that.
    """
    limits = _limits(snapshot, max_pause_ms, memory_floor_bytes)
    return capture_entries(parse_target(target), limits, owner, shown, exe, progress)


def heap_paths(
    target: str,
    owner: str,
    *,
    snapshot: str | None = None,
    max_pause_ms: float = 200.0,
    memory_floor_bytes: int | None = None,
    exe: Path | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> MapHolders:
    """Return who holds the map ``owner`` (a name or 0x…) of ``target``: the shortest way from a root, other holders.

    Otherwise as ``heap_entries``.
    """
    limits = _limits(snapshot, max_pause_ms, memory_floor_bytes)
    return capture_holders(parse_target(target), limits, owner, exe, progress)


def _limits(snapshot: str | None, max_pause_ms: float, memory_floor_bytes: int | None) -> Limits:
    floor = DEFAULT_FLOOR_BYTES if memory_floor_bytes is None else memory_floor_bytes
    return Limits(SnapshotMode(snapshot) if snapshot else None, max_pause_ms, floor)


def _kept_inventory(path: Path) -> Inventory:
    kept = stored_inventories(path)
    if not kept:
        raise FormatError(str(path), "it holds no inventory: only a session of a process (pid:N) does")
    return kept[-1]

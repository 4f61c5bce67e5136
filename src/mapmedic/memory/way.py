"""Which way a process is read: what each would cost it, and the best that keeps within what is allowed."""

from __future__ import annotations

from dataclasses import dataclass

from mapmedic.errors import ProcessUnreadable
from mapmedic.memory.process import ProcessFacts
from mapmedic.memory.room import free_bytes
from mapmedic.model.inventory import Limits, SnapshotMode
from mapmedic.model.units import MIB

# Measured, Go 1.26 on 2 busy cores (n=24): 51 ns for each page of 230 MB, 129 of 697 MB, 173 of 1.4 GB.
_FORK_NS_PER_PAGE, _FORK_NS = 170, 2_000_000
# A second for each GB: the slower of what docs/decisions/0009 measured.
_FREEZE_NS_PER_PAGE = 4_000
_PAGE = 4096
# Of its own memory, what a process may write to while the copy of it lives; the floor is held whatever it does.
_SHARE_WRITTEN = 0.1
# A process that stands still anyway is not made to wait.
_STOPPED_PAUSE_MS = 60_000.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What it takes to read a process, as estimated before anything is done to it. None: nobody says."""

    fork_ms: float
    freeze_ms: float
    fork_bytes: int
    free_bytes: int | None
    is_confined: bool
    is_stopped: bool
    has_room: bool


@dataclass(frozen=True, slots=True)
class Way:
    """How a process is read, for how long it may stand still at most, and why it is not the usual way."""

    how: SnapshotMode
    max_pause_ms: float
    notes: tuple[str, ...] = ()


def estimate_cost(pid: int, facts: ProcessFacts, *, has_room: bool) -> Cost:
    """Return what reading ``pid`` would cost it; ``has_room``: there is a place for the code that a fork takes."""
    pages = facts.anonymous_bytes // _PAGE
    return Cost(
        fork_ms=(_FORK_NS + pages * _FORK_NS_PER_PAGE) / 1e6,
        freeze_ms=facts.resident_bytes // _PAGE * _FREEZE_NS_PER_PAGE / 1e6,
        fork_bytes=facts.table_bytes + int(facts.anonymous_bytes * _SHARE_WRITTEN),
        free_bytes=free_bytes(pid),
        is_confined=facts.is_confined,
        is_stopped=facts.is_stopped,
        has_room=has_room,
    )


def choose_way(pid: int, cost: Cost, limits: Limits) -> Way:
    """Return the best way within ``limits``; ProcessUnreadable where the one that was asked for is not."""
    if cost.is_stopped and limits.how is not SnapshotMode.LIVE:
        note = "job control has stopped it: it was read as it stood, and is left stopped"
        return Way(SnapshotMode.FREEZE, _STOPPED_PAUSE_MS, (note,))
    against = _against_fork(cost, limits)
    if limits.how is SnapshotMode.FORK and against:
        raise ProcessUnreadable(pid, against[1], against[0])
    if limits.how is not None or against is None:
        return Way(limits.how or SnapshotMode.FORK, limits.max_pause_ms)
    return _next_best(cost, limits, against[1])


def way_after_refusal(cost: Cost, limits: Limits, why_no_fork: str) -> Way | None:
    """Return the way to take where the kernel refused a fork; None where nothing but a fork was asked for."""
    return None if limits.how is not None else _next_best(cost, limits, why_no_fork)


def way_after_timeout(way: Way, cost: Cost, limits: Limits) -> Way | None:
    """Return the way to take where ``way`` took longer than it may; None for none.

    Standing still that was asked for, and should have been short enough, is tried once more: the machine was busy.
    """
    if way.how is not SnapshotMode.FREEZE or cost.is_stopped:
        return None
    late = f"standing still for the reading took longer than the {way.max_pause_ms:g} ms that were allowed"
    if limits.how is None:
        return Way(SnapshotMode.LIVE, way.max_pause_ms, (*way.notes, f"{late}: it was read while it ran"))
    if way.notes or cost.freeze_ms > way.max_pause_ms:
        return None
    return Way(way.how, way.max_pause_ms, (f"{late}, and was tried twice",))


def _next_best(cost: Cost, limits: Limits, why_no_fork: str) -> Way:
    """Return the way to take where a copy cannot be forked."""
    notes = (f"no copy was forked: {why_no_fork}",)
    if cost.freeze_ms <= limits.max_pause_ms:
        return Way(SnapshotMode.FREEZE, limits.max_pause_ms, (*notes, "it stood still while it was read"))
    stand = (
        f"standing still for the reading would take some {cost.freeze_ms:,.0f} ms (--max-pause is "
        f"{limits.max_pause_ms:g}): it was read while it ran"
    )
    return Way(SnapshotMode.LIVE, limits.max_pause_ms, (*notes, stand))


def _against_fork(cost: Cost, limits: Limits) -> tuple[str, str] | None:
    """Return (cause, words) of what forbids a fork, None where nothing does."""
    if cost.is_confined:
        return "confined", "a seccomp filter confines it, and could end it for the fork that a copy takes"
    if not cost.has_room:
        return "no_room", "its text has no free place for the few bytes of code that a fork takes"
    if cost.fork_ms > limits.max_pause_ms:
        words = (
            f"a fork would take some {cost.fork_ms:,.0f} ms, which is not within a pause of "
            f"{limits.max_pause_ms:g} ms, and nobody can break it off"
        )
        return "too_slow", words
    if cost.free_bytes is not None and cost.fork_bytes + limits.memory_floor_bytes > cost.free_bytes:
        words = (
            f"a copy may take {cost.fork_bytes // MIB:,} MiB while it is read; {cost.free_bytes // MIB:,} MiB are "
            f"free to it and us, of which {limits.memory_floor_bytes // MIB:,} are to stay (--memory-floor)"
        )
        return "no_memory", words
    return None

"""Why a process still holds memory that its heap has given up (runtime/mgcscavenge.go, runtime/mem_linux.go)."""

from __future__ import annotations

from mapmedic.model.observation import MemoryPoint
from mapmedic.model.units import MIB

# Below this a difference is the runtime's own upkeep.
_WORTH_TELLING_BYTES = 8 * MIB


def explain_lag(now: MemoryPoint) -> str:
    """Return in figures why RSS has not come down."""
    if now.heap_idle_bytes is None or now.heap_released_bytes is None:
        return (
            "the kernel still counts it: freed heap goes back when a second or third GC has run and the scavenger "
            "with it (HeapIdle - HeapReleased, which nobody measured here), or something else holds it"
        )
    waiting = max(0, now.heap_idle_bytes - now.heap_released_bytes)
    figures = f"HeapIdle {_mib(now.heap_idle_bytes)}, HeapReleased {_mib(now.heap_released_bytes)}"
    if waiting > _WORTH_TELLING_BYTES:
        return (
            f"{_mib(waiting)} are free in the heap but not yet given back ({figures}): the scavenger's goal is set "
            "by the GC before last and it works in the background at 1 % of a core"
        )
    return _outside(now, figures)


def _outside(now: MemoryPoint, figures: str) -> str:
    if now.sys_bytes is not None and now.heap_released_bytes is not None and now.rss_bytes is not None:
        mapped = now.sys_bytes - now.heap_released_bytes
        beyond = now.rss_bytes - mapped
        if beyond > _WORTH_TELLING_BYTES:
            return (
                f"Go has given back what was free ({figures}) and holds {_mib(mapped)}; the kernel counts "
                f"{_mib(beyond)} more: memory outside of Go's heap (cgo, mmap), or pages marked MADV_FREE, which stay "
                "in RSS until somebody needs them (LazyFree in /proc/PID/smaps; GODEBUG=madvdontneed=0 does that)"
            )
    return f"nothing waits to be given back ({figures}): what is left is in use"


def _mib(size: int) -> str:
    return f"{size / MIB:,.1f} MiB"

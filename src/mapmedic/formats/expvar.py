"""``/debug/vars``: one JSON object of whatever a program publishes, ``memstats`` among it.

Upstream: src/expvar/expvar.go; the fields of ``memstats`` are those of runtime.MemStats (src/runtime/mstats.go).
"""

from __future__ import annotations

import json
from typing import Any

from mapmedic.errors import FormatError
from mapmedic.model.memstats import MemStats

_WHAT = "expvar page"
_MAX_BYTES = 16 << 20
_RING = 256
# Ours -> runtime.MemStats's.
FIELDS = {
    "alloc_bytes": "Alloc", "total_alloc_bytes": "TotalAlloc", "sys_bytes": "Sys", "lookups": "Lookups",
    "mallocs": "Mallocs", "frees": "Frees", "heap_alloc_bytes": "HeapAlloc", "heap_sys_bytes": "HeapSys",
    "heap_idle_bytes": "HeapIdle", "heap_inuse_bytes": "HeapInuse", "heap_released_bytes": "HeapReleased",
    "heap_objects": "HeapObjects", "stack_inuse_bytes": "StackInuse", "stack_sys_bytes": "StackSys",
    "mspan_inuse_bytes": "MSpanInuse", "mspan_sys_bytes": "MSpanSys", "mcache_inuse_bytes": "MCacheInuse",
    "mcache_sys_bytes": "MCacheSys", "buck_hash_sys_bytes": "BuckHashSys", "gc_sys_bytes": "GCSys",
    "other_sys_bytes": "OtherSys", "next_gc_bytes": "NextGC", "last_gc_ns": "LastGC", "num_gc": "NumGC",
    "num_forced_gc": "NumForcedGC",
}  # fmt: skip


def parse_expvar_memstats(data: bytes, *, max_bytes: int = _MAX_BYTES) -> MemStats:
    """Return the ``memstats`` of an expvar page. Raises FormatError where there are none."""
    if len(data) > max_bytes:
        raise FormatError(_WHAT, f"{len(data):,} bytes, more than {max_bytes:,}")
    try:
        page = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FormatError(_WHAT, f"does not parse ({str(error)[:200]})") from None
    stats = page.get("memstats") if isinstance(page, dict) else None
    if not isinstance(stats, dict):
        raise FormatError(_WHAT, "holds no memstats")
    return MemStats(
        pause_ns=_ring(stats, "PauseNs"),
        pause_end_ns=_ring(stats, "PauseEnd"),
        gc_cpu_fraction=_fraction(stats),
        debug_gc=stats.get("DebugGC") is True,
        max_rss_bytes=None,
        **{ours: _count(go, stats.get(go)) for ours, go in FIELDS.items()},
    )


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 64:
        raise FormatError(_WHAT, f"memstats.{name} is no count")
    return value


def _ring(stats: dict[str, Any], name: str) -> tuple[int, ...]:
    values = stats.get(name)
    if not isinstance(values, list) or len(values) > _RING:
        raise FormatError(_WHAT, f"memstats.{name} is no list of at most {_RING}")
    return tuple(_count(name, value) for value in values)


def _fraction(stats: dict[str, Any]) -> float:
    value = stats.get("GCCPUFraction")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FormatError(_WHAT, "memstats.GCCPUFraction is no number")
    return float(value)

"""What a gops agent answers in text: memory figures and counts (upstream: google/gops agent/agent.go handle)."""

from __future__ import annotations

import re

from mapmedic.errors import FormatError
from mapmedic.model.memstats import MemStats

_WHAT = "gops answer"
_MAX_BYTES = 64 << 10
_LINE = re.compile(r"([A-Za-z][A-Za-z -]{0,40}): (.{0,200})")
# "1.21MB (1268616 bytes)", "512 bytes", "7", "when heap-alloc >= 4.00MB (4194304 bytes)"
_EXACT = re.compile(r"(?:^|\(|>= )(\d{1,20})(?: bytes\)?)?$")
_FIELDS = {
    "alloc_bytes": "alloc", "total_alloc_bytes": "total-alloc", "sys_bytes": "sys", "lookups": "lookups",
    "mallocs": "mallocs", "frees": "frees", "heap_alloc_bytes": "heap-alloc", "heap_sys_bytes": "heap-sys",
    "heap_idle_bytes": "heap-idle", "heap_inuse_bytes": "heap-in-use", "heap_released_bytes": "heap-released",
    "heap_objects": "heap-objects", "stack_inuse_bytes": "stack-in-use", "stack_sys_bytes": "stack-sys",
    "mspan_inuse_bytes": "stack-mspan-inuse", "mspan_sys_bytes": "stack-mspan-sys",
    "mcache_inuse_bytes": "stack-mcache-inuse", "mcache_sys_bytes": "stack-mcache-sys",
    "gc_sys_bytes": "gc-sys", "other_sys_bytes": "other-sys", "next_gc_bytes": "next-gc",
    "last_gc_ns": "gc-pause-end", "num_gc": "num-gc", "num_forced_gc": "num-forced-gc",
}  # fmt: skip
_PARTS_OF_SYS = (
    "heap_sys_bytes", "stack_sys_bytes", "mspan_sys_bytes", "mcache_sys_bytes", "gc_sys_bytes", "other_sys_bytes",
)  # fmt: skip


def parse_gops_memstats(data: bytes) -> MemStats:
    """Return the figures of the MemStats command; the rings of past pauses are not among them.

    BuckHashSys, which gops leaves out, is what the other parts of Sys leave over. Raises FormatError.
    """
    lines = _lines(data)
    counts = {ours: _exact(lines, gops) for ours, gops in _FIELDS.items()}
    left = counts["sys_bytes"] - sum(counts[part] for part in _PARTS_OF_SYS)
    return MemStats(
        buck_hash_sys_bytes=max(0, left),
        pause_ns=(),
        pause_end_ns=(),
        gc_cpu_fraction=_fraction(lines),
        debug_gc=lines.get("debug-gc") == "true",
        max_rss_bytes=None,
        **counts,
    )


def parse_gops_goroutines(data: bytes) -> int:
    """Return how many goroutines the Stats command counts. Raises FormatError."""
    return _exact(_lines(data), "goroutines")


def _lines(data: bytes) -> dict[str, str]:
    if len(data) > _MAX_BYTES:
        raise FormatError(_WHAT, f"{len(data):,} bytes, more than a gops agent ever says")
    lines: dict[str, str] = {}
    for line in data.decode("utf-8", "replace").splitlines():
        match = _LINE.fullmatch(line)
        if match:
            lines.setdefault(match.group(1), match.group(2))
    return lines


def _exact(lines: dict[str, str], name: str) -> int:
    match = _EXACT.search(lines.get(name, ""))
    if match is None or int(match.group(1)) >= 1 << 64:
        raise FormatError(_WHAT, f"no figure for {name}")
    return int(match.group(1))


def _fraction(lines: dict[str, str]) -> float:
    try:
        return float(lines["gc-cpu-fraction"])
    except (KeyError, ValueError):
        raise FormatError(_WHAT, "no figure for gc-cpu-fraction") from None

"""The footer of ``heap?debug=1`` (upstream: src/runtime/pprof/pprof.go writeHeapInternal)."""

from __future__ import annotations

from mapmedic.errors import FormatError
from mapmedic.model.memstats import MemStats

_WHAT = "memstats footer"
_RING = 256
_MAX_LINES = 256
_UINT64_DIGITS = 20

_BYTES = {
    "Alloc": "alloc_bytes",
    "TotalAlloc": "total_alloc_bytes",
    "Sys": "sys_bytes",
    "Lookups": "lookups",
    "Mallocs": "mallocs",
    "Frees": "frees",
    "HeapAlloc": "heap_alloc_bytes",
    "HeapSys": "heap_sys_bytes",
    "HeapIdle": "heap_idle_bytes",
    "HeapInuse": "heap_inuse_bytes",
    "HeapReleased": "heap_released_bytes",
    "HeapObjects": "heap_objects",
    "BuckHashSys": "buck_hash_sys_bytes",
    "GCSys": "gc_sys_bytes",
    "OtherSys": "other_sys_bytes",
    "NextGC": "next_gc_bytes",
    "LastGC": "last_gc_ns",
    "NumGC": "num_gc",
    "NumForcedGC": "num_forced_gc",
}
_PAIRS = {"Stack": "stack", "MSpan": "mspan", "MCache": "mcache"}


def parse_memstats(data: bytes, offset: int = 0) -> MemStats:
    """Read the ``# Name = value`` lines in ``data``; ``offset`` is where they start, for the error.

    Names not known are passed over (a later Go). Raises FormatError when one of Go 1.21's is missing or
    is no number, or the last line was cut.
    """
    if not data.endswith(b"\n"):
        raise FormatError(_WHAT, "cut in its last line", offset + len(data))
    try:
        return _build(_fields(data))
    except KeyError as missing:
        raise FormatError(_WHAT, f"no line for {missing.args[0]}", offset) from None
    except ValueError as broken:
        raise FormatError(_WHAT, str(broken), offset) from None


def _fields(data: bytes) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in data.split(b"\n", _MAX_LINES)[:_MAX_LINES]:
        name, equals, value = line.decode("utf-8", "replace").partition("=")
        if equals and name.startswith("#"):
            fields.setdefault(name[1:].strip(), value.strip())
    return fields


def _build(fields: dict[str, str]) -> MemStats:
    numbers: dict[str, int] = {ours: _number(go, fields[go]) for go, ours in _BYTES.items()}
    for go, ours in _PAIRS.items():
        inuse, _, held = fields[go].partition("/")
        numbers[f"{ours}_inuse_bytes"] = _number(go, inuse)
        numbers[f"{ours}_sys_bytes"] = _number(go, held)
    max_rss = fields.get("MaxRSS")
    return MemStats(
        pause_ns=_ring("PauseNs", fields["PauseNs"]),
        pause_end_ns=_ring("PauseEnd", fields["PauseEnd"]),
        gc_cpu_fraction=_fraction(fields["GCCPUFraction"]),
        debug_gc=fields["DebugGC"] == "true",
        max_rss_bytes=None if max_rss is None else _number("MaxRSS", max_rss),
        **numbers,
    )


def _number(name: str, text: str) -> int:
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit()) or len(digits) > _UINT64_DIGITS:
        raise ValueError(f"{name} is not a number")
    return int(digits)


def _ring(name: str, text: str) -> tuple[int, ...]:
    if not (text.startswith("[") and text.endswith("]")):
        raise ValueError(f"{name} is not a list")
    numbers = text[1:-1].split(None, _RING)
    if len(numbers) > _RING:
        raise ValueError(f"{name} has more than {_RING} entries")
    return tuple(_number(name, number) for number in numbers)


def _fraction(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("GCCPUFraction is not a number") from None

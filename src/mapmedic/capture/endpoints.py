"""What is asked of a service over HTTP, with each answer's bounds."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mapmedic.capture.limits import Limits
from mapmedic.formats.sniff import Kind
from mapmedic.model.units import MIB


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address under the target's base URL and what its answer holds.

    ``missing`` is what cannot be said without it. ``holds`` is what its bytes look like, None where they
    look like nothing. ``may_force_gc`` marks the one that takes gc=1, ``needs_token`` the ones of the agent.
    ``first_visit_only`` marks what does not change while a process lives, or is a second view of what other
    answers hold. ``asked_again`` is whether a failure that may pass is waited out. ``empty`` is what a
    profile without samples means; such a one is not kept.
    """

    kind: str
    path: str
    limits: Limits
    missing: str
    holds: Kind | None
    may_force_gc: bool = False
    needs_token: bool = False
    first_visit_only: bool = False
    asked_again: bool = True
    empty: str | None = None


HEAP_TEXT = Endpoint(
    "heap_text", "/debug/pprof/heap?debug=1", Limits(60, 256 * MIB),
    "no raw return addresses: the runtime frames of map growth cannot be restored", "heap_text",
    may_force_gc=True,
)  # fmt: skip
HEAP_PPROF = Endpoint(
    "heap_pprof", "/debug/pprof/heap", Limits(60, 256 * MIB), "no profile file for `go tool pprof`",
    "heap_pprof",
)  # fmt: skip
GOROUTINE_COUNT = Endpoint(
    "goroutine_text1", "/debug/pprof/goroutine?debug=1", Limits(30, 64 * MIB), "no goroutine counts",
    "goroutine_text1",
)  # fmt: skip
GOROUTINE_TEXT = Endpoint(
    "goroutine_text", "/debug/pprof/goroutine?debug=2", Limits(30, 64 * MIB),
    "no goroutine states and waiting times", "goroutine_text",
)  # fmt: skip
METRICS = Endpoint("metrics", "/metrics", Limits(10, 16 * MIB), "no RSS and no memory timeline", "metrics")
# The next poll comes anyway.
METRICS_POLL = replace(METRICS, kind="metrics_poll", asked_again=False)
CMDLINE = Endpoint(
    "cmdline", "/debug/pprof/cmdline", Limits(10, MIB), "no command line", None, first_visit_only=True
)
AGENT_MAPS = Endpoint(
    "agent_maps", "/debug/mapmedic/v1/maps", Limits(10, 16 * MIB), "no exact entry counts by name", "json",
    needs_token=True, asked_again=False,  # 503 is its word for: no token configured
)  # fmt: skip
SYMBOLS = Endpoint(
    "symbols", "/debug/pprof/symbol", Limits(60, 64 * MIB), "hidden runtime frames stay hidden", "symbols"
)
# The rest is for whoever opens the session with other tools; no verdict rests on it.
EXPVAR = Endpoint(
    "expvar", "/debug/vars", Limits(10, 16 * MIB), "no published variables", "json", first_visit_only=True
)
ALLOCS = Endpoint(
    "allocs_pprof", "/debug/pprof/allocs", Limits(60, 256 * MIB), "the heap profile holds the same figures",
    "heap_pprof", first_visit_only=True,
)  # fmt: skip
GOROUTINE_PPROF = Endpoint(
    "goroutine_pprof", "/debug/pprof/goroutine", Limits(30, 64 * MIB), "no goroutine profile for `go tool pprof`",
    "pprof", first_visit_only=True,
)  # fmt: skip
MUTEX = Endpoint(
    "mutex_pprof", "/debug/pprof/mutex", Limits(30, 64 * MIB), "no lock contention", "pprof",
    first_visit_only=True,
    empty="it is off, as by default, or nothing was contended (runtime.SetMutexProfileFraction(100) turns it on)",
)  # fmt: skip
BLOCK = Endpoint(
    "block_pprof", "/debug/pprof/block", Limits(30, 64 * MIB), "no waiting times", "pprof", first_visit_only=True,
    empty="it is off, as by default, or nothing waited (runtime.SetBlockProfileRate(1000000) turns it on)",
)  # fmt: skip

# Dumping every goroutine's stack (debug=2) stops the world while it formats them. Up to this many
# the stop is a few milliseconds; above it we count by debug=1, which does not stop the service.
MAX_GOROUTINES_FOR_FULL_DUMP = 20_000
# Programs have thousands of allocating stacks; a text that asks for more names than this is made up.
MAX_SYMBOLS_ASKED = 200_000

EVERY_VISIT = (
    HEAP_TEXT, HEAP_PPROF, GOROUTINE_COUNT, METRICS, CMDLINE, AGENT_MAPS, EXPVAR, ALLOCS, GOROUTINE_PPROF, MUTEX, BLOCK,
)  # fmt: skip
PROFILES = (HEAP_TEXT, HEAP_PPROF, GOROUTINE_COUNT, GOROUTINE_TEXT)


def cpu_profile(seconds: float) -> Endpoint:
    """Return the CPU profile of the next ``seconds``; the handler takes whole ones only."""
    whole = max(1, round(seconds))
    return _over_time("cpu_pprof", f"/debug/pprof/profile?seconds={whole}", whole, 64 * MIB, "pprof")


def execution_trace(seconds: float) -> Endpoint:
    """Return the execution trace of the next ``seconds``."""
    return _over_time("trace", f"/debug/pprof/trace?seconds={seconds:g}", seconds, 256 * MIB, "trace")


def _over_time(kind: str, path: str, seconds: float, most: int, holds: Kind) -> Endpoint:
    # The answer comes when the time is over; asking again would cost the target the whole of it again.
    return Endpoint(kind, path, Limits(seconds + 30, most), "asked for, not had", holds, asked_again=False)

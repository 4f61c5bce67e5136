"""A session in words: what each kind of answer is, how often it was taken, how large it is."""

from __future__ import annotations

from collections import defaultdict

from mapmedic.model.session import Session
from mapmedic.report.figures import bytes_text

_WORDS = {
    "heap_text": "heap with raw return addresses",
    "heap_pprof": "heap profile",
    "allocs_pprof": "allocation profile",
    "goroutine_text": "goroutines, states, waiting times",
    "goroutine_text1": "goroutine counts",
    "goroutine_pprof": "goroutine profile",
    "mutex_pprof": "mutex contention profile",
    "block_pprof": "blocking profile",
    "cpu_pprof": "CPU profile",
    "trace": "execution trace",
    "metrics": "metrics",
    "metrics_poll": "metrics, for the memory timeline",
    "cmdline": "command line",
    "symbols": "names of runtime frames",
    "expvar": "published variables (expvar)",
    "agent_maps": "registered maps, from the agent",
    "inventory": "every map, counted in the process",
    "memory_index": "what of its memory lies where",
    "memory_image": "memory of the process",
    "program": "its program",
    "allocation_sites": "who allocates",
    "process_status": "memory as the kernel tells it",
    "process_status_poll": "memory, for the timeline",
    "process_smaps_rollup": "memory by kind of mapping",
    "process_mappings": "mappings",
    "process_cgroup": "cgroup of the process",
    "cgroup_limit": "memory limit of the cgroup",
    "cgroup_usage": "memory of the cgroup",
    "cgroup_stat": "memory of the cgroup by kind",
    "cgroup_events": "times the limit was reached",
    "gops_version": "Go version",
    "gops_stats": "goroutine count",
    "gops_memstats": "memory figures",
}


def in_words(what: str) -> str:
    """Return what a blank is about as people say it."""
    return _WORDS.get(what, what)


def taken_lines(session: Session) -> list[str]:
    """Return a line for each kind of artifact, in the order in which they first came."""
    of_kind: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for artifact in session.artifacts:
        of_kind[artifact.kind].append((len(artifact.data), artifact.attempts))
    for stored in session.stored:
        of_kind[stored.kind].append((stored.bytes, 1))
    return [_line(kind, taken) for kind, taken in of_kind.items()]


def _line(kind: str, taken: list[tuple[int, int]]) -> str:
    size = bytes_text(sum(bytes_ for bytes_, _ in taken))
    times = f" x {len(taken)}" if len(taken) > 1 else ""
    again = sum(attempts > 1 for _, attempts in taken)
    note = f" ({again} only when asked again)" if again else ""
    return f"  {kind:<16}{size:>11}{times:<6}  {_WORDS.get(kind, 'raw bytes')}{note}"

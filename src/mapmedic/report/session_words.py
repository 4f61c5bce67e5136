"""A session in words: what each kind of answer is, how often it was taken, how large it is."""

from __future__ import annotations

from collections import defaultdict

from mapmedic.model.session import Artifact, Session
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
    of_kind: dict[str, list[Artifact]] = defaultdict(list)
    for artifact in session.artifacts:
        of_kind[artifact.kind].append(artifact)
    return [_line(kind, artifacts) for kind, artifacts in of_kind.items()]


def _line(kind: str, artifacts: list[Artifact]) -> str:
    size = bytes_text(sum(len(artifact.data) for artifact in artifacts))
    times = f" x {len(artifacts)}" if len(artifacts) > 1 else ""
    again = sum(artifact.attempts > 1 for artifact in artifacts)
    note = f" ({again} only when asked again)" if again else ""
    return f"  {kind:<16}{size:>11}{times:<6}  {_WORDS.get(kind, 'raw bytes')}{note}"

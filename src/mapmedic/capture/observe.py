"""Read a session (or one raw file) back as an observation: every artifact parsed, every failure a blank."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from mapmedic.capture.dump_file import observe_dump
from mapmedic.capture.executable import fit, names_from_binary
from mapmedic.capture.files import open_regular
from mapmedic.capture.restore import heap_from_pprof, heap_from_text, symbols_agree
from mapmedic.errors import FormatError
from mapmedic.formats.agent import parse_registered_maps
from mapmedic.formats.expvar import parse_expvar_memstats
from mapmedic.formats.gctrace import parse_gctrace
from mapmedic.formats.go_binary import GoBinary, parse_build_info
from mapmedic.formats.gops import parse_gops_memstats
from mapmedic.formats.goroutine_counts import parse_goroutine_counts
from mapmedic.formats.goroutine_text import parse_goroutines
from mapmedic.formats.heap_text import parse_heap_text
from mapmedic.formats.inventory import parse_inventory
from mapmedic.formats.pprof import parse_profile
from mapmedic.formats.process_status import parse_resident_bytes
from mapmedic.formats.prometheus_text import parse_metrics
from mapmedic.formats.sniff import sniff
from mapmedic.formats.symbols import parse_symbols
from mapmedic.model.findings import Blank
from mapmedic.model.gctrace import GcTrace
from mapmedic.model.heap import HeapProfile
from mapmedic.model.heap_records import HeapRecords
from mapmedic.model.memstats import MemStats
from mapmedic.model.metrics import Metrics
from mapmedic.model.observation import Capture, MemoryPoint, Observation, Process
from mapmedic.model.session import Artifact, Session
from mapmedic.model.units import NANOSECONDS_PER_SECOND, UnixNanoseconds

Parsed = TypeVar("Parsed")
_VERSION_BYTES = 100
_PROGRAM_LETTERS = 100
MAX_FILE_BYTES = 1 << 30
# These tell of a stretch of time, and not of the target at one visit.
_NO_CAPTURE = ("metrics_poll", "process_status_poll", "gctrace", "build_info")
# Kept for other tools; where it is missing no verdict is the poorer for it.
_NOT_MISSED = frozenset(
    ("expvar", "allocs_pprof", "goroutine_pprof", "mutex_pprof", "block_pprof", "cpu_pprof", "trace")
)


def observe_file(path: Path, binary: GoBinary | None = None) -> Observation:
    """Return what is in the session or raw file at ``path``; ``binary`` is as for ``observe_session``.

    CouldNotLook where it is neither or cannot be read, FormatError where nothing in it parses.
    """
    with open_regular(path) as file:
        is_tar = file.read(512)[257:262] == b"ustar"
    if is_tar:
        from mapmedic.capture.session_file import read_session  # noqa: PLC0415 - raw files need no tar

        return observe_session(read_session(path), binary)
    return observe_dump(path) or observe_session(_raw_session(path), binary)


def _raw_session(path: Path) -> Session:
    with open_regular(path) as file:
        about = os.fstat(file.fileno())
        taken_at = UnixNanoseconds(about.st_mtime_ns)
        # A file in /proc says that it is empty, one that grows is larger than it said: both are asked.
        data = b"" if about.st_size > MAX_FILE_BYTES else file.read(MAX_FILE_BYTES + 1)
    if max(about.st_size, len(data)) > MAX_FILE_BYTES:
        raise FormatError(str(path), f"it is larger than {MAX_FILE_BYTES:,} bytes")
    kind = sniff(data)
    if kind not in ("heap_text", "heap_pprof", "goroutine_text", "goroutine_text1", "metrics", "gctrace"):
        packed = "it is gzip, damaged or of something else" if data.startswith(b"\x1f\x8b") else None
        why = _NOT_READ.get(kind, packed or "it looks like nothing that mapmedic reads")
        raise FormatError(
            str(path), f"{why}; give a session, heap profile, goroutine dump, metrics page or gctrace log"
        )
    return Session(str(path), "", (Artifact(kind, 0, taken_at, str(path), data),), (), complete=True)


_NOT_READ = {
    "empty": "it is empty",
    "html": "it is an HTML page",
    "pprof": "it is a profile, but not of a heap",
    "symbols": "it holds symbol answers only",
    "trace": "execution traces are not read yet",
    "elf": "it is a program or a core; of a core `mapmedic heap core:PATH` lists the maps",
}


@dataclass
class _Reader:
    """Parses one session; what fails to parse becomes a blank and nothing else is lost."""

    session: Session
    blanks: list[Blank] = field(default_factory=list)
    parsed: int = 0
    errors: list[FormatError] = field(default_factory=list)
    binary: GoBinary | None = None

    def parse(self, parser: Callable[[bytes], Parsed], artifact: Artifact | None) -> Parsed | None:
        if artifact is None:
            return None
        try:
            value = parser(artifact.data)
        except FormatError as error:
            self.blanks.append(Blank(artifact.kind, f"captured, but it does not parse: {error}"))
            self.errors.append(error)
            return None
        self.parsed += 1
        return value

    def of_kind(self, kind: str) -> Iterable[Artifact]:
        return (artifact for artifact in self.session.artifacts if artifact.kind == kind)

    def first(self, kind: str, visit: int) -> Artifact | None:
        return next((artifact for artifact in self.of_kind(kind) if artifact.visit == visit), None)


def observe_session(session: Session, binary: GoBinary | None = None) -> Observation:
    """Return ``session`` parsed: its captures in order of time, its timeline, its blanks.

    ``binary`` names what is hidden in its heap profiles, if it is the program that they were taken of.

    FormatError where something was captured, but nothing of it parses.
    """
    missed = [blank for blank in session.not_captured if blank.what not in _NOT_MISSED]
    reader = _Reader(session, missed, binary=binary)
    if not session.complete:
        reader.blanks.append(Blank("session", "the capture was cut short; what had arrived is used"))
    symbols = _symbols(reader)
    visits = sorted({a.visit for a in session.artifacts if a.kind not in _NO_CAPTURE})
    captures = tuple(_capture(reader, visit, symbols) for visit in visits)
    metrics = _all_metrics(reader)
    timeline = (
        tuple(_point(at, page) for at, page in metrics) or _status_points(reader) or _heap_points(captures)
    )
    logged_at, trace = _gc_trace(reader)
    if reader.errors and not reader.parsed:
        first = reader.errors[0]
        raise FormatError(f"{session.target}: {first.what}", first.why, first.offset)
    return Observation(
        target=session.target,
        captures=captures,
        timeline=timeline or _trace_points(logged_at, trace),
        not_captured=_distinct(reader.blanks),
        go_version=_version(reader, [page for _, page in metrics], captures),
        gc_trace=trace,
        process=_process(reader, [page for _, page in metrics], captures),
    )


def _symbols(reader: _Reader) -> dict[int, str]:
    symbols: dict[int, str] = {}
    for artifact in reader.of_kind("symbols"):
        symbols.update(reader.parse(parse_symbols, artifact) or {})
    return symbols


def _capture(reader: _Reader, visit: int, symbols: dict[int, str]) -> Capture:
    artifacts = [a for a in reader.session.artifacts if a.visit == visit and a.kind not in _NO_CAPTURE]
    return Capture(
        at=min(artifact.taken_at for artifact in artifacts),
        heap=_heap(reader, visit, symbols),
        goroutine_counts=reader.parse(parse_goroutine_counts, reader.first("goroutine_text1", visit)),
        goroutines=reader.parse(parse_goroutines, reader.first("goroutine_text", visit)),
        registered_maps=reader.parse(parse_registered_maps, reader.first("agent_maps", visit)),
        counters=_counters(reader, visit),
        inventory=reader.parse(parse_inventory, reader.first("inventory", visit)),
    )


def _counters(reader: _Reader, visit: int) -> MemStats | None:
    """Return the memory figures that came by themselves, where there is no heap text to bring them."""
    if reader.first("heap_text", visit):
        return None
    gops = reader.parse(parse_gops_memstats, reader.first("gops_memstats", visit))
    return gops or reader.parse(parse_expvar_memstats, reader.first("expvar", visit))


def _heap(reader: _Reader, visit: int, symbols: dict[int, str]) -> HeapProfile | None:
    records = reader.parse(parse_heap_text, reader.first("heap_text", visit))
    if records is None:
        profile = reader.parse(parse_profile, reader.first("heap_pprof", visit))
        return heap_from_pprof(profile) if profile else None
    if not symbols_agree(records, symbols):
        reader.blanks.append(
            Blank(
                "symbols",
                "the answers do not fit the names that the profile itself prints (another binary?); not used",
            )
        )
        symbols = {}
    return heap_from_text(records, symbols | _names_from_binary(reader, records))


def _names_from_binary(reader: _Reader, records: HeapRecords) -> dict[int, str]:
    if reader.binary is None:
        return {}
    found = fit(records, reader.binary)
    if found.distance is None:
        reader.blanks.append(Blank("executable", found.why_not))
        return {}
    # What the target did not say is known from its file now.
    reader.blanks = [blank for blank in reader.blanks if blank.what != "symbols"]
    return names_from_binary(records, reader.binary, found.distance)


def _all_metrics(reader: _Reader) -> list[tuple[UnixNanoseconds, Metrics]]:
    pages = []
    for artifact in sorted(reader.session.artifacts, key=lambda a: a.taken_at):
        if artifact.kind in ("metrics", "metrics_poll"):
            page = reader.parse(parse_metrics, artifact)
            if page is not None:
                pages.append((artifact.taken_at, page))
    return pages


def _point(at: UnixNanoseconds, page: Metrics) -> MemoryPoint:
    return MemoryPoint(
        at=at,
        rss_bytes=_whole(page.value("process_resident_memory_bytes")),
        heap_alloc_bytes=_whole(page.value("go_memstats_heap_alloc_bytes")),
        num_gc=_whole(page.value("go_gc_duration_seconds_count")),
        goroutines=_whole(page.value("go_goroutines")),
        heap_idle_bytes=_whole(page.value("go_memstats_heap_idle_bytes")),
        heap_released_bytes=_whole(page.value("go_memstats_heap_released_bytes")),
        sys_bytes=_whole(page.value("go_memstats_sys_bytes")),
    )


def _status_points(reader: _Reader) -> tuple[MemoryPoint, ...]:
    """Return the resident memory as the kernel told it, for a process without /metrics."""
    polled = [a for a in reader.session.artifacts if a.kind in ("process_status", "process_status_poll")]
    seen = [
        (a.taken_at, reader.parse(parse_resident_bytes, a)) for a in sorted(polled, key=lambda a: a.taken_at)
    ]
    return tuple(MemoryPoint(at, rss, None) for at, rss in seen if rss is not None)


def _heap_points(captures: Sequence[Capture]) -> tuple[MemoryPoint, ...]:
    """Return a coarser timeline, without RSS, for a service that has no /metrics."""
    return tuple(
        MemoryPoint(c.at, None, c.memstats.heap_alloc_bytes, c.memstats.num_gc, c.goroutine_count)
        for c in captures
        if c.memstats is not None
    )


def _gc_trace(reader: _Reader) -> tuple[UnixNanoseconds, GcTrace | None]:
    """Return the process with most cycles in the session's gctrace logs, and when its log was last written to."""
    best, logged_at = None, UnixNanoseconds(0)
    for artifact in reader.of_kind("gctrace"):
        trace = reader.parse(parse_gctrace, artifact)
        if trace is None:
            continue
        if trace.processes > 1:
            why = (
                f"{trace.processes:,} processes wrote this log; only the one with most GC cycles is looked at"
            )
            reader.blanks.append(Blank(artifact.kind, why))
        longest = trace.longest()
        if best is None or longest.cycles > best.cycles:
            best, logged_at = longest, artifact.taken_at
    return logged_at, best


def _trace_points(logged_at: UnixNanoseconds, trace: GcTrace | None) -> tuple[MemoryPoint, ...]:
    """Return what was live at each GC; the log was last written to at the last of them, or soon after."""
    if trace is None:
        return ()
    before = (trace.at_seconds[-1] - trace.at_seconds) * NANOSECONDS_PER_SECOND
    moments = zip(before.tolist(), trace.live_bytes.tolist(), trace.number.tolist(), strict=True)
    return tuple(
        MemoryPoint(UnixNanoseconds(logged_at - int(ago)), None, live, num_gc)
        for ago, live, num_gc in moments
    )


def _whole(value: float | None) -> int | None:
    return None if value is None or not math.isfinite(value) else int(value)


def _go_version(pages: list[Metrics]) -> str | None:
    return next((version for page in pages if (version := page.go_version)), None)


def _version(reader: _Reader, pages: list[Metrics], captures: Sequence[Capture]) -> str | None:
    """Return the Go that built the target, from whoever says so first."""
    inside = next((c.inventory.target.go_version for c in captures if c.inventory), None)
    return _go_version(pages) or _gops_version(reader) or _built_with(reader) or inside


def _gops_version(reader: _Reader) -> str | None:
    said = next((a.data[:_VERSION_BYTES] for a in reader.of_kind("gops_version")), b"")
    return said.decode("ascii", "replace").strip() or None


def _process(reader: _Reader, pages: list[Metrics], captures: Sequence[Capture]) -> Process:
    started = [page.value("process_start_time_seconds") for page in pages]
    started += [c.inventory.target.started_at_seconds for c in captures if c.inventory]
    words = next((a.data.split(b"\0", 1)[0] for a in reader.of_kind("cmdline")), b"")
    return Process(
        started_at_seconds=next((at for at in started if at is not None and math.isfinite(at)), None),
        program=words.decode("utf-8", "replace").rpartition("/")[2][:_PROGRAM_LETTERS] or None,
    )


def _built_with(reader: _Reader) -> str | None:
    info = reader.parse(
        lambda data: parse_build_info(data.decode("utf-8", "replace")), reader.first("build_info", 0)
    )
    return (info.go_version or None) if info else None


def _distinct(blanks: list[Blank]) -> tuple[Blank, ...]:
    return tuple(dict.fromkeys(blanks))

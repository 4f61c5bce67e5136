"""What is fuzzed: every parser, and what is computed from its answer."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mapmedic.capture.files import open_regular
from mapmedic.capture.observe import observe_session
from mapmedic.capture.session_file import SessionWriter, read_session
from mapmedic.diagnose.verdict import diagnose
from mapmedic.errors import CannotRead, CoreUnreadable, FormatError, SessionDamaged
from mapmedic.formats.agent import parse_registered_maps
from mapmedic.formats.entry_stream import StreamReader, encode_header, encode_stream, parse_header
from mapmedic.formats.expvar import parse_expvar_memstats
from mapmedic.formats.gctrace import parse_gctrace
from mapmedic.formats.go_binary import GoBinary
from mapmedic.formats.gops import parse_gops_memstats
from mapmedic.formats.goroutine_counts import parse_goroutine_counts
from mapmedic.formats.goroutine_text import group_goroutines, parse_goroutines
from mapmedic.formats.heap_text import parse_heap_text
from mapmedic.formats.inventory import encode_inventory, parse_inventory
from mapmedic.formats.memstats import parse_memstats
from mapmedic.formats.pprof import encode_profile, parse_profile
from mapmedic.formats.process_status import parse_resident_bytes
from mapmedic.formats.prometheus_text import parse_metrics
from mapmedic.formats.sniff import sniff
from mapmedic.formats.symbols import parse_symbols
from mapmedic.memory.core import read_core
from mapmedic.model.backup import BackupHeader
from mapmedic.model.findings import Blank, Site
from mapmedic.model.heap_records import hidden_prefix_lengths
from mapmedic.model.session import Artifact, Session
from mapmedic.model.units import UnixNanoseconds
from mapmedic.source.go_file import parse_go_file
from mapmedic.source.program import ProgramSource
from tests.golden.corpus import CAPTURED, FOLDERS
from tests.support import tiny_core
from tests.support.inventories import a_map, inventory
from tests.support.memory_figures import EXPVAR, GOPS
from tests.support.tiny_go_program import LAYOUTS, tiny_go_program


@dataclass(frozen=True)
class Target:
    """Name the goldens (patterns), and the made-up ``seeds``, that are broken for ``run``."""

    files: tuple[str, ...]
    run: Callable[[bytes], object]
    seeds: tuple[bytes, ...] = ()

    def corpus(self) -> list[bytes]:
        goldens = (path for name in self.files for path in sorted(CAPTURED.glob(f"*/{name}")))
        return [*self.seeds, *(path.read_bytes() for path in goldens)]


def heap_text(data: bytes) -> None:
    for allow_truncated in (True, False):
        records = parse_heap_text(data, allow_truncated=allow_truncated, max_bytes=16 << 20)
        hidden_prefix_lengths(records)
        records.unsampled()
        if records.memstats:
            records.memstats.gc_pause_p99_ns()


def profile(data: bytes) -> None:
    parsed = parse_profile(data, max_bytes=16 << 20)
    again = parse_profile(encode_profile(parsed))
    assert (parsed.values == again.values).all()
    assert parsed.function_names == again.function_names


def goroutines(data: bytes) -> None:
    """A dump fed in pieces must group, or fail, as the whole does."""
    size = (1000, 7, 1 << 16)[len(data) % 3]
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    if data.startswith(b"\x1f\x8b"):
        parse_goroutines(data, max_bytes=16 << 20)
        return
    try:
        whole = parse_goroutines(data)
    except FormatError as error:
        try:
            group_goroutines(pieces)
        except FormatError as same:
            assert str(same) == str(error)
            return
        raise AssertionError("the whole fails, its pieces do not") from error
    assert group_goroutines(pieces) == whole


def diagnosis(data: bytes) -> None:
    """Whatever a heap text says, a session of two of them is observed and diagnosed without a word raised."""
    visits = (
        Artifact("heap_text", visit, UnixNanoseconds(1_700_000_000_000_000_000 + visit * 10**10), "", text)
        for visit, text in enumerate((_WHOLE_HEAP, data))
    )
    diagnose(observe_session(Session("fuzz", "", tuple(visits), (), complete=True)))


def go_source(data: bytes) -> None:
    """A few lines of a Go file asked what they fill and where what they allocate ends up."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.go"
        path.write_bytes(data)
        source, parsed = ProgramSource(Path(folder)), parse_go_file(path)
        lines = data.count(b"\n") + 1
        for line in range(1, lines + 1, max(1, lines // 30)) if parsed else ():
            function = parsed.function_at(line) if parsed else None
            if parsed is not None and function is not None:
                kind, _, method = parsed.name_of(function).rpartition(".")
                site = Site(f"main.(*{kind}).{method}" if kind else f"main.{method}", "a.go", line)
                source.locate(site)
                source.follow([site, site])


def go_binary(data: bytes) -> None:
    """Whatever stands in a program's tables, each question gets an answer or a FormatError."""
    binary = GoBinary(data)
    begin = binary.facts.text[0]
    addresses = np.array([(begin + 4 * step) % (1 << 64) for step in range(-2, 80)], dtype=np.uint64)
    for ask in (
        lambda: binary.frames(addresses).leaves(),
        lambda: binary.sp_deltas(addresses),
        lambda: binary.pcdata(2, addresses),
        lambda: binary.functions,
        binary.build_info,
    ):
        with suppress(FormatError):
            ask()


def session(data: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".mapmedic") as file:
        file.write(data)
        file.flush()
        try:
            read_session(Path(file.name))
        except SessionDamaged as damaged:
            raise FormatError("session", str(damaged)) from damaged


def entry_stream(data: bytes) -> None:
    """A stream fed in pieces must bring what the whole does, or fail with it; so must the header before it."""
    reader, payloads = StreamReader(), []
    for at in range(0, len(data), 5):
        payloads += reader.feed(data[at : at + 5])
    end = reader.finish()
    again = StreamReader()
    assert again.feed(data) == payloads
    assert again.finish() == end


def backup_header(data: bytes) -> None:
    header, begin = parse_header(data)
    assert parse_header(encode_header(header))[0] == header
    assert begin <= len(data)


def _a_session() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "seed.mapmedic"
        with SessionWriter(path, "http://127.0.0.1:6060", "0") as writer:
            for number, kind in enumerate(("heap_text", "metrics")):
                writer.add(
                    Artifact(kind, number, UnixNanoseconds(10**18), "x", _WHOLE_HEAP[: 1500 * number + 9])
                )
            writer.add_blank(Blank("goroutine_text", "HTTP 404"))
            return writer.finish().read_bytes()


_WHOLE_HEAP = (FOLDERS[0] / "heap.txt").read_bytes()
_COUNTS = (
    b"goroutine profile: total 4\n3 @ 0x43e 0x40f\n#\t0x43d\tmain.wait+0x1d\t/src/main.go:12\n"
    b'# labels: {"k":"v"}\n\n1 @ 0x43e\n#\t0x43d\truntime/pprof.x[...]+0x1\tc:/a b/x.go:1\n'
)
_MAPS = (
    b'{"schema":"mapmedic.agent.maps/1","maps":[{"name":"main.T.m","kind":"map","type":"map[string]int",'
    b'"entries":12,"registered_at":"x.go:1"},{"name":"s","kind":"sync.Map","type":"sync.Map","entries":null}]}'
)
_GCTRACE = b"".join(
    b"2026-11-23T06:00:0%d.5Z gc %d @%d.123s 3%%: 0.012+0.30+0.002 ms clock, 0.1+0.3/12/0+5.5 ms cpu, 12->13->8 MB, "
    b"17 MB goal, 1 MB stacks, 0 MB globals, 2 P (forced)\nscav %d KiB work (bg), 0 KiB work (eager), 4344 KiB now, "
    b"80%% util [controller reset]\n" % (n, n, n, n)
    for n in range(1, 9)
)


def gctrace(data: bytes) -> None:
    trace = parse_gctrace(data, max_bytes=16 << 20)
    some = range(0, trace.processes, max(1, trace.processes // 10))
    assert 0 < sum(trace.of_process(process).cycles for process in some) <= trace.cycles
    assert (trace.live_bytes >= 0).all() and (trace.scavenges.after_cycle < trace.cycles).all()
    assert 0 < trace.longest().cycles <= len(trace.pause_ms)


_HEADER = encode_header(
    BackupHeader(
        "m", "map", "t", "u", "swap", "a-1", 2, False, ("value.C: x",), "me", UnixNanoseconds(9), "0"
    )
)

_PROGRAMS = (*(tiny_go_program(layout) for layout in LAYOUTS), tiny_go_program(relocated=True))

LAB = Path(__file__).resolve().parents[2] / "lab"


def core(data: bytes) -> None:
    """A core of any bytes is read or refused; what was read answers about every place that it claims."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "core"
        path.write_bytes(data)
        (Path(folder) / "service").write_bytes(tiny_core.program())
        try:
            memory = read_core(path, open_regular).memory
        except (CoreUnreadable, CannotRead) as error:
            raise FormatError("core", str(error)) from error
    for extent in memory.extents[:100]:
        memory.read(extent.start, 16)
        memory.word(extent.end - 8)
    memory.find(b"data", *memory.program)


_CORES = (
    tiny_core.core("/nowhere/service"),
    tiny_core.core("/nowhere/service", first_page=b""),
    tiny_core.program(),
)

TARGETS = {
    "core": Target((), core, _CORES),
    "go_source": Target((), go_source, tuple(path.read_bytes() for path in sorted(LAB.glob("[bceghs]*.go")))),
    "entry_stream": Target((), entry_stream, (encode_stream([b'{"k":1,"v":2}', b'{"k":"","v":null}']),)),
    "backup_header": Target((), backup_header, (_HEADER,)),
    "go_binary": Target((), go_binary, _PROGRAMS),
    "goroutine_counts": Target(("goroutine1.txt",), parse_goroutine_counts, (_COUNTS,)),
    "agent": Target((), parse_registered_maps, (_MAPS,)),
    "session": Target((), session, (_a_session(),)),
    "diagnosis": Target(("heap.txt",), diagnosis),
    "heap_text": Target(("heap.txt",), heap_text),
    "profile": Target(("*.pb.gz",), profile),
    "goroutines": Target(("goroutine.txt", "crash*.txt"), goroutines),
    "gctrace": Target(("gctrace.txt",), gctrace, (_GCTRACE,)),
    "symbols": Target(("symbols.txt",), parse_symbols),
    "metrics": Target(("metrics*.txt",), parse_metrics),
    "memstats": Target(("heap.txt",), lambda data: parse_memstats(data.partition(b"MemStats\n")[2])),
    "expvar": Target((), parse_expvar_memstats, (EXPVAR,)),
    "gops": Target((), parse_gops_memstats, (GOPS,)),
    "inventory": Target((), parse_inventory, (encode_inventory(inventory(a_map("main.m", 9), waiting=3)),)),
    "process_status": Target((), parse_resident_bytes, (b"Name:\tapp\nVmRSS:\t    1234 kB\nThreads:\t9\n",)),
    "sniff": Target(("*.txt", "*.pb.gz"), sniff),
}

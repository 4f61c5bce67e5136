"""Fuzz the walk over a Go heap: ``python -m tests.fuzz.memory [--seconds 60] [--runs N] [--seed N] [--go GO]``.

The memory of a small lab is copied once; each run overwrites words or pages where they matter (descriptions of spans,
lists, types, maps, goroutines, the module), looks, and puts them back. An inventory or CouldNotLook is right; any other
exception, 20 s of CPU, or over 1 GiB of memory is not. A failure prints the seed that finds it again at once.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import struct
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import BinaryIO

from mapmedic import _native
from mapmedic.demo.service import LabService, Scenario, build_lab
from mapmedic.errors import CouldNotLook
from mapmedic.goheap.declared_types import with_declared_types
from mapmedic.goheap.heap import survey_heap
from mapmedic.goheap.inventory import take_inventory
from mapmedic.goheap.names import GlobalNames, read_names
from mapmedic.goheap.runtime import find_runtime
from mapmedic.memory.process import exe_path, read_extents
from mapmedic.memory.reader import Memory
from mapmedic.memory.resident import with_resident
from mapmedic.model.inventory import SnapshotMode
from mapmedic.source.toolchain import probe_go

HANG_CPU_SECONDS = 20
MAX_RSS_KIB = 1 << 20
MAX_ADDRESS_SPACE = 6 << 30
SCENARIOS = ("struct-field", "map-of-maps", "sync-map", "goroutine-leak")
PAGE = 4096
MODULE_BYTES, GOROUTINE_BYTES, TYPE_BYTES = 700, 480, 128


@dataclass(frozen=True)
class Subject:
    """One process's memory in a file that may be written to, and the places where a lie hurts."""

    file: BinaryIO
    pieces: list[tuple[int, int, int]]
    memory: Memory
    names: GlobalNames | None
    places: tuple[tuple[int, int], ...]

    def write(self, address: int, raw: bytes) -> bytes:
        """Overwrite what lies at ``address`` and return what it was."""
        for start, bytes_, offset in self.pieces:
            if start <= address and address + len(raw) <= start + bytes_:
                before = os.pread(self.file.fileno(), len(raw), offset + address - start)
                os.pwrite(self.file.fileno(), raw, offset + address - start)
                return before
        return b""

    def look(self) -> None:
        """Take the inventory, or be told that there is none to take."""
        with suppress(CouldNotLook):
            take_inventory(with_declared_types(survey_heap(self.memory), self.names), self.names)


def copy_of(pid: int, program: Path) -> Subject:
    """Copy a process that does nothing meanwhile."""
    exe = exe_path(pid)
    extents, rss = with_resident(read_extents(pid), pid, pid)
    wanted = [
        (e.start, e.end, e.is_anonymous)
        for e in extents
        if e.name == exe or (e.readable and e.writable and e.private and not e.name.startswith("/"))
    ]
    file = tempfile.TemporaryFile()  # noqa: SIM115 - kept for as long as the process lives
    pieces, _, resident = _native.copy_memory(pid, wanted, [file.fileno()], 1 << 32, None)
    image = _native.Image([([file.fileno()], pieces)], resident)
    memory = Memory(image, SnapshotMode.CORE, exe, extents, (), rss_bytes=rss)
    names = read_names(memory, program.read_bytes())
    return Subject(file, pieces, memory, names, tuple(places_of(memory)))


def places_of(memory: Memory) -> list[tuple[int, int]]:
    """Return (address, bytes) of what the walk believes."""
    runtime, heap = find_runtime(memory), survey_heap(memory)
    spans = memory.words(runtime.allspans, f"{runtime.spans}Q") or ()
    places = [(at, 160) for at in spans]
    places += [(runtime.allspans, runtime.spans * 8), (runtime.module, MODULE_BYTES)] * 40
    places += [(at, GOROUTINE_BYTES) for at in runtime.goroutines] * 3
    for columns in (heap.maps, heap.sync_maps):
        for name in ("address", "map_type", "bucket_type"):
            found = columns[name].tolist() if name in columns else []
            places += [(at, TYPE_BYTES) for at in found if at] * 5
    for at in heap.maps["address"].tolist():
        parts = memory.word(at + 16)
        if parts:
            places += [(parts, 512)] * 5
            places += [
                (inner, 64) for inner in memory.words(parts, "4Q") or () if memory.word(inner) is not None
            ]
    places += [(section.start, section.end - section.start) for section in runtime.sections] * 20
    return places


def lie(random: Random, subject: Subject) -> list[tuple[int, bytes]]:
    """Overwrite a few places and return what was there."""
    undo = []
    for _ in range(random.choice((1, 1, 2, 5, 30))):
        address, bytes_ = random.choice(subject.places)
        at = address + random.randrange(max(1, bytes_ // 8)) * 8
        if random.random() < 0.05:
            at, raw = at // PAGE * PAGE, random.choice((bytes(PAGE), b"\xff" * PAGE, random.randbytes(PAGE)))
        else:
            raw = struct.pack("<Q", lie_for(random, subject, subject.memory.word(at) or 0))
        before = subject.write(at, raw)
        if before:
            undo.append((at, before))
    return undo


def lie_for(random: Random, subject: Subject, truth: int) -> int:
    other = random.choice(subject.places)[0]
    return random.choice((
        0, 1, 8, truth + 1, truth - 1 & (1 << 64) - 1, truth ^ 1 << random.randrange(64), truth * 2 & (1 << 64) - 1,
        1 << 32, (1 << 47) - 8, 1 << 63, (1 << 64) - 1, other, other + 8, random.getrandbits(64), truth >> 16,
    )) & (1 << 64) - 1  # fmt: skip


def peak_rss_kib() -> int:
    """Return VmHWM. (ru_maxrss begins with what whoever started us had.)"""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def fuzz(subject: Subject, seed: int, seconds: float, runs: int) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MAX_ADDRESS_SPACE, MAX_ADDRESS_SPACE))
    end, done = time.monotonic() + seconds, 0
    while done < runs and (not done or time.monotonic() < end):
        undo = lie(Random(seed + done), subject)  # noqa: S311 - reproducible on purpose
        print(f"seed {seed + done}", file=sys.stderr, flush=True)
        # Nobody handles it: a hang inside native code dies of it too.
        signal.setitimer(signal.ITIMER_PROF, HANG_CPU_SECONDS)
        subject.look()
        signal.setitimer(signal.ITIMER_PROF, 0)
        for at, before in reversed(undo):
            subject.write(at, before)
        peak = peak_rss_kib()
        if peak > MAX_RSS_KIB:
            sys.exit(f"{peak:,} KiB of memory")
        done += 1
    return done


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--runs", type=int, default=1 << 30)
    options.add_argument("--seed", type=int, default=None, help="the first; default: by the clock")
    options.add_argument("--go", type=Path, default=None, help="the toolchain to build the lab with")
    options.add_argument("--scenario", choices=SCENARIOS, default=SCENARIOS[0])
    chosen = options.parse_args()
    binary, version = build_lab(probe_go(chosen.go) if chosen.go else None)
    with LabService(binary, Scenario(chosen.scenario, entries=300, rate=0)) as service:
        subject = copy_of(service.pid, binary)
    seed = time.time_ns() if chosen.seed is None else chosen.seed
    try:
        done = fuzz(subject, seed, chosen.seconds, chosen.runs)
    except BaseException:
        traceback.print_exc()
        return 1
    print(f"{version} {chosen.scenario}: {done:,} lies from seed {seed}, none believed to the end")
    return 0


if __name__ == "__main__":
    sys.exit(main())

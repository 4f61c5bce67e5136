"""Name the frames of a heap profile from the file of the program it was taken of.

The addresses of a profile are those of a running process. A position-independent program runs at the addresses
of its file plus one distance, which the profile betrays: it prints function names beside addresses. The same
names tell whether the file is that program at all; another build of it is not.
"""

from __future__ import annotations

import mmap
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mapmedic.capture.files import open_regular
from mapmedic.errors import CouldNotLook, FormatError
from mapmedic.formats.go_binary import GoBinary
from mapmedic.formats.heap_text import parse_heap_text
from mapmedic.formats.symbols import encode_symbols
from mapmedic.model.findings import Blank
from mapmedic.model.heap_records import HeapRecords
from mapmedic.model.session import Artifact

_PAGE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Fit:
    """Hold how a profile and a program agree.

    ``printed``: addresses that the profile prints with a name and that lie in the program; ``agreeing``: those
    that the program names alike, line included. ``distance`` in bytes leads from an address in the file to
    one in the process; it is None where the two do not belong together.
    """

    distance: int | None
    printed: int
    agreeing: int

    @property
    def why_not(self) -> str:
        """Return the words for a program that is not the one."""
        share = f"{self.agreeing:,} of {self.printed:,} functions and lines that the profile prints are in it"
        return f"it is not the program that was profiled ({share}); not used"


def open_executable(path: Path) -> GoBinary:
    """Map the file at ``path`` and read its tables; CouldNotLook, or FormatError where it is no Go program."""
    with open_regular(path) as file:
        try:
            # Mapped, not read: of a file of 100 MB a few pages are looked at.
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:  # ValueError: it is empty
            raise CouldNotLook(f"cannot read {path}: {error}") from error
    try:
        return GoBinary(data)
    except FormatError as error:
        raise FormatError(str(path), error.why, error.offset) from None


def symbols_from_file(heap: Artifact, binary: GoBinary, path: Path) -> Artifact | Blank:
    """Return the answers that ``/debug/pprof/symbol`` would give about a heap text, taken from the program's file."""
    try:
        records = parse_heap_text(heap.data)
        found = fit(records, binary)
        if found.distance is None:
            return Blank("executable", found.why_not)
        answers = encode_symbols(names_from_binary(records, binary, found.distance))
    except FormatError as error:
        return Blank("executable", f"not used: {error}")
    return Artifact("symbols", heap.visit, heap.taken_at, str(path), answers)


def fit(records: HeapRecords, binary: GoBinary) -> Fit:
    """Return whether ``binary`` is the program that ``records`` were taken of, and where it was loaded."""
    distance = _likeliest_distance(records, binary)
    if distance is None:
        return Fit(None, 0, 0)
    printed = _printed(records)
    leaves = binary.frames(_in_file(list(printed), distance)).leaves()
    # Outside of the Go code lie a C library's functions, which a profile prints as well.
    pairs = [(named, leaf) for named, leaf in zip(printed.values(), leaves, strict=True) if leaf is not None]
    agreeing = sum(named == leaf for named, leaf in pairs)
    # All of them: a build that differs by one line elsewhere would still get most of them right.
    belongs = 0 < agreeing == len(pairs)
    return Fit(distance if belongs else None, len(pairs), agreeing)


def names_from_binary(records: HeapRecords, binary: GoBinary, distance: int) -> dict[int, str]:
    """Return call address -> function for every frame of ``records``, as ``/debug/pprof/symbol`` would."""
    calls = np.unique(records.stack - np.uint64(1))
    leaves = binary.frames(_in_file(calls.tolist(), distance)).leaves()
    return {call: leaf[0] for call, leaf in zip(calls.tolist(), leaves, strict=True) if leaf is not None}


def _printed(records: HeapRecords) -> dict[int, tuple[str, int]]:
    columns = (records.frame_pc, records.frame_function, records.frame_line)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return {pc: (records.names[function], line) for pc, function, line in rows if records.names[function]}


def _likeliest_distance(records: HeapRecords, binary: GoBinary) -> int | None:
    """Return what most printed names say of how far the process ran from the file; None where that is no whole page."""
    functions = binary.functions
    entries = dict(zip(functions.names, functions.entry.tolist(), strict=True))
    entered = zip(
        (records.frame_pc - records.frame_offset).tolist(), records.frame_function.tolist(), strict=True
    )
    # An inlined frame's offset counts from the function around it: its vote goes astray, and to nobody twice.
    votes = Counter(
        at - entries[name] for at, name in {(at, records.names[f]) for at, f in entered} if name in entries
    )
    if not votes:
        return None
    distance = votes.most_common(1)[0][0]
    movable = binary.facts.position_independent
    return distance if distance == 0 or (movable and distance % _PAGE_BYTES == 0) else None


def _in_file(addresses: list[int], distance: int) -> npt.NDArray[np.uint64]:
    # Modulo 2**64: what lies below the program becomes an address that is far above it.
    return np.array([(address - distance) % (1 << 64) for address in addresses], dtype=np.uint64)

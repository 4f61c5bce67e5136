"""What the runtime, the toolchain and DWARF say, beside what we read; each function returns the differences."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator

import numpy as np

from mapmedic.capture.executable import fit, names_from_binary
from mapmedic.formats.heap_text import parse_heap_text
from mapmedic.formats.symbols import parse_symbols
from tests.oracle.go_builds import Build, Frames, told

UNFOLDS_SINCE = 23
"""The first Go 1.x whose CallersFrames unfolds the inlined calls of a lone PC."""
_CFA = re.compile(r"^([0-9a-f]{16}) rsp\+(\d+)", re.MULTILINE)
_TEXT_SYMBOL = re.compile(r"^\s*([0-9a-f]+) [Tt] (\S.*)$", re.MULTILINE)


def minor_of(built: Build) -> int:
    """Return 27 for go1.27.3."""
    return int(built.go.version.split(".")[1])


def missed_frames(built: Build, addresses: int) -> list[str]:
    """Compare random addresses all over the text with runtime.CallersFrames and runtime.FuncForPC."""
    # CallersFrames is asked with the address plus one, which must still be the same function's.
    pcs = _sample(built, addresses)
    _, lines = built.ask("frames", pcs)
    unfolds = minor_of(built) >= UNFOLDS_SINCE
    ours = [_as_go_says(frames) for frames in built.frames(pcs)]
    return [
        f"{pc:#x}: Go says {line!r}, we {frames}"
        for pc, line, frames in zip(pcs, lines, ours, strict=True)
        if told(line) != (frames[0][0], frames if unfolds else frames[:1])
    ]


def missed_stacks(built: Build) -> list[str]:
    """Compare real stacks: the frames of each real PC are those that runtime.Callers made of it."""
    bias, lines = built.ask("stacks")
    missed = [] if len(lines) > 10 else [f"only {len(lines)} stacks"]
    for line in lines:
        head, frames = told(line)
        pcs = [int(word, 16) - bias for word in head.split()]
        unfolded = list(_unfolded(built, pcs))
        if unfolded != frames:
            missed.append(f"Go says {frames}, we {unfolded}")
    return missed


def _unfolded(built: Build, pcs: list[int]) -> Iterator[tuple[str, str, int, int]]:
    # runtime.Callers adds a made-up PC for each inlined call: those are covered by the real one before them.
    chains = built.frames([pc - 1 for pc in pcs])
    at = 0
    while at < len(chains):
        yield from _as_go_says(chains[at])
        at += max(1, len(chains[at]))


def missed_heap_names(built: Build) -> list[str]:
    """Compare the names of every frame that a heap profile hides, and of those it prints."""
    bias, lines = built.ask("heap")
    cut = lines.index("SYMBOLS")
    records = parse_heap_text("\n".join([*lines[:cut], ""]).encode())
    answers = parse_symbols("\n".join(["num_symbols: 1", *lines[cut + 1 :], ""]).encode())
    found = fit(records, built.binary)
    if found.distance != bias or not found.printed:
        return [f"loaded at {bias:#x}, we say {found}"]
    names = names_from_binary(records, built.binary, bias)
    missed = [] if len(names) > 30 else [f"only {len(names)} names"]
    return missed + [
        f"{pc:#x}: Go says {answers.get(pc)}, we {name}"
        for pc, name in names.items()
        if answers.get(pc) != name
    ]


def missed_build_info(built: Build) -> list[str]:
    """Compare with ``go version -m``."""
    done = subprocess.run(
        [str(built.go.path), "version", "-m", str(built.path)],
        capture_output=True, text=True, check=True, env=built.go.environment,
    )  # fmt: skip
    first, *lines = done.stdout.splitlines()
    info = built.binary.build_info()
    ours = [f"\tpath\t{info.package}"]
    if info.main:
        ours.append("\t".join(["", "mod", info.main.path, info.main.version, info.main.checksum]))
    ours += [f"\tbuild\t{key}={_quoted(value)}" for key, value in info.settings]
    theirs = [] if first.endswith(info.go_version) else [f"{first!r} against {info.go_version!r}"]
    return theirs + sorted(set(lines) ^ set(ours))


def _quoted(value: str) -> str:
    return f'"{value}"' if " " in value else value


def missed_entries(built: Build) -> list[str]:
    """Compare entries and names with ``go tool nm``."""
    done = subprocess.run(
        [str(built.go.path), "tool", "nm", str(built.path)],
        capture_output=True, text=True, check=True, env=built.go.environment,
    )  # fmt: skip
    symbols: dict[int, set[str]] = {}
    for address, name in _TEXT_SYMBOL.findall(done.stdout):
        symbols.setdefault(int(address, 16), set()).add(name)
    functions = built.binary.functions
    pairs = dict(zip(functions.entry.tolist(), functions.names, strict=True))
    missed = [] if len(pairs) > 1000 else [f"only {len(pairs)} functions"]
    return missed + [
        f"{entry:#x}: nm says {symbols.get(entry)}, we {name}"
        for entry, name in pairs.items()
        # The runtime itself has no name for the first function of the name table: its offset is 0.
        if name and not any(_same(name, symbol) for symbol in symbols.get(entry, ()))
    ]


def missed_lines(built: Build, addresses: int) -> list[str]:
    """Compare file and line with ``go tool addr2line``."""
    pcs = _sample(built, addresses)
    done = subprocess.run(
        [str(built.go.path), "tool", "addr2line", str(built.path)], input="".join(f"{pc:#x}\n" for pc in pcs),
        capture_output=True, text=True, check=True, env=built.go.environment,
    )  # fmt: skip
    # Two lines an address: the function around it (nm's business), and file:line.
    places = done.stdout.split("\n")[1::2]
    return [
        f"{pc:#x}: addr2line says {place}, we {frames[0]}"
        for pc, place, frames in zip(pcs, places, built.frames(pcs), strict=True)
        # The linker's own marks (go:textfipsstart) have no tables; debug/gosym reads offset 0 as if it were one.
        if place != (f"{frames[0][1]}:{frames[0][2]}" if frames[0][2] else ":-1")
        and not frames[0][0].startswith("go:")
    ]


def _sample(built: Build, addresses: int) -> list[int]:
    """Return addresses all over the text, without the last byte of any function."""
    entries = built.binary.functions.entry
    random = np.random.default_rng(7)
    sample = np.unique(random.integers(int(entries[0]), int(entries[-1]), addresses, dtype=np.uint64))
    pcs: list[int] = np.setdiff1d(sample, entries - np.uint64(1)).tolist()
    return pcs


def _same(printed: str, symbol: str) -> bool:
    printed = printed.replace("·", ".")
    head, shapes, tail = printed.partition("[...]")
    bare = symbol.removesuffix(".abi0")
    return printed == bare or (bool(shapes) and bare.startswith(head) and bare.endswith(tail))


def missed_sp_deltas(built: Build) -> list[str]:
    """Compare stack deltas with DWARF's canonical frame address, which is 8 above the return address's slot."""
    done = subprocess.run(
        ["readelf", "--debug-dump=frames-interp", "--wide", str(built.path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = [(int(pc, 16), int(offset)) for pc, offset in _CFA.findall(done.stdout)]
    pcs = np.array([pc for pc, _ in rows], dtype=np.uint64)
    ours = built.binary.sp_deltas(pcs).tolist()
    missed = [] if len(rows) > 5000 else [f"only {len(rows)} rows of .debug_frame"]
    return missed + [
        f"{pc:#x}: DWARF says {offset - 8}, we {delta}"
        for (pc, offset), delta in zip(rows, ours, strict=True)
        if pc and offset - 8 != delta
    ]


def _as_go_says(frames: Frames) -> Frames:
    return [(function, file or "?", line, start) for function, file, line, start in frames]


def missed_unwinding(built: Build) -> list[str]:
    """Walk the memory of real stacks by stack deltas alone: the return addresses are those of runtime.Callers."""
    bias, lines = built.ask("memory")
    missed = [] if len(lines) > 10 else [f"only {len(lines)} stacks"]
    for line in lines:
        callers, memory = ([int(word, 16) for word in part.split()] for part in line.split("\x1f"))
        expected = list(_without_wrappers(built, _real(built, [pc - bias for pc in callers])))
        # How large the first frame is above where its memory begins is not known: look for its return address.
        start = memory.index(expected[1] + bias) if expected[1] + bias in memory else len(memory)
        walked = list(_without_wrappers(built, _walk(built, memory[start:], bias)))
        # The memory ends in the frame that it was read from; what called that is above it.
        if len(walked) < 2 or walked != expected[1 : 1 + len(walked)]:
            missed.append(f"runtime.Callers says {expected}, the stack deltas lead to {walked}")
    return missed


def _walk(built: Build, memory: list[int], bias: int) -> Iterator[int]:
    at = 0
    while at < len(memory):
        pc = memory[at] - bias
        yield pc
        delta = int(built.binary.sp_deltas(np.array([pc % (1 << 64)], dtype=np.uint64))[0])
        if delta < 0:
            return
        at += 1 + delta // 8


def _without_wrappers(built: Build, pcs: Iterable[int]) -> Iterator[int]:
    """Leave out the frames of compiler-made wrappers, as runtime.Callers does."""
    functions = built.binary.functions
    wrapper = functions.id[functions.names.index("runtime.deferreturn")]
    for pc in pcs:
        around = int(np.searchsorted(functions.entry, np.uint64((pc - 1) % (1 << 64)), side="right")) - 1
        (chain,) = built.frames([(pc - 1) % (1 << 64)])
        alone = [name for name, *_ in chain] == [functions.names[around]]
        if functions.id[around] != wrapper or not alone:
            yield pc


def _real(built: Build, pcs: list[int]) -> Iterator[int]:
    """Leave out the PCs that stand for inlined calls."""
    chains = built.frames([pc - 1 for pc in pcs])
    at = 0
    while at < len(pcs):
        yield pcs[at]
        at += max(1, len(chains[at]))

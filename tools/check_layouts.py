"""Hold every offset that mapmedic reads a Go heap by against what each toolchain says of its own runtime.

    python -m tools.check_layouts [--go 1.21,1.27]

A small program (tools/layouts) is built with each toolchain, and with the experiments that change a layout; its own
debug information tells where the runtime keeps what. Prints each difference and exits 1 on any. Writes
docs/reference/layouts.md (only when all versions ran).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mapmedic.goheap import program, runtime
from mapmedic.goheap.build import parse_version
from mapmedic.goheap.confirm import ALLSPANS
from mapmedic.goheap.layouts import Layout, layout_of
from mapmedic.goheap.map_sizes import allocated_bytes
from mapmedic.goheap.stack_layouts import call_places, stack_layout
from tools.toolchains import VERSIONS, ensure

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs" / "reference" / "layouts.md"
# Experiments that bring another layout: minor version -> values of GOEXPERIMENT.
EXPERIMENTS = {
    "1.22": ("noallocheaders",), "1.24": ("noswissmap,nosynchashtriemap",), "1.25": ("noswissmap,nosynchashtriemap",),
    "1.26": ("nogreenteagc",), "1.27": ("nogreenteagc", "mapsplitgroup"),
}  # fmt: skip
# Key of HeapLayout -> the field of the runtime that it is the offset of ("" behind the dot: the size).
_SPAN_FIELDS = {
    "span_size": "", "span_start": "startAddr", "span_npages": "npages", "span_freeindex": "freeindex",
    "span_nelems": "nelems", "span_alloc_bits": "allocBits", "span_spanclass": "spanclass", "span_state": "state",
    "span_elemsize": "elemsize", "span_specials": "specials",
}  # fmt: skip
# Key of HeapLayout -> the kind of special that it numbers (255: that version has none).
_SPECIAL_KINDS = {
    "special_finalizer": "runtime._KindSpecialFinalizer", "special_cleanup": "runtime._KindSpecialCleanup",
    "special_weak": "runtime._KindSpecialWeakHandle",
}  # fmt: skip
_NO_KIND = 255
# What the native core reads behind the special that each kind begins with: type -> its field, how far behind.
# A cleanup has one function up to Go 1.25, three words from then on.
_BEHIND_SPECIAL = {
    "runtime.specialfinalizer": (("fn", 0), ("ot", 24)),
    "runtime.specialCleanup": (("fn", 0), ("cleanup", 0)),
    "runtime.specialWeakHandle": (("handle", 0),),
}
_OPTIONAL = {"runtime.specialCleanup.fn", "runtime.specialCleanup.cleanup"}
# Key of stack_layout -> the field that it is the offset of.
_STACK_FIELDS = {
    "g_m": "g.m", "g_sched_sp": "g.sched.sp", "g_sched_pc": "g.sched.pc", "g_panic": "g._panic",
    "g_defer": "g._defer", "g_syscall_sp": "g.syscallsp", "g_syscall_pc": "g.syscallpc", "g_status": "g.atomicstatus",
    "g_id": "g.goid", "m_procid": "m.procid", "m_gsignal": "m.gsignal", "m_vdso_sp": "m.vdsoSP",
    "m_vdso_pc": "m.vdsoPC", "defer_fn": "_defer.fn", "defer_link": "_defer.link",
}  # fmt: skip
_CALL_FIELDS = ("g.m", "g.atomicstatus", "m.curg", "m.mallocing")
_MODULE_FIELDS = {
    "text": program._TEXT, "noptrdata": program._NOPTRDATA, "data": program._DATA, "bss": program._BSS,
    "enoptrbss": program._NOPTRBSS_END,
    "types": program.TYPES,
}  # fmt: skip
_MAP_TYPES = ("internal/abi.MapType", "internal/abi.OldMapType", "internal/abi.SwissMapType")
_HEADERS = ("runtime.hmap", "internal/runtime/maps.Map")
_TABLE = "internal/runtime/maps.table"
# Numbers of the native core: (file, constant, the first of these fields that there is).
_NATIVE = (
    ("abi.rs", "HEADER", ("internal/abi.Type",)),
    ("abi.rs", "FIELD_BYTES", ("internal/abi.StructField",)),
    ("maps.rs", "BUCKET", tuple(f"{kind}.{field}" for kind in _MAP_TYPES for field in ("Bucket", "Group"))),
    ("maps.rs", "PARTS", ("runtime.hmap.buckets", "internal/runtime/maps.Map.dirPtr")),
    ("map_types.rs", "SIZES", tuple(f"{kind}.KeySize" for kind in _MAP_TYPES)),
    ("map_types.rs", "KEY", tuple(f"{kind}.Key" for kind in _MAP_TYPES)),
    ("map_types.rs", "ELEM", tuple(f"{kind}.Elem" for kind in _MAP_TYPES)),
    ("typeindex.rs", "HASHER", tuple(f"{kind}.Hasher" for kind in _MAP_TYPES)),
    ("typeindex.rs", "EQUAL", ("internal/abi.Type.Equal",)),
    ("typeindex.rs", "NAME", ("internal/abi.Type.Str",)),
    ("typeindex.rs", "TFLAG", ("internal/abi.Type.TFlag",)),
    ("syncmaps/mutex.rs", "READ", ("sync.Map.read",)),
    ("syncmaps/trie.rs", "ROOT_PLACE", ("internal/sync.HashTrieMap.root",)),
    ("syncmaps/trie.rs", "STRUCT_BYTES", ("internal/sync.HashTrieMap",)),
)
# Numbers that the native core has where it uses them.
_INLINE = {
    "internal/abi.Type.Size_": 0, "internal/abi.Type.PtrBytes": 8, "internal/abi.Type.Kind_": 23,
    "internal/abi.Type.GCData": 32, "internal/abi.ArrayType.Elem": 48, "internal/abi.ArrayType.Len": 64,
    "internal/abi.StructType.Fields.array": 56, "internal/abi.StructType.Fields.len": 64,
    "internal/abi.StructField.Name": 0, "internal/abi.StructField.Typ": 8, "internal/abi.StructField.Offset": 16,
    "runtime.hmap.count": 0, "runtime.hmap.flags": 8, "runtime.hmap.B": 9, "runtime.hmap.buckets": 16,
    "runtime.hmap.oldbuckets": 24, "runtime.mapextra.overflow": 0, "runtime.mapextra.oldoverflow": 8,
    "runtime.mapextra.nextOverflow": 16, "internal/runtime/maps.Map.used": 0, "internal/runtime/maps.Map.dirLen": 24,
    "internal/runtime/maps.Map.globalDepth": 32, "internal/runtime/maps.Map.globalShift": 33,
    "internal/runtime/maps.Map.writing": 34, f"{_TABLE}.used": 0, f"{_TABLE}.capacity": 2,
    f"{_TABLE}.groups.data": 16, f"{_TABLE}.groups.lengthMask": 24, "runtime.hchan.buf": 16,
    "runtime.g.stack.lo": 0, "runtime.g.stack.hi": 8, "runtime.pcHeader.funcnameOffset": program._FUNCNAME_OFFSET,
    "runtime.mSpanInUse": 1, "runtime._Gscan": runtime._SCAN_BIT,
}  # fmt: skip
_WANTED = sorted(
    {
        "runtime.mspan", "runtime.mheap", "runtime.heapArena", "runtime.moduledata", "runtime.g",
        "runtime.spanInlineMarkBits", "runtime.hmap", "runtime.mapextra", "runtime.hchan", "runtime.pcHeader",
        "runtime.mSpanInUse", "runtime._Gscan", "internal/runtime/maps.Map", _TABLE, "sync.Map",
        "internal/sync.HashTrieMap", "internal/abi.Type", "internal/abi.StructType", "internal/abi.StructField",
        "internal/abi.ArrayType", "runtime.special", "runtime.m", "runtime._defer", *_SPECIAL_KINDS.values(),
        *_BEHIND_SPECIAL, *_MAP_TYPES,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One number: whose it is, what mapmedic holds it for, what the toolchain says (None: nothing)."""

    name: str
    ours: int
    theirs: int | None

    @property
    def is_right(self) -> bool:
        """Tell whether both say the same."""
        return self.ours == self.theirs


@dataclass(frozen=True, slots=True)
class Checked:
    """One toolchain with one set of experiments, and its numbers."""

    version: str
    rows: tuple[Row, ...]


def main() -> int:
    """Check every toolchain; return 1 where a number differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--go", help="only these minor versions, comma between")
    options = parser.parse_args()
    versions = options.go.split(",") if options.go else list(VERSIONS)
    checked = [check(ensure(minor), each) for minor in versions for each in ("", *EXPERIMENTS.get(minor, ()))]
    wrong = [(each.version, row) for each in checked for row in each.rows if not row.is_right]
    for version, row in wrong:
        print(f"{version}: {row.name} is {row.theirs}, not {row.ours}")
    if not options.go:
        TABLE.write_text(render(checked), encoding="utf-8")
        print(f"wrote {TABLE.relative_to(ROOT)}")
    print(f"{sum(len(each.rows) for each in checked)} numbers in {len(checked)} builds, {len(wrong)} wrong")
    return 1 if wrong else 0


def check(goroot: Path, experiments: str = "") -> Checked:
    """Return every number as the toolchain at ``goroot`` has it beside ours."""
    version, offsets = ask(goroot, experiments)
    build = parse_version(version)
    stacks = (*stack_rows(stack_layout(build), offsets), *call_rows(call_places(build), offsets))
    return Checked(version, (*rows(layout_of(build), offsets), *stacks))


def ask(goroot: Path, experiments: str = "") -> tuple[str, dict[str, int]]:
    """Return (version, "type.field" -> offset) of a program built with the toolchain at ``goroot``."""
    environment = {
        **os.environ, "GOROOT": str(goroot), "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod", "GOPROXY": "off",
        "GOWORK": "off", "GOEXPERIMENT": experiments, "CGO_ENABLED": "0",
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "layouts"
        build = [str(goroot / "bin" / "go"), "build", "-o", str(program), "."]
        subprocess.run(build, cwd=ROOT / "tools" / "layouts", env=environment, check=True, timeout=600)
        done = subprocess.run(
            [str(program), *_WANTED], capture_output=True, text=True, check=True, timeout=60
        )
    answer = json.loads(done.stdout)
    return answer["version"], answer["offsets"]


def rows(layout: Layout, offsets: dict[str, int]) -> Iterator[Row]:
    """Yield each number that this layout has, beside what ``offsets`` say."""
    yield from _runtime_rows(layout, offsets)
    yield from _map_rows(layout, offsets)
    yield from _special_rows(layout, offsets)
    for file, constant, fields in _NATIVE:
        known = next((field for field in fields if field in offsets), None)
        if known is not None:
            yield Row(f"{known} ({file}, {constant})", _native(file, constant), offsets[known])
    for field, ours in _INLINE.items():
        if field in offsets or field.rsplit(".", 1)[0] in offsets:
            yield Row(field, ours, offsets.get(field))


def _runtime_rows(layout: Layout, offsets: dict[str, int]) -> Iterator[Row]:
    for key, field in _SPAN_FIELDS.items():
        name = f"runtime.mspan{'.' * bool(field)}{field}"
        yield Row(name, layout.spans[key], offsets.get(name))
    if layout.has_headers:
        name = "runtime.mspan.largeType"
        yield Row(name, layout.spans["span_large_type"], offsets.get(name))
    bits = layout.spans["inline_mark_bytes"]
    if bits:
        yield Row("runtime.spanInlineMarkBits", bits, offsets.get("runtime.spanInlineMarkBits"))
    g = layout.goroutine
    for field, ours in (("sched.sp", g.scheduled_sp), ("atomicstatus", g.status), ("goid", g.id)):
        yield Row(f"runtime.g.{field}", ours, offsets.get(f"runtime.g.{field}"))
    for field, ours in {**_MODULE_FIELDS, "etypes": layout.types_end}.items():
        yield Row(f"runtime.moduledata.{field}", ours, offsets.get(f"runtime.moduledata.{field}"))
    spans = offsets.get("runtime.mheap.allspans", 0)
    yield Row("runtime.mheap.allspans", ALLSPANS, spans)
    yield Row("pagesInUse behind allspans", runtime.PAGES_IN_USE, offsets["runtime.mheap.pagesInUse"] - spans)
    if layout.arenas is not None:
        yield Row("arenas behind allspans", layout.arenas, offsets["runtime.mheap.arenas"] - spans)
        arena = "runtime.heapArena"
        inner = f"{arena}.heapArenaPtrScalar" if f"{arena}.heapArenaPtrScalar" in offsets else arena
        yield Row(f"{arena}.bitmap", 0, offsets.get(f"{inner}.bitmap"))
        yield Row(
            f"{arena}.noMorePtrs", layout.spans["arena_no_more_ptrs"], offsets.get(f"{inner}.noMorePtrs")
        )
        yield Row(f"{arena}.spans", layout.spans["arena_spans"], offsets.get(f"{arena}.spans"))


def stack_rows(layout: dict[str, int], offsets: dict[str, int]) -> Iterator[Row]:
    """Yield each number by which stacks are read, beside what ``offsets`` say."""
    for key, ours in layout.items():
        name = f"runtime.{_STACK_FIELDS[key]}"
        yield Row(f"{name} (stacks)", ours, offsets.get(name))


def call_rows(places: tuple[int, ...], offsets: dict[str, int]) -> Iterator[Row]:
    """Yield each number by which it is told whether a thread may be interrupted for a call."""
    for field, ours in zip(_CALL_FIELDS, places, strict=True):
        yield Row(f"runtime.{field} (calls)", ours, offsets.get(f"runtime.{field}"))


def _special_rows(layout: Layout, offsets: dict[str, int]) -> Iterator[Row]:
    size = layout.spans["special_bytes"]
    yield Row("runtime.special", size, offsets.get("runtime.special"))
    for field, ours in (("next", 0), ("offset", 8), ("kind", 10 if size == 16 else 16)):
        yield Row(f"runtime.special.{field}", ours, offsets.get(f"runtime.special.{field}"))
    for key, name in _SPECIAL_KINDS.items():
        yield Row(name, layout.spans[key], offsets.get(name, _NO_KIND))
    for kind, fields in _BEHIND_SPECIAL.items():
        for field, ours in fields:
            name = f"{kind}.{field}"
            if name in offsets or (kind in offsets and name not in _OPTIONAL):
                yield Row(name, size + ours, offsets.get(name))


def _map_rows(layout: Layout, offsets: dict[str, int]) -> Iterator[Row]:
    header = _HEADERS[layout.swiss]
    size = offsets.get(header)
    allocated = None if size is None else allocated_bytes(size, header=False)
    yield Row(f"{header}, as allocated", layout.map_header_bytes, allocated)
    if not layout.swiss:
        yield Row(f"{header}.extra", layout.spans["map_extra"], offsets.get(f"{header}.extra"))
    yield Row("sync.Map is a trie", int(layout.sync_trie), int("sync.Map.m" in offsets))


def _native(file: str, constant: str) -> int:
    source = (ROOT / "native" / "src" / "goheap" / file).read_text(encoding="utf-8")
    found = re.search(rf"const {constant}: u(?:64|32|size) = (\d+);", source)
    if found is None:
        raise SystemExit(f"check_layouts: native/src/goheap/{file} has no constant {constant}")
    return int(found.group(1))


def render(checked: list[Checked]) -> str:
    """Return the page: each number once, with what each build says."""
    names = dict.fromkeys(row.name for each in checked for row in each.rows)
    numbers = sum(len(each.rows) for each in checked)
    wrong = sum(not row.is_right for each in checked for row in each.rows)
    lines = [
        "# Layouts\n",
        "Generated by `python -m tools.check_layouts`, a part of `make live`; do not edit. Each number is an offset or",
        "a size in bytes as the debug information of a program built with that toolchain says, and is what",
        "`src/mapmedic/goheap` and `native/src/goheap` read by; **bold** where they differ, empty where that build has",
        "no such thing. Other versions are refused, and so is GOEXPERIMENT=staticlockranking: it moves it all.\n",
        f"{time.strftime('%Y-%m-%d', time.gmtime())}, {platform.system()} {platform.machine()}; "
        f"n = {numbers} numbers in {len(checked)} builds, {wrong} wrong.\n",
        "| what | " + " | ".join(each.version.removeprefix("go") for each in checked) + " |",
        "|---|" + "---|" * len(checked),
    ]
    for name in names:
        cells = (next((row for row in each.rows if row.name == name), None) for each in checked)
        lines.append(f"| {name} | {' | '.join(_cell(row) for row in cells)} |")
    return "\n".join(lines) + "\n"


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    return str(row.theirs) if row.is_right else f"**{row.theirs}, not {row.ours}**"


if __name__ == "__main__":
    sys.exit(main())

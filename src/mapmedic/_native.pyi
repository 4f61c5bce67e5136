"""What the Rust crate offers; see native/src."""

from collections.abc import Callable, Mapping, Sequence
from mmap import mmap
from typing import Any, TypedDict

class Malformed(ValueError):
    """Say (why, offset): the bytes do not parse."""

class ProfileHead(TypedDict):
    sample_types: list[tuple[str, str]]
    period_type: tuple[str, str] | None
    numbers: tuple[int, int, int]
    comments: tuple[str, ...]
    texts: tuple[str, str, str, str]
    mappings: list[tuple[tuple[int, int, int], tuple[str, str], tuple[bool, bool, bool, bool]]]
    function_names: tuple[str, ...]
    function_system_names: tuple[str, ...]
    function_files: tuple[str, ...]
    label_strings: tuple[str, ...]

class HeapTextColumns(TypedDict):
    header: list[int]
    footer: int | None
    inuse_objects: bytes
    inuse_bytes: bytes
    alloc_objects: bytes
    alloc_bytes: bytes
    stack_start: bytes
    stack: bytes
    frame_start: bytes
    frame_pc: bytes
    frame_function: bytes
    frame_offset: bytes
    frame_file: bytes
    frame_line: bytes
    names: tuple[str, ...]
    files: tuple[str, ...]

class ProfileColumns(TypedDict):
    sample_types: list[tuple[int, int]]
    period_type: tuple[int, int] | None
    numbers: tuple[int, int, int]
    comments: list[int]
    texts: list[int]
    mappings: list[tuple[list[int], list[int], list[bool]]]
    values: bytes
    stack_start: bytes
    stack: bytes
    label_sample: bytes
    label_key: bytes
    label_text: bytes
    label_unit: bytes
    label_number: bytes
    location_address: bytes
    location_mapping: bytes
    location_folded: bytes
    line_start: bytes
    line_function: bytes
    line_number: bytes
    function_name: bytes
    function_system_name: bytes
    function_file: bytes
    function_start_line: bytes
    strings: tuple[str, ...]

def gunzip(data: bytes, max_bytes: int) -> bytes: ...
def parse_heap_text(data: bytes, allow_truncated: bool) -> HeapTextColumns: ...
def parse_profile(data: bytes, max_bytes: int) -> ProfileColumns: ...
def encode_profile(head: ProfileHead, columns: dict[str, bytes]) -> bytes: ...
def sample_kinds(data: bytes, max_bytes: int) -> list[str]: ...

class GoroutineColumns(TypedDict):
    total: int
    truncated: bool
    states: tuple[str, ...]
    count: bytes
    locked: bytes
    wait_min: bytes
    wait_max: bytes
    ids: list[list[int]]
    functions: tuple[str, ...]
    files: tuple[str, ...]
    lines: bytes
    elided: bytes
    creator: bytes
    frame_start: bytes
    frame: bytes

class GoroutineGrouper:
    def __init__(self, max_bytes: int | None) -> None: ...
    def feed(self, chunk: bytes) -> None: ...
    def finish(self) -> GoroutineColumns: ...

STUB_BYTES: int
STUB_MARK: bytes

class WindowFailed(Exception):
    """Say (kind, number, doing): why a process could not be stopped or copied."""

class Held:
    """A process, or a frozen copy of one, that stands still until it is let go."""

    @property
    def pid(self) -> int: ...
    @property
    def writes(self) -> list[tuple[int, int, int, list[int]]]: ...
    def threads(self) -> list[tuple[int, int, int, list[int]]]: ...
    def write(self, changes: Sequence[tuple[int, bytes, bytes]]) -> None: ...
    def fork(self, room: int) -> Held: ...
    def release(self) -> tuple[int, bool]: ...

def fork_copy(pid: int, room: int, max_pause_ns: int) -> Held: ...
def stop_process(pid: int, max_pause_ns: int) -> Held: ...
def catch_write(
    pid: int,
    words: Sequence[tuple[int, list[int], list[tuple[int, int, int, int]]]],
    armed_ns: int,
    max_pause_ns: int,
) -> Held: ...
def stop_guarded(pid: int, max_pause_ns: int) -> Held: ...

class ProgramCall:
    """A call that a process of its own makes in another one."""

    def hear(self, within_ns: int) -> tuple[str, int, bytes] | None: ...

def call_function(
    pid: int,
    code: tuple[int, int, list[tuple[int, int]], list[tuple[int, int]]],
    places: tuple[int, int, int, int],
    free: list[tuple[int, int]],
    patience: tuple[int, int],
) -> ProgramCall: ...
def watchpoint_refusal() -> int | None: ...
def read_scattered(pid: int, places: Sequence[tuple[int, int]]) -> list[bytes | None]: ...
def copy_memory(
    pid: int,
    mappings: Sequence[tuple[int, int, bool]],
    descriptors: Sequence[int],
    most: int,
    within_ns: int | None,
) -> tuple[list[tuple[int, int, int]], list[tuple[int, int]], bytes]: ...

class Image:
    """The memory of a process as of one moment."""

    def __init__(
        self,
        files: Sequence[tuple[Sequence[int], Sequence[tuple[int, int, int]]]],
        resident: bytes | None = None,
    ) -> None: ...
    def resident_bytes(self, address: int, bytes: int) -> int | None: ...
    def resident_runs(self) -> bytes | None: ...
    def overlaid(self, places: Sequence[tuple[int, bytes]]) -> Image: ...
    def ranges(self) -> list[tuple[int, int]]: ...
    def read(self, address: int, bytes: int) -> bytes | None: ...
    def word(self, address: int) -> int | None: ...
    def find(self, pattern: bytes, start: int, end: int, align: int, most: int) -> list[int]: ...

class StackColumns(TypedDict):
    id: bytes
    state: bytes
    low: bytes
    high: bytes
    thread: bytes
    context: bytes
    used_low: bytes
    used_high: bytes
    found: bytes
    end: bytes
    certain_start: bytes
    certain_address: bytes
    certain_word: bytes
    certain_before: bytes
    doubtful_start: bytes
    doubtful_address: bytes
    doubtful_word: bytes
    doubtful_before: bytes
    frame_start: bytes
    pc: bytes
    call: bytes
    entry: bytes
    sp: bytes
    fp: bytes

# Where it begins, address, place there, offsets from there on, whether it is a map, type.
SaidType = tuple[str, int, int, list[int], bool, int]

class GoReferences:
    """Which instructions name which global variables."""

    def naming(self, address: int) -> list[tuple[int, bool]]: ...

class GoCode:
    """A program's functions as they lie in the memory of its process."""

    def __init__(self, image: Image, module: int) -> None: ...
    @property
    def text(self) -> tuple[int, int]: ...
    def frames(self, pcs: bytes) -> FrameColumns: ...
    def function(self, pc: int) -> tuple[int, str, int] | None: ...
    def references(self, start: int, end: int) -> GoReferences | None: ...
    def operands(self, name: str, start: int, end: int) -> list[int] | None: ...
    def package_operands(self, prefix: str, start: int, end: int) -> list[int]: ...
    def said_types(
        self, types: tuple[int, int], variables: tuple[int, int], standing: bytes
    ) -> list[SaidType]: ...
    def code_of(self, prefixes: list[str]) -> list[tuple[int, int]]: ...
    def code_inlining(self, prefixes: list[str]) -> list[tuple[int, int]]: ...
    def unwind_standing(
        self,
        pid: int,
        layout: dict[str, int],
        list: int,
        threads: list[tuple[int, int, int]],
        most_bytes: int,
    ) -> StackColumns | None: ...
    def unwind(
        self, layout: dict[str, int], goroutines: bytes, threads: list[tuple[int, int, int]]
    ) -> StackColumns: ...

class HeapSurvey:
    """A Go heap looked at once."""

    def __init__(
        self,
        image: Image,
        layout: dict[str, int],
        place: Mapping[str, object],
        roots: bytes,
        stacks: list[tuple[int, int]],
        root_types: list[tuple[int, int]],
    ) -> None: ...
    def totals(self) -> dict[str, int]: ...
    def account(self, image: Image) -> dict[str, int] | None: ...
    def dropped_arrays(self, image: Image, swiss: bool) -> list[tuple[int, int, int]]: ...
    def spans(self) -> bytes: ...
    def object_at(self, address: int) -> tuple[int, int] | None: ...
    def metadata_pages(self) -> bytes: ...
    def maps(self) -> dict[str, bytes]: ...
    def sync_maps(self) -> dict[str, bytes]: ...
    def resident_beside(
        self, image: Image, header: int, layout: dict[str, int | bool], slots: int
    ) -> int | None: ...
    def way_words(self, address: int) -> list[int] | None: ...
    def holders(self) -> list[tuple[tuple[int, int, int, str, int], tuple[int, str, int]]]: ...
    def referrers(
        self, image: Image, targets: list[int], roots: bytes, most: int
    ) -> tuple[list[tuple[int, int, int]], list[int], list[int]]: ...
    def way(self, address: int) -> list[tuple[int, int, str, int]] | None: ...
    def way_into(self, address: int) -> list[tuple[int, int, str, int]] | None: ...

class SlotColumns(TypedDict):
    keys: bytes
    elems: bytes

def map_slots(
    image: Image, header: int, layout: dict[str, int | bool], slots: int, every: int, most: int
) -> tuple[int, SlotColumns] | None: ...

class EntryColumns(TypedDict):
    ends: bytes
    key_hashes: bytes
    hashes: bytes
    cut: bytes
    unreadable: bytes

class EntryEncoder:
    """The entries of one map as JSON."""

    def __init__(
        self,
        ask: Callable[[int], dict[str, Any] | None],
        key: int,
        elem: int,
        bounds: dict[str, int],
        is_redacted: bool,
    ) -> None: ...
    def encode(self, image: Image, keys: bytes, elems: bytes) -> tuple[bytes, EntryColumns]: ...

class BinaryColumns(TypedDict):
    machine: str
    position_independent: bool
    go_build_id: str
    gnu_build_id: str
    go_version: str
    modules: str
    text: tuple[int, int]
    pclntab: int
    moduledata: int
    layout: str

class FrameColumns(TypedDict):
    names: tuple[str, ...]
    files: tuple[str, ...]
    frame_start: bytes
    function: bytes
    file: bytes
    line: bytes
    start_line: bytes

class FunctionColumns(TypedDict):
    names: tuple[str, ...]
    entry: bytes
    start_line: bytes
    arguments_bytes: bytes
    defer_return: bytes
    id: bytes
    flags: bytes

class GoBinary:
    def __init__(self, data: bytes | mmap) -> None: ...
    def facts(self) -> BinaryColumns: ...
    def frames(self, pcs: bytes) -> FrameColumns: ...
    def functions(self) -> FunctionColumns: ...
    def sp_deltas(self, pcs: bytes) -> bytes: ...
    def pcdata(self, number: int, pcs: bytes) -> bytes: ...

# Variable, path, declared, where the type of the map is, counted from the first of all types.
NamedMap = tuple[str, str, str | None, int | None]

class DebugInfo:
    """The variables of a program, by the addresses it was linked to."""

    def __init__(self, data: bytes) -> None: ...
    def __len__(self) -> int: ...
    def runtime_types(self) -> list[tuple[int, int]]: ...
    @property
    def base(self) -> int: ...
    def find(self, address: int) -> tuple[str, int] | None: ...
    def map_type(self, address: int, places: list[int]) -> int | None: ...
    def follow(self, address: int, places: list[int]) -> tuple[str, str, str | None, int] | None: ...
    def target(self, address: int, places: list[int]) -> tuple[int, int, int] | None: ...
    def local(self, entry: int, pc: int, at: int, places: list[int]) -> NamedMap | None: ...
    def only_local(self, entry: int, pc: int, places: list[int]) -> NamedMap | None: ...
    def captured(self, entry: int, at: int, places: list[int]) -> NamedMap | None: ...

"""What is asked of a program's code before one of its functions is called."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from mapmedic import _native
from mapmedic.goheap.lock_code import locks_taken
from mapmedic.goheap.program import TYPES, find_module, text_of
from mapmedic.goheap.stacks import readable_tables
from mapmedic.goheap.types import Types
from mapmedic.memory.reader import Memory
from mapmedic.model.map_lock import LockKind

# Values of these begin with a text (src/errors, src/fmt, src/runtime/error.go).
_TEXTS = frozenset(
    (
        "string", "*errors.errorString", "*fmt.wrapError", "runtime.errorString", "runtime.plainError",
        "runtime.errorAddressString", "runtime.plainErrorString",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class ProgramCode:
    """The code of one program, as it lies in its process; ``text``: [start, end) of it."""

    memory: Memory
    functions: _native.GoCode
    types: Types
    text: tuple[int, int]

    def locks_taken(self, entry: int) -> tuple[dict[int, LockKind], bool]:
        """Return the global locks that the function at ``entry`` is seen to take, and whether it takes others."""
        with readable_tables():
            return locks_taken(self.memory, self.functions, entry)

    def place_of(self, entry: int) -> tuple[str, int]:
        """Return the file and the line of the function at ``entry``."""
        with readable_tables():
            named = self.functions.frames(struct.pack("<Q", entry))
        if not named["file"]:
            return "", 0
        (file,), (line,) = struct.unpack_from("<i", named["file"]), struct.unpack_from("<i", named["line"])
        return named["files"][file], max(0, line)

    def value_text(self, type_address: int, text: str) -> str:
        """Return what a panic's value says: its type, and ``text`` where its data begins with one."""
        name = self.types.name(type_address) if type_address else None
        if name is None:
            return "a value of a type that is not known"
        return f"{name}: {text}" if name in _TEXTS and text else name


def read_code(memory: Memory) -> ProgramCode:
    """Return the code of the program in ``memory`` (its own mappings are enough); HeapUnreadable where it is not Go."""
    module = find_module(memory)
    with readable_tables():
        functions = _native.GoCode(memory.image, module)
    types = Types(memory, memory.word(module + TYPES) or 0)
    return ProgramCode(memory, functions, types, text_of(memory, module))

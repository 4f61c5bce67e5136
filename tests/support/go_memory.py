"""Made-up memory with Go type descriptors in it (a mock: no Go program ever ran): values laid out by hand."""

from __future__ import annotations

import struct
import tempfile

from mapmedic import _native
from mapmedic.goheap.descriptors import Descriptors, Kind
from mapmedic.goheap.types import Types
from mapmedic.memory.reader import Memory
from mapmedic.model.inventory import SnapshotMode

BASE = 0x10000


class GoMemory:
    """Bytes from BASE on; what is put gets the next free place."""

    def __init__(self) -> None:
        self.bytes = bytearray(4096)  # name offsets count from BASE: 0 is no name

    def put(self, raw: bytes) -> int:
        """Put ``raw`` at the next multiple of 8 and return its address."""
        self.bytes += bytes(-len(self.bytes) % 8)
        at = BASE + len(self.bytes)
        self.bytes += raw
        return at

    def words(self, *words: int) -> int:
        return self.put(struct.pack(f"<{len(words)}Q", *(word % (1 << 64) for word in words)))

    def name(self, text: str) -> int:
        raw = text.encode()
        return self.put(bytes((0, len(raw) & 0x7F | 0x80, len(raw) >> 7)) + raw)

    def type(self, name: str, kind: Kind, size: int, *behind: int, flags: int = 0) -> int:
        """Put a descriptor (src/internal/abi/type.go) with ``behind`` as the words behind its header."""
        offset = self.name(name) - BASE
        header = struct.pack("<QQIBBBBQQiI", size, size, 0, flags, 8, 8, kind, 0, 0, offset, 0)
        return self.put(header + struct.pack(f"<{len(behind)}Q", *behind))

    def struct(self, name: str, size: int, **fields: tuple[int, int]) -> int:
        """Put the descriptor of a struct; ``fields``: name -> (offset, type)."""
        rows = [word for field, (at, kind) in fields.items() for word in (self.name(field), kind, at)]
        return self.type(name, Kind.STRUCT, size, 0, self.words(*rows), len(fields), len(fields))

    def memory(self) -> Memory:
        """Return it as a reader has it."""
        with tempfile.TemporaryFile() as file:
            file.write(self.bytes)
            file.flush()
            image = _native.Image([([file.fileno()], [(BASE, len(self.bytes), 0)])])
        return Memory(image, SnapshotMode.FREEZE, "/made-up", (), ())

    def descriptors(self) -> Descriptors:
        return Descriptors(Types(self.memory(), BASE))

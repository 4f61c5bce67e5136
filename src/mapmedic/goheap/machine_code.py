"""One function's machine code: whom it calls, and which addresses it loads (amd64, as Go's compiler writes it).

Bytes are not disassembled: a call is believed where it leads to the first instruction of a function, an address
where ``lea`` makes it of the instruction pointer.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from mapmedic import _native
from mapmedic.memory.reader import Memory

_MOST_BYTES = 1 << 20
_MOST_BEFORE = 64
_ALIGNMENT = 16
_CALL = re.compile(rb"\xe8(?=(....))", re.DOTALL)
# lea reg, [rip+disp32].
_LEA = re.compile(rb"[\x48\x4c]\x8d[\x05\x0d\x15\x1d\x25\x2d\x35\x3d]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class MachineCode:
    """The code of the function at ``entry``; ``loads``: where in ``code`` an address is loaded, and which."""

    functions: _native.GoCode
    entry: int
    code: bytes
    loads: dict[int, int]

    @classmethod
    def read(cls, memory: Memory, functions: _native.GoCode, entry: int) -> MachineCode:
        """Return the code of the function at ``entry``, as far as the next one's first instruction."""
        code = memory.read(entry, _size(functions, entry)) or b""
        loads = {match.start(): _lea_target(code, entry, match.start()) for match in _LEA.finditer(code)}
        return cls(functions, entry, code, loads)

    def calls(self) -> Iterator[tuple[int, int, str]]:
        """Yield (place in ``code``, entry, name) of each function that is called by its address."""
        low, high = self.functions.text
        for match in _CALL.finditer(self.code):
            target = self.entry + match.start() + 5 + struct.unpack("<i", match.group(1))[0]
            found = self.functions.function(target) if low <= target < high else None
            if found is not None and found[0] == target:
                yield match.start(), target, found[1]

    def loaded(self, before: int, register: int = 0) -> int | None:
        """Return the address loaded last into ``register`` (0: rax, 3: rbx) before ``before``, None for none."""
        for at in range(before - 1, max(-1, before - _MOST_BEFORE), -1):
            if at in self.loads and self._target_of_lea(at) == register and at + 7 <= before:
                return self.loads[at]
            if self._is_written(at, register) and at + 3 <= before:
                source = self._moved_register(at)
                return None if source is None else self.loaded(at, source)
        return None

    def _target_of_lea(self, at: int) -> int:
        return (self.code[at + 2] >> 3 & 7) + 8 * (self.code[at] >> 2 & 1)

    def _is_written(self, at: int, register: int) -> bool:
        """Tell whether a whole word is moved into ``register`` at ``at``: from a register (89) or from memory (8b)."""
        if at + 3 > len(self.code) or self.code[at] & 0xF8 != 0x48:
            return False
        rex, opcode, modrm = self.code[at], self.code[at + 1], self.code[at + 2]
        if opcode == 0x89 and modrm >= 0xC0:
            return (modrm & 7) + 8 * (rex & 1) == register
        return opcode == 0x8B and (modrm >> 3 & 7) + 8 * (rex >> 2 & 1) == register

    def _moved_register(self, at: int) -> int | None:
        if self.code[at + 1] != 0x89:
            return None
        return (self.code[at + 2] >> 3 & 7) + 8 * (self.code[at] >> 2 & 1)


def _size(functions: _native.GoCode, entry: int) -> int:
    """Return how far it is to the next function: functions begin at multiples of 16 (or 32)."""

    def is_within(distance: int) -> bool:
        found = functions.function(entry + distance)
        return found is not None and found[0] == entry

    high = _ALIGNMENT
    while high < _MOST_BYTES and is_within(high):
        high *= 2
    low = high // 2
    while high - low > _ALIGNMENT:
        middle = (low + high) // 2 // _ALIGNMENT * _ALIGNMENT
        low, high = (middle, high) if is_within(middle) else (low, middle)
    return high


def _lea_target(code: bytes, entry: int, at: int) -> int:
    distance = code[at + 3 : at + 7]
    return entry + at + 7 + struct.unpack("<i", distance)[0] if len(distance) == 4 else 0

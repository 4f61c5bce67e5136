"""What the program calls its variables, where its debug information was not stripped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mapmedic import _native
from mapmedic.errors import FormatError
from mapmedic.goheap.stacks import Frame
from mapmedic.memory.reader import Memory

# reflect.Kind
CHAN, MAP = 18, 21


@dataclass(frozen=True, slots=True)
class GlobalNames:
    """Names by address. ``bias`` is how far the program was loaded from where it was linked to."""

    debug: _native.DebugInfo
    bias: int

    def types(self) -> list[tuple[int, int]]:
        """Return (address, its type) of each global variable whose type the runtime knows.

        Types are told by how far from the first one the runtime's own description lies.
        """
        return [(at + self.bias, kind) for at, kind in self.debug.runtime_types() if kind]

    def variable(self, address: int) -> tuple[str, int] | None:
        """Return (name, kind) of the variable that the word at ``address`` is part of; None where none is known."""
        return self.debug.find(address - self.bias) if address >= self.bias else None

    def follow(self, address: int, places: Sequence[int]) -> tuple[str, str, str | None, int] | None:
        """Return (variable, path, declared, kind) of what is reached from the word at ``address`` along ``places``.

        Each place is an offset in bytes into what the one before led to. None where a type on the way is not known.
        """
        return self.debug.follow(address - self.bias, list(places)) if address >= self.bias else None

    def target(self, address: int, places: Sequence[int]) -> tuple[int, int, int] | None:
        """Return (kind, size, type) of what the pointer, or of an element of the slice, leads to at the end of a way.

        Kind as reflect.Kind counts, of the word itself; type as in ``types``, 0 where the runtime has none.
        """
        return self.debug.target(address - self.bias, list(places)) if address >= self.bias else None

    def local(self, frame: Frame, at: int, places: Sequence[int]) -> _native.NamedMap | None:
        """Return (variable, path, declared, type of the map) from the word at ``at`` in ``frame``.

        None unless a local variable leads to a map; the type as ``map_type`` returns it.

        What a call spares is described behind it, what only the call still needs, at it.
        """
        if frame.entry < self.bias:
            return None
        points = (pc - self.bias for pc in (frame.pc, frame.call))
        found = (
            self.debug.local(frame.entry - self.bias, point, at - frame.high, list(places))
            for point in points
        )
        return next(filter(None, found), None)

    def only_local(self, frame: Frame, places: Sequence[int]) -> _native.NamedMap | None:
        """Return the same of the one local variable of ``frame`` that it can be, where nobody says where that lies."""
        if frame.entry < self.bias:
            return None
        return self.debug.only_local(frame.entry - self.bias, frame.call - self.bias, list(places))

    def captured(self, entry: int, at: int, places: Sequence[int]) -> _native.NamedMap | None:
        """Return the same of what lies ``at`` bytes into a closure of the function at ``entry``."""
        return self.debug.captured(entry - self.bias, at, list(places)) if entry >= self.bias else None

    def map_type(self, address: int, places: Sequence[int]) -> int | None:
        """Return the type of the map that the way leads to, counted from where the types begin; None for none."""
        return self.debug.map_type(address - self.bias, list(places)) if address >= self.bias else None


def read_names(memory: Memory, program: bytes) -> GlobalNames | None:
    """Return the names in the ELF file ``program``, None where it was stripped; FormatError where it does not parse."""
    debug = _debug_info(program, memory.exe_path)
    return GlobalNames(debug, memory.program[0] - debug.base) if len(debug) else None


def is_stripped(program: bytes) -> bool:
    """Tell whether the ELF file ``program`` has no names of variables; FormatError where it does not parse."""
    return not len(_debug_info(program, "the program"))


def _debug_info(program: bytes, name: str) -> _native.DebugInfo:
    try:
        return _native.DebugInfo(program)
    except _native.Malformed as error:
        raise FormatError(name, error.args[0]) from error

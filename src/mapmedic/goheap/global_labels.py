"""What to call a global variable that has no name: by the functions that touch it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from mapmedic import _native
from mapmedic.goheap.program import Section
from mapmedic.goheap.stacks import readable_tables
from mapmedic.memory.reader import Address, Memory

_MOST_FUNCTIONS = 3
_MOST_INSTRUCTIONS = 4096
# Whose code touches everybody's variables, and says nothing of what they are for.
_ANYBODY = ("runtime.", "internal/", "sync.", "sync/atomic.", "type:.")
_INITIALISERS = (".init", ".init.0", ".map.init.0")


@dataclass(frozen=True)
class GlobalLabels:
    """Labels the global variables in ``sections`` by the functions in ``code`` that name them."""

    memory: Memory
    code: _native.GoCode
    sections: Sequence[Section]
    _known: dict[int, str] = field(default_factory=dict)

    def of(self, address: Address) -> str:
        """Return ``global 0x5f3a20 (main.insert, main.(*Server).handle)``; whoever writes to it comes first."""
        if address not in self._known:
            functions = self._functions(address)
            named = f" ({', '.join(functions)})" if functions else ""
            self._known[address] = f"global {address:#x}{named}"
        return self._known[address]

    def touched_by(self, package: str) -> list[int]:
        """Return the variables that functions of ``package`` touch, inlined ones aside."""
        return self.code.package_operands(f"{package}.", *self._range)

    def naming(self, address: int) -> list[tuple[int, bool]]:
        """Return (instruction, whether it writes) for each that names the very word at ``address``."""
        naming = self._references.naming(address) if self._references else []
        return [(at, writes) for at, writes in naming if self._names(at, address)]

    def _names(self, instruction: int, address: int) -> bool:
        """Tell whether the operand there, and the immediate value behind it, lead to ``address``."""
        raw = self.memory.read(instruction + 1, 4)
        distance = None if raw is None else int.from_bytes(raw, "little", signed=True)
        return distance is not None and address - (instruction + 5 + distance) in (0, 1, 4)

    def is_only_of(self, package: str, address: Address) -> bool:
        """Tell whether functions of ``package``, inlined or not, touch the variable at ``address``, and no other."""
        naming = self._references.naming(address) if self._references else []
        return bool(naming) and all(
            (self._function_at(at) or "").startswith(f"{package}.") for at, _ in naming
        )

    def _functions(self, address: Address) -> list[str]:
        naming = self._references.naming(address)[:_MOST_INSTRUCTIONS] if self._references else []
        naming.sort(key=lambda instruction: not instruction[1])
        names = list(dict.fromkeys(filter(None, map(self._function_at, (at for at, _ in naming)))))
        own = [name for name in names if not name.startswith(_ANYBODY)]
        # What gives a variable its first value is known to everybody who knows its package.
        later = [name for name in own if not name.endswith(_INITIALISERS)]
        return (later or own or names)[:_MOST_FUNCTIONS]

    def _function_at(self, instruction: int) -> str | None:
        """Return the innermost function there that is nobody's helper: what is inlined is still who does it."""
        with readable_tables():
            named = self.code.frames(np.array([instruction], dtype="<u8").tobytes())
        functions = [named["names"][number] for number in np.frombuffer(named["function"], dtype="<i4")]
        own = (name for name in functions if not name.startswith(_ANYBODY))
        return next(own, functions[-1] if functions else None)

    @cached_property
    def _references(self) -> _native.GoReferences | None:
        """All operands in the code that are global variables: looked for when the first label is asked for."""
        return self.code.references(*self._range)

    @property
    def _range(self) -> tuple[int, int]:
        return min(s.start for s in self.sections), max(s.end for s in self.sections)

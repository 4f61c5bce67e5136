"""What a Go program's file says about itself: its functions, the frames at an address, how it was built."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class CallFrames:
    """Hold the frames of several call addresses as columns.

    * ``frame_start`` address -> where its frames begin, leaf first, inlined calls included (one more entry)
    * ``function`` -> ``names`` (as Go prints them); ``file`` -> ``files`` ("" where unknown)
    * ``line`` -> line of the call; ``start_line`` -> line of the function's first word (0 where unknown)

    An address outside of the program's Go code has no frames. Arrays are read-only.
    """

    frame_start: NDArray[np.int64]
    function: NDArray[np.int32]
    file: NDArray[np.int32]
    line: NDArray[np.int32]
    start_line: NDArray[np.int32]
    names: tuple[str, ...]
    files: tuple[str, ...]

    def leaves(self) -> list[tuple[str, int] | None]:
        """Return address -> name and line of its innermost call, None outside of the program's Go code."""
        begins, ends = self.frame_start[:-1].tolist(), self.frame_start[1:].tolist()
        function, line = self.function.tolist(), self.line.tolist()
        return [
            (self.names[function[begin]], line[begin]) if begin < end else None
            for begin, end in zip(begins, ends, strict=True)
        ]


@dataclass(frozen=True, slots=True, eq=False)
class FunctionTable:
    """Hold every function in order of address; addresses are those in the file (see ``GoBinary``).

    ``arguments_bytes``: size of arguments and results on the stack. ``defer_return``: bytes from the entry to
    the call of runtime.deferreturn, 0 where there is none. ``id`` is abi.FuncID, ``flags`` abi.FuncFlag
    (1 top of stack, 2 writes the stack pointer, 4 assembly).
    """

    names: tuple[str, ...]
    entry: NDArray[np.uint64]
    start_line: NDArray[np.int32]
    arguments_bytes: NDArray[np.int32]
    defer_return: NDArray[np.int32]
    id: NDArray[np.uint8]
    flags: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class GoModule:
    """One module as it was built in; ``replaced_by`` is what stood in for it."""

    path: str
    version: str
    checksum: str = ""
    replaced_by: GoModule | None = None


@dataclass(frozen=True, slots=True)
class BuildInfo:
    """How a program was built; empty where the file does not say (src/runtime/debug/mod.go BuildInfo)."""

    go_version: str
    package: str
    main: GoModule | None
    dependencies: tuple[GoModule, ...]
    settings: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class BinaryFacts:
    """Hold what there is to know about the file as a whole; addresses are those in the file.

    ``position_independent``: loaded at an address chosen at each start. ``layout``: the oldest Go version whose
    moduledata is laid out like this one's.
    """

    machine: str
    position_independent: bool
    go_build_id: str
    gnu_build_id: str
    text: tuple[int, int]
    pclntab: int
    moduledata: int
    layout: str

"""A Go program as it lies on disk: functions, inlined calls, stack deltas and build info, stripped or not.

The runtime's own tables (pclntab, moduledata) are in every Go binary; docs/concepts/pclntab.md says what was
verified for which version. Addresses are those in the file: a position-independent program runs elsewhere, by
one distance for all of it. Upstream: src/runtime/symtab.go, src/debug/gosym, src/debug/buildinfo.
"""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mapmedic import _native
from mapmedic.errors import FormatError
from mapmedic.formats._native_errors import blaming
from mapmedic.model.go_binary import BinaryFacts, BuildInfo, CallFrames, FunctionTable, GoModule

if TYPE_CHECKING:
    from mmap import mmap

_WHAT = "Go program"
_BUILD_INFO = "build info"
Addresses = NDArray[np.uint64]


class GoBinary:
    """A Go program of 64-bit little-endian ELF for amd64 or arm64; FormatError where it is none or is damaged.

    ``data`` must be read-only (bytes, or a map opened for reading) and is kept open for as long as this lives.
    """

    def __init__(self, data: bytes | mmap) -> None:
        if not len(data):
            raise FormatError(_WHAT, "it is empty", 0)
        with blaming(_WHAT):
            self._native = _native.GoBinary(data)
        facts = self._native.facts()
        self.build_info_text = f"go\t{facts['go_version']}\n{facts['modules']}" if facts["go_version"] else ""
        self.facts = BinaryFacts(
            machine=facts["machine"],
            position_independent=facts["position_independent"],
            go_build_id=facts["go_build_id"],
            gnu_build_id=facts["gnu_build_id"],
            text=facts["text"],
            pclntab=facts["pclntab"],
            moduledata=facts["moduledata"],
            layout=facts["layout"],
        )

    def frames(self, calls: Addresses) -> CallFrames:
        """Return the frames at each call address (a return address less one), as runtime.CallersFrames does."""
        with blaming(_WHAT):
            columns = self._native.frames(_bytes(calls))
        return CallFrames(
            frame_start=np.frombuffer(columns["frame_start"], dtype="<i8"),
            function=np.frombuffer(columns["function"], dtype="<i4"),
            file=np.frombuffer(columns["file"], dtype="<i4"),
            line=np.frombuffer(columns["line"], dtype="<i4"),
            start_line=np.frombuffer(columns["start_line"], dtype="<i4"),
            names=columns["names"],
            files=columns["files"],
        )

    @cached_property
    def functions(self) -> FunctionTable:
        """Every function in order of address; made when it is first asked for."""
        with blaming(_WHAT):
            columns = self._native.functions()
        return FunctionTable(
            names=columns["names"],
            entry=np.frombuffer(columns["entry"], dtype="<u8"),
            start_line=np.frombuffer(columns["start_line"], dtype="<i4"),
            arguments_bytes=np.frombuffer(columns["arguments_bytes"], dtype="<i4"),
            defer_return=np.frombuffer(columns["defer_return"], dtype="<i4"),
            id=np.frombuffer(columns["id"], dtype="u1"),
            flags=np.frombuffer(columns["flags"], dtype="u1"),
        )

    def sp_deltas(self, instructions: Addresses) -> NDArray[np.int32]:
        """Return instruction -> bytes from the stack pointer up to the return address, -1 where unknown."""
        with blaming(_WHAT):
            return np.frombuffer(self._native.sp_deltas(_bytes(instructions)), dtype="<i4")

    def pcdata(self, table: int, instructions: Addresses) -> NDArray[np.int32]:
        """Return instruction -> value of a PCDATA table (src/internal/abi/symtab.go), -1 where there is none."""
        with blaming(_WHAT):
            return np.frombuffer(self._native.pcdata(table, _bytes(instructions)), dtype="<i4")

    def build_info(self) -> BuildInfo:
        """Return how the program was built, as ``go version -m`` prints it; FormatError where it does not parse."""
        return parse_build_info(self.build_info_text)


def _bytes(addresses: Addresses) -> bytes:
    return np.ascontiguousarray(addresses, dtype="<u8").tobytes()


def parse_build_info(text: str) -> BuildInfo:
    """Read what runtime/debug.BuildInfo prints (src/runtime/debug/mod.go): a word, a tab, what it says, a line each."""
    go_version, package, main = "", "", None
    dependencies: list[GoModule] = []
    settings: list[tuple[str, str]] = []
    for number, line in enumerate(text.split("\n"), 1):
        word, _, rest = line.partition("\t")
        if word == "go":
            go_version = rest
        elif word == "path":
            package = rest
        elif word == "mod":
            main = _module(rest, number)
        elif word == "dep":
            dependencies.append(_module(rest, number))
        elif word == "=>" and dependencies:
            replaced = dependencies.pop()
            substitute = _module(rest, number)
            dependencies.append(GoModule(replaced.path, replaced.version, replaced.checksum, substitute))
        elif word == "build":
            settings.append(_setting(rest, number))
    return BuildInfo(go_version, package, main, tuple(dependencies), tuple(settings))


def _module(text: str, line: int) -> GoModule:
    words = text.split("\t")
    if len(words) not in (2, 3):
        raise FormatError(_BUILD_INFO, f"line {line} names no module with a version")
    return GoModule(words[0], words[1], words[2] if len(words) == 3 else "")


def _setting(text: str, line: int) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise FormatError(_BUILD_INFO, f"line {line} holds no key=value")
    return key, _unquoted(value, line)


def _unquoted(value: str, line: int) -> str:
    """Undo strconv.Quote: JSON's quoting but for a few escapes, which stay as they are written."""
    if value.startswith("`"):
        return value.strip("`")
    if not value.startswith('"'):
        return value
    try:
        return str(json.loads(value))
    except (ValueError, RecursionError):
        if len(value) > 1 and value.endswith('"'):
            return value[1:-1]
        raise FormatError(_BUILD_INFO, f"line {line} does not end its quotes") from None

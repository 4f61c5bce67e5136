"""The locks that code holds around a variable, in functions written by hand; the program around them is a mock."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from mapmedic.goheap.allocated_types import allocated_types
from mapmedic.goheap.lock_code import Held, LockCode
from mapmedic.model.map_lock import LockKind

ENTRY, MAP, MUTEX, RW_MUTEX, TYPE = 0x1000, 0x9000, 0x9100, 0x9200, 0x9300
RAX, RDX = 0, 2
CALLEES = {
    0x2000: "sync.(*Mutex).Lock",
    0x2100: "sync.(*Mutex).Unlock",
    0x2200: "internal/sync.(*Mutex).lockSlow",
    0x2300: "sync.runtime_SemacquireRWMutexR",
    0x2400: "runtime.newobject",
    0x2500: "runtime.mallocgcSmallScanNoHeaderSC5",
}
ENTRIES = {name.rpartition(".")[2]: entry for entry, name in CALLEES.items()}
# What is in rdx: cmpxchg dword [rdx], ecx and xadd dword [rdx], ecx with their lock prefix.
EXCHANGE, ADD = b"\xf0\x0f\xb1\x0a", b"\xf0\x0f\xc1\x0a"


@dataclass
class Code:
    """A function at ENTRY that is written instruction by instruction; ``named``: where it names the map."""

    raw: bytearray = field(default_factory=bytearray)
    named: list[tuple[int, bool]] = field(default_factory=list)

    def bytes(self, raw: bytes) -> Code:
        self.raw += raw
        return self

    def lea(self, register: int, target: int) -> Code:
        behind = ENTRY + len(self.raw) + 7
        return self.bytes(bytes((0x48, 0x8D, 0x05 | register << 3)) + struct.pack("<i", target - behind))

    def call(self, name: str) -> Code:
        behind = ENTRY + len(self.raw) + 5
        return self.bytes(b"\xe8" + struct.pack("<i", ENTRIES[name] - behind))

    def take(self, lock: int) -> Code:
        return self.lea(RAX, lock).call("Lock")

    def free(self, lock: int) -> Code:
        return self.lea(RAX, lock).call("Unlock")

    def set_ecx(self, number: int) -> Code:
        return self.bytes(b"\xb9" + struct.pack("<i", number))

    def touch(self, *, writes: bool = False) -> Code:
        """Move the map's word: the instruction is known by its ModRM, as the references tell it."""
        self.named.append((ENTRY + len(self.raw) + 2, writes))
        behind = ENTRY + len(self.raw) + 7
        return self.bytes(bytes((0x48, 0x89 if writes else 0x8B, 0x0D)) + struct.pack("<i", MAP - behind))

    @property
    def program(self) -> tuple[Any, Any]:
        raw = bytes(self.raw) + b"\xc3" + b"\xcc" * 64
        size = (len(raw) + 15) // 16 * 16

        def function(pc: int) -> tuple[int, str, int] | None:
            if ENTRY <= pc < ENTRY + size:
                return ENTRY, "main.put", 0
            return (pc, CALLEES[pc], 0) if pc in CALLEES else None

        memory = SimpleNamespace(read=lambda at, size: (raw + bytes(size))[at - ENTRY :][:size])
        functions = SimpleNamespace(function=function, text=(ENTRY, 0x3000))
        return memory, SimpleNamespace(code=functions, naming=lambda _: self.named)

    def held(self) -> Held:
        (found,) = LockCode(*cast("Any", self.program)).holding(MAP)
        return found


def test_a_lock_that_is_taken_by_a_call_is_held_until_it_is_freed() -> None:
    held = Code().take(MUTEX).touch(writes=True).free(MUTEX).held()
    assert held == Held("main.put", writes=True, locks={MUTEX: LockKind.MUTEX}, others=False)
    assert Code().take(MUTEX).free(MUTEX).touch().held().locks == {}
    assert Code().touch().take(MUTEX).held().locks == {}


def test_an_inlined_lock_is_known_by_its_slow_path() -> None:
    code = Code().set_ecx(1).lea(RDX, MUTEX).bytes(EXCHANGE).touch().lea(RAX, MUTEX).call("lockSlow")
    assert code.held().locks == {MUTEX: LockKind.MUTEX}
    # The same exchange without one is an atomic of the program's own.
    assert Code().set_ecx(1).lea(RDX, MUTEX).bytes(EXCHANGE).touch().held().locks == {}


def test_an_inlined_read_lock_is_told_from_its_release() -> None:
    def add(code: Code, number: int) -> Code:
        return code.set_ecx(number).lea(RDX, RW_MUTEX + 16).bytes(ADD)

    def slow(code: Code) -> Code:
        return code.lea(RAX, RW_MUTEX + 12).call("runtime_SemacquireRWMutexR")

    assert slow(add(Code(), 1).touch()).held().locks == {RW_MUTEX: LockKind.RW_MUTEX}
    assert slow(add(add(Code(), 1), -1).touch()).held().locks == {}


def test_a_lock_that_is_no_variable_is_said_to_be_another() -> None:
    held = Code().bytes(b"\x48\x8b\x44\x24\x08").call("Lock").touch().held()
    assert (held.locks, held.others) == ({}, True)


def test_an_address_moved_on_from_register_to_register_is_followed() -> None:
    held = Code().lea(RDX, MUTEX).bytes(b"\x48\x89\xd0").call("Lock").touch().held()
    assert held.locks == {MUTEX: LockKind.MUTEX}
    # Something else came into rax meanwhile.
    held = Code().lea(RAX, MUTEX).bytes(b"\x48\x8b\x44\x24\x08").call("Lock").touch().held()
    assert (held.locks, held.others) == ({}, True)


def test_what_the_code_allocates_that_sets_a_variable() -> None:
    code = Code().lea(RAX, TYPE).call("newobject").touch(writes=True)
    assert allocated_types(*cast("Any", code.program), MAP) == {TYPE}
    code = Code().lea(RAX, TYPE).call("newobject").touch()
    assert allocated_types(*cast("Any", code.program), MAP) == set()
    code = Code().lea(3, TYPE).call("mallocgcSmallScanNoHeaderSC5").touch(writes=True)
    assert allocated_types(*cast("Any", code.program), MAP) == {TYPE}

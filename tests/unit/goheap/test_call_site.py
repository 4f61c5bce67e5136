"""Where a program may be interrupted for a call, and which words say that a lock is free."""

from __future__ import annotations

import numpy as np

from mapmedic.goheap.build import parse_version
from mapmedic.goheap.call_site import find_call_site
from mapmedic.model.call import CallSite
from mapmedic.model.go_binary import FunctionTable
from mapmedic.model.map_lock import LockKind, MapLock

# Name -> flags (4: assembly), in order of address, 16 bytes each.
FUNCTIONS = {
    "runtime.mallocgc": 0, "runtime.debugCallV2": 4, "debugCall32": 4, "runtime.debugCallPanicked": 4,
    "main.serve": 0, "main.clear": 0, "sync.(*Mutex).lockSlow": 0, "main.fast": 4, "example.com/a.f": 0,
    "internal/runtime/maps.(*Map).Delete": 0, "internal/poll.(*FD).Read": 0, "_cgo_topofstack": 0,
    "reflect.Value.Call": 0,
}  # fmt: skip


def site(functions: dict[str, int], *locks: MapLock) -> CallSite:
    count = len(functions)
    none = np.zeros(count, "<i4")
    entry = (0x1000 + 16 * np.arange(count)).astype("<u8")
    flags = np.array(list(functions.values()), "u1")
    table = FunctionTable(tuple(functions), entry, none, none, none, flags, flags)
    return find_call_site(table, 0x1000 + 16 * count, parse_version("go1.27.3"), 0x1050, locks)


def test_only_the_programs_own_go_code_may_be_interrupted() -> None:
    found = site(FUNCTIONS)
    inside = [
        name for at, name in enumerate(FUNCTIONS)
        if any(start <= 0x1000 + 16 * at < end for start, end in found.may_interrupt)
    ]  # fmt: skip
    assert inside == ["main.serve", "main.clear", "example.com/a.f", "internal/poll.(*FD).Read"]
    assert found.may_interrupt[0] == (0x1040, 0x1060)  # neighbours are one range
    assert found.debug_call == 0x1010
    assert found.speakers == ((0x1010, 0x1020), (0x1020, 0x1030), (0x1030, 0x1040))


def test_a_program_without_the_protocol_says_so() -> None:
    assert site({"main.main": 0}).debug_call == 0


def test_a_lock_is_free_where_nobody_has_it_nor_may_have_to_hand_it_over() -> None:
    found = site(FUNCTIONS, MapLock(LockKind.MUTEX, 0x500, ""), MapLock(LockKind.RW_MUTEX, 0x600, ""))
    everything = 0xFFFFFFFF
    assert found.free == ((0x500, 5), (0x600, 5), (0x610, everything), (0x614, everything))

"""The locks that code is seen to hold where it touches a global variable.

What takes or frees a lock is a call of a function of package sync, or a locked exchange, of an address that was
loaded before it. An exchange that was inlined says where the lock is taken; the call of its slow path, at the
function's end, says that it is a lock at all.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from mapmedic import _native
from mapmedic.goheap.global_labels import GlobalLabels
from mapmedic.goheap.machine_code import MachineCode
from mapmedic.memory.reader import Memory
from mapmedic.model.map_lock import LockKind

# What is called with the address of a lock, or of a word of it (src/sync/mutex.go, rwmutex.go).
_TAKES = {
    "sync.(*Mutex).Lock": LockKind.MUTEX,
    "internal/sync.(*Mutex).Lock": LockKind.MUTEX,
    "sync.(*RWMutex).Lock": LockKind.RW_MUTEX,
    "sync.(*RWMutex).RLock": LockKind.RW_MUTEX,
}
_FREES = {
    "sync.(*Mutex).Unlock": LockKind.MUTEX,
    "internal/sync.(*Mutex).Unlock": LockKind.MUTEX,
    "sync.(*RWMutex).Unlock": LockKind.RW_MUTEX,
    "sync.(*RWMutex).RUnlock": LockKind.RW_MUTEX,
}
# The slow paths of what is inlined, and how far into the lock their address lies.
_SLOW = {
    "sync.(*Mutex).lockSlow": (LockKind.MUTEX, 0),
    "internal/sync.(*Mutex).lockSlow": (LockKind.MUTEX, 0),
    "sync.(*Mutex).unlockSlow": (LockKind.MUTEX, 0),
    "internal/sync.(*Mutex).unlockSlow": (LockKind.MUTEX, 0),
    "sync.runtime_SemacquireRWMutexR": (LockKind.RW_MUTEX, 12),
    "sync.(*RWMutex).rUnlockSlow": (LockKind.RW_MUTEX, 0),
}
_READERS = 16
# lock cmpxchg (b1) or xadd (c1), 32 bits.
_LOCKED = re.compile(rb"\xf0([\x40-\x47]?)\x0f([\xb1\xc1])(.)", re.DOTALL)
_ONE = re.compile(rb"[\xb8-\xbf](\x01\x00\x00\x00|\xff\xff\xff\xff)", re.DOTALL)


class Does(IntEnum):
    """What an instruction does to a lock."""

    FREE = 0
    TAKE = 1


@dataclass(frozen=True, slots=True)
class _Event:
    at: int
    does: Does
    address: int | None  # None: a lock that is no global variable


@dataclass(frozen=True, slots=True)
class Held:
    """What a function holds where it touches a variable: locks by address; ``others``: also one that is no global."""

    function: str
    writes: bool
    locks: dict[int, LockKind]
    others: bool


@dataclass(frozen=True)
class LockCode:
    """Looks through the functions of one program."""

    memory: Memory
    labels: GlobalLabels

    def holding(self, variable: int) -> list[Held]:
        """Return for each function whose code names ``variable`` what it holds there; initialisers are left out."""
        touched: dict[int, list[tuple[int, bool]]] = {}
        names: dict[int, str] = {}
        for at, writes in self.labels.naming(variable):
            found = self.labels.code.function(at)
            if found is not None and not _is_initialiser(found[1]):
                touched.setdefault(found[0], []).append((at, writes))
                names[found[0]] = found[1]
        return [self._held(entry, names[entry], places) for entry, places in touched.items()]

    def _held(self, entry: int, name: str, places: list[tuple[int, bool]]) -> Held:
        events, kinds = _events(MachineCode.read(self.memory, self.labels.code, entry))
        locks: dict[int, LockKind] = {}
        others = False
        for at, _ in places:
            held = _held_at(events, at)
            others |= None in held
            locks.update({lock: kinds[lock] for lock in held if lock is not None and lock in kinds})
        return Held(name, any(writes for _, writes in places), locks, others)


_KNOWN = {*_TAKES, *_FREES, *_SLOW}
# Into whose code nobody looks for locks of the program's own.
_NOT_FOLLOWED = ("runtime.", "runtime/", "internal/", "sync.", "sync/", "reflect.")
_MOST_FOLLOWED = 64


def locks_taken(memory: Memory, functions: _native.GoCode, entry: int) -> tuple[dict[int, LockKind], bool]:
    """Return the locks that the function at ``entry`` and those that it calls by name take: (globals, others too).

    Calls through a value, an interface or a closure are not followed.
    """
    found: dict[int, LockKind] = {}
    others, seen, ahead = False, {entry}, [entry]
    while ahead:
        code = MachineCode.read(memory, functions, ahead.pop())
        events, kinds = _events(code)
        taken = {event.address for event in events if event.does is Does.TAKE}
        found |= {lock: kinds[lock] for lock in taken if lock is not None and lock in kinds}
        others |= None in taken
        for _, callee, name in code.calls():
            if callee not in seen and len(seen) < _MOST_FOLLOWED and not name.startswith(_NOT_FOLLOWED):
                seen.add(callee)
                ahead.append(callee)
    return found, others


def _held_at(events: list[_Event], at: int) -> set[int | None]:
    """Return the locks that were taken and not freed before ``at``, in the order the code is written in."""
    held: set[int | None] = set()
    for event in events:
        if event.at >= at:
            break
        if event.does is Does.TAKE:
            held.add(event.address)
        else:
            held.discard(event.address)
    return held


def _events(code: MachineCode) -> tuple[list[_Event], dict[int, LockKind]]:
    """Return what a function does to locks in order of address, and what kind of lock each global is."""
    events: list[_Event] = []
    kinds: dict[int, LockKind] = {}
    for at, _, callee in code.calls():
        if callee not in _KNOWN:
            continue
        lock = code.loaded(at)
        if callee in _SLOW:
            kind, place = _SLOW[callee]
            if lock is not None:
                kinds[lock - place] = kind
            continue
        if lock is not None:
            kinds[lock] = _TAKES.get(callee) or _FREES[callee]
        events.append(_Event(code.entry + at, Does.TAKE if callee in _TAKES else Does.FREE, lock))
    events += _exchanges(code, kinds)
    return sorted(events, key=lambda event: event.at), kinds


def _exchanges(code: MachineCode, kinds: dict[int, LockKind]) -> Iterator[_Event]:
    """Yield what inlined fast paths do. Kinds are those of the slow paths that each has behind it."""
    for match in _LOCKED.finditer(code.code):
        operand = _operand(code, match)
        lock = next((each for each in (operand, _less(operand, _READERS)) if each in kinds), None)
        if operand is not None and lock is None:
            continue  # an atomic of the program's own
        at = code.entry + match.start()
        if match.group(2) == b"\xb1":
            yield _Event(at, Does.TAKE, lock)
            continue
        added = _ONE.findall(code.code, max(0, match.start() - 32), match.start())
        if added and lock is not None:
            yield _Event(at, Does.TAKE if added[-1][0] == 1 else Does.FREE, lock)


def _operand(code: MachineCode, match: re.Match[bytes]) -> int | None:
    """Return the global that a locked exchange is of; None where its address was not loaded as one."""
    modrm, behind = match.group(3)[0], match.end()
    if modrm & 0xC7 == 0x05:
        distance = code.code[behind : behind + 4]
        return code.entry + behind + 4 + struct.unpack("<i", distance)[0] if len(distance) == 4 else None
    if modrm >> 6 > 1 or modrm & 7 == 4 or behind >= len(code.code):
        return None
    rex = match.group(1)[0] if match.group(1) else 0
    place = struct.unpack_from("<b", code.code, behind)[0] if modrm >> 6 == 1 else 0
    base = code.loaded(match.start(), (modrm & 7) + 8 * (rex & 1))
    return None if base is None else base + place


def _less(address: int | None, by: int) -> int | None:
    return None if address is None else address - by


def _is_initialiser(name: str) -> bool:
    return name.endswith((".init", ".map.init.0")) or ".init." in name

"""Which locks have to be free for a change: those that were found, those that the operator names, or knowingly none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mapmedic.errors import UsageError
from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.map_locks import find_locks
from mapmedic.goheap.named_places import find_places
from mapmedic.goheap.names import GlobalNames
from mapmedic.model.inventory import MapInstance
from mapmedic.model.map_lock import LockKind, MapLock, MapLocks
from mapmedic.model.remedy import Condition

_ADDRESS = re.compile(r"(0[xX][0-9a-fA-F]{1,16})(?::(?:sync\.)?(Mutex|RWMutex))?")
_NAME = "lock"
_RISK = (
    "no lock is asked for (--no-lock-known): a store into a slot that was handed out just then is lost, and code that "
    "has looked a moment ago and acts on it now is not seen. The program's memory stays whole"
)


@dataclass(frozen=True, slots=True)
class LockWish:
    """What the operator says of the locks: ``told`` are names or addresses, ``none_known``: there is none to ask."""

    told: tuple[str, ...] = ()
    none_known: bool = False


@dataclass(frozen=True, slots=True)
class LockChoice:
    """The locks to ask for, whether that is enough, and what else there is to say.

    ``without``: none is asked for though the map does not guard itself, by the operator's word.
    """

    locks: tuple[MapLock, ...]
    condition: Condition
    notes: tuple[str, ...] = ()
    without: bool = False


def choose_locks(
    heap: GoHeap,
    map_: MapInstance,
    names: GlobalNames | None,
    wish: LockWish,
    *,
    is_one_of_several: bool = False,
) -> LockChoice:
    """Return which locks to ask for; UsageError where ``wish`` names none, or is of no use.

    ``is_one_of_several``: what is wished for is for those maps of a struct that need it. It takes no lock from another.
    """
    found = find_locks(heap, map_, names)
    if is_one_of_several and found.guards_itself:
        wish = LockWish()
    elif is_one_of_several and found.locks:
        return _also_told(heap, names, found, wish.told)
    if wish.told:
        return _told(heap, names, found, wish.told)
    if wish.none_known and (found.locks or found.guards_itself):
        what = found.locks[0].evidence if found.locks else "it is a sync.Map, which guards itself"
        raise UsageError(f"--no-lock-known is for maps whose lock was not found; here: {what}")
    if found.guards_itself:
        return LockChoice((), Condition(_NAME, True, "it guards itself"))
    if found.locks:
        return LockChoice(found.locks, Condition(_NAME, True, "; ".join(map(_said, found.locks))))
    return _none(found, accepted=wish.none_known)


def _none(found: MapLocks, *, accepted: bool) -> LockChoice:
    why = f"none was found: {found.why_none}"
    notes = tuple(f"may be its lock: {_said(each)}" for each in found.candidates)
    if accepted:
        condition = Condition(_NAME, True, f"{why}; it is done without")
        return LockChoice((), condition, (_RISK, *notes), without=True)
    return LockChoice(
        (), Condition(_NAME, False, f"{why} (--lock ADDRESS_OR_NAME, or --no-lock-known)"), notes
    )


def _told(heap: GoHeap, names: GlobalNames | None, found: MapLocks, told: Sequence[str]) -> LockChoice:
    if found.guards_itself:
        raise UsageError("--lock is of no use: it is a sync.Map, which guards itself")
    locks = tuple(_resolve(heap, names, found, each) for each in told)
    asked = {each.address for each in locks}
    notes = tuple(
        f"found, and not asked for as --lock names another: {_said(each)}"
        for each in found.locks
        if each.address not in asked
    )
    return LockChoice(locks, Condition(_NAME, True, "; ".join(map(_said, locks))), notes)


def _also_told(heap: GoHeap, names: GlobalNames | None, found: MapLocks, told: Sequence[str]) -> LockChoice:
    """Return the locks that were found and those that were told beside them."""
    asked = {each.address: each for each in (_resolve(heap, names, found, each) for each in told)}
    locks = tuple({**asked, **{each.address: each for each in found.locks}}.values())
    return LockChoice(locks, Condition(_NAME, True, "; ".join(map(_said, locks))))


def _resolve(heap: GoHeap, names: GlobalNames | None, found: MapLocks, text: str) -> MapLock:
    match = _ADDRESS.fullmatch(text)
    if match:
        return _at(heap, found, int(match.group(1), 16), match.group(2))
    kinds = {kind.value: kind for kind in LockKind}
    places = [each for each in find_places(heap, names, text) if each.type.name in kinds and not each.nil]
    if not places:
        stripped = "" if names else ": the program is stripped, so give its address"
        raise UsageError(f"--lock {text}: no sync.Mutex or sync.RWMutex is called that{stripped}")
    if len(places) > 1:
        listed = ", ".join(f"{each.name} ({each.address:#x})" for each in places)
        raise UsageError(f"--lock {text} means {len(places)} locks: {listed}")
    place = places[0]
    return MapLock(kinds[place.type.name], place.address, f"--lock {place.name}")


def _at(heap: GoHeap, found: MapLocks, address: int, kind: str | None) -> MapLock:
    known = next((each for each in (*found.locks, *found.candidates) if each.address == address), None)
    if known is None and kind is None:
        raise UsageError(
            f"--lock {address:#x}: nothing says what kind of lock lies there; add it: "
            f"{address:#x}:Mutex or {address:#x}:RWMutex"
        )
    if address % 4 or heap.memory.read(address, 24 if kind == "RWMutex" else 8) is None:
        raise UsageError(f"--lock {address:#x}: no lock can lie at that address")
    if known is not None and kind in (None, known.kind.removeprefix("sync.")):
        return MapLock(known.kind, address, f"--lock; {known.evidence}")
    return MapLock(LockKind(f"sync.{kind}"), address, "--lock")


def _said(lock: MapLock) -> str:
    return f"{lock.kind} at {lock.address:#x}: {lock.evidence}"

"""One program that checks itself (lab/livefix), its maps emptied again and again from outside: what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mapmedic.errors import MapmedicError, NoSafeMoment
from mapmedic.goheap.heap import GoHeap, survey_heap
from mapmedic.goheap.inventory import take_inventory
from mapmedic.goheap.map_locks import find_locks
from mapmedic.goheap.names import GlobalNames, read_names
from mapmedic.goheap.safe_moment import watch_map
from mapmedic.memory.snapshot import read_process
from mapmedic.model.inventory import Inventory, Limits
from mapmedic.model.map_lock import LockKind, MapLock
from mapmedic.remedy.outside.empty import Patience, empty_map
from tests.support.livefix_program import Livefix

PATIENCE = Patience(budget_ms=20.0, limit_ms=10_000.0)
_LOOK_PAUSE_MS = 5_000.0
_NS_PER_MS = 1e6


@dataclass(frozen=True, slots=True)
class Fix:
    """One try to empty one map: ``refused`` says why it was not, None where it was.

    ``gap_ms`` is the longest time between two beats of the program's 1 ms ticker meanwhile; ``stall_ms`` how long we
    held it in the stop that counted, ``waited_ms`` how long it took until that.
    """

    kind: str
    gap_ms: float
    tries: int
    refused: str | None = None
    stall_ms: float = 0.0
    waited_ms: float = 0.0


@dataclass(slots=True)
class CellResult:
    """What became of one program: its fixes, how each lock was known, and what must never be."""

    fixes: list[Fix] = field(default_factory=list)
    locks: dict[str, str] = field(default_factory=dict)
    wrong_locks: list[str] = field(default_factory=list)
    idle_gaps_ms: list[float] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)
    unfit: list[str] = field(default_factory=list)
    crash: str | None = None

    @property
    def misses(self) -> list[str]:
        """Return what must never be; the first word of each says what."""
        said = [f"{name}: {count:,}" for name, count in self.faults.items()]
        said += [f"lock: {each}" for each in self.wrong_locks] + [f"exercise: {each}" for each in self.unfit]
        return said + ([f"crash: {self.crash}"] if self.crash else [])


def run_cell(program: Path, arguments: Sequence[str], rounds: int) -> CellResult:
    """Empty every map of the program ``rounds`` times; its end before ours is a crash."""
    result = CellResult()
    with Livefix(program, *arguments) as service:
        try:
            _run(service, rounds, result)
        except OSError as error:
            result.crash = str(error)
        if service.process.poll() is not None:
            result.crash = f"it ended with {service.process.returncode}"
    return result


def _run(service: Livefix, rounds: int, result: CellResult) -> None:
    heap, names = _look(service.process.pid)
    inventory, kinds = take_inventory(heap, names), service.get("truth")["kinds"]
    places = [(kind, place) for kind in kinds for place in kinds[kind]["places"]]
    known = [
        (kind, place["map"], _locks(heap, inventory, names, kind, place, result)) for kind, place in places
    ]
    for _ in range(rounds):
        for kind, address, locks in known:
            result.idle_gaps_ms.append(service.post("begin")["longest_gap_ns"] / _NS_PER_MS)
            done = _fix(service.process.pid, heap, address, locks)
            gap_ms = service.post("end")["longest_gap_ns"] / _NS_PER_MS
            result.fixes.append(Fix(kind, gap_ms, *done))
        for kind in kinds:
            result.unfit += [f"{kind}: {said}" for said in service.post("exercise", kind)[kind]]
            service.post("refill", kind)
    faults = service.get("stats")["faults"]
    result.faults = {name: count for name, count in faults.items() if count}


def _look(pid: int) -> tuple[GoHeap, GlobalNames | None]:
    memory = read_process(pid, Limits(max_pause_ms=_LOOK_PAUSE_MS))
    names = read_names(memory, Path(f"/proc/{pid}/exe").read_bytes())
    return survey_heap(memory, names), names


def _locks(
    heap: GoHeap, inventory: Inventory, names: GlobalNames | None, kind: str, place: dict[str, Any],
    result: CellResult,
) -> tuple[MapLock, ...]:  # fmt: skip
    """Return the locks that were found, else the one that the program names, as a user would with --lock."""
    map_ = next((each for each in inventory.maps if each.address == place["map"]), None)
    found = find_locks(heap, map_, names) if map_ else None
    if found and found.locks:
        result.locks[kind] = found.locks[0].evidence
        if [each.address for each in found.locks] != [place["lock"]]:
            result.wrong_locks.append(f"{kind}: {found.locks}")
        return found.locks
    result.locks[kind] = "it guards itself" if found and found.guards_itself else "told by the user"
    return (MapLock(LockKind(place["lock_kind"]), place["lock"], "--lock"),) if place["lock"] else ()


def _fix(
    pid: int, heap: GoHeap, address: int, locks: tuple[MapLock, ...]
) -> tuple[int, str | None, float, float]:
    """Return (tries, why it was refused, stall, wait until it was done) of one fix."""
    try:
        done = empty_map(pid, watch_map(heap, address, locks), PATIENCE)
    except NoSafeMoment as error:
        return error.tries, error.reasons[0].split(",")[0], 0.0, PATIENCE.limit_ms
    except MapmedicError as error:
        return 0, type(error).__name__, 0.0, 0.0
    return len(done.tries) + 1, None, done.pause_ms, done.tries[-1].at_ms if done.tries else 0.0

"""One program that checks itself (lab/livefix), its maps emptied again and again from outside: what became of each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mapmedic.errors import MapmedicError, NoSafeMoment
from mapmedic.goheap.heap import GoHeap, survey_heap
from mapmedic.goheap.inventory import take_inventory
from mapmedic.goheap.map_locks import find_locks
from mapmedic.goheap.names import GlobalNames, read_names
from mapmedic.memory.process import started_ticks
from mapmedic.memory.snapshot import read_process
from mapmedic.model.inventory import Limits, MapInstance
from mapmedic.model.map_lock import LockKind, MapLock
from mapmedic.remedy.conditions import parse_condition
from mapmedic.remedy.outside.act import Job, Patience, act
from mapmedic.remedy.outside.choice import EVICT, RESET, Wanted, choose_way
from tests.support.livefix_program import Livefix

PATIENCE = Patience(budget_ms=20.0, limit_ms=10_000.0)
_LOOK_PAUSE_MS = 5_000.0
_NS_PER_MS = 1e6
EMPTIED = Wanted()
# By what entries are chosen where the key itself is no text.
_EVEN = {"point-grid": "key.Layer regex [02468]$"}
# What the race detector and the runtime say of a program that was harmed.
_HARM = re.compile(r"DATA RACE|^(?:fatal error|panic|runtime): .*|checkmark", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Fix:
    """One try to empty one map: ``refused`` says why it was not, ``why`` in a sentence; None where it was.

    ``gap_ms`` is the longest time between two beats of the program's 1 ms ticker meanwhile; ``stall_ms`` how long we
    held it in the stop that counted, ``waited_ms`` how long it took until that. ``entries`` went.
    """

    kind: str
    gap_ms: float
    tries: int
    refused: str | None = None
    why: str = ""
    stall_ms: float = 0.0
    waited_ms: float = 0.0
    entries: int = 0


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
    collections: int = 0
    looks_again: int = 0

    @property
    def misses(self) -> list[str]:
        """Return what must never be; the first word of each says what."""
        said = [f"{name}: {count:,}" for name, count in self.faults.items()]
        said += [f"lock: {each}" for each in self.wrong_locks] + [f"exercise: {each}" for each in self.unfit]
        return said + ([f"crash: {self.crash}"] if self.crash else [])

    def kept(self) -> dict[str, Any]:
        """Return it as JSON knows it."""
        return asdict(self)

    @classmethod
    def of(cls, kept: dict[str, Any]) -> CellResult:
        """Return what ``kept`` made of it."""
        return cls(**{**kept, "fixes": [Fix(**each) for each in kept["fixes"]]})


def run_cell(
    program: Path, arguments: Sequence[str], fixes: int, environment: Mapping[str, str] | None = None,
    patience: Patience = PATIENCE, strategy: str = RESET,
) -> CellResult:  # fmt: skip
    """Empty the maps of the program, ``fixes`` times in all at least; its end before ours is a crash.

    Where ``strategy`` is to evict, of the entries those go whose key has a text that ends in an even digit.
    """
    result, service = CellResult(), Livefix(program, *arguments, environment=environment)
    with service:
        try:
            _run(service, fixes, patience, strategy, result)
        except (OSError, AssertionError) as error:
            result.crash = str(error)
        if service.process.poll() is not None:
            result.crash = f"it ended with {service.process.returncode}"
    harm = _HARM.search(service.said)
    if harm:
        result.crash = harm[0]
    return result


def _run(service: Livefix, fixes: int, patience: Patience, strategy: str, result: CellResult) -> None:
    kinds = service.get("truth")["kinds"]
    places = [(kind, place) for kind in kinds for place in kinds[kind]["places"]]
    known = known_maps(service.process.pid, places, result)
    for turn in range(max(1, fixes // len(known))):
        if turn and strategy != RESET:  # the entries are others by now
            known = known_maps(service.process.pid, places, result)
        for number, (kind, _) in enumerate(places):
            result.idle_gaps_ms.append(service.post("begin")["longest_gap_ns"] / _NS_PER_MS)
            done = fix_now(service.process.pid, known[number], patience, _wanted(strategy, kind))
            if done.get("refused") == "moved":
                result.looks_again += 1
                known = known_maps(service.process.pid, places, result)
                done = fix_now(service.process.pid, known[number], patience, _wanted(strategy, kind))
            gap_ms = service.post("end")["longest_gap_ns"] / _NS_PER_MS
            result.fixes.append(Fix(kind, gap_ms, **done))
        for kind in kinds:
            result.unfit += [f"{kind}: {said}" for said in service.post("exercise", kind)[kind]]
            service.post("refill", kind)
    stats = service.get("stats")
    result.faults = {name: count for name, count in stats["faults"].items() if count}
    result.collections = stats["num_gc"]


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What a fix of one map needs; ``map`` is None where no look shows it."""

    heap: GoHeap
    map: MapInstance | None
    locks: tuple[MapLock, ...]


def known_maps(pid: int, places: Sequence[tuple[str, dict[str, Any]]], result: CellResult) -> list[Known]:
    """Look, and return what a fix of each map needs."""
    heap, names = _look(pid)
    maps = {each.address: each for each in take_inventory(heap, names).maps}
    return [
        Known(heap, map_, _locks(heap, map_, names, kind, place, result))
        for kind, place in places
        for map_ in [maps.get(place["map"])]
    ]


def _look(pid: int) -> tuple[GoHeap, GlobalNames | None]:
    memory = read_process(pid, Limits(max_pause_ms=_LOOK_PAUSE_MS))
    names = read_names(memory, Path(f"/proc/{pid}/exe").read_bytes())
    return survey_heap(memory, names), names


def _locks(
    heap: GoHeap, map_: MapInstance | None, names: GlobalNames | None, kind: str, place: dict[str, Any],
    result: CellResult,
) -> tuple[MapLock, ...]:  # fmt: skip
    """Return the locks that were found, else the one that the program names, as a user would with --lock.

    One too many only makes waiting longer; without the program's own, what was found is wrong.
    """
    found = find_locks(heap, map_, names) if map_ else None
    if found and found.locks:
        result.locks[kind] = found.locks[0].evidence
        if place["lock"] not in [each.address for each in found.locks]:
            result.wrong_locks.append(f"{kind}: {found.locks}")
        return found.locks
    result.locks[kind] = "it guards itself" if found and found.guards_itself else "told by the user"
    return (MapLock(LockKind(place["lock_kind"]), place["lock"], "--lock"),) if place["lock"] else ()


def _wanted(strategy: str, kind: str) -> Wanted:
    where = (parse_condition(_EVEN.get(kind, "key regex [02468]$")),) if strategy == EVICT else ()
    return Wanted(strategy, where)


def fix_now(
    pid: int, known: Known, patience: Patience = PATIENCE, wanted: Wanted = EMPTIED
) -> dict[str, Any]:
    """Return how one fix went, by the names of Fix."""
    if known.map is None:
        return {"tries": 0, "refused": "not_listed", "why": "no look shows it"}
    try:
        chosen = choose_way(known.heap, known.map, known.locks, wanted)
        done = act(Job(pid, started_ticks(pid), chosen.watch, chosen.way), patience)
    except NoSafeMoment as error:
        refused, _, why = "; ".join(error.reasons).partition(", ")
        waited_ms = patience.limit_ms
        return {"tries": error.tries, "refused": refused, "why": why, "waited_ms": waited_ms}
    except MapmedicError as error:
        return {"tries": 0, "refused": type(error).__name__, "why": str(error)}
    told = {
        "stall_ms": done.pause_ms,
        "waited_ms": done.stages[-1].at_ms,
        "entries": done.entries,
    }
    tries = len(done.tries) + len(done.stages)
    if not done.whole:
        last = done.tries[-1].hindrance
        return {"tries": tries, **told, "refused": f"{last.hindrance}, in the middle", "why": last.why}
    return {"tries": tries, **told}

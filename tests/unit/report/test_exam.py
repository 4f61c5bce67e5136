"""What `mapmedic doctor PID` prints: what is in the way, how it would be read, what works; inert words."""

from __future__ import annotations

import io

from rich.console import Console

from mapmedic.model.inventory import SnapshotMode
from mapmedic.model.machine import CommandCheck, MachineCheck, ProcessExam, ProgramFacts, Status, WayFacts
from mapmedic.report.machine import print_exam

CHECK = MachineCheck("state", Status.OK, "sleeping", "reading its memory")
WORKS = CommandCheck("heap", True, "its memory can be read", "mapmedic heap 7")
WAY = WayFacts(SnapshotMode.FREEZE, ("no copy was forked",), 2.4, 150.0, 9, None)
READABLE = """\
process 7, ser\\x1bvice
ok  state     sleeping
              for reading its memory
ok  snapshot  freeze: a fork would take some 2 ms, standing still for the reading 150 ms; no copy was forked
              for mapmedic heap without --snapshot
ok  heap      its memory can be read
              for mapmedic heap
              next: mapmedic heap 7
"""
UNREADABLE = """\
process 7, x
ok       state  sleeping
                for reading its memory
missing  heap   tracer forbids it
                for mapmedic heap
                next: kill 8
"""


def printed(exam: ProcessExam) -> str:
    to = io.StringIO()
    print_exam(Console(file=to, width=160, highlight=False), exam)
    return "".join(line.rstrip() + "\n" for line in to.getvalue().splitlines())


def test_a_process_that_can_be_read() -> None:
    exam = ProcessExam(7, "ser\x1bvice", ProgramFacts("go1.26"), (CHECK,), WAY, (WORKS,))
    assert printed(exam) == READABLE


def test_one_that_cannot() -> None:
    against = CommandCheck("heap", False, "tracer forbids it", "kill 8")
    assert printed(ProcessExam(7, "x", ProgramFacts(None), (CHECK,), None, (against,))) == UNREADABLE

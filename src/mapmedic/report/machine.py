"""What `mapmedic doctor` found, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mapmedic.model.machine import CommandCheck, MachineCheck, ProcessExam, Status
from mapmedic.report.inert import inert

if TYPE_CHECKING:
    from rich.console import Console

_STYLES = {Status.OK: "green", Status.LIMITED: "yellow", Status.MISSING: "red"}


def print_machine(console: Console, checks: tuple[MachineCheck, ...]) -> None:
    """Print each check, what it enables, and the next step where there is one."""
    from rich.table import Table  # noqa: PLC0415 - rich is loaded by the command that prints
    from rich.text import Text  # noqa: PLC0415

    from mapmedic.report.terminal_parts import encodable  # noqa: PLC0415

    table = Table.grid(padding=(0, 2))
    for check in checks:
        words = Text.assemble(
            encodable(console, Text(inert(check.found))),
            encodable(console, Text(f"\nfor {check.enables}", "dim")),
        )
        if check.next:
            words.append_text(encodable(console, Text(f"\nnext: {inert(check.next)}")))
        table.add_row(Text(check.status.value, _STYLES[check.status]), Text(check.name, "bold"), words)
    console.print(table)


def print_exam(console: Console, exam: ProcessExam) -> None:
    """Print what was found of a process, how it would be read, and what will work on it."""
    from rich.text import Text  # noqa: PLC0415 - rich is loaded by the command that prints

    from mapmedic.report.terminal_parts import encodable  # noqa: PLC0415

    console.print(encodable(console, Text(inert(f"process {exam.pid}, {exam.name}"), "bold")))
    print_machine(console, (*exam.checks, *_way(exam), *map(_as_check, exam.commands)))


def _way(exam: ProcessExam) -> tuple[MachineCheck, ...]:
    if exam.way is None:
        return ()
    found = (
        f"{exam.way.mode.value}: a fork would take some {exam.way.fork_ms:,.0f} ms, standing still for the reading "
        f"{exam.way.freeze_ms:,.0f} ms"
    )
    words = "; ".join((found, *exam.way.notes))
    return (MachineCheck("snapshot", Status.OK, words, "mapmedic heap without --snapshot"),)


def _as_check(command: CommandCheck) -> MachineCheck:
    status = Status.OK if command.works else Status.MISSING
    return MachineCheck(command.command, status, command.why, f"mapmedic {command.command}", command.next)

"""The checks of `mapmedic doctor` as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mapmedic.model.machine import MachineCheck, Status
from mapmedic.report.inert import inert

if TYPE_CHECKING:
    from rich.console import Console

_STYLES = {Status.OK: "green", Status.LIMITED: "yellow", Status.MISSING: "red"}


def print_machine(console: Console, checks: tuple[MachineCheck, ...]) -> None:
    """Print each check, what it enables, and the next step where there is one."""
    from rich.text import Text  # noqa: PLC0415 - rich is loaded by the command that prints

    for check in checks:
        line = Text.assemble(
            (f"{check.status.value:<8}", _STYLES[check.status]), (f"{check.name:<13}", "bold"), inert(check.found)
        )
        console.print(line)
        console.print(Text(f"{'':21}for {check.enables}", "dim"))
        if check.next:
            console.print(Text(f"{'':21}next: {inert(check.next)}"))

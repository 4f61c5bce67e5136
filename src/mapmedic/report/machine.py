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

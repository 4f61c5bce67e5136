"""The plan for a call of a function, and what became of it, for people."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from mapmedic.model.call import CallPlan
from mapmedic.model.remedy import FixPlan
from mapmedic.report.inert import SHOWN_LIMIT, WHOLE_LIMIT, inert
from mapmedic.report.outside_terminal import sentences_list
from mapmedic.report.terminal_parts import conditions_list, pairs, paragraph


def print_call_plan(console: Console, plan: FixPlan, call: CallPlan) -> None:
    """Print ``plan``, which is to call a function; what that risks is said before what is asked for."""
    name = inert(call.function, SHOWN_LIMIT)
    paragraph(console, Text(f"Plan: have {name} called. Nothing has been changed.", "bold"))
    locks = [
        ("Lock", inert(f"{each.kind} at {each.address:#x}: {each.evidence}", WHOLE_LIMIT))
        for each in call.locks
    ]
    pairs(
        console,
        [
            (
                "Process",
                f"{call.pid}: {inert(call.program, SHOWN_LIMIT)} ({call.go_version}), without an agent",
            ),
            (
                "Function",
                inert(f"{call.function} at {call.address:#x}, {call.file}:{call.line}", WHOLE_LIMIT),
            ),
            *locks,
        ],
    )
    sentences_list(console, "What it risks: this is for experts", call.risks)
    sentences_list(console, "What would be done", plan.steps, numbered=True)
    conditions_list(console, plan.conditions)
    pairs(
        console,
        [
            ("Undo", inert(plan.undo, WHOLE_LIMIT)),
            ("Journal", inert(f"a new file in {call.journal_folder}", WHOLE_LIMIT)),
            *[("Note", inert(note, WHOLE_LIMIT)) for note in plan.notes],
        ],
    )

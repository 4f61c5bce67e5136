"""Diagnosis, plan, outcome and proof on a terminal: plain sentences, then figures, then one next command."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from mapmedic.model.findings import Diagnosis, Suspect, Verdict
from mapmedic.model.observation import MemoryPoint
from mapmedic.report.call_terminal import print_call_plan
from mapmedic.report.call_words import call_words
from mapmedic.report.figures import count_text, duration_text, entries_text
from mapmedic.report.inert import SHOWN_LIMIT, WHOLE_LIMIT, inert
from mapmedic.report.outcome_words import (
    backup_plan_text,
    backup_text,
    next_of,
    saved_text,
    state_outcome,
    state_proof,
)
from mapmedic.report.outside_terminal import print_outside_plan
from mapmedic.report.outside_words import hides_words, plan_words
from mapmedic.report.session_words import in_words
from mapmedic.report.sparkline import print_memory
from mapmedic.report.terminal_parts import (
    bullets,
    checks_table,
    command,
    conditions_list,
    evidence_table,
    heading,
    pairs,
    paragraph,
)
from mapmedic.report.words import chief, confidence_line, in_a_line, next_command, reasons_of, state

if TYPE_CHECKING:
    from mapmedic.model.remedy import FixPlan, Outcome, Proof

SHOWN_SUSPECTS = 5
SHOWN_EVIDENCE = 8
SHOWN_REASONS = 4
SHOWN_BLANKS = 6
# What `hotfix` takes without --hold: no need to say it again.
_DEFAULT_HOLD_SECONDS = 60

_STYLES = {
    Verdict.HEALTHY: "bold green",
    Verdict.LARGE_STEADY_MAP: "bold green",
    Verdict.UNDETERMINED: "bold yellow",
}


def print_diagnosis(console: Console, diagnosis: Diagnosis, timeline: Sequence[MemoryPoint] = ()) -> None:
    """Print what is wrong, where, how much and how sure; the evidence; the doubts; one next command; the patch.

    ``timeline`` is the memory meanwhile, in order of time.
    """
    statement = state(diagnosis)
    paragraph(console, Text(statement.headline, _STYLES.get(diagnosis.verdict, "bold red")))
    paragraph(console, Text(" ".join(statement.sentences)))
    _print_confidence(console, diagnosis)
    print_memory(console, timeline)
    suspect = chief(diagnosis)
    if suspect is not None and suspect.evidence:
        heading(console, "Evidence")
        evidence_table(console, suspect.evidence, SHOWN_EVIDENCE)
    _print_others(console, [each for each in diagnosis.suspects if each is not suspect])
    blanks = [
        f"{inert(in_words(blank.what), SHOWN_LIMIT)}: {inert(blank.why, SHOWN_LIMIT)}"
        for blank in diagnosis.not_captured
    ]
    if blanks:
        heading(console, "Not captured")
        bullets(console, blanks, SHOWN_BLANKS)
    step = next_command(diagnosis)
    if step:
        command(console, step)
    if diagnosis.verdict.is_finding and suspect and suspect.fix and suspect.fix.patch_hint:
        heading(console, "Keep it from coming back")
        for line in suspect.fix.patch_hint.splitlines():
            paragraph(console, Text(inert(line, WHOLE_LIMIT)), indent=2)


def _print_confidence(console: Console, diagnosis: Diagnosis) -> None:
    reasons = reasons_of(diagnosis)
    paragraph(console, Text(confidence_line(diagnosis), "bold"))
    for sign, kind in (("+ ", 1), ("· ", 0), ("- ", -1)):
        texts = [inert(reason.text, SHOWN_LIMIT) for reason in reasons if _sign(reason.weight) == kind]
        bullets(console, texts, SHOWN_REASONS, sign)


def _sign(weight: float) -> int:
    return (weight > 0) - (weight < 0)


def _print_others(console: Console, others: list[Suspect]) -> None:
    if not others:
        return
    heading(console, "Also seen")
    bullets(console, [in_a_line(suspect) for suspect in others[:SHOWN_SUSPECTS]], SHOWN_SUSPECTS)
    if len(others) > SHOWN_SUSPECTS:
        paragraph(
            console,
            Text(f"  … and {count_text(len(others) - SHOWN_SUSPECTS)} more (--json lists all)", "dim"),
        )


def print_plan(console: Console, plan: FixPlan, offer: bool = True, more: Sequence[str] = ()) -> None:
    """Print what would be done, what must hold for it, how to take it back; then the command that does it.

    ``offer`` is False where the caller applies the plan itself and there is no command to offer. ``more``: options that
    were given and that the plan does not know of, for that command.
    """
    if plan.outside is not None:
        print_outside_plan(console, plan, plan.outside)
    elif plan.call is not None:
        print_call_plan(console, plan, plan.call)
    else:
        _print_agent_plan(console, plan)
    if plan.ready:
        if offer:
            _offer(console, plan, more)
    else:
        paragraph(
            console, Text("Not ready: nothing will be applied until every condition holds.", "bold yellow")
        )
        if after := next_of(plan, more):
            command(console, after)


def _print_agent_plan(console: Console, plan: FixPlan) -> None:
    name = inert(plan.map, SHOWN_LIMIT)
    entries = "" if plan.entries is None else f" ({entries_text(plan.entries)})"
    paragraph(
        console,
        Text(f"Plan: {inert(plan.strategy, SHOWN_LIMIT)} {name}{entries}. Nothing has been changed.", "bold"),
    )
    for number, step in enumerate(plan.steps, start=1):
        paragraph(console, Text(inert(step, WHOLE_LIMIT)), indent=2, lead=Text(f"{number}. "))
    conditions_list(console, plan.conditions)
    pairs(
        console,
        [
            *[("Where", inert(condition.text, WHOLE_LIMIT)) for condition in plan.where],
            ("Undo", inert(plan.undo, WHOLE_LIMIT)),
            ("Held for", duration_text(plan.hold_seconds * 1e9)),
            *([("Backup", backup_plan_text(plan.backup))] if plan.backup else []),
            *_notes(plan),
        ],
    )


def print_outcome(console: Console, outcome: Outcome, offer: bool = True) -> None:
    """Print what was done, what it cost the target, the proof and the journal; then what to do next.

    ``offer`` is False where there is nothing to go on with: the demo's service ends with the demo.
    """
    good = outcome.applied and outcome.proof is not None and outcome.proof.passed
    paragraph(console, Text(state_outcome(outcome), "bold green" if good else "bold yellow"))
    if outcome.proof is not None:
        _print_checks(console, outcome.proof)
    print_memory(console, outcome.timeline)
    if not outcome.applied:
        _offer(console, outcome.plan)
        return
    stay = [f"{count_text(count)}: {why}" for why, count in outcome.acted.left] if outcome.acted else []
    known = [("Stay", "; ".join(stay)), ("Journal", outcome.journal_path), ("Operation", outcome.operation)]
    if outcome.backup is not None:
        known += [("Backup", outcome.backup.path), ("", backup_text(outcome.backup))]
    for each in outcome.fields:
        known += [(f"{each.name}", each.saved.path), ("", saved_text(each.saved, each.difference))]
    if outcome.saved is not None:
        are_chosen = outcome.plan.matches is not None
        said = saved_text(outcome.saved, outcome.difference, are_chosen=are_chosen)
        known += [("Entries", outcome.saved.path), ("", said)]
    pairs(console, [(label, inert(text, WHOLE_LIMIT)) for label, text in known if text])
    if offer and outcome.backup is not None and not all(each.well for each in outcome.health):
        words = ["mapmedic", "restore", outcome.plan.target, outcome.backup.path, "--map", outcome.plan.map]
        command(console, " ".join(map(shlex.quote, words)))
    elif offer and outcome.proof is not None and outcome.proof.next_steps:
        command(console, outcome.proof.next_steps[0].replace("TARGET", shlex.quote(outcome.plan.target)))
    elif offer:
        command(console, f"mapmedic diagnose {shlex.quote(outcome.plan.target)} --for 60s")


def print_proof(console: Console, proof: Proof) -> None:
    """Print whether a fix is proven, check by check."""
    paragraph(console, Text(state_proof(proof), "bold green" if proof.passed else "bold red"))
    _print_checks(console, proof)
    for step in proof.next_steps[:1]:
        command(console, step)


def _print_checks(console: Console, proof: Proof) -> None:
    if proof.checks:
        heading(console, "Checks")
        checks_table(console, proof.checks)


def _notes(plan: FixPlan) -> list[tuple[str, str]]:
    return [("Note", inert(note, WHOLE_LIMIT)) for note in plan.notes]


def _offer(console: Console, plan: FixPlan, more: Sequence[str] = ()) -> None:
    """Print the command that does what ``plan`` says, unless what can be shown of it would do something else."""
    if plan.outside is not None and hides_words(plan, plan.outside):
        said = "The command would say what is redacted: to do it, repeat your own command with --apply."
        paragraph(console, Text(said))
        return
    text = _apply_command(plan, more)
    if inert(text, WHOLE_LIMIT) == text:
        command(console, text)
    else:
        paragraph(
            console, Text("Too long, or not printable, to be copied: repeat your own command with --apply.")
        )


def _apply_command(plan: FixPlan, more: Sequence[str]) -> str:
    if plan.outside is not None:
        return shlex.join([*plan_words(plan, plan.outside), *more, "--apply"])
    if plan.call is not None:
        return shlex.join([*call_words(plan, plan.call), *more, "--apply"])
    words = ["mapmedic", "hotfix", plan.target, "--map", plan.map, "--strategy", plan.strategy]
    for condition in plan.where:
        words += ["--where", condition.text]
    if plan.max_lock_hold_ms is not None:
        words += ["--max-lock-hold", str(plan.max_lock_hold_ms)]
    if plan.hold_seconds != _DEFAULT_HOLD_SECONDS:
        words += ["--hold", str(plan.hold_seconds)]
    if plan.backup is None and plan.strategy != "shrink":
        words.append("--no-backup")
    elif plan.backup is not None and plan.backup.path:
        words += ["--backup", plan.backup.path]
    if not plan.return_memory:
        words.append("--keep-memory")
    words.append("--apply")
    return " ".join(map(shlex.quote, words))

"""A roll-out on a terminal, and as ``mapmedic.rollout/1``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mapmedic.model.remedy import Outcome
from mapmedic.model.rollout import Rollout, TargetResult, TargetState
from mapmedic.report.figures import bytes_text, change_text, count_text, duration_text
from mapmedic.report.inert import SHOWN_LIMIT, WHOLE_LIMIT, inert
from mapmedic.report.json_output import outcome_json, plan_json
from mapmedic.report.outcome_words import relative_change
from mapmedic.report.terminal_parts import command, encodable, pairs, paragraph

Json = dict[str, Any]
# More rows than these are only counted, as long as nothing is amiss with them.
_SHOWN_GOOD = 40
_SHOWN_SENTENCES = 20
_GOOD = (TargetState.PROVED, TargetState.READY, TargetState.PENDING)
_STYLES = {
    TargetState.PROVED: "green", TargetState.READY: "green", TargetState.PENDING: "dim",
    TargetState.SKIPPED: "yellow", TargetState.NOT_READY: "yellow",
}  # fmt: skip
_WORDS = {TargetState.NOT_PROVED: "NOT PROVED", TargetState.UNWELL: "UNWELL", TargetState.FAILED: "FAILED"}


def rollout_json(rollout: Rollout) -> Json:
    """Return ``mapmedic.rollout/1``."""
    return {
        "schema": "mapmedic.rollout/1",
        "map": rollout.map,
        "strategy": rollout.strategy,
        "applied": rollout.applied,
        "rings": [
            {"number": ring.number, "size": ring.said, "targets": ring.behind - ring.first}
            for ring in rollout.rings
        ],
        "bake_seconds": rollout.bake_seconds,
        "targets": [_result_json(each) for each in rollout.results],
        "counts": {state.value: rollout.count(state) for state in TargetState},
        "stopped": rollout.stopped,
        "interrupted": rollout.interrupted,
        "journal_path": rollout.journal_path,
        "exit_code": rollout.exit_code,
    }


def _result_json(result: TargetResult) -> Json:
    return {
        "target": result.target,
        "ring": result.ring,
        "state": result.state.value,
        "why": result.why,
        "exit_code": result.exit_code,
        "earlier": result.earlier,
        "journal_path": result.journal_path,
        "plan": plan_json(result.plan) if result.plan and not result.outcome else None,
        "outcome": outcome_json(result.outcome) if result.outcome else None,
    }


def state_result(result: TargetResult) -> str:
    """Return one line on what became of a target, for whoever watches."""
    why = result.why or _said_figures(result.outcome)
    return inert(f"{result.target}: {_state(result)}{f', {why}' if why else ''}", WHOLE_LIMIT)


def _said_figures(outcome: Outcome | None) -> str:
    if outcome is None:
        return ""
    entries, rss, change, _ = _figures(outcome)
    left = f"{entries.removeprefix('-')} entries left the map" if entries else "the map was emptied"
    return f"{left}, RSS {rss} ({change})" if rss and change else left


def print_rollout(console: Console, rollout: Rollout) -> None:
    """Print what became of each target, why it is so where that is not good, and how to go on."""
    good = rollout.exit_code == 0
    paragraph(console, Text(_summary(rollout), "bold green" if good else "bold yellow"))
    shown = list(_shown(rollout.results))
    console.print()
    console.print(_table(console, shown, applied=rollout.applied), highlight=False)
    if len(shown) < len(rollout.results):
        left = count_text(len(rollout.results) - len(shown))
        paragraph(console, Text(f"… and {left} more with nothing amiss (--json lists all)", "dim"), indent=2)
    _print_reasons(console, rollout)
    _print_way_on(console, rollout)


def _shown(results: Sequence[TargetResult]) -> Iterator[TargetResult]:
    """Yield, in their order, all with which something is amiss, and the first of the others."""
    calm = 0
    for each in results:
        calm += each.state in _GOOD
        if each.state not in _GOOD or calm <= _SHOWN_GOOD:
            yield each


def _summary(rollout: Rollout) -> str:
    total, name = count_text(len(rollout.results)), inert(rollout.map, SHOWN_LIMIT)
    if not rollout.applied:
        ready, rings = rollout.count(TargetState.READY), len(rollout.rings)
        planned = f"Plan: {rollout.strategy} {name} in {total} targets, {rings} rings"
        watched = duration_text(rollout.bake_seconds * 1e9)
        return f"{planned}, {watched} between them; {count_text(ready)} are ready. Nothing has been changed."
    proved = f"{count_text(rollout.count(TargetState.PROVED))} of {total} targets are fixed and proved"
    if rollout.interrupted:
        return f"Interrupted: {proved}; no further one was touched."
    return f"Stopped: {proved}; no further one was touched." if rollout.stopped else f"{proved.capitalize()}."


def _table(console: Console, results: list[TargetResult], *, applied: bool) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False)
    table.add_column("Ring", justify="right", no_wrap=True)
    table.add_column("Target", overflow="fold", ratio=1)
    table.add_column("", no_wrap=True)
    names = ["Entries", "RSS", "Change", "Pause"][: 4 if applied else 1]
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    for result in results:
        ring, target, state, *figures = _cells(result)[: 3 + len(names)]
        style = _STYLES.get(result.state, "bold red")
        cells = [Text(ring), Text(target), Text(state, style), *map(Text, figures)]
        table.add_row(*(encodable(console, cell) for cell in cells))
    return table


def _cells(result: TargetResult) -> list[str]:
    head = [str(result.ring or "-"), inert(result.target, SHOWN_LIMIT), _state(result)]
    if result.outcome is not None:
        return [*head, *_figures(result.outcome)]
    plan = result.plan
    planned = None if plan is None else plan.matches if plan.where else plan.entries
    return [*head, "" if planned is None else count_text(planned), "", "", ""]


def _figures(outcome: Outcome) -> list[str]:
    before = outcome.before.rss_bytes if outcome.before else None
    after = outcome.after.rss_bytes if outcome.after else None
    change = relative_change(before, after)
    return [
        "" if outcome.entries_removed is None else f"-{count_text(outcome.entries_removed)}",
        "" if after is None else bytes_text(after),
        "" if change is None else change_text(change),
        "" if outcome.pause_ns is None else duration_text(outcome.pause_ns),
    ]


def _state(result: TargetResult) -> str:
    words = _WORDS.get(result.state, result.state.value.replace("_", " "))
    return f"{words} before" if result.earlier else words


def _print_reasons(console: Console, rollout: Rollout) -> None:
    told = [each for each in rollout.results if each.why]
    console.print()
    for each in told[:_SHOWN_SENTENCES]:
        lead = Text(f"{inert(each.target, SHOWN_LIMIT)}: ", "bold")
        paragraph(console, Text(inert(each.why, WHOLE_LIMIT)), indent=2, lead=lead)
    if len(told) > _SHOWN_SENTENCES:
        left = count_text(len(told) - _SHOWN_SENTENCES)
        paragraph(console, Text(f"… and {left} more (--json lists all)", "dim"), indent=2)
    if rollout.stopped and not any(each.state.stops for each in told):
        paragraph(console, Text(inert(rollout.stopped, WHOLE_LIMIT), "yellow"), indent=2)


def _print_way_on(console: Console, rollout: Rollout) -> None:
    if rollout.journal_path:
        pairs(console, [("Journal", inert(rollout.journal_path, WHOLE_LIMIT))])
    left = rollout.count(
        TargetState.PENDING, TargetState.SKIPPED, TargetState.FAILED, TargetState.INTERRUPTED
    )
    if not rollout.applied:
        command(console, "the same command with --apply")
    elif left and rollout.journal_path:
        command(console, f"the same command with --resume {inert(rollout.journal_path, WHOLE_LIMIT)}")

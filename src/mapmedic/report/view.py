"""What the templates are given: the report's parts, picked and counted, with nothing left to decide."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from mapmedic.model.findings import Blank, Diagnosis, Suspect, Verdict
from mapmedic.model.frames import grown_container
from mapmedic.model.heap import HeapChange, HeapProfile
from mapmedic.model.observation import MemoryPoint, Observation
from mapmedic.model.remedy import Outcome
from mapmedic.model.report import FixReport, Report
from mapmedic.report.figures import bytes_text, change_text, count_text, duration_text, finite, rate_text
from mapmedic.report.inert import SHOWN_LIMIT, inert
from mapmedic.report.outcome_words import relative_change
from mapmedic.report.timeline import Timeline
from mapmedic.report.words import chief, name_of

SHOWN_SUSPECTS = 20
SHOWN_EVIDENCE = 60
SHOWN_BLANKS = 100
SHOWN_STACK = 60


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """One large figure of the first screen."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the before/after picture; ``share`` of the longest, 0..1."""

    label: str
    text: str
    share: float
    after: bool
    fell: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One line of the busiest stack; ``grows`` names the container it grows, "" for none."""

    function: str
    grows: str
    is_site: bool


def key_figures(report: Report) -> list[KeyFigure]:
    """Return the figures somebody wants at a glance, at most six."""
    suspect = chief(report.diagnosis)
    figures = _of_suspect(suspect) if suspect else []
    if report.outcome is not None and report.outcome.applied:
        figures += figures_of_fix(report.outcome, report.outcome.before, report.outcome.after)
    elif (last := _last(report.observation.timeline)) is not None and last.rss_bytes is not None:
        figures.append(KeyFigure("RSS", bytes_text(last.rss_bytes), "last seen"))
    if report.requests is not None and report.requests.sent:
        failed, sent = count_text(report.requests.failed), count_text(report.requests.sent)
        figures.append(KeyFigure("Failed requests", failed, f"of {sent} through the fix"))
    return figures


def _of_suspect(suspect: Suspect) -> list[KeyFigure]:
    what = "goroutines" if suspect.code is Verdict.GOROUTINE_LEAK else "entries"
    entries = f"in {count_text(suspect.entries)} {what}" if suspect.entries is not None else ""
    figures = [KeyFigure("Held", bytes_text(suspect.bytes), entries)]
    if finite(suspect.growth_bytes_per_second) is not None:
        rate = rate_text(suspect.growth_bytes_per_second, suspect.growth_uncertainty)
        figures.append(KeyFigure("Growth", rate, "live bytes, between GC cycles"))
    return figures


def figures_of_fix(
    outcome: Outcome | None, before: MemoryPoint | None, after: MemoryPoint | None
) -> list[KeyFigure]:
    """Return what became of the memory and what the fix cost, at a glance."""
    figures = []
    if before and after:
        known = (
            ("RSS after the fix" if outcome else "RSS", before.rss_bytes, after.rss_bytes),
            ("HeapAlloc", before.heap_alloc_bytes, after.heap_alloc_bytes),
        )
        figures += [_fallen(label, one, two) for label, one, two in known if two is not None]
    if outcome is not None and outcome.pause_ns is not None:
        held = duration_text(outcome.pause_ns)
        price = "Stood still" if outcome.plan.outside else "Longest lock hold"
        figures.append(KeyFigure(price, held, "the price of the fix"))
    return figures


def _fallen(label: str, before: int | None, after: int) -> KeyFigure:
    change = relative_change(before, after)
    note = f"from {bytes_text(before)}" + (f", {change_text(change)}" if change is not None else "")
    return KeyFigure(label, bytes_text(after), note)


def _last(points: tuple[MemoryPoint, ...]) -> MemoryPoint | None:
    return points[-1] if points else None


def status(outcome: Outcome | None) -> str:
    """Return what became of the problem, empty where nothing was tried."""
    if outcome is None:
        return ""
    if not outcome.applied:
        return "not fixed yet"
    return "fixed and proven" if outcome.proof is not None and outcome.proof.passed else "fix not proven"


def headline_of_fix(report: FixReport) -> str:
    """Return in one sentence what came of a fix, or of comparing two captures."""
    outcome, proved = report.outcome, report.proof is not None and report.proof.passed
    if outcome is None:
        return "The memory came back." if proved else "The memory did not come back."
    name = inert(outcome.plan.map, SHOWN_LIMIT)
    if not outcome.applied:
        return f"The plan for {name}: nothing has been changed."
    return (
        f"{name} is fixed and proved." if proved else f"{name} was fixed, but that it helped is not proved."
    )


def last_heap(observation: Observation | None, change: HeapChange | None = None) -> HeapProfile | None:
    """Return the newest heap profile that was captured; the one of ``change`` where there is one."""
    if change is not None:
        return change.heap
    captures = observation.captures if observation else ()
    return next((capture.heap for capture in reversed(captures) if capture.heap is not None), None)


def other_suspects(report: Report) -> list[Suspect]:
    """Return every suspect but the one the verdict is about."""
    first = chief(report.diagnosis)
    return [suspect for suspect in report.diagnosis.suspects if suspect is not first]


def blanks(*seen: Diagnosis | Observation | None) -> list[Blank]:
    """Return everything that could not be seen, each once, in the order it was met."""
    return list(dict.fromkeys(blank for each in seen if each is not None for blank in each.not_captured))


def names(suspect: Suspect) -> list[tuple[str, str]]:
    """Return what the container is called and of what type, each name once."""
    known = [("Owner", suspect.owner), ("Declared as", suspect.declared), ("Agent's name", suspect.label)]
    once = {name: label for label, name in reversed(known) if name}
    types = [("Type", suspect.type)] if suspect.type else []
    return [*((label, name) for name, label in reversed(once.items())), *types]


def calls(suspect: Suspect) -> list[Call]:
    """Return the busiest insertion stack, root first, its middle left out where it is very deep."""
    stack = suspect.stack
    if len(stack) > SHOWN_STACK:
        half = SHOWN_STACK // 2
        stack = (*stack[:half], f"… {count_text(len(stack) - 2 * half)} calls left out …", *stack[-half:])
    site = suspect.site.function if suspect.site else None
    grown = [grown_container(function) or "" for function in stack]
    # Said once for each run of calls: ten lines of "grows a map" say no more than one.
    fresh = [kind if kind != before else "" for before, kind in pairwise(("", *grown))]
    return [Call(function, kind, function == site) for function, kind in zip(stack, fresh, strict=True)]


def bars(before: MemoryPoint | None, after: MemoryPoint | None) -> list[Bar]:
    """Return the memory before and after as bars, empty where either is unknown."""
    if before is None or after is None:
        return []
    pairs = [
        ("RSS", before.rss_bytes, after.rss_bytes),
        ("HeapAlloc", before.heap_alloc_bytes, after.heap_alloc_bytes),
    ]
    known = [(label, one, two) for label, one, two in pairs if one is not None and two is not None]
    longest = max((max(one, two) for _, one, two in known), default=0) or 1
    return [
        Bar(f"{label} {when}", bytes_text(value), max(0.0, value / longest), when == "after", two < one)
        for label, one, two in known
        for when, value in (("before", one), ("after", two))
    ]


def ends(report: FixReport) -> tuple[MemoryPoint | None, MemoryPoint | None]:
    """Return the memory before and after, as the outcome or the two observations have it."""
    if report.outcome is not None:
        return report.outcome.before, report.outcome.after
    seen = [observation.timeline if observation else () for observation in (report.before, report.after)]
    return _last(seen[0]), _last(seen[1])


def course(timeline: Timeline) -> str:
    """Return the timeline in one sentence: what somebody who cannot see the picture should know."""
    first, last = (timeline.points[0], timeline.last_before) if timeline.points else (None, None)
    if first is None or last is None:
        return "No course of memory was recorded."
    if first.at == last.at:
        text = f"At the one moment that was recorded {_stands_at(first)}"
    else:
        text = f"In {duration_text(last.at - first.at)} {_from_to(first, last)}"
    if timeline.last_after is not None and timeline.fixed_at is not None:
        seconds = duration_text(timeline.last_after.at - timeline.fixed_at)
        text += f"; {seconds} after the fix {_stands_at(timeline.last_after)}"
    return f"{text}."


def _from_to(first: MemoryPoint, last: MemoryPoint) -> str:
    pairs = (
        ("RSS", first.rss_bytes, last.rss_bytes),
        ("HeapAlloc", first.heap_alloc_bytes, last.heap_alloc_bytes),
    )
    parts = [
        f"{name} went from {bytes_text(one)} to {bytes_text(two)}"
        for name, one, two in pairs
        if two is not None
    ]
    return " and ".join(parts) or "nothing was measured"


def _stands_at(point: MemoryPoint) -> str:
    pairs = (("RSS", point.rss_bytes), ("HeapAlloc", point.heap_alloc_bytes))
    return " and ".join(f"{name} is {bytes_text(value)}" for name, value in pairs if value is not None)


def title_of(report: Report) -> str:
    """Return what the browser tab says."""
    suspect = chief(report.diagnosis)
    name = name_of(suspect) if suspect else None
    return f"{name} · {report.title}" if name and name not in report.title else report.title

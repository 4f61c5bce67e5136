"""From all suspects to one verdict, with what is still unknown and what to do next."""

from __future__ import annotations

import shlex
from dataclasses import replace

from mapmedic.diagnose.capacity import capacity_of
from mapmedic.diagnose.case import Case, build_case
from mapmedic.diagnose.commands import process_word, url_word
from mapmedic.diagnose.confidence import combine
from mapmedic.diagnose.exact import Exact
from mapmedic.diagnose.exact_churn import allocation_rate
from mapmedic.diagnose.exact_unknowns import WORTH_NAMING_SHARE
from mapmedic.diagnose.history import Growth
from mapmedic.diagnose.join import join_inventory
from mapmedic.diagnose.links import link_places
from mapmedic.diagnose.owners import Source, container_of, name_by_agent, name_by_source
from mapmedic.diagnose.rules import RULES
from mapmedic.diagnose.standing import path_of_local, standing_at
from mapmedic.diagnose.thresholds import Thresholds
from mapmedic.diagnose.unknowns import (
    places_without_a_keeper,
    undetermined_suspects,
    what_is_missing,
    what_is_unexplained,
)
from mapmedic.model.findings import Blank, Diagnosis, Evidence, Reason, Suspect, Verdict
from mapmedic.model.observation import Observation
from mapmedic.model.units import MIB

_NOT_ABOUT_GROWTH = frozenset({Verdict.OFF_HEAP, Verdict.MAP_NEVER_SHRINKS, Verdict.MAP_CHURN})


def diagnose(
    observation: Observation, thresholds: Thresholds | None = None, source: Source | None = None
) -> Diagnosis:
    """Return the verdict on ``observation``; pure: no clock, no file, no network.

    ``source`` is asked about inserting statements and allocations, where there is source.
    """
    case = link_places(build_case(observation, thresholds or Thresholds()), source)
    found = [_named(case, suspect, source) for rule in RULES.values() for suspect in rule(case)]
    found = join_inventory(case, found)
    bar = case.thresholds.report_confidence
    sure = sorted((s for s in found if s.confidence >= bar), key=_badness)
    unsure = sorted((s for s in found if s.confidence < bar), key=_badness)
    if sure and sure[0].code.is_finding:
        return _conclude(case, sure, unsure)
    missing = what_is_unexplained(case, unsure, sure) or (() if sure else what_is_missing(case))
    if missing:
        places = places_without_a_keeper(case)
        named = [_named(case, s, source) for s in (*places, *undetermined_suspects(case, [*found, *places]))]
        reasons = tuple(blank.why for blank in missing)
        steps = tuple(dict.fromkeys(blank.what for blank in missing))
        return _answer(case, Verdict.UNDETERMINED, 0.0, reasons, [*unsure, *sure, *named], steps)
    if sure:
        return _conclude(case, sure, unsure)
    healthy = _healthy_reasons(case)
    return _answer(case, Verdict.HEALTHY, combine(healthy), _texts(healthy), unsure)


def _conclude(case: Case, sure: list[Suspect], unsure: list[Suspect]) -> Diagnosis:
    """Return the diagnosis that the worst of ``sure`` makes; all others stay suspects."""
    worst = sure[0]
    steps, reasons = _next_steps(case, worst), _texts(worst.reasons)
    if worst.code in _NOT_ABOUT_GROWTH:
        # A state explains no growth of the live heap: a leak beside it must not go without a word.
        beside = what_is_unexplained(case, [], sure)
        reasons += tuple(f"beside it, {blank.why}" for blank in beside)
        steps += tuple(blank.what for blank in beside)
    suspects = [*sure, *unsure, *(places_without_a_keeper(case) if worst.code.is_finding else ())]
    return _answer(case, worst.code, worst.confidence, reasons, suspects, steps)


def _named(case: Case, suspect: Suspect, source: Source | None) -> Suspect:
    if source is not None:
        suspect = name_by_source(suspect, source)
    return _described(case, name_by_agent(case, suspect))


def _described(case: Case, suspect: Suspect) -> Suspect:
    """Return ``suspect`` with its capacity and the goroutines at its site; a leak of these counts its own."""
    if suspect.site is None or suspect.code is Verdict.GOROUTINE_LEAK:
        return suspect
    container = container_of(case, suspect)
    room = capacity_of(case, suspect, container) if container is not None else ()
    evidence = (*suspect.evidence, *room, *standing_at(case, suspect.site.function))
    owner = path_of_local(case, suspect) or suspect.owner
    return replace(suspect, owner=owner, evidence=tuple(sorted(evidence, key=_rank)))


def _rank(evidence: Evidence) -> tuple[bool, bool]:
    """Order what is measured against a bar first, then what others than the profiles say, then the rest."""
    return evidence.threshold is None, evidence.source.startswith(("heap", "difference of heap"))


def _badness(suspect: Suspect) -> tuple[bool, float, float]:
    """Order problems before states, then by how fast they eat memory, then by how much they hold."""
    rate = suspect.growth_bytes_per_second or 0.0
    return not suspect.code.is_finding, -rate * suspect.confidence, -suspect.bytes


def _texts(reasons: tuple[Reason, ...]) -> tuple[str, ...]:
    return tuple(reason.text for reason in reasons)


def _healthy_reasons(case: Case) -> tuple[Reason, ...]:
    reasons = []
    if case.exact is not None and case.exact.seconds is not None:
        reasons += [_counted_heap(case.exact, case.exact.seconds), *_made_anew(case.exact)]
    elif case.history is not None and case.growth_known:
        reasons += _steady_heap_reasons(case, case.history.growth())
    elif case.allocation_bound is not None:
        reasons.append(Reason("the process allocated next to nothing in the window", 0.7))
    counts = [c.goroutine_count for c in case.observation.captures if c.goroutine_count is not None]
    if len(counts) > 1:
        reasons.append(Reason(f"goroutines went from {counts[0]:,} to {counts[-1]:,}", 0.3))
    return (*reasons, _what_would_not_show(case))


def _counted_heap(exact: Exact, seconds: float) -> Reason:
    change = f"the live heap changed by {exact.change.heap_bytes / MIB:+.1f} MiB over {seconds:.0f} s"
    return Reason(f"{change}, every object of it reached and counted", 0.7)


def _made_anew(exact: Exact) -> list[Reason]:
    """Return a word on each large map that is another one than at the first look: no problem, but worth knowing."""
    least = WORTH_NAMING_SHARE * exact.heap_bytes
    rows = (
        row for row in exact.owners if row.is_rebuilt and row.after is not None and row.after.bytes >= least
    )
    return [Reason(f"{row.owner} was made anew between both looks", 0.0) for row in rows]


def _unseen_churn(exact: Exact) -> str:
    rate = allocation_rate(exact)
    if rate is None:
        return "what is allocated and dropped at once (churn) is not seen from outside"
    return f"of what is allocated and dropped at once ({rate / MIB:.1f} MiB/s) only maps made anew are seen"


def _what_would_not_show(case: Case) -> Reason:
    """Return the doubt that every clean bill of health carries: how fast a leak may be and go unseen."""
    seconds = case.observation.seconds
    weight = -0.1 if seconds < case.thresholds.short_window_seconds else -0.05
    if case.exact is not None and case.history is None:
        return Reason(_unseen_churn(case.exact), 2 * weight)
    if case.history is None or not case.growth_known:
        return Reason(f"a window of {seconds:.0f} s does not show slow leaks", weight)
    unseen = case.thresholds.growth_sigmas * case.history.growth().uncertainty_per_second
    return Reason(f"a leak slower than {unseen / MIB:.2g} MiB/s may not show in {seconds:.0f} s", weight)


def _steady_heap_reasons(case: Case, growth: Growth) -> list[Reason]:
    kept = growth.retained_share
    change = f"the live heap changed by {growth.bytes / MIB:+.1f} MiB over {growth.seconds:.0f} s"
    error = f"its sampling error of {growth.uncertainty_bytes / MIB:.1f} MiB"
    if abs(growth.sigmas) <= case.thresholds.doubt_sigmas:
        reasons = [Reason(f"{change}, within {error}", 0.6)]
    elif growth.bytes < 0:
        reasons = [Reason(f"{change}: it shrank", 0.6)]
    else:
        reasons = [Reason(f"{change}, more than {error}, yet no more than a busy heap moves", 0.3)]
    if kept is not None and kept < case.thresholds.retained_share:
        reasons.append(
            Reason(f"only {max(0.0, kept):.0%} of what was allocated in the window is still held", 0.4)
        )
    return reasons


def _answer(
    case: Case, verdict: Verdict, confidence: float, reasons: tuple[str, ...], suspects: list[Suspect],
    next_steps: tuple[str, ...] = (),
) -> Diagnosis:  # fmt: skip
    observation = case.observation
    restart = (
        (Blank("the captures before the restart", f"not compared: {case.restarted}"),)
        if case.restarted
        else ()
    )
    return Diagnosis(
        target=observation.target,
        verdict=verdict,
        confidence=confidence,
        reasons=reasons,
        suspects=tuple(suspects),
        not_captured=observation.not_captured + restart,
        next_steps=next_steps,
        go_version=observation.go_version,
        window_seconds=observation.seconds,
        captures=len(observation.captures),
    )


def _next_steps(case: Case, worst: Suspect) -> tuple[str, ...]:
    if worst.code not in (Verdict.MAP_LEAK, Verdict.MAP_NEVER_SHRINKS):
        return ()
    target, process = url_word(case.observation.target), process_word(case.observation.target)
    if worst.label and target != process:
        # Names come from the target: a command to be pasted must stay one.
        strategy = (
            "" if worst.fix is None or worst.fix.strategy == "swap" else f" --strategy {worst.fix.strategy}"
        )
        return (f"mapmedic hotfix {target} --map {shlex.quote(worst.label)}{strategy}",)
    if any(blank.what == "agent_maps" and "token" in blank.why for blank in case.observation.not_captured):
        return (f"MAPMEDIC_TOKEN=… mapmedic diagnose {target}   (the agent there can name the map)",)
    # From outside a map is emptied: one that never shrank, and is in use, would lose what it is used for.
    if process and worst.owner and (worst.code is Verdict.MAP_LEAK or not worst.entries):
        return (f"mapmedic hotfix {process} --map {shlex.quote(worst.owner)}",)
    return ("register the map with the mapmedic agent, or restart after the patch below",)

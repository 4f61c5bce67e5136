"""From all suspects to one verdict, with what is still unknown and what to do next."""

from __future__ import annotations

from mapmedic.diagnose.case import Case, build_case
from mapmedic.diagnose.confidence import combine
from mapmedic.diagnose.owners import Locate, name_by_agent, name_by_source
from mapmedic.diagnose.rules import RULES
from mapmedic.diagnose.thresholds import Thresholds
from mapmedic.diagnose.unknowns import undetermined_suspects, what_is_missing
from mapmedic.model.findings import Blank, Diagnosis, Reason, Suspect, Verdict
from mapmedic.model.observation import Observation
from mapmedic.model.units import MIB


def diagnose(
    observation: Observation, thresholds: Thresholds | None = None, locate: Locate | None = None
) -> Diagnosis:
    """Return the verdict on ``observation``; pure: no clock, no file, no network.

    ``locate`` reads the source at an inserting site, where there is source.
    """
    case = build_case(observation, thresholds or Thresholds())
    suspects = [suspect for rule in RULES.values() for suspect in rule(case)]
    suspects = sorted((_named(case, suspect, locate) for suspect in suspects), key=_badness)
    sure = [s for s in suspects if s.confidence >= case.thresholds.report_confidence]
    if sure:
        return _answer(case, sure[0].code, sure[0].confidence, _texts(sure[0].reasons), suspects)
    missing = what_is_missing(case)
    if missing:
        suspects += [_named(case, s, locate) for s in undetermined_suspects(case)]
        reasons = tuple(blank.why for blank in missing)
        return _answer(case, Verdict.UNDETERMINED, 0.0, reasons, suspects, missing)
    reasons_healthy = _healthy_reasons(case)
    return _answer(case, Verdict.HEALTHY, combine(reasons_healthy), _texts(reasons_healthy), suspects)


def _named(case: Case, suspect: Suspect, locate: Locate | None) -> Suspect:
    if locate is not None:
        suspect = name_by_source(suspect, locate)
    return name_by_agent(case, suspect)


def _badness(suspect: Suspect) -> tuple[bool, float, float]:
    """Order problems before states, then by how fast they eat memory, then by how much they hold."""
    rate = suspect.growth_bytes_per_second or 0.0
    return not suspect.code.is_finding, -rate * suspect.confidence, -suspect.bytes


def _texts(reasons: tuple[Reason, ...]) -> tuple[str, ...]:
    return tuple(reason.text for reason in reasons)


def _healthy_reasons(case: Case) -> tuple[Reason, ...]:
    reasons = []
    if case.history is not None and case.growth_known:
        growth = case.history.growth()
        kept = growth.retained_share
        change = f"{growth.bytes / MIB:+.1f} MiB over {growth.seconds:.0f} s"
        error = f"{growth.uncertainty_bytes / MIB:.1f} MiB"
        reasons.append(
            Reason(f"the live heap changed by {change}, within its sampling error of {error}", 0.6)
        )
        if kept is not None and kept < case.thresholds.retained_share:
            reasons.append(
                Reason(f"only {max(0.0, kept):.0%} of what was allocated in the window is still held", 0.4)
            )
    elif case.allocation_bound is not None:
        reasons.append(Reason("the process allocated next to nothing in the window", 0.7))
    counts = [c.goroutine_count for c in case.observation.captures if c.goroutine_count is not None]
    if len(counts) > 1:
        reasons.append(Reason(f"goroutines went from {counts[0]:,} to {counts[-1]:,}", 0.3))
    if case.observation.seconds < case.thresholds.short_window_seconds:
        reasons.append(Reason(f"a window of {case.observation.seconds:.0f} s does not show slow leaks", -0.1))
    return tuple(reasons)


def _answer(
    case: Case, verdict: Verdict, confidence: float, reasons: tuple[str, ...], suspects: list[Suspect],
    missing: tuple[Blank, ...] = (),
) -> Diagnosis:  # fmt: skip
    observation = case.observation
    return Diagnosis(
        target=observation.target,
        verdict=verdict,
        confidence=confidence,
        reasons=reasons,
        suspects=tuple(suspects),
        not_captured=observation.not_captured,
        next_steps=_next_steps(case, verdict, suspects, missing),
        go_version=observation.go_version,
        window_seconds=observation.seconds,
        captures=len(observation.captures),
    )


def _next_steps(
    case: Case, verdict: Verdict, suspects: list[Suspect], missing: tuple[Blank, ...]
) -> tuple[str, ...]:
    target = case.observation.target
    if verdict is Verdict.UNDETERMINED:
        return tuple(dict.fromkeys(blank.what for blank in missing))
    if verdict is Verdict.MAP_LEAK and suspects[0].label:
        return (f"mapmedic hotfix {target} --map {suspects[0].label}",)
    if verdict is Verdict.MAP_LEAK:
        return ("register the map with the mapmedic agent, or restart after the patch below",)
    return ()

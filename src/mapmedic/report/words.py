"""A diagnosis in plain sentences: the same ones in the terminal and at the head of the page."""

from __future__ import annotations

from dataclasses import dataclass

from mapmedic.model.findings import Diagnosis, Reason, Site, Suspect, Verdict
from mapmedic.report.figures import bytes_text, count_text, duration_text, finite, percent_text, rate_text
from mapmedic.report.inert import SHOWN_LIMIT, inert

VERDICT_NAMES: dict[Verdict, str] = {
    Verdict.MAP_LEAK: "map leak",
    Verdict.MAP_NEVER_SHRINKS: "map that never shrinks",
    Verdict.MAP_CHURN: "map churn",
    Verdict.LARGE_STEADY_MAP: "large but steady map",
    Verdict.GOROUTINE_LEAK: "goroutine leak",
    Verdict.SLICE_GROWTH: "slice that only grows",
    Verdict.GC_LAG: "garbage collection lags",
    Verdict.IDLE_NOT_RETURNED: "idle memory not returned",
    Verdict.OFF_HEAP: "memory outside the Go heap",
    Verdict.HEALTHY: "healthy",
    Verdict.UNDETERMINED: "undetermined",
}

# What is wrong, about a thing that has a name ({}).
_NAMED: dict[Verdict, str] = {
    Verdict.MAP_LEAK: "{} is leaking.",
    Verdict.MAP_NEVER_SHRINKS: "{} was emptied but keeps its buckets.",
    Verdict.MAP_CHURN: "{} is made anew again and again.",
    Verdict.LARGE_STEADY_MAP: "{} is large but steady: not a leak.",
    Verdict.GOROUTINE_LEAK: "Goroutines pile up in {}.",
    Verdict.SLICE_GROWTH: "{} only grows.",
}
# The same about a thing whose name nobody told.
_NAMELESS: dict[Verdict, str] = {
    Verdict.MAP_LEAK: "A map is leaking; its name is not known yet.",
    Verdict.MAP_NEVER_SHRINKS: "A map was emptied but keeps its buckets; its name is not known yet.",
    Verdict.MAP_CHURN: "A map is made anew again and again; its name is not known yet.",
    Verdict.LARGE_STEADY_MAP: "A map is large but steady: not a leak.",
    Verdict.GOROUTINE_LEAK: "Goroutines pile up and do not end.",
    Verdict.SLICE_GROWTH: "A slice only grows; its name is not known yet.",
    Verdict.GC_LAG: "The garbage collector lags behind: memory waits for the next cycle.",
    Verdict.IDLE_NOT_RETURNED: "The heap is small again, but its memory has not gone back to the system.",
    Verdict.OFF_HEAP: "The memory is held outside the Go heap.",
    Verdict.HEALTHY: "No leak: memory stays within its usual range.",
    Verdict.UNDETERMINED: "Not decided: the evidence is too thin to name a cause.",
}
_HOW_SURE = ((0.9, "strong"), (0.7, "good"), (0.4, "moderate"), (0.0, "weak"))


@dataclass(frozen=True, slots=True)
class Statement:
    """What the first screen says. ``headline`` is one sentence; each of ``sentences`` stands alone."""

    headline: str
    sentences: tuple[str, ...]


def state(diagnosis: Diagnosis) -> Statement:
    """Return the verdict in plain words: which, where, how much, how fast."""
    suspect = chief(diagnosis)
    if suspect is None:
        sentences = [_watched(diagnosis)]
        return Statement(_NAMELESS[diagnosis.verdict], tuple(filter(None, sentences)))
    sentences = [_place(suspect), _amount(suspect), _watched(diagnosis)]
    return Statement(what_is_wrong(suspect), tuple(filter(None, sentences)))


def chief(diagnosis: Diagnosis) -> Suspect | None:
    """Return the suspect the verdict is about, None where the verdict names none."""
    if diagnosis.verdict in (Verdict.UNDETERMINED, Verdict.HEALTHY):
        return None  # what is listed then is a suspicion, not the answer
    for suspect in diagnosis.suspects:
        if suspect.code is diagnosis.verdict:
            return suspect
    return None


def what_is_wrong(suspect: Suspect) -> str:
    """Return one sentence about one suspect."""
    name = name_of(suspect) or _described(suspect)
    sentence = _NAMED.get(suspect.code)
    if name is None or sentence is None:
        return _NAMELESS[suspect.code]
    return sentence.replace("{}", name)  # not format(): a name may hold braces


def in_a_line(suspect: Suspect) -> str:
    """Return one line about a suspect that the verdict is not about: a suspicion, not a finding."""
    parts = [suspicion(suspect)]
    if suspect.site is not None:
        parts.append(f"at {place_of(suspect.site)}")
    parts.append(bytes_text(suspect.bytes))
    if suspect.confidence:
        parts.append(f"confidence {how_sure(suspect.confidence)}")
    return ", ".join(parts)


def suspicion(suspect: Suspect) -> str:
    """Return in a few words what is suspected of what ("map leak: main.cache", "map, growth not known")."""
    if suspect.code is Verdict.UNDETERMINED:
        growth = (
            ", growth not known"
            if suspect.growth_bytes_per_second is None
            else " that grows, keeper not known"
        )
        what = f"{suspect.kind or 'memory'}{growth}"
    else:
        what = VERDICT_NAMES[suspect.code]
    name = name_of(suspect)
    return f"{what}: {name}" if name else what


def name_of(suspect: Suspect) -> str | None:
    """Return the best name of what the suspect holds, inert and shortened; None where nobody told one."""
    name = suspect.owner or suspect.declared or suspect.label
    return inert(name, SHOWN_LIMIT) if name else None


def place_of(site: Site) -> str:
    """Return a place in the source as "function (file:line)", as much of it as is known."""
    function = inert(site.function, SHOWN_LIMIT)
    where = file_line(site.file, site.line)
    return f"{function} ({where})" if where else function


def file_line(file: str | None, line: int | None) -> str | None:
    """Return "file:line", None where no file is known."""
    if not file:
        return None
    shown = inert(file, SHOWN_LIMIT)
    return shown if line is None else f"{shown}:{line}"


def how_sure(confidence: float) -> str:
    """Return a confidence in words and percent ("strong, 94 %")."""
    number = finite(confidence)
    if number is None:
        return "not rated"
    word = next((word for least, word in _HOW_SURE if number >= least), "weak")
    return f"{word}, {percent_text(number)}"


def confidence_line(diagnosis: Diagnosis) -> str:
    """Return how sure the verdict is, or that what follows says why there is none."""
    if diagnosis.verdict is Verdict.UNDETERMINED:
        return "Why nothing is decided:"
    return f"Confidence: {how_sure(diagnosis.confidence)}."


def reasons_of(diagnosis: Diagnosis) -> tuple[Reason, ...]:
    """Return why the confidence is what it is, the weightiest first, doubts last."""
    suspect = chief(diagnosis)
    if suspect is None or not suspect.reasons:
        return tuple(Reason(text, 0.0) for text in diagnosis.reasons)
    return tuple(sorted(suspect.reasons, key=lambda reason: -(finite(reason.weight) or 0.0)))


def next_command(diagnosis: Diagnosis) -> str | None:
    """Return the one thing to do next: the fix where there is one, else what to look at."""
    suspect = chief(diagnosis)
    if suspect is not None and suspect.fix is not None and suspect.fix.command:
        return suspect.fix.command
    return diagnosis.next_steps[0] if diagnosis.next_steps else None


def _described(suspect: Suspect) -> str | None:
    """Return what a thing without a name is told apart by: the function that fills it."""
    if suspect.site is None:
        return None
    function = inert(suspect.site.function, SHOWN_LIMIT)
    if suspect.code is Verdict.GOROUTINE_LEAK:
        return function
    kind = suspect.kind or ("slice" if suspect.code is Verdict.SLICE_GROWTH else "map")
    return f"The {kind} filled in {function}"


def _place(suspect: Suspect) -> str:
    if suspect.site is None:
        return ""
    if suspect.code is Verdict.GOROUTINE_LEAK:
        return f"They stand in {place_of(suspect.site)}."
    return f"It is filled in {place_of(suspect.site)}."


def _amount(suspect: Suspect) -> str:
    goroutines = suspect.code is Verdict.GOROUTINE_LEAK
    text = f"{'The stack memory' if goroutines else 'It'} holds {bytes_text(suspect.bytes)}"
    if suspect.entries is not None:
        text += f" in {count_text(suspect.entries)} {'goroutines' if goroutines else 'entries'}"
    rate = finite(suspect.growth_bytes_per_second)
    if rate is None:
        return f"{text}; one look cannot say how fast it grows."
    return f"{text} and {_pace(rate, finite(suspect.growth_uncertainty))}."


def _pace(rate: float, uncertainty: float | None) -> str:
    if abs(rate) <= (uncertainty or 0.0) or rate == 0:
        doubt = f" (within ± {bytes_text(uncertainty)}/s)" if uncertainty else ""
        return f"does not grow measurably{doubt}"
    return f"{'grows' if rate > 0 else 'shrinks'} by {rate_text(abs(rate), uncertainty)}"


def _watched(diagnosis: Diagnosis) -> str:
    if not diagnosis.captures:
        return ""
    looks = "one capture" if diagnosis.captures == 1 else f"{count_text(diagnosis.captures)} captures"
    if not diagnosis.window_seconds:
        return f"This rests on {looks}."
    return f"This rests on {looks} over {duration_text(diagnosis.window_seconds * 1e9)}."

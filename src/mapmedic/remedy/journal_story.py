"""What a journal tells: step by step, how far it got, and what it cannot tell. A run that was killed is explained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mapmedic.capture.journal_file import read_journal
from mapmedic.model.journal import JournalEvent, JournalLines, JournalStory, Reached, SavedFile
from mapmedic.remedy.journal import is_in_use
from mapmedic.remedy.journal_steps import number, sentence

_WHAT = {
    "planned": "a fix through the agent",
    "outside.planned": "a fix from outside",
    "call.planned": "a call of a function of the program's own",
    "tune.planned": "a setting of the collector",
    "collections.begun": "forced collections",
    "restoring": "a restore",
    "rollout.begun": "a rollout over several targets",
}
# Events after which nothing more was to come.
_UNTOUCHED = (
    "refused",
    "tune.refused",
    "outside.not_saved",
    "outside.saved_let_go",
    "nothing_detached",
    "undone",
    "expired",
)
_DONE = ("proved", "tune.applied", "restored", "rollout.ended", "committed")
# Last event -> how far it got, in a sentence, and what to do.
_ENDED_AT: dict[str, tuple[Reached, str, str]] = {
    "planned": (Reached.UNTOUCHED, "it ended before anything was taken out", ""),
    "outside.planned": (Reached.UNTOUCHED, "it ended before the process was stopped for a write", ""),
    "call.planned": (Reached.UNTOUCHED, "it ended before the guardian was started; nothing was called", ""),
    "call.calling": (
        Reached.UNKNOWN,
        "it ended while a thread was looked for: whether the function was called is not known",
        "mapmedic heap PID shows what is in its maps",
    ),
    "call.called": (
        Reached.INTERRUPTED,
        "it ended while the function ran; the guardian stays until it has come back, and must not be killed",
        "mapmedic heap PID shows what is in its maps",
    ),
    "call.ended": (Reached.INTERRUPTED, "it ended after the call; whether memory came back was not looked at", ""),
    "outside.saving": (Reached.UNTOUCHED, "it ended while the entries were saved; nothing was changed", ""),
    "outside.saved": (Reached.UNTOUCHED, "it ended before the write; the entries are saved all the same", ""),
    "outside.writing": (
        Reached.UNKNOWN,
        "it ended in the stop in which it was to write: each write was made whole or not at all, which is not known",
        "mapmedic heap PID shows whether the map is empty",
    ),
    "outside.not_written": (Reached.UNTOUCHED, "it ended while it waited for a moment in which to write", ""),
    "outside.unknown": (
        Reached.UNKNOWN,
        "the process, or the one that wrote for us, ended in the middle of a write: a part of it may be there",
        "mapmedic heap PID shows what is in the map",
    ),
    "outside.written": (Reached.INTERRUPTED, "it ended right after the write", ""),
    "outside.proof_cut_short": (Reached.INTERRUPTED, "the fix was made; somebody ended it before it was proved", ""),
    "outside.saving_difference": (Reached.INTERRUPTED, "it ended right after the write", ""),
    "detaching": (Reached.UNTOUCHED, "what the agent may hold it puts back when the hold runs out", ""),
    "committing": (Reached.UNKNOWN, "whether the agent let the entries go is not known", "plan again"),
    "tune.planned": (
        Reached.UNKNOWN, "it is all set or nothing, which is not known", "mapmedic tune PID shows what is set",
    ),
    "restoring": (Reached.UNKNOWN, "some entries may be back", "a restore can be repeated"),
    "restore_incomplete": (Reached.INTERRUPTED, "not all entries are back", "a restore can be repeated"),
    "state_unknown": (Reached.UNKNOWN, "the agent did not say what became of the entries", "plan again"),
}  # fmt: skip
_AGENT_HOLDS = "it ended before a commit: the agent puts everything back when its hold runs out"
_HELD = ("detached", "backing_up", "backed_up", "undo_left_to_the_agent")


def tell_journal(path: Path) -> JournalStory:
    """Return what the journal at ``path`` tells; CannotRead, FormatError where it is none."""
    lines = read_journal(path)
    events = lines.events
    reached, verdict, advice = _ending(events, in_use=is_in_use(path))
    return JournalStory(
        path=str(path),
        what=_WHAT.get(events[0].name, "a journal"),
        target=_target(events[0]),
        steps=tuple((each.at_unix_ns, sentence(each)) for each in events),
        reached=reached,
        verdict=verdict,
        cannot_tell=tuple(_cannot_tell(lines)),
        next=tuple(each for each in (advice, _repair(events, reached)) if each),
        files=saved_files(path, events),
    )


def saved_files(journal: Path, events: Sequence[JournalEvent]) -> tuple[SavedFile, ...]:
    """Return the files of entries that ``events`` name and leave, the difference behind its base; here by now."""
    found = []
    let_go = {event.facts.get("path") for event in events if event.name == "outside.saved_let_go"}
    for event in events:
        if event.name not in ("outside.saved", "outside.difference_saved", "backed_up"):
            continue
        named, entries = event.facts.get("path"), event.facts.get("entries")
        if not isinstance(named, str) or named in let_go:
            continue
        places = (Path(named), journal.parent / Path(named).name)
        there = next((str(each) for each in places if each.is_file()), None)
        found.append(SavedFile(named, there, entries if isinstance(entries, int) else None))
    return tuple(found)


def _ending(events: Sequence[JournalEvent], *, in_use: bool) -> tuple[Reached, str, str]:
    names = [each.name for each in events if not each.name.startswith("collections.")]
    last = names[-1] if names else events[-1].name
    known: dict[str, tuple[Reached, str, str]] = {
        **dict.fromkeys(
            _UNTOUCHED, (Reached.UNTOUCHED, "nothing was changed, or everything was put back", "")
        ),
        **dict.fromkeys(_DONE, (Reached.DONE, "it went to its end", "")),
        **dict.fromkeys(_HELD, (Reached.UNTOUCHED, _AGENT_HOLDS, "")),
        **_ENDED_AT,
    }
    if in_use:
        return Reached.RUNNING, "whoever writes it is still at it", ""
    has_written = "outside.written" in names
    if last in known and not (has_written and known[last][0] is Reached.UNTOUCHED):
        return known[last]
    if has_written:
        return Reached.INTERRUPTED, "it ended after the write; whether memory came back was not looked at", ""
    return Reached.UNKNOWN, "it ended here, without a word on what became of it", ""


def _repair(events: Sequence[JournalEvent], reached: Reached) -> str:
    names = [each.name for each in events]
    begun, put_back = names.count("collections.begun"), names.count("collections.restored")
    left = begun > put_back and reached is not Reached.RUNNING
    return "mapmedic doctor --repair puts back the time between forced collections" if left else ""


def _cannot_tell(lines: JournalLines) -> list[str]:
    said = []
    names = [each.name for each in lines.events]
    unknown = next((each for each in lines.events if each.name == "outside.difference_unknown"), None)
    wrote, differed = "outside.written" in names, "outside.difference_saved" in names
    if unknown is not None:
        said.append(f"what came between the first copy and the write: {unknown.facts.get('why', '?')}")
    elif wrote and not differed and "outside.saved" in names:
        said.append("what came between the first copy and the write: it ended before that was saved")
    if any(each.facts.get("raw") is True for each in lines.events if each.name == "outside.saved"):
        said.append(
            "what its entries were: no type was known, so the bytes of its header, tables and groups or buckets were "
            "saved as they lay; what they point to was not followed"
        )
    if unsure := [each for each in lines.events if each.name == "outside.unknown"]:
        said.append(f"whether all of the last stop's writes were made: {unsure[-1].facts.get('why', '?')}")
    if wrote and "outside.saved" not in names:
        said.append("what was in the map: the entries were not saved")
    if lines.is_cut:
        said.append("its last line is cut short: what it was about to say")
    if lines.damaged > lines.is_cut:
        said.append(f"{number(lines.damaged - lines.is_cut)} lines in it that make no sense")
    return said


def _target(first: JournalEvent) -> str:
    plan = first.facts.get("plan")
    if isinstance(plan, dict):
        return str(plan.get("target", "?"))
    program = first.facts.get("program")
    pid = first.facts.get("pid")
    if pid is not None:
        return f"process {pid}" + (f" ({program})" if program else "")
    return str(first.facts.get("target", first.facts.get("path", "?")))

"""What each event of a journal says, in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mapmedic.model.journal import JournalEvent

Facts = Mapping[str, Any]


def sentence(event: JournalEvent) -> str:
    """Return what ``event`` says; of one that is not known its name."""
    say = _SENTENCES.get(event.name)
    return say(event.facts) if say else event.name


def number(value: object) -> str:
    """Return a count as people read it, "?" for what is none."""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else "?"


def _ms(value: object) -> str:
    return f"{value:.1f} ms" if isinstance(value, int | float) and not isinstance(value, bool) else "? ms"


def _address(value: object) -> str:
    return f"{value:#x}" if isinstance(value, int) and not isinstance(value, bool) else "?"


def _planned(facts: Facts) -> str:
    plan = facts.get("plan")
    plan = plan if isinstance(plan, dict) else {}
    return f"planned: {plan.get('strategy', '?')} {plan.get('map', '?')} through the agent in {plan.get('target', '?')}"


def _planned_outside(facts: Facts) -> str:
    fields = [each for each in facts.get("fields") or () if isinstance(each, dict)]
    maps = ", ".join(f"{each.get('name', '?')} at {_address(each.get('address'))}" for each in fields)
    return (
        f"planned: {facts.get('strategy', '?')} {facts.get('map', '?')}, {number(facts.get('entries'))} entries at "
        f"{maps or _address(facts.get('address'))}, in process {facts.get('pid', '?')} ({facts.get('program', '?')})"
    )


def _planned_call(facts: Facts) -> str:
    return (
        f"planned: call {facts.get('function', '?')} at {_address(facts.get('address'))} in process "
        f"{facts.get('pid', '?')} ({facts.get('program', '?')})"
    )


def _ended_call(facts: Facts) -> str:
    panic = facts.get("panic")
    return f"the function: {facts.get('end', '?')}, after {_ms(facts.get('ran_ms'))}" + (
        f": {panic}" if panic else ""
    )


def _planned_tune(facts: Facts) -> str:
    changes = facts.get("changes")
    names = [str(each.get("name")) for each in changes or () if isinstance(each, dict)]
    return f"planned: set {', '.join(names) or '?'} of process {facts.get('pid', '?')}"


def _saved_things(facts: Facts) -> str:
    return "pieces of its own parts, as raw bytes," if facts.get("raw") is True else "entries"


def _difference(facts: Facts) -> str:
    counts = [number(facts.get(name)) for name in ("added", "changed", "gone")]
    return "what came in between was saved: {} came, {} changed, {} went".format(*counts)


def _why(words: str) -> Callable[[Facts], str]:
    return lambda facts: f"{words}: {facts.get('why', '?')}"


def _plain(words: str) -> Callable[[Facts], str]:
    return lambda _facts: words


_SENTENCES: dict[str, Callable[[Facts], str]] = {
    "planned": _planned,
    "outside.planned": _planned_outside,
    "tune.planned": _planned_tune,
    "call.planned": _planned_call,
    "call.calling": _plain("the guardian was started, to look for a thread"),
    "call.called": lambda facts: (
        f"the function runs on thread {facts.get('thread', '?')}, watched by the guardian, process "
        f"{facts.get('guardian', '?')}"
    ),
    "call.ended": _ended_call,
    "outside.saving": lambda facts: f"began to save {number(facts.get('entries'))} {_saved_things(facts)}",
    "outside.saved": lambda facts: (
        f"{number(facts.get('entries'))} {_saved_things(facts)} are on the disk, {number(facts.get('bytes'))} bytes"
    ),
    "outside.saved_let_go": _plain("nothing was changed, so the file of its entries was taken away"),
    "outside.not_saved": _why("the entries could not be saved, so nothing was changed"),
    "outside.writing": lambda facts: (
        f"every thread stood still and all conditions held: about to write, {number(facts.get('entries'))} entries go"
    ),
    "outside.not_written": _why("nothing was written after all"),
    "outside.unknown": lambda facts: (
        f"whether all {number(facts.get('writes'))} writes were made is not known: {facts.get('why', '?')}"
    ),
    "outside.written": lambda facts: (
        f"written: {number(facts.get('entries'))} entries went; it stood still for {_ms(facts.get('pause_ms'))}"
    ),
    "outside.proof_cut_short": _why(
        "somebody ended it before the memory was looked at; the fix itself is made"
    ),
    "outside.saving_difference": _plain("began to save what came between the first copy and the write"),
    "outside.difference_saved": _difference,
    "outside.difference_unknown": _why("what came in between could not be saved"),
    "collections.begun": _plain("the time after which the runtime forces a collection was made short"),
    "collections.knocked": _plain("the program was woken, so that it looks at the time"),
    "collections.restored": _plain("that time was put back"),
    "collections.not_restored": _why("that time could not be put back"),
    "collections.refused": _why("no collection was forced"),
    "tune.applied": lambda facts: f"set; it stood still for {_ms((facts.get('pause_ns') or 0) / 1e6)}",
    "tune.refused": _why("refused, nothing was set"),
    "refused": _why("refused, nothing was changed"),
    "detaching": _plain("the agent was asked to take the entries out, and to hold them"),
    "detached": lambda facts: f"the agent holds {number(facts.get('entries'))} entries",
    "nothing_detached": _why("nothing was taken out"),
    "backing_up": lambda facts: f"began to save the entries to {facts.get('path', '?')}",
    "backed_up": lambda facts: f"{number(facts.get('entries'))} entries are in {facts.get('path', '?')}",
    "committing": _plain("the agent was asked to let them go"),
    "committed": _plain("the agent let them go"),
    "undone": _plain("everything was put back"),
    "expired": _plain("the hold ran out: the agent put everything back"),
    "undo_left_to_the_agent": _why("the agent puts everything back when the hold runs out"),
    "state_unknown": _why("the agent did not say what became of the entries"),
    "restoring": lambda facts: (
        f"began to put {number(facts.get('entries'))} entries back into {facts.get('map', '?')}"
    ),
    "restored": lambda facts: f"{number(facts.get('restored'))} entries are back",
    "restore_incomplete": _why("not all entries are back"),
    "proved": lambda facts: (
        "proven" if facts.get("passed") is True else "done, but not proven to have helped"
    ),
    "rollout.begun": _plain("a rollout over several targets began; each has a journal of its own"),
    "rollout.resumed": _plain("the rollout went on"),
    "rollout.target_begun": lambda facts: f"began with {facts.get('target', '?')}",
    "rollout.target_ended": lambda facts: f"ended with {facts.get('target', '?')}",
    "rollout.bake_begun": lambda facts: f"watching ring {facts.get('ring', '?')} before the next",
}

"""The journal of a roll-out: which target was begun, what became of it, and from it what need not be done again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mapmedic.capture.journal_file import read_journal
from mapmedic.errors import FormatError, UsageError
from mapmedic.model.journal import JournalEvent
from mapmedic.model.rollout import TargetResult, TargetState
from mapmedic.remedy.conditions import condition_json
from mapmedic.remedy.journal import Journal, note
from mapmedic.remedy.plan import FixRequest

BEGUN, RESUMED, ENDED = "rollout.begun", "rollout.resumed", "rollout.ended"
TARGET_BEGUN, TARGET_ENDED = "rollout.target_begun", "rollout.target_ended"
BAKE_BEGUN, BAKE_ENDED = "rollout.bake_begun", "rollout.bake_ended"


class Record:
    """The journal of one roll-out, a new one or one that goes on; what happened is noted even when the disk is full."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.path = str(journal.path)

    def begin(self, request: FixRequest, targets: int, rings: str, *, resumed: bool) -> None:
        """Write what is about to be done; JournalUnwritable and CouldNotLook where it cannot be."""
        facts = _what(request)
        self.journal.write(RESUMED if resumed else BEGUN, **facts, targets=targets, rings=rings)

    def target_begins(self, target: str, ring: int) -> None:
        """Write that ``target`` is about to be touched."""
        self.journal.write(TARGET_BEGUN, target=target, ring=ring)

    def target_ended(self, result: TargetResult) -> None:
        """Write what became of a target."""
        note(
            self.journal, TARGET_ENDED, target=result.target, ring=result.ring, state=result.state.value,
            why=result.why, exit_code=result.exit_code, target_journal=result.journal_path,
        )  # fmt: skip

    def bake_begins(self, ring: int, seconds: float) -> None:
        """Write that a ring is done and is watched."""
        note(self.journal, BAKE_BEGUN, ring=ring, seconds=seconds)

    def bake_ended(self, ring: int, complaints: tuple[str, ...]) -> None:
        """Write what was amiss after a ring."""
        note(self.journal, BAKE_ENDED, ring=ring, complaints=list(complaints))

    def ended(self, why: str | None) -> None:
        """Write that no further target will be touched, and why it ended before the last ring did."""
        note(self.journal, ENDED, stopped=why)


def done_before(path: Path, request: FixRequest) -> dict[str, TargetResult]:
    """Return the targets that the roll-out at ``path`` is done with, each with what became of it.

    CannotRead, FormatError where it is no journal of a roll-out; UsageError where that one did something else.
    """
    events = read_journal(path).events
    begun = next((each for each in events if each.name == BEGUN), None)
    if begun is None:
        raise FormatError(str(path), "it is no journal of a roll-out")
    wanted = _what(request)
    other = [name for name in wanted if begun.facts.get(name) != wanted[name]]
    if other:
        raise UsageError(f"{path} is of a roll-out with another {', '.join(other)}: say the same as then")
    ended = [_ended(each) for each in events if each.name == TARGET_ENDED]
    return {each.target: each for each in ended if each is not None and each.state.is_done}


def _what(request: FixRequest) -> dict[str, Any]:
    where = [condition_json(condition) for condition in request.where]
    return {"map": request.map, "strategy": request.strategy, "where": where}


def _ended(event: JournalEvent) -> TargetResult | None:
    target, state, why, code = (event.facts.get(name) for name in ("target", "state", "why", "exit_code"))
    if not isinstance(target, str) or state not in list(TargetState) or not isinstance(code, int):
        return None
    journal, ring = event.facts.get("target_journal"), event.facts.get("ring")
    return TargetResult(
        target, ring if isinstance(ring, int) else None, TargetState(state), str(why), code,
        journal if isinstance(journal, str) else None, earlier=True,
    )  # fmt: skip

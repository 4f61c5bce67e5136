"""Take the entries out, look, save them to a file, let them go; on any doubt put everything back.

Between detach and commit the agent holds the entries. If we die there, the agent puts them back by
itself when the hold expires, so no death of ours loses an entry. Whatever happens, the journal ends with
what became of them: refused, nothing_detached, undone, expired, committed, undo_left_to_the_agent, or
state_unknown where nobody answers any more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from mapmedic.capture.agent import API, AgentLink
from mapmedic.errors import AgentRefused, MapmedicError, NotAuthorized, UnexpectedAnswer, UsageError
from mapmedic.model.backup import Backup
from mapmedic.model.observation import MemoryPoint
from mapmedic.model.remedy import FixPlan
from mapmedic.remedy.backup import take_backup
from mapmedic.remedy.health import HealthWatch
from mapmedic.remedy.journal import Journal, note
from mapmedic.remedy.plan import operation_body

# docs/reference/agent-api.yaml; it becomes part of a path.
_IDENTITY = re.compile(r"[0-9a-z]+-[0-9]+")
# The ends of an operation that leave the entries where they were.
_GIVEN_BACK = ("undone", "expired")


@dataclass(frozen=True, slots=True)
class Removal:
    """The agent's committed operation, the file that holds the entries, and how many were left in the map.

    ``left`` was counted once the entries were out: what the service stores afterwards is not in it. ``held`` is
    the memory right before the entries were dropped, None where nobody could say it.
    """

    operation: dict[str, Any]
    backup: Backup | None
    left: int | None
    held: MemoryPoint | None


async def remove_entries(link: AgentLink, plan: FixPlan, journal: Journal, health: HealthWatch) -> Removal:
    """Detach, back up and commit what ``plan`` says; return what became of it.

    Any error leaves the entries where they were, or on their way back. A commit whose answer was lost
    counts as one; an interrupt (KeyboardInterrupt, a cancelled task) stays an interrupt all the same.
    """
    operation = await health.unless_bad(_detach(link, plan, journal))
    identity, backup, left, held = str(operation["id"]), None, None, None
    try:
        left = await _entries_now(link, plan.map)  # the service still answers, so the swap did it no harm
        backup = await health.unless_bad(take_backup(link, operation, plan, journal))
        health.require_well()
        journal.write("committing", operation=identity)
        held = await _memory_now(link)
        path = f"{API}/operations/{identity}/commit"
        committed = await link.call("POST", path, {"return_memory": plan.return_memory})
    except BaseException as error:
        late = await _put_back(link, identity, journal)
        if late.get("state") == "committed" and isinstance(error, Exception):
            return Removal(late, backup, left, held)
        if backup and late.get("state") not in _GIVEN_BACK:
            error.add_note(f"{backup.path} holds every entry, should the service have dropped them")
        raise
    health.committed()
    note(journal, "committed", operation=identity, dropped=committed.get("dropped"))
    return Removal(committed, backup, left, held)


async def _entries_now(link: AgentLink, name: str) -> int | None:
    return next((each.entries for each in await link.maps() if each.name == name), None)


async def _memory_now(link: AgentLink) -> MemoryPoint | None:
    try:
        return await link.memory()
    except MapmedicError:
        return None  # a gap in the timeline is no reason to put everything back


async def _detach(link: AgentLink, plan: FixPlan, journal: Journal) -> dict[str, Any]:
    journal.write("detaching", map=plan.map, strategy=plan.strategy, hold_seconds=plan.hold_seconds)
    body = {**operation_body(plan.map, plan), "hold_seconds": plan.hold_seconds}
    try:
        detached = await link.call("POST", f"{API}/operations", body)
        identity = _identity(link, detached)
    except BaseException as error:
        if _did_nothing(error):
            note(journal, "refused", why=str(error))
        else:
            await _put_back_what_is_ours(link, plan, journal)
        raise
    try:
        facts = {key: detached.get(key) for key in ("entries", "complete", "skipped") if key in detached}
        journal.write("detached", operation=identity, **facts)
    except BaseException:
        await _put_back(link, identity, journal)
        raise
    return detached


def _did_nothing(error: BaseException) -> bool:
    """Tell whether ``error`` is the agent's own word that it detached nothing; 503 is a lock it did not get."""
    if isinstance(error, AgentRefused):
        return error.status < 500 or error.status == 503
    return isinstance(error, NotAuthorized | UsageError)


def _identity(link: AgentLink, operation: dict[str, Any]) -> str:
    identity = operation.get("id")
    if not isinstance(identity, str) or not _IDENTITY.fullmatch(identity):
        raise UnexpectedAnswer(f"{link.base_url}{API}/operations", "without the id of an operation")
    return identity


async def _put_back_what_is_ours(link: AgentLink, plan: FixPlan, journal: Journal) -> None:
    """Undo the operation that may have begun though its answer was lost."""
    try:
        ours = await _open_operations(link, plan)
    except BaseException as error:
        note(journal, "undo_left_to_the_agent", operation=None, why=_words(error))
        return
    for identity in ours:
        await _put_back(link, identity, journal)
    if not ours:
        note(journal, "nothing_detached", why="no operation of ours is open")


async def _open_operations(link: AgentLink, plan: FixPlan) -> list[str]:
    listed = (await link.call("GET", f"{API}/operations")).get("operations")
    return [
        _identity(link, each)
        for each in (listed if isinstance(listed, list) else [])
        if isinstance(each, dict)
        and each.get("finished_at") is None
        and each.get("by") == link.by
        and each.get("map") == plan.map
    ]


async def _put_back(link: AgentLink, identity: str, journal: Journal) -> dict[str, Any]:
    """Undo, and write down what became of the entries; return the operation as it was last seen, {} if nobody tells.

    Undo comes first, without a look before: it is refused once a commit has happened, and a commit that is
    still on its way is refused once it has begun.
    """
    path = f"{API}/operations/{identity}"
    try:
        undone = await link.call("POST", f"{path}/undo", {})
        note(journal, "undone", operation=identity, merged=undone.get("merged"))
        return undone
    except BaseException as error:  # the error that brought us here is the one to show
        why = _words(error)
    try:
        operation = await link.call("GET", path)
    except BaseException as error:
        # Unless a commit got through, the agent gives the entries back when the hold is over.
        note(journal, "state_unknown", operation=identity, why=f"{why}; {_words(error)}")
        return {}
    state = operation.get("state")
    if state in ("committed", *_GIVEN_BACK):
        note(journal, state, operation=identity, dropped=operation.get("dropped"), why=why)
    else:
        note(journal, "undo_left_to_the_agent", operation=identity, why=why)
    return operation


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__

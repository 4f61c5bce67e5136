"""Whatever fails at whatever step: nothing is lost, the journal says what became of the entries."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from mapmedic.errors import (
    AgentRefused,
    CouldNotLook,
    NotAuthorized,
    PreflightFailed,
    TargetUnreachable,
    UnexpectedAnswer,
)
from mapmedic.model.remedy import Condition, FixPlan, Outcome
from mapmedic.remedy import apply
from mapmedic.remedy.journal import Journal
from mapmedic.remedy.proof import Criteria
from tests.unit.remedy.agents import Agent, Fault, backup_plan, plan

ENDS = {
    "refused",
    "nothing_detached",
    "undone",
    "expired",
    "committed",
    "undo_left_to_the_agent",
    "state_unknown",
    "proved",
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "_POLL_SECONDS", 0.0)
    monkeypatch.setattr(apply, "_LINGER_SECONDS", 0.0)


def lost() -> BaseException:
    return TargetUnreachable("http://t", "the first error")


def garbled() -> BaseException:
    return UnexpectedAnswer("http://t", "the first error", 502)


def fix(agent: Agent, folder: Path, of: FixPlan | None = None) -> Outcome:
    journal = Journal(folder, "main.T.m")
    try:
        return asyncio.run(
            apply.apply_fix(agent.link, of or plan(), journal, Criteria(within_seconds=0.05), lambda *_: None)
        )
    finally:
        journal.close()


def lines(folder: Path) -> list[dict[str, Any]]:
    (path,) = folder.glob("*.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def events(folder: Path) -> list[str]:
    return [line["event"] for line in lines(folder)]


def test_all_goes_well(tmp_path: Path) -> None:
    agent = Agent()
    outcome = fix(agent, tmp_path)
    assert events(tmp_path) == ["planned", "detaching", "detached", "committing", "committed", "proved"]
    assert agent.asked[:5] == ["stats", "detach", "maps", "stats", "commit"]
    assert outcome.proof is not None and outcome.proof.passed
    assert (outcome.operation, outcome.pause_ns, outcome.entries_removed) == ("abc-1", 1200, 1000)
    assert outcome.before is not None and outcome.after is not None
    assert outcome.timeline[1] is outcome.before and outcome.timeline[-1] is outcome.after
    assert outcome.dropped_at == outcome.timeline[1].at, "the memory right before the entries were dropped"


def test_no_figure_before_the_commit_is_a_gap_and_stops_nothing(tmp_path: Path) -> None:
    agent = Agent()

    def mute(name: str) -> None:
        if name == "stats" and agent.state == "detached":
            raise TargetUnreachable("http://t", "busy")

    agent.on_call = mute
    outcome = fix(agent, tmp_path)
    assert agent.state == "committed" and outcome.dropped_at is None


def test_each_line_is_on_disk_before_the_action_it_announces(tmp_path: Path) -> None:
    seen: dict[str, list[str]] = {}
    agent = Agent(on_call=lambda name: seen.setdefault(name, events(tmp_path)) and None)
    fix(agent, tmp_path)
    assert seen["detach"] == ["planned", "detaching"]
    assert seen["commit"][-1] == "committing"


# What fails, when, and how: the state the target ends in, the last line of the journal.
@pytest.mark.parametrize("fault", [lost, garbled])
@pytest.mark.parametrize(
    ("before", "after", "state", "last"),
    [
        (["detach"], [], "untouched", "nothing_detached"),
        (["detach", "operations"], [], "untouched", "undo_left_to_the_agent"),
        ([], ["detach"], "undone", "undone"),
        (["operations"], ["detach"], "detached", "undo_left_to_the_agent"),
        (["undo"], ["detach"], "detached", "undo_left_to_the_agent"),
        ([], ["detach", "undo"], "undone", "undone"),
        (["commit"], [], "undone", "undone"),
        (["commit", "undo"], [], "detached", "undo_left_to_the_agent"),
        (["commit", "undo", "show"], [], "detached", "state_unknown"),
        (["commit"], ["undo"], "undone", "undone"),
        (["commit", "show"], ["undo"], "undone", "state_unknown"),
        (["show"], ["commit"], "committed", "state_unknown"),
    ],
)
def test_a_failure_at_any_step(
    tmp_path: Path, before: list[str], after: list[str], state: str, last: str, fault: Fault
) -> None:
    def later() -> BaseException:
        return TargetUnreachable("http://t", "a later error")

    first = next(name for name in ("detach", "commit") if name in before or name in after)
    faults = {name: fault if name == first else later for name in (*before, *after)}
    agent = Agent({n: faults[n] for n in before}, {n: faults[n] for n in after})
    with pytest.raises(CouldNotLook, match="the first error"):
        fix(agent, tmp_path)
    assert agent.state == state
    assert events(tmp_path)[-1] == last
    assert events(tmp_path)[-1] in ENDS


def test_a_commit_whose_answer_was_lost_counts(tmp_path: Path) -> None:
    agent = Agent(after={"commit": lost})
    outcome = fix(agent, tmp_path)
    assert agent.state == "committed"
    assert outcome.entries_removed == 1000
    assert events(tmp_path)[-2:] == ["committed", "proved"]


def test_the_service_that_stops_answering_after_the_detach_gets_its_entries_back(tmp_path: Path) -> None:
    agent = Agent()

    def fail_second(name: str) -> None:
        if name == "maps":
            raise TargetUnreachable("http://t", "the first error")

    agent.on_call = fail_second
    with pytest.raises(TargetUnreachable, match="the first error"):
        fix(agent, tmp_path)
    assert agent.state == "undone"
    assert "committing" not in events(tmp_path)


@pytest.mark.parametrize(
    "error",
    [
        AgentRefused("lock_timeout", "not free", 503),
        AgentRefused("operation_in_progress", "abc", 409),
        AgentRefused("bad_request", "hold_seconds", 400),
        NotAuthorized("http://t", "wrong token"),
    ],
)
def test_a_refused_detach_changes_nothing_and_asks_no_further(tmp_path: Path, error: Exception) -> None:
    agent = Agent(before={"detach": lambda: error})
    with pytest.raises(type(error)):
        fix(agent, tmp_path)
    assert agent.asked == ["stats", "detach"]
    assert events(tmp_path)[-1] == "refused"


def test_an_internal_error_of_the_agent_may_have_detached(tmp_path: Path) -> None:
    agent = Agent(after={"detach": lambda: AgentRefused("internal", "boom", 500)})
    with pytest.raises(AgentRefused):
        fix(agent, tmp_path)
    assert agent.state == "undone"


def test_a_hold_that_ended_before_the_commit(tmp_path: Path) -> None:
    agent = Agent()

    def expire(name: str) -> None:
        if name == "commit":
            agent.state = "expired"

    agent.on_call = expire
    with pytest.raises(AgentRefused):
        fix(agent, tmp_path)
    assert events(tmp_path)[-1] == "expired"


def test_an_undo_that_has_to_wait_is_left_to_the_agent(tmp_path: Path) -> None:
    agent = Agent(before={"commit": lost}, busy="undoing")
    with pytest.raises(TargetUnreachable):
        fix(agent, tmp_path)
    assert lines(tmp_path)[-1]["event"] == "undo_left_to_the_agent"
    assert "wrong_state" in lines(tmp_path)[-1]["why"]


@pytest.mark.parametrize("identity", ["../../../admin", None, 7, "", "abc-1/x"])
def test_an_identity_that_is_none_never_becomes_a_path(tmp_path: Path, identity: object) -> None:
    agent = Agent(identity=identity)
    with pytest.raises(UnexpectedAnswer):
        fix(agent, tmp_path)
    assert "undo" not in agent.asked
    assert events(tmp_path)[-1] == "undo_left_to_the_agent"


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, asyncio.CancelledError])
@pytest.mark.parametrize(
    ("call", "when", "state"),
    [
        ("stats", "before", "untouched"),
        ("detach", "before", "untouched"),
        ("detach", "after", "undone"),
        ("commit", "before", "undone"),
        ("commit", "after", "committed"),
    ],
)
def test_an_interrupt_at_any_step(
    tmp_path: Path, call: str, when: str, state: str, interrupt: type[BaseException]
) -> None:
    agent = Agent(**{when: {call: interrupt}})  # type: ignore[arg-type]
    journal = Journal(tmp_path, "m")
    work = apply.apply_fix(agent.link, plan(), journal, Criteria(within_seconds=0.05), lambda *_: None)
    with pytest.raises(interrupt):
        _drive(work)
    assert agent.state == state
    last = events(tmp_path)[-1]
    assert last == {"untouched": "planned" if call == "stats" else "nothing_detached"}.get(state, state)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"show": lost}, {"commit": lost}, True),
        ({"commit": lost, "undo": lost}, {}, True),
        ({"commit": lost}, {}, False),
    ],
)
def test_an_end_that_nobody_knows_names_the_file_with_the_entries(
    tmp_path: Path, before: dict[str, Fault], after: dict[str, Fault], told: bool
) -> None:
    wish = plan(backup=backup_plan(tmp_path / "saved"))
    with pytest.raises(TargetUnreachable) as caught:
        fix(Agent(before, after), tmp_path, wish)
    notes = getattr(caught.value, "__notes__", [])
    assert [str(tmp_path / "saved") in note for note in notes] == [True] * told


def _drive(work: Any) -> None:
    """Run a coroutine that never really waits; an event loop would treat an interrupt as its own."""
    while True:
        work.send(None)


def test_a_second_interrupt_does_not_hide_the_first_error(tmp_path: Path) -> None:
    agent = Agent(before={"commit": lost, "undo": asyncio.CancelledError, "show": asyncio.CancelledError})
    with pytest.raises(TargetUnreachable, match="the first error"):
        fix(agent, tmp_path)
    assert events(tmp_path)[-1] == "state_unknown"


def test_a_real_cancellation_while_the_agent_works(tmp_path: Path) -> None:
    agent = Agent()
    began = asyncio.Event()
    call = agent.call

    async def slow(method: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = await call(method, path, body)
        if path.endswith("/operations") and method == "POST":
            began.set()
            await asyncio.sleep(60)
        return answer

    agent.call = slow  # type: ignore[method-assign]
    journal = Journal(tmp_path, "m")

    async def run() -> None:
        task = asyncio.create_task(
            apply.apply_fix(agent.link, plan(), journal, Criteria(within_seconds=0.05), lambda *_: None)
        )
        await began.wait()
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(run())
    assert agent.state == "undone"
    assert events(tmp_path)[-1] == "undone"


def test_a_condition_that_does_not_hold_stops_before_anything(tmp_path: Path) -> None:
    agent = Agent()
    with pytest.raises(PreflightFailed, match="lock: too busy"):
        fix(agent, tmp_path, plan(conditions=(Condition("lock", False, "too busy"),)))
    assert agent.asked == []
    assert events(tmp_path) == ["planned", "refused"]


def _full_from(journal: Journal, event: str) -> None:
    write = journal.write

    def failing(name: str, **facts: object) -> None:
        if name == event:
            journal.write = failing_always  # type: ignore[method-assign]
            raise CouldNotLook("cannot write the journal: No space left on device")
        write(name, **facts)

    def failing_always(name: str, **facts: object) -> None:
        raise CouldNotLook("a later error")

    journal.write = failing  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("event", "state", "asked"),
    [
        ("planned", "untouched", []),
        ("detaching", "untouched", ["stats"]),
        ("detached", "undone", ["stats", "detach", "undo"]),
        ("committing", "undone", ["stats", "detach", "maps", "undo"]),
    ],
)
def test_a_journal_that_cannot_be_written_stops_and_puts_back(
    tmp_path: Path, event: str, state: str, asked: list[str]
) -> None:
    agent, journal = Agent(), Journal(tmp_path, "m")
    _full_from(journal, event)
    with pytest.raises(CouldNotLook, match="No space left"):
        asyncio.run(apply.apply_fix(agent.link, plan(), journal, Criteria(), lambda *_: None))
    assert (agent.state, agent.asked) == (state, asked)


def test_after_the_commit_a_full_disk_stops_nothing(tmp_path: Path) -> None:
    agent, journal = Agent(), Journal(tmp_path, "m")
    _full_from(journal, "committed")
    criteria = Criteria(within_seconds=0.05)
    outcome = asyncio.run(apply.apply_fix(agent.link, plan(), journal, criteria, lambda *_: None))
    assert outcome.applied and outcome.proof is not None and outcome.proof.passed


def test_after_the_commit_a_silent_target_is_a_failed_proof_not_an_error(tmp_path: Path) -> None:
    agent = Agent()

    def silent(name: str) -> None:
        if agent.state == "committed" and name != "commit":
            raise TargetUnreachable("http://t", "gone")

    agent.on_call = silent
    outcome = fix(agent, tmp_path)
    assert outcome.applied and outcome.after is None
    assert outcome.proof is not None and not outcome.proof.passed
    assert [check.after for check in outcome.proof.checks] == [None, None, 5, None, None]
    assert events(tmp_path)[-2:] == ["committed", "proved"]


def test_a_target_that_hangs_does_not_outlast_the_window(tmp_path: Path) -> None:
    agent = Agent()
    memory = agent.memory

    async def hanging() -> Any:
        if agent.state == "committed":
            await asyncio.sleep(60)
        return await memory()

    agent.memory = hanging  # type: ignore[method-assign]
    outcome = fix(agent, tmp_path)
    assert outcome.applied and outcome.proof is not None and not outcome.proof.passed

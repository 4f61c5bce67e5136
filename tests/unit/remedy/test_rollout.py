"""Rings, lists of targets, what stops a roll-out; its hands are a mock (real ones: tests/live/test_rollout.py)."""

from __future__ import annotations

import asyncio
import json
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event

import pytest

from mapmedic.capture.http import HttpClient
from mapmedic.errors import (
    AgentRefused,
    BackupFailed,
    CannotRead,
    FormatError,
    HealthTurnedBad,
    JournalUnwritable,
    MapmedicError,
    NoSafeMoment,
    PreflightFailed,
    TargetUnreachable,
    UnknownMap,
    UnknownStruct,
    UnwellBefore,
    UsageError,
)
from mapmedic.model.health import HealthBars, HealthPhase, UrlHealth
from mapmedic.model.remedy import Check, Outcome, Proof
from mapmedic.model.rollout import RolloutTarget, TargetResult, TargetState
from mapmedic.remedy.journal import Journal
from mapmedic.remedy.plan import FixRequest
from mapmedic.remedy.rollout.bake import Life, bake
from mapmedic.remedy.rollout.record import Record, done_before
from mapmedic.remedy.rollout.rings import parse_rings, split_into_rings
from mapmedic.remedy.rollout.rules import when_applied, when_planned
from mapmedic.remedy.rollout.run import INTERRUPTED, Listener, Order, Prepared, Run, plan_all
from mapmedic.remedy.rollout.targets import parse_targets
from mapmedic.remedy.uninterrupted import ProofCutShort
from tests.support.scripted_server import Line, Request, ScriptedServer, answers
from tests.unit.remedy.agents import plan

PHASE = HealthPhase(1, 0, 0, 1.0, 1.0)
REQUEST = FixRequest("m")


@pytest.mark.parametrize(
    ("text", "targets", "behind"),
    [
        ("1,10%,50%,100%", 100, [1, 10, 50, 100]),
        ("1,10%,50%,100%", 3, [1, 2, 3]),
        ("1,10%,50%,100%", 1, [1]),
        ("10%", 30, [3]),
        ("2, 5", 3, [2, 3]),
        ("33.3%,100%", 7, [3, 7]),
    ],
)
def test_rings_are_so_many_targets_all_in_all(text: str, targets: int, behind: list[int]) -> None:
    rings = split_into_rings(parse_rings(text), targets)
    assert [ring.behind for ring in rings] == behind
    assert [ring.first for ring in rings] == [0, *behind[:-1]]
    assert [ring.number for ring in rings] == list(range(1, len(behind) + 1))


@pytest.mark.parametrize("text", ["", "0", "1,,2", "101%", "0%", "-1", "1;2", "a", ",".join("1" * 21)])
def test_what_are_no_rings_is_said(text: str) -> None:
    with pytest.raises(UsageError, match="no rings"):
        parse_rings(text)


def test_rings_that_shrink_are_refused() -> None:
    with pytest.raises(UsageError, match="less than the ring before"):
        split_into_rings(parse_rings("5,10%"), 20)


def test_a_list_of_targets_has_health_urls_and_remarks() -> None:
    lines = [
        "# pods of tuesday",
        "",
        "http://a:1/debug/pprof/ http://a:2/healthz  # the canary",
        "pid:12",
        "b:7",
    ]
    found = parse_targets(lines, ["http://front/"])
    assert found == (
        RolloutTarget("http://a:1", ("http://a:2/healthz", "http://front/")),
        RolloutTarget("pid:12", ("http://front/",)),
        RolloutTarget("http://b:7", ("http://front/",)),
    )
    (only,) = parse_targets(["http://[::1]:6060"], ["http://{host}:8080/h", "{target}/h"])
    assert only.health_urls == ("http://[::1]:8080/h", "http://[::1]:6060/h")


@pytest.mark.parametrize(
    ("lines", "health", "said"),
    [
        (["pid:1", "1"], [], "named twice"),
        (["pid:1"], ["{target}/healthz"], "has no host"),
        (["# nothing"], [], "no target"),
        (["core:x"], [], "nothing that can be fixed"),
        (["http://a:1 healthz"], [], "does not begin with http"),
        (["http://a:1/?x@y z"], [], "does not begin"),
    ],
)
def test_a_list_that_cannot_be_meant_is_refused(lines: list[str], health: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_targets(lines, health)


LEFT_OUT = [
    (PreflightFailed(("lock: busy",)), TargetState.SKIPPED),
    (NoSafeMoment(1, 2, 3, ()), TargetState.SKIPPED),
    (AgentRefused("busy", "", 409), TargetState.SKIPPED),
    (AgentRefused("lock", "", 503), TargetState.SKIPPED),
    (AgentRefused("oh", "", 500), TargetState.FAILED),
    (TargetUnreachable("u", "reset"), TargetState.FAILED),
    (UnwellBefore(("health",)), TargetState.FAILED),
    (HealthTurnedBad(("slow",)), TargetState.FAILED),
    (BackupFailed("/b", "full"), TargetState.FAILED),
    (JournalUnwritable("/j", "full"), TargetState.FAILED),
    (UsageError("?"), TargetState.FAILED),
]


@pytest.mark.parametrize(("error", "state"), LEFT_OUT, ids=lambda each: type(each).__name__)
def test_only_a_target_known_to_be_untouched_is_left_out(error: MapmedicError, state: TargetState) -> None:
    assert when_applied(error) is state


def test_what_cannot_be_planned_is_left_out_unless_the_words_are_off() -> None:
    assert when_planned(TargetUnreachable("u", "refused")) is TargetState.SKIPPED
    assert when_planned(UnknownMap("m", ())) is TargetState.SKIPPED
    assert when_planned(UnknownStruct("main.mgr", ())) is TargetState.SKIPPED
    assert when_planned(UsageError("no such strategy")) is TargetState.FAILED


def outcome(*, passed: bool = True, health: tuple[UrlHealth, ...] = ()) -> Outcome:
    checks = (Check("rss_bytes", 2, 1, -0.5, -0.4, passed, "as it was", "bytes"),)
    proof = Proof(passed, checks)
    return Outcome(plan(), True, "a-1", 1, 1000, "/journal", None, None, proof, health=health)


@dataclass
class Hands:
    """A mock: what each target does is told; what was done to which is kept."""

    fates: dict[str, Callable[[], Outcome]] = field(default_factory=dict)
    unplannable: dict[str, MapmedicError] = field(default_factory=dict)
    lives: dict[str, list[Life | MapmedicError]] = field(default_factory=dict)
    unwell: tuple[UrlHealth, ...] = ()
    cut_short: tuple[str, ...] = ()
    applied: list[str] = field(default_factory=list)
    prepared: list[weakref.ref[Prepared]] = field(default_factory=list)
    bakes: int = 0

    def prepare(self, target: RolloutTarget) -> Prepared:
        if target.target in self.unplannable:
            raise self.unplannable[target.target]
        prepared = Prepared(plan(target=target.target), lambda progress: self.apply(target, progress))
        self.prepared.append(weakref.ref(prepared))
        return prepared

    def apply(self, target: RolloutTarget, progress: Callable[[str, float], None]) -> Outcome:
        self.applied.append(target.target)
        progress("fixing", 0.5)
        return self.fates.get(target.target, outcome)()

    def look_after(self, target: RolloutTarget, outcome: Outcome, progress: object) -> Outcome:
        if target.target in self.cut_short:
            raise KeyboardInterrupt
        return outcome

    def life(self, target: RolloutTarget) -> Life:
        lives = self.lives.get(target.target, [Life("1")])
        life = lives.pop(0) if len(lives) > 1 else lives[0]
        if isinstance(life, MapmedicError):
            raise life
        return life

    def bake(
        self, known: Sequence[UrlHealth], seconds: float, stop: Event, progress: Callable[[str, float], None]
    ) -> tuple[UrlHealth, ...]:
        self.bakes += 1
        return self.unwell


def roll(
    hands: Hands, folder: Path, targets: str = "a b c d", sizes: str = "1,50%,100%",
    earlier: dict[str, TargetResult] | None = None, listener: Listener | None = None,
) -> tuple[Run, str | None]:  # fmt: skip
    wanted = tuple(RolloutTarget(name) for name in targets.split())
    order = Order(wanted, split_into_rings(parse_rings(sizes), len(wanted)), 0.0, earlier or {})
    journal = Journal(folder, "rollout-m")
    record = Record(journal)
    record.begin(REQUEST, len(wanted), sizes, resumed=False)
    run = Run(order, hands, record, listener or Listener())
    why = run.go()
    journal.close()
    return run, why


def states(run: Run) -> str:
    return " ".join(each.state.value for each in run.results.values())


def failing(error: BaseException) -> Callable[[], Outcome]:
    def fate() -> Outcome:
        raise error

    return fate


def test_all_goes_well_ring_after_ring(tmp_path: Path) -> None:
    hands = Hands()
    run, why = roll(hands, tmp_path)
    assert (why, states(run), hands.bakes) == (None, "proved proved proved proved", 2)
    assert hands.applied == ["a", "b", "c", "d"] and not run.was_interrupted
    (journal,) = tmp_path.iterdir()
    assert len(done_before(journal, REQUEST)) == 4


def test_no_copy_of_a_process_is_kept_longer_than_its_turn(tmp_path: Path) -> None:
    def busy() -> Outcome:
        raise PreflightFailed(("lock: busy",))

    hands = Hands({"b": busy})
    roll(hands, tmp_path)
    assert len(hands.prepared) == 4 and not any(each() for each in hands.prepared)
    order = Order((RolloutTarget("a"), RolloutTarget("b")), (), 0.0)
    planned = plan_all(order, hands, Listener())
    assert len(planned) == 2 and not any(each() for each in hands.prepared)


def test_a_proof_that_fails_stops_it(tmp_path: Path) -> None:
    hands = Hands({"b": lambda: outcome(passed=False)})
    run, why = roll(hands, tmp_path)
    assert states(run) == "proved not_proved pending pending" and hands.applied == ["a", "b"]
    assert why == "b: rss_bytes: as it was" and run.results["b"].exit_code == 5


@pytest.mark.parametrize(("error", "state"), LEFT_OUT, ids=lambda each: type(each).__name__)
def test_errors_stop_it_or_leave_one_out(error: MapmedicError, state: TargetState, tmp_path: Path) -> None:
    run, why = roll(Hands({"b": failing(error)}), tmp_path)
    goes_on = state is TargetState.SKIPPED
    rest = "proved proved" if goes_on else "pending pending"
    assert states(run) == f"proved {state.value} {rest}"
    assert (why is None) is goes_on
    assert run.results["b"].exit_code == error.exit_code


def test_a_canary_that_is_left_out_shows_nothing(tmp_path: Path) -> None:
    hands = Hands(unplannable={"a": UnknownMap("m", ())})
    run, why = roll(hands, tmp_path)
    assert why and "nothing shows" in why
    assert states(run) == "skipped pending pending pending" and hands.applied == []
    run, why = roll(Hands(unplannable={"b": UnknownMap("m", ())}), tmp_path)
    assert why is None and states(run) == "proved skipped proved proved"


def test_what_turns_bad_after_the_fix_stops_it(tmp_path: Path) -> None:
    health = UrlHealth("http://h", 200, 10.0, PHASE, PHASE, PHASE, None)
    hands = Hands({"a": lambda: outcome(health=(health,))}, unwell=(replace(health, unwell="HTTP 500"),))
    run, why = roll(hands, tmp_path)
    assert states(run) == "unwell pending pending pending" and why == "a: http://h: HTTP 500"
    assert run.results["a"].exit_code == 5


@pytest.mark.parametrize("after", [Life("2"), TargetUnreachable("u", "refused")])
def test_a_process_that_ended_after_the_fix_stops_it(after: Life | MapmedicError, tmp_path: Path) -> None:
    run, why = roll(Hands(lives={"a": [Life("1"), after]}), tmp_path)
    assert states(run) == "unwell pending pending pending" and why


def test_a_process_is_known_by_how_long_it_runs() -> None:
    first = Life("process 1", 100.0, asked_at=50.0)
    assert first.goes_on_in(Life("process 1", 161.0, 110.0))
    assert not first.goes_on_in(Life("process 1", 101.0, 110.0))
    assert not first.goes_on_in(Life("process 2", 160.0, 110.0))


def test_the_wish_to_stop_is_granted_before_the_next_target(tmp_path: Path) -> None:
    listener = Listener()
    wish = failing(KeyboardInterrupt())

    def last() -> Outcome:
        listener.stop.set()
        return outcome()

    run, why = roll(Hands({"b": last}), tmp_path, listener=listener)
    assert why == INTERRUPTED and run.was_interrupted
    assert states(run) == "proved proved pending pending"
    run, why = roll(Hands({"b": wish}), tmp_path)
    assert run.was_interrupted and states(run) == "proved interrupted pending pending"
    # A wish that comes with the last target changes nothing any more.
    listener.stop.clear()
    run, why = roll(Hands({"d": last}), tmp_path, listener=listener)
    assert why is None and not run.was_interrupted


def test_what_was_fixed_when_somebody_ended_it_is_not_fixed_again(tmp_path: Path) -> None:
    cut_short = ProofCutShort()
    cut_short.add_note("9 entries left the map")
    run, _ = roll(Hands({"b": failing(cut_short)}), tmp_path)
    assert run.was_interrupted and states(run) == "proved cut_short pending pending"
    (journal,) = tmp_path.iterdir()
    earlier = done_before(journal, REQUEST)
    assert set(earlier) == {"a", "b"}
    assert "not to be fixed again; 9 entries left" in earlier["b"].why and earlier["b"].exit_code == 5
    again = Hands()
    run, why = roll(again, tmp_path / "2", earlier=earlier)
    assert why is None and again.applied == ["c", "d"] and not run.was_interrupted
    assert states(run) == "proved cut_short proved proved"


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    first = Hands({"c": failing(HealthTurnedBad(("slow",)))})
    run, _ = roll(first, tmp_path)
    assert states(run) == "proved proved failed pending"
    (journal,) = tmp_path.iterdir()
    # Killed while it wrote a line.
    journal.write_bytes(
        journal.read_bytes() + b'{"schema": "mapmedic.journal/1", "event": "rollout.target_en'
    )
    earlier = done_before(journal, REQUEST)
    assert set(earlier) == {"a", "b"} and all(each.earlier for each in earlier.values())
    again = Hands()
    run, why = roll(again, tmp_path / "2", earlier=earlier)
    assert why is None and again.applied == ["c", "d"] and again.bakes == 0
    writing_on = Journal.go_on(journal)
    with pytest.raises(JournalUnwritable, match="another run"):
        Journal.go_on(journal)
    writing_on.write("rollout.resumed")
    writing_on.close()
    assert json.loads(journal.read_text().splitlines()[-1])["event"] == "rollout.resumed"


def test_a_journal_of_something_else_is_refused(tmp_path: Path) -> None:
    roll(Hands(), tmp_path)
    (journal,) = tmp_path.iterdir()
    with pytest.raises(UsageError, match="another map"):
        done_before(journal, FixRequest("other"))
    (tmp_path / "x").write_text("[]\nnull\n")
    with pytest.raises(FormatError, match="its first line is not one of"):
        done_before(tmp_path / "x", REQUEST)
    other = Journal(tmp_path / "other", "m")
    other.write("planned")
    with pytest.raises(FormatError, match="no journal of a roll-out"):
        done_before(other.path, REQUEST)
    with pytest.raises(CannotRead):
        done_before(tmp_path / "none", REQUEST)


def test_a_bake_asks_by_the_bars_from_before_the_fix() -> None:
    broken = Event()

    def script(request: Request, line: Line) -> None:
        answers(b"x", 503 if broken.is_set() else 200)(request, line)

    async def watch(url: str) -> tuple[UrlHealth, ...]:
        known = [UrlHealth(url, 200, 2_000.0, PHASE, PHASE, PHASE, None)]
        async with HttpClient() as client:
            bars = HealthBars(every_seconds=0.01)
            return await bake(client, known, bars, 0.5, Event(), lambda _what, _share: None)

    with ScriptedServer({"/h": script}) as server:
        (well,) = asyncio.run(watch(f"{server.url}/h"))
        assert well.well and well.after.probes > 1 and well.before == PHASE
        broken.set()
        (unwell,) = asyncio.run(watch(f"{server.url}/h"))
        assert unwell.unwell and "503, not 200 as before" in unwell.unwell


def test_who_ends_us_in_the_look_after_a_fix_does_not_have_it_done_again(tmp_path: Path) -> None:
    hands = Hands(cut_short=("b",))
    run, why = roll(hands, tmp_path)
    assert (run.results["b"].state, why, hands.applied) == (TargetState.PROVED, INTERRUPTED, ["a", "b"])
    (journal,) = tmp_path.glob("*.jsonl")
    assert set(done_before(journal, REQUEST)) == {"a", "b"}


def test_a_journal_that_cannot_be_written_any_more_ends_it_and_hides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begins = Record.target_begins

    def full_disk(self: Record, target: str, ring: int) -> None:
        if target == "b":
            raise JournalUnwritable(self.path, "no space left")
        begins(self, target, ring)

    monkeypatch.setattr(Record, "target_begins", full_disk)
    hands = Hands()
    run, why = roll(hands, tmp_path)
    assert hands.applied == ["a"] and run.results["a"].state is TargetState.PROVED
    assert (run.results["b"].state, run.results["b"].exit_code) == (TargetState.FAILED, 3)
    assert why is not None and "no space left" in why

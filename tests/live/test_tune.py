"""GOGC, GOMEMLIMIT and gctrace of a program that runs: set from outside, seen to work, put back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mapmedic import api
from mapmedic.capture.journal_file import read_journal
from mapmedic.demo.service import LabService, Scenario
from mapmedic.errors import FormatError, PreflightFailed, ProofFailed, WriteRefused
from mapmedic.formats.memstats import parse_memstats
from mapmedic.memory.process import started_ticks
from mapmedic.model.gc_words import NO_MEMORY_LIMIT
from mapmedic.model.memstats import MemStats
from mapmedic.model.tuning import TuneRequest
from mapmedic.remedy import tuning_apply
from mapmedic.remedy.boot import boot_id
from mapmedic.remedy.journal import Journal
from mapmedic.remedy.operator import hold_process
from mapmedic.remedy.repair import find_left_overs
from tests.support.command import COMMAND, run, validate

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
# A full map of some 40 MB that nothing is added to.
QUIET = Scenario("struct-field", entries=60_000, rate=0)
MIB = 1 << 20


def memstats(url: str) -> MemStats:
    """Return MemStats after a collection."""
    with urllib.request.urlopen(f"{url}/debug/pprof/heap?debug=1&gc=1", timeout=60) as answer:
        return parse_memstats(answer.read().partition(b"# runtime.MemStats\n")[2])


@pytest.fixture
def service(start_lab: Callable[[Scenario], LabService]) -> LabService:
    return start_lab(QUIET)


@pytest.fixture
def journals(tmp_path: Path) -> Path:
    return tmp_path / "journals"


def applied(service: LabService, request: TuneRequest, journals: Path) -> Path:
    done = api.apply_tuning(api.plan_tuning(str(service.pid), request), journal_folder=journals)
    return Path(done.journal_path)


def test_the_goal_of_the_heap_follows_gogc_and_goes_back(service: LabService, journals: Path) -> None:
    before = memstats(service.url)
    journal = applied(service, TuneRequest(percent=20), journals)
    after = memstats(service.url)
    assert after.next_gc_bytes < before.next_gc_bytes * 0.75
    back = api.plan_revert(str(service.pid), journal)
    assert back.ready
    api.apply_tuning(back, journal_folder=journals)
    again = memstats(service.url)
    assert again.next_gc_bytes == pytest.approx(before.next_gc_bytes, rel=0.1)
    words = api.plan_tuning(str(service.pid), TuneRequest()).words
    assert words.percent is not None
    assert words.percent.value == 100


def test_the_goal_of_the_heap_keeps_within_the_limit_at_once(service: LabService, journals: Path) -> None:
    before = memstats(service.url)
    applied(service, TuneRequest(memory_limit=before.heap_alloc_bytes + 20 * MIB), journals)
    # No gc=1: the goal follows without a collection.
    with urllib.request.urlopen(f"{service.url}/debug/pprof/heap?debug=1", timeout=60) as answer:
        now = parse_memstats(answer.read().partition(b"# runtime.MemStats\n")[2])
    assert now.next_gc_bytes < before.heap_alloc_bytes + 20 * MIB < before.next_gc_bytes


def test_the_trace_is_switched_on_and_off(service: LabService, journals: Path) -> None:
    def lines() -> int:
        memstats(service.url)
        return Path(f"/proc/{service.pid}/fd/2").read_bytes().count(b"gc ")

    assert lines() == 0
    journal = applied(service, TuneRequest(trace=1), journals)
    assert lines() + lines() > 0
    api.apply_tuning(api.plan_revert(str(service.pid), journal), journal_folder=journals)
    quiet = lines()
    assert lines() == quiet


def test_a_word_that_changed_since_the_plan_is_not_written(service: LabService, journals: Path) -> None:
    plan = api.plan_tuning(str(service.pid), TuneRequest(percent=50, memory_limit=1 << 40))
    applied(service, TuneRequest(memory_limit=1 << 41), journals)
    with pytest.raises(WriteRefused, match="something else lies there"):
        api.apply_tuning(plan, journal_folder=journals)
    words = api.plan_tuning(str(service.pid), TuneRequest()).words
    assert words.percent is not None
    assert words.memory_limit is not None
    assert (words.percent.value, words.memory_limit.value) == (100, 1 << 41)


def test_a_journal_of_something_else_is_refused(
    service: LabService, journals: Path, start_lab: Callable[[Scenario], LabService], tmp_path: Path
) -> None:
    journal = applied(service, TuneRequest(percent=50), journals)
    other = start_lab(QUIET)
    plan = api.plan_revert(str(other.pid), journal)
    assert not plan.ready
    with pytest.raises(PreflightFailed, match="process of the journal"):
        api.apply_tuning(plan, journal_folder=journals)
    applied(service, TuneRequest(percent=70), journals)
    assert not api.plan_revert(str(service.pid), journal).ready, "somebody set another since"
    for text in (
        "",
        "{}\n",
        '{"event": "tune.planned"}\n',
        '{"event": "tune.planned", "changes": [3]}\n',
        '{"event": "tune.planned", "changes": [{"name": "a", "takes_effect": "b", "writes": []}]}\n',
        "\xff",
    ):
        (tmp_path / "no.jsonl").write_text(text, encoding="latin-1")
        with pytest.raises(FormatError):
            api.plan_revert(str(service.pid), tmp_path / "no.jsonl")


def test_a_program_that_says_something_else_afterwards_fails_the_proof(
    service: LabService, journals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning_apply, "write_in_a_stop", lambda _pid, _started, _changes: 0)
    with pytest.raises(ProofFailed, match="GOGC is not what was written"):
        applied(service, TuneRequest(percent=20), journals)


def test_the_command_shows_plans_sets_and_reverts(service: LabService, journals: Path) -> None:
    pid = str(service.pid)
    shown = run("tune", pid)
    assert shown.code == 0
    assert "GOGC" in shown.out and "100" in shown.out and "begun" in shown.out
    planned = run("tune", pid, "--memory-limit", "1GiB", "--gogc", "50")
    assert (planned.code, "Nothing has been changed" in planned.out) == (0, True)
    assert f"mapmedic tune {pid} --gogc 50 --memory-limit 1073741824B --apply" in planned.out
    words = ("--memory-limit", "1GiB", "--gogc", "off", "--gctrace", "on", "--apply", "--json")
    done = run("tune", pid, *words, "--journal", str(journals))
    found = json.loads(done.out)
    validate(found)
    assert (done.code, found["applied"], found["settings"]["gogc"]) == (0, True, -1)
    assert found["settings"]["memory_limit_bytes"] == 1 << 30
    back = run("tune", pid, "--revert", found["journal_path"], "--apply", "--journal", str(journals))
    assert (back.code, "Set while the program ran" in back.out) == (0, True)
    last = api.plan_tuning(pid, TuneRequest()).words
    assert last.memory_limit is not None
    assert last.memory_limit.value == NO_MEMORY_LIMIT


def test_words_that_make_no_sense_are_said_to(service: LabService, tmp_path: Path) -> None:
    pid, some = str(service.pid), tmp_path / "some"
    some.write_text("{}\n", encoding="ascii")
    for words, said in (
        (("--apply",), "--apply without a setting"),
        (("--gogc", "50%"), "neither a percentage nor off"),
        (("--memory-limit", "2GB"), "no amount of memory"),
        (("--memory-limit", "0"), "no amount of memory"),
        (("--revert", str(some), "--gogc", "1"), "goes with no other setting"),
    ):
        refused = run("tune", pid, *words)
        assert (refused.code, said in refused.err) == (2, True), refused.err


@pytest.fixture
def python() -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        yield child.pid
        child.communicate(b"\n")


def test_what_is_no_go_program_cannot_be_looked_at(python: int) -> None:
    assert run("tune", str(python), "--gogc", "50").code == 3
    assert run("tune", "4000000", "--gogc", "50").code == 3


def test_killed_at_any_moment_it_leaves_a_program_that_runs(service: LabService, journals: Path) -> None:
    """What was written then is a whole setting or none: the program says one of the two."""
    kills = int(os.environ.get("MAPMEDIC_KILLS", "8"))
    for number in range(kills):
        words = [*COMMAND, "tune", str(service.pid), "--gogc", str(50 + number % 2), "--apply"]
        with subprocess.Popen([*words, "--journal", str(journals)], stdout=subprocess.DEVNULL) as tool:
            time.sleep(0.8 * number / kills)
            tool.kill()
        found = api.plan_tuning(str(service.pid), TuneRequest()).words.percent
        assert found is not None
        assert found.value in (50, 51, 100)
        assert memstats(service.url).num_gc > 0


def test_collections_are_forced_and_the_period_is_put_back(
    start_lab: Callable[[Scenario], LabService], journals: Path
) -> None:
    # Something happens in it: where nothing does, the runtime's clock sleeps for a minute.
    service = start_lab(replace(QUIET, rate=500))
    before = memstats(service.url).num_gc
    done = run("tune", service.pid, "--collect", 3, "--apply", "--json", "--journal", journals)
    found = json.loads(done.out)
    validate(found)
    assert (done.code, found["collect"]["ended"]) == (0, 3)
    assert memstats(service.url).num_gc >= before + 3
    words = api.plan_tuning(str(service.pid), TuneRequest()).words
    assert words.force_period is not None, "it is two minutes again"
    assert not find_left_overs(journals)


def test_where_the_collector_is_off_none_is_forced(service: LabService, journals: Path) -> None:
    applied(service, TuneRequest(percent=-1), journals)
    refused = run("tune", service.pid, "--collect", 1, "--apply")
    assert (refused.code, "GOGC off" in refused.err) == (4, True)


def test_what_was_refused_before_it_was_written_is_no_left_over(service: LabService, journals: Path) -> None:
    period = api.plan_tuning(str(service.pid), TuneRequest()).words.force_period
    assert period is not None
    journal = Journal(journals, "tune")
    journal.write(
        "collections.begun", pid=service.pid, started_ticks=started_ticks(service.pid), boot=boot_id(),
        address=period.address, before=period.value, after=100_000_000,
    )  # fmt: skip
    journal.close()
    assert find_left_overs(journals) == ()


def test_what_a_killed_run_left_is_found_and_put_back(service: LabService, journals: Path) -> None:
    words = [*COMMAND, "tune", str(service.pid), "--collect", "20", "--apply", "--journal", str(journals)]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as tool:
        deadline = time.monotonic() + 60
        while api.plan_tuning(str(service.pid), TuneRequest()).words.force_period is not None:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert not find_left_overs(journals), "whoever made it small is still alive"
        tool.kill()
    (journal,) = journals.iterdir()
    told = b'{"schema": "mapmedic.journal/1", "at_unix_ns": 1, "event": "outside.written"}\n'
    journal.write_bytes(told * (1 << 15) + journal.read_bytes())  # an eviction in many stops came before
    (left,) = find_left_overs(journals)
    assert left.pid == service.pid
    mended = run("doctor", "--repair", "--journal", journals)
    assert (mended.code, f"process {service.pid} is as it was" in mended.out.replace("\n", " ")) == (0, True)
    assert read_journal(journal).events[-1].name == "collections.restored"
    assert not find_left_overs(journals)
    assert api.plan_tuning(str(service.pid), TuneRequest()).words.force_period is not None


def test_one_operator_at_a_time(service: LabService, journals: Path) -> None:
    plan = api.plan_tuning(str(service.pid), TuneRequest(percent=50))
    with hold_process(service.pid), pytest.raises(PreflightFailed, match=f"process {os.getpid()}, changes"):
        api.apply_tuning(plan, journal_folder=journals)
    assert api.plan_tuning(str(service.pid), TuneRequest()).words.percent == plan.words.percent

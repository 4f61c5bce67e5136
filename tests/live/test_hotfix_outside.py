"""mapmedic hotfix PID: a map of a process without an agent is emptied and proved, or it is refused and untouched.

MAPMEDIC_GO=all pytest -n0 tests/live/test_hotfix_outside.py     # Go 1.21 to 1.27 instead of the machine's own
"""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mapmedic import api
from mapmedic.errors import (
    BackupFailed,
    CouldNotLook,
    NoSafeMoment,
    PreflightFailed,
    UsageError,
    WriteRefused,
)
from mapmedic.model.journal import Reached
from mapmedic.remedy.journal import Journal
from mapmedic.remedy.operator import hold_process
from mapmedic.remedy.outside.plan import PreparedFix
from mapmedic.remedy.repair import find_left_overs
from mapmedic.source.toolchain import find_go
from tests.live.aftermath import wrong_with
from tests.live.fix_service import FixService, build_fix_program
from tests.live.test_ways import NEEDS_ROOT
from tests.support.command import COMMAND, environment, run, validate
from tests.support.toolchains import toolchains

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
SESSIONS, BARE = 60_000, 100
MAP = "main.mgr.sessions"
SOMEBODY = 61_234
# The machine that tests run on is busy with other things as well.
PATIENT: dict[str, Any] = {"budget_ms": 500.0, "limit_ms": 60_000.0}
SLOW = ("--max-stop", "500", "--wait", "60s")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_fix_program(find_go("build what is fixed"), tmp_path_factory.mktemp("fix"))


@pytest.fixture
def service(program: Path) -> Iterator[FixService]:
    with FixService(program) as running:
        yield running


@pytest.fixture
def untouched(service: FixService) -> Iterator[FixService]:
    """A service of which nothing may have changed in the end."""
    yield service
    assert service.counts == (SESSIONS, BARE)
    assert service.tell("exercise") == "sound"
    assert wrong_with(service.pid) == []


def plan(service: FixService, map_: str, folder: Path, **wish: Any) -> PreparedFix:
    request = api.OutsideRequest(map_, **{**PATIENT, "journal_folder": folder, **wish})
    return api.plan_outside(str(service.pid), request)


def events(folder: Path) -> list[dict[str, Any]]:
    (journal,) = folder.glob("*.jsonl")
    assert journal.stat().st_mode & 0o777 == 0o600
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    for each in lines:
        validate(each)
    return lines


@pytest.mark.parametrize("build", ["plain", "stripped"])
@pytest.mark.parametrize("go", toolchains(), ids=lambda go: str(go.version))
def test_a_map_is_planned_emptied_and_proved(go: Any, build: str, tmp_path: Path) -> None:
    flags = ["-ldflags=-s -w"] if build == "stripped" else []
    folder = tmp_path / "journals"
    with FixService(build_fix_program(go, tmp_path, *flags)) as service:
        name = MAP if build == "plain" else "main.Manager.sessions"
        words = ("hotfix", service.pid, "--map", name, "--journal", folder, *SLOW)
        planned = run(*words, "--json")
        assert planned.code == 0, planned.err
        about = planned.json["outside"]
        assert planned.json["ready"], planned.json["conditions"]
        assert about["map"]["entries"] == SESSIONS and about["map"]["owner"].endswith("sessions")
        assert len(about["locks"]) == 1 and about["locks"][0]["kind"] == "sync.RWMutex"
        assert about["groupings"][0]["groups"][0]["name"].startswith("tenant-")
        assert about["measured_pause_ms"] and about["guards"] and about["notices"]
        assert service.counts == (SESSIONS, BARE) and not folder.exists()

        done = run(*words, "--apply", "--json", "--html", tmp_path / "fix.html")
        assert done.code == 0, (done.out, done.err)
        outcome = done.json
        assert outcome["applied"] and outcome["entries_removed"] == SESSIONS
        assert outcome["proof"]["passed"] and outcome["pause_ms"] > 0
        held = outcome["plan"]["outside"]["held_bytes"]
        assert outcome["before"]["rss_bytes"] - outcome["after"]["rss_bytes"] > 0.4 * held > 10 << 20
        assert outcome["saved"]["entries"] == SESSIONS and outcome["difference"]["is_exact"]
        assert service.counts == (0, BARE) and service.tell("exercise") == "sound"
        assert wrong_with(service.pid) == []
    names = [each["event"] for each in events(folder)]
    writing = next(each for each in events(folder) if each["event"] == "outside.writing")
    assert names[0] == "outside.planned" and names[-1] == "proved"
    assert names.index("outside.saved") < names.index("outside.writing") < names.index("outside.written")
    assert int.from_bytes(bytes.fromhex(writing["header"])[:8], "little") == SESSIONS
    assert "What made the moment safe" in (tmp_path / "fix.html").read_text()


def test_what_is_shown_to_people_fits_a_terminal(untouched: FixService, tmp_path: Path) -> None:
    shown = run("hotfix", untouched.pid, "--map", "sessions", "--journal", tmp_path, *SLOW, COLUMNS="80")
    assert shown.code == 0
    commands = [line for line in shown.out.splitlines() if line.startswith("  mapmedic ")]
    again = f"--max-stop 500 --wait 60s --journal {tmp_path} --apply"
    assert commands == [f"  mapmedic hotfix {untouched.pid} --map {MAP} {again}"]
    assert all(len(line) <= 80 for line in shown.out.splitlines() if line not in commands)
    for said in ("Nothing has been changed", "FAILS", "Undo"):
        assert (said in shown.out) == (said != "FAILS")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--map", "orders"), 2, "main.left.orders"),
        (("--map", "main.mgr.session"), 2, "main.mgr.sessions"),
        (("--map", "0x1000"), 2, "none of"),
        (("--map", "main.nobody"), 4, "main.nobody is a nil map"),
        (("--map", "main.mgr.never"), 4, "main.mgr.never is a nil map"),
        (("--map", MAP, "--hold", "9"), 2, "--hold makes no sense for"),
        (("--map", MAP, "--strategy", "swap"), 2, "--strategy swap needs the agent"),
        (("--map", MAP, "--lock", "main.nothing"), 2, "no sync.Mutex or sync.RWMutex is called that"),
        (("--map", MAP, "--lock", "0x10"), 2, "nothing says what kind of lock"),
        (("--map", MAP, "--no-lock-known"), 2, "--no-lock-known is for maps whose lock was not found"),
        (("--map", "main.bare", "--apply"), 4, "lock: none was found"),
        (("--map", "main.mgr.empty", "--apply"), 4, "something to empty: it has no entry"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_with_a_sentence(
    untouched: FixService, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    done = run("hotfix", untouched.pid, *words, "--journal", tmp_path / "journals", *SLOW)
    assert (done.code, said in done.err) == (code, True), done.err
    assert not (tmp_path / "journals").exists()


def test_options_of_a_process_are_refused_for_an_agent(tmp_path: Path) -> None:
    done = run("hotfix", "http://127.0.0.1:9", "--map", "m", "--no-lock-known")
    assert done.code == 2 and "--no-lock-known is for a process without an agent" in done.err


def test_processes_that_cannot_be_looked_into(untouched: FixService, tmp_path: Path) -> None:
    done = run("hotfix", os.getpid(), "--map", MAP)
    assert done.code == 3, "pytest is no Go program"
    done = run("hotfix", 1 << 30, "--map", MAP)
    assert done.code == 3 and "there is no such process" in done.err


@NEEDS_ROOT
def test_a_process_of_another_user_is_not_looked_into(untouched: FixService, tmp_path: Path) -> None:
    plan(
        untouched, MAP, tmp_path
    )  # all that is imported late is imported now: somebody may not read our files
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setuid(SOMEBODY)
        try:
            plan(untouched, MAP, tmp_path)
        except CouldNotLook as error:
            os.write(writes, f"{error.exit_code} {error}".encode())
        os._exit(0)
    os.close(writes)
    with os.fdopen(reads) as file:
        said = file.read()
    os.waitpid(child, 0)
    assert said.startswith("3 ") and "does not let us trace it" in said


def test_another_tracer_is_left_alone(untouched: FixService) -> None:
    with subprocess.Popen(["strace", "-f", "-p", str(untouched.pid)], stderr=subprocess.PIPE) as strace:
        assert strace.stderr is not None and b"attached" in strace.stderr.readline()
        try:
            done = run("hotfix", untouched.pid, "--map", MAP)
        finally:
            strace.kill()
    assert done.code == 3 and "traces it already" in done.err


def test_a_map_that_moved_since_the_plan_is_not_touched(untouched: FixService, tmp_path: Path) -> None:
    fix = plan(untouched, MAP, tmp_path)
    assert untouched.tell("replace") == "done"
    with pytest.raises(NoSafeMoment, match="leads elsewhere now") as refused:
        api.apply_outside(fix)
    assert refused.value.exit_code == 4
    assert [each["event"] for each in events(tmp_path)][-2:] == ["refused", "outside.saved_let_go"]


def test_another_process_under_its_number_is_not_touched(untouched: FixService, tmp_path: Path) -> None:
    fix = plan(untouched, MAP, tmp_path)
    assert fix.job is not None
    # No number can be had twice on demand: the plan is told another start.
    object.__setattr__(fix.job, "started_ticks", fix.job.started_ticks - 1)
    with pytest.raises((PreflightFailed, WriteRefused), match="another one"):
        api.apply_outside(fix)


def test_a_plan_that_was_agreed_to_is_held_against_what_is(untouched: FixService, tmp_path: Path) -> None:
    words = ("hotfix", untouched.pid, "--map", MAP, "--journal", tmp_path / "journals", *SLOW)
    agreed = json.loads(run(*words, "--json").out)
    reviewed = tmp_path / "plan.json"
    reviewed.write_text(json.dumps(agreed))
    assert run(*words, "--plan", reviewed).code == 0
    for field, value, said in (
        (("process", "build_id"), "other", "the plan is for build other"),
        (("map", "address"), 4096, "the map has moved since the plan"),
        (("started_ticks",), 1, "the plan is for another process"),
    ):
        changed = json.loads(json.dumps(agreed))
        place = changed["outside"]
        for name in field[:-1]:
            place = place[name]
        place[field[-1]] = value
        reviewed.write_text(json.dumps(changed))
        done = run(*words, "--plan", reviewed, "--apply")
        assert done.code == 4 and said in done.err, done.err


def test_a_lock_that_is_never_free_ends_in_a_refusal(service: FixService, tmp_path: Path) -> None:
    service.tell("hold")
    words = ("--map", MAP, "--apply", "--wait", "1s", "--max-stop", "500", "--journal", tmp_path)
    done = run("hotfix", service.pid, *words)
    assert done.code == 4 and "locked, " in done.err and "is held" in done.err
    assert not list(tmp_path.glob("*.entries")), "nothing left the map"
    service.tell("release")
    assert service.counts == (SESSIONS, BARE) and wrong_with(service.pid) == []


def test_a_live_iterator_ends_in_a_refusal(untouched: FixService, tmp_path: Path) -> None:
    untouched.tell("walk")
    fix = plan(untouched, MAP, tmp_path, limit_ms=1_000.0)
    assert "is iterating over the map" in next(
        c.why for c in fix.plan.conditions if c.name == "a safe moment"
    )
    with pytest.raises(NoSafeMoment, match="iterator, "):
        api.apply_outside(fix)


def test_a_disk_without_room_is_seen_before(
    untouched: FixService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mock: the disk of the test machine is not filled."""
    monkeypatch.setattr("mapmedic.remedy.outside.conditions.free_bytes", lambda _folder: 1000)
    fix = plan(untouched, MAP, tmp_path / "journals")
    with pytest.raises(PreflightFailed, match="1,000 bytes free"):
        api.apply_outside(fix)
    assert not (tmp_path / "journals").exists()


def test_a_disk_that_fills_up_in_the_stop_leaves_the_map(
    untouched: FixService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mock: the write of the journal fails in the stop."""

    def full(_journal: Journal, _event: str, **_facts: object) -> None:
        raise CouldNotLook("No space left on device")

    fix = plan(untouched, MAP, tmp_path)
    monkeypatch.setattr(Journal, "write_in_a_stop", full)
    with pytest.raises(NoSafeMoment, match="not_saved, 1 times: No space left") as refused:
        api.apply_outside(fix)
    (journal,) = tmp_path.iterdir()
    assert refused.value.journal_path == str(journal)
    assert events(tmp_path)[-1]["event"] == "outside.saved_let_go"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, of 256 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"mount is not allowed here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_disk_that_fills_up_while_the_entries_are_saved_leaves_the_map(
    untouched: FixService, small_disk: Path
) -> None:
    fix = plan(untouched, MAP, small_disk)

    def fill(what: str, _share: float) -> None:
        if what == "saving entries":
            with (small_disk / "other").open("ab") as other, suppress(OSError):
                while True:
                    other.write(bytes(1 << 20))
                    other.flush()

    with pytest.raises(BackupFailed, match="No space left") as refused:
        api.apply_outside(fix, progress=fill)
    assert refused.value.exit_code == 4
    left = [each.suffix for each in small_disk.iterdir() if each.name != "other"]
    assert left == [".jsonl"], "nothing half-written stays"
    assert api.show_journal(Path(str(refused.value.journal_path))).reached is Reached.UNTOUCHED


def test_a_disk_that_is_full_before_the_stop_leaves_the_map(
    untouched: FixService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mock: the kernel says that the disk is full."""

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    fix = plan(untouched, MAP, tmp_path)
    monkeypatch.setattr("mapmedic.remedy.journal.os.fsync", full)
    with pytest.raises(PreflightFailed, match=r"journal: .*No space left") as refused:
        api.apply_outside(fix)
    assert refused.value.exit_code == 4


def test_entries_are_taken_out_one_by_one_under_a_known_lock_only(
    untouched: FixService, tmp_path: Path
) -> None:
    fix = plan(untouched, "main.bare", tmp_path, locks=api.LockWish(none_known=True), strategy="clear")
    with pytest.raises(PreflightFailed, match="under the map's lock only"):
        api.apply_outside(fix)


def test_a_process_that_ends_in_the_middle_is_not_proved(service: FixService, tmp_path: Path) -> None:
    fix = plan(service, "main.bare", tmp_path, locks=api.LockWish(none_known=True))

    def end(what: str, _share: float) -> None:
        if what in ("waiting for collections", "watching memory come back"):
            service.process.kill()

    done = api.apply_outside(fix, within_seconds=5.0, progress=end)
    assert done.entries_removed == BARE and done.proof is not None and not done.proof.passed
    assert "process_runs" in {check.name for check in done.proof.checks if not check.passed}


def test_an_error_after_the_write_leaves_a_sound_service_and_a_journal_that_says_how_far(
    service: FixService, tmp_path: Path
) -> None:
    fix = plan(service, MAP, tmp_path)

    def break_down(what: str, _share: float) -> None:
        if what == "waiting for collections":
            raise OSError("the terminal has gone")

    with pytest.raises(OSError, match="has gone"):
        api.apply_outside(fix, progress=break_down)
    names = [each["event"] for each in events(tmp_path)]
    assert names[-1] == "collections.restored" and "outside.written" in names
    assert service.counts == (0, BARE) and service.tell("exercise") == "sound"
    assert find_left_overs(tmp_path) == () and wrong_with(service.pid) == []


def test_a_folder_that_cannot_be_written_is_refused(untouched: FixService, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    fix = plan(untouched, MAP, tmp_path / "file" / "journals")
    with pytest.raises(PreflightFailed, match=r"journal: .* cannot be written"):
        api.apply_outside(fix)


def test_a_second_operator_is_refused(untouched: FixService, tmp_path: Path) -> None:
    fix = plan(untouched, MAP, tmp_path)
    with hold_process(untouched.pid):
        with pytest.raises(PreflightFailed, match="one operator at a time"):
            api.apply_outside(fix)
        assert not plan(untouched, MAP, tmp_path).plan.ready


@pytest.mark.parametrize("lock", ["main.bareMu", None])
def test_a_map_whose_lock_nobody_finds_is_done_by_the_operators_word(
    service: FixService, tmp_path: Path, lock: str | None
) -> None:
    wish = api.LockWish((lock,)) if lock else api.LockWish(none_known=True)
    fix = plan(service, "main.bare", tmp_path, locks=wish, return_memory=False)
    assert fix.plan.ready, fix.plan.conditions
    assert any("no lock is asked for" in note for note in fix.plan.notes) == (lock is None)
    assert len(fix.outside.locks) == (1 if lock else 0)
    done = api.apply_outside(fix, within_seconds=1.0)
    assert done.entries_removed == BARE and done.ended_collections is None
    assert service.counts == (SESSIONS, 0)


def test_two_locks_cannot_both_be_told_and_unknown(untouched: FixService) -> None:
    done = run("hotfix", untouched.pid, "--map", MAP, "--lock", "main.bareMu", "--no-lock-known")
    assert done.code == 2
    with pytest.raises(UsageError, match="guards itself"):
        plan(untouched, "main.guarded", Path("/nonexistent"), locks=api.LockWish(("main.bareMu",)))


def interrupted(
    service: FixService, folder: Path, after: str, *words: str, how: signal.Signals = signal.SIGINT
) -> subprocess.CompletedProcess[str]:
    """Run a fix and press Ctrl-C, or end it otherwise, as soon as the journal has ``after``."""
    command = [
        *COMMAND,
        "hotfix",
        str(service.pid),
        "--map",
        MAP,
        "--apply",
        "--journal",
        str(folder),
        *words,
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    )
    until = time.monotonic() + 60
    while time.monotonic() < until and not any(after in each.read_text() for each in folder.glob("*.jsonl")):
        time.sleep(0.01)
    process.send_signal(how)
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def test_ctrl_c_while_it_waits_says_that_nothing_was_changed(service: FixService, tmp_path: Path) -> None:
    service.tell("hold")
    done = interrupted(service, tmp_path, "outside.saved", "--wait", "60s")
    service.tell("release")
    assert done.returncode == 130 and "nothing was changed" in done.stderr, done.stderr
    assert str(next(iter(tmp_path.glob("*.jsonl")))) in done.stderr and not list(tmp_path.glob("*.entries"))
    assert service.counts == (SESSIONS, BARE) and wrong_with(service.pid) == []


@pytest.mark.parametrize(
    ("how", "after"), [(signal.SIGINT, "outside.written"), (signal.SIGTERM, "collections.begun")]
)
def test_who_ends_us_after_the_write_is_told_what_was_done(
    service: FixService, tmp_path: Path, how: signal.Signals, after: str
) -> None:
    words = ("--expect-drop", "0.99", "--within", "60s", *SLOW)
    done = interrupted(service, tmp_path, after, *words, how=how)
    assert done.returncode == 130, done.stderr
    assert f"the map was changed, {SESSIONS:,} entries left it" in done.stderr
    names = [each["event"] for each in events(tmp_path)]
    assert names.count("collections.begun") == names.count("collections.restored")
    assert names[-1] == "outside.proof_cut_short"
    (journal,) = tmp_path.glob("*.jsonl")
    assert "the fix was made" in api.show_journal(journal).verdict
    assert service.counts == (0, BARE) and service.tell("exercise") == "sound"
    assert wrong_with(service.pid) == []

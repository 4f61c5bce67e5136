"""Kill the tool, cut the connection, fill the disk: every entry is in the service or in a whole, checked backup.

MAPMEDIC_KILLS=300 pytest -n0 tests/live/test_survival.py      # what `make soak` runs; 12 moments by default
"""

from __future__ import annotations

import multiprocessing
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mapmedic import api
from mapmedic.capture.backup_file import read_backup
from mapmedic.demo.service import LabService, Scenario
from mapmedic.errors import FormatError, HealthTurnedBad, MapmedicError
from tests.live.scenarios import truth_of
from tests.live.test_hotfix import operations, wait_until_nothing_is_held
from tests.live.test_restore import entries_of, put_back, take_out
from tests.support.cutting_proxy import CuttingProxy
from tests.support.scripted_server import Line, Request, ScriptedServer, answers

pytestmark = pytest.mark.live
StartLab = Callable[[Scenario], LabService]
# Few enough to be streamed within the hold of a second, however busy the machine is.
ENTRIES = 1_500
MOMENTS = int(os.environ.get("MAPMEDIC_KILLS", "12"))
CUTS = max(6, MOMENTS // 2)
# The line of the journal after which the tool dies, and within how many seconds of it.
EVENTS = (
    ("planned", 0.01), ("detaching", 0.005), ("detached", 0.01), ("backing_up", 0.25), ("backing_up", 0.25),
    ("backed_up", 0.01), ("committing", 0.02), ("committed", 0.1),
)  # fmt: skip


@pytest.fixture(scope="module")
def spawner() -> Iterator[ForkServerContext]:
    """Processes that begin where the imports are done."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mapmedic.api", "tests.live.test_survival"])
    yield context


def fix_it(url: str, token: str, folder: Path) -> None:
    """Do what `hotfix --apply --hold 1` does."""
    plan = api.plan_fix(url, api.FixRequest("sessions", hold_seconds=1, journal_folder=folder), token)
    api.apply_fix(plan, token, criteria=api.Criteria(within_seconds=0), journal_folder=folder)


def everything_is_somewhere(service: LabService, folder: Path, before: int) -> bool:
    """Wait for the agent; then check that nothing is lost, and put back what a backup holds. True: it was dropped."""
    wait_until_nothing_is_held(service)
    now = truth_of(service.url)["entries"]
    if now == before:
        return False
    assert now == 0, f"{now} of {before} entries are in the service: neither all nor none"
    assert operations(service)[0]["state"] == "committed", "entries are gone that nobody dropped"
    (path,) = folder.glob("*.backup")
    backup = read_backup(path)
    assert backup.whole and backup.end.entries == before
    assert put_back(service, folder, path).restored == before
    return True


def test_sigkill_at_any_moment_loses_no_entry(
    start_lab: StartLab, tmp_path: Path, spawner: ForkServerContext
) -> None:
    service = start_lab(Scenario("struct-field", entries=ENTRIES, rate=0))
    first, last = tmp_path / "first", tmp_path / "last"
    take_out(service, tmp_path, first)
    put_back(service, tmp_path, first)
    draw = random.Random(20)  # noqa: S311 - a fixed seed, so that a failure can be run again
    dropped = 0
    for number in range(MOMENTS):
        event, within = EVENTS[number % len(EVENTS)]
        folder = tmp_path / str(number)
        tool = spawner.Process(target=fix_it, args=(service.url, service.token, folder))
        tool.start()
        _wait_for(event, folder, tool)
        time.sleep(draw.uniform(0, within))
        tool.kill()
        tool.join()
        dropped += everything_is_somewhere(service, folder, ENTRIES)
        for whole in folder.glob("*.backup"):
            whole.unlink()
    assert dropped > 0, "some must have got as far as the commit"
    take_out(service, tmp_path, last)
    assert entries_of(last) == entries_of(first)


def _wait_for(event: str, folder: Path, tool: BaseProcess) -> None:
    """Return as soon as ``event`` is in the journal, or the tool has come to its end without."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        text = "".join(path.read_text() for path in folder.glob("*.jsonl"))
        if f'"event": "{event}"' in text or not tool.is_alive():
            return
        time.sleep(0.0005)
    raise AssertionError(f"no {event} within 30 s")


def test_a_connection_cut_at_any_byte_loses_no_entry(start_lab: StartLab, tmp_path: Path) -> None:
    service = start_lab(Scenario("struct-field", entries=ENTRIES, rate=0))
    first, last = tmp_path / "first", tmp_path / "last"
    take_out(service, tmp_path, first)
    put_back(service, tmp_path, first)
    draw, ends = random.Random(21), set[str]()  # noqa: S311 - as above
    address = urlsplit(service.url)
    for number in range(CUTS):
        folder = tmp_path / str(number)
        # Up to a little more than all that ever comes: some cuts fall behind the stream, at the commit.
        cut = int(first.stat().st_size * draw.choice((0.0001, 0.3, 0.7, 1.0)) + draw.uniform(4_000, 16_000))
        with CuttingProxy((str(address.hostname), address.port or 0), cut, heals=number % 2 == 0) as proxy:
            try:
                fix_it(proxy.url, service.token, folder)
            except MapmedicError as error:
                ends.add(type(error).__name__)
        ends.add("dropped" if everything_is_somewhere(service, folder, ENTRIES) else "kept")
        for whole in folder.glob("*.backup"):
            whole.unlink()
    assert "BackupFailed" in ends and "kept" in ends, "some cuts must have hit the stream"
    take_out(service, tmp_path, last)
    assert entries_of(last) == entries_of(first)


def _small_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))


def test_a_full_disk_puts_everything_back_and_says_so(start_lab: StartLab, tmp_path: Path) -> None:
    service = start_lab(Scenario("struct-field", entries=ENTRIES, rate=0))
    words = ["hotfix", service.url, "--map", "sessions", "--apply", "--journal", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "mapmedic.cli.main", *words], preexec_fn=_small_files,
        env={**os.environ, "MAPMEDIC_TOKEN": service.token}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 4, done.stderr
    assert "File too large" in done.stderr and "--backup FILE" in done.stderr
    assert truth_of(service.url)["entries"] == ENTRIES
    assert operations(service)[0]["state"] == "undone", "at once, not when the hold is over"
    assert [path.suffix for path in tmp_path.iterdir()] == [".jsonl"]


def test_a_backup_cut_short_by_the_kill_is_seen_to_be_none(start_lab: StartLab, tmp_path: Path) -> None:
    service = start_lab(Scenario("struct-field", entries=200, rate=0))
    backup = tmp_path / "b"
    take_out(service, tmp_path, backup)
    partial = tmp_path / "b.partial"
    partial.write_bytes(backup.read_bytes()[: backup.stat().st_size // 2])
    with pytest.raises(FormatError, match="cut short"):
        put_back(service, tmp_path, partial)
    assert truth_of(service.url)["entries"] == 0


def test_a_service_that_turns_bad_during_the_backup_gets_everything_back(
    start_lab: StartLab, tmp_path: Path
) -> None:
    service = start_lab(Scenario("struct-field", entries=30_000, rate=0))
    asked: list[str] = []

    def turns_bad(request: Request, line: Line) -> None:
        asked.append(request.path)
        detached = any(each["state"] == "detached" for each in operations(service))
        (answers(b"oh", 503) if detached else answers(b"ok"))(request, line)

    with ScriptedServer({"/healthz": turns_bad}) as users:
        plan = api.plan_fix(service.url, api.FixRequest("sessions", journal_folder=tmp_path), service.token)
        with pytest.raises(HealthTurnedBad, match="HTTP 503, not 200"):
            api.apply_fix(
                plan, service.token, journal_folder=tmp_path, health_urls=[f"{users.url}/healthz"],
                health_bars=api.HealthBars(every_seconds=0.01),
            )  # fmt: skip
    assert len(asked) > 10
    assert truth_of(service.url)["entries"] == 30_000
    assert operations(service)[0]["state"] == "undone"
    assert [path.suffix for path in tmp_path.iterdir()] == [".jsonl"]

"""A function of a busy program's own, called from outside (lab/livefix): it comes back, panics, takes long, and we die.

MAPMEDIC_GO=all pytest -n0 tests/live/test_call.py     # Go 1.21 to 1.27 instead of the machine's own, and the kills
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from mapmedic import api
from mapmedic.errors import CouldNotLook
from mapmedic.memory.process import tracer_of_a_thread
from mapmedic.model.call import CallEnd
from mapmedic.model.remedy import Outcome
from mapmedic.source.toolchain import GoToolchain
from tests.live.test_outside import faults
from tests.support.livefix_program import Livefix, build_livefix
from tests.support.toolchains import EVERY, toolchains

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
BUSY = ("int-ledger,session-desk", "--entries", "2000", "--rate", "500")
PARKED = 20_000
KILLS = 20
CALLS = 8
TOOL = str(Path(sys.executable).with_name("mapmedic"))
_PATIENCE_SECONDS = 60.0
only_in_live = pytest.mark.skipif(not EVERY, reason="takes its time: make live runs it")


@pytest.fixture(scope="module", params=toolchains(), ids=lambda go: go.version)
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    go: GoToolchain = request.param
    yield build_livefix(go, tmp_path_factory.mktemp("livefix"))


def parked(service: Livefix, fill: bool = False) -> int:
    """How many entries the map has that the functions take from; those functions use the same lock."""
    request = urllib.request.Request(f"{service.url}/livefix/parked{'?call=fill' * fill}", method="POST")
    with urllib.request.urlopen(request, timeout=20) as answer:
        count: int = json.load(answer)["parked"]
    return count


def call(service: Livefix, function: str, folder: Path, limit_ms: float = 20_000.0) -> Outcome:
    request = api.CallRequest(
        function, return_memory=False, wait_ms=60_000.0, limit_ms=limit_ms, journal_folder=folder
    )
    fix = api.plan_call(f"pid:{service.process.pid}", request)
    assert fix.plan.ready, fix.plan.conditions
    return api.apply_call(fix, within_seconds=0.1)


def wait_until_nobody_traces(service: Livefix) -> None:
    """A guardian that still looks for a thread when we are killed ends right after the one that it has."""
    until, clear = time.monotonic() + _PATIENCE_SECONDS, 0
    while clear < 5:
        clear = 0 if tracer_of_a_thread(service.process.pid) else clear + 1
        assert time.monotonic() < until, "its thread is traced still"
        time.sleep(0.02)


def test_the_map_is_empty_a_panic_is_told_and_the_program_finds_nothing_wrong(
    program: Path, tmp_path: Path
) -> None:
    with Livefix(program, *BUSY) as service:
        assert parked(service, fill=True) == PARKED
        done = call(service, "hotfixClear", tmp_path).call
        assert done is not None and done.end is CallEnd.RETURNED and done.is_let_go
        assert parked(service) == 0
        panicked = call(service, "main.hotfixPanic", tmp_path)
        assert panicked.call is not None and panicked.proof is not None and not panicked.proof.passed
        assert (panicked.call.end, panicked.call.panic) == (CallEnd.PANICKED, "string: the hotfix went wrong")
        wait_until_nobody_traces(service)
        # Its deferred Unlock ran, and whoever was interrupted goes on.
        assert parked(service, fill=True) == PARKED
        assert faults(service) == {}
    (first, _) = sorted(tmp_path.glob("*.jsonl"))
    assert first.stat().st_mode & 0o777 == 0o600
    events = [json.loads(line)["event"] for line in first.read_text().splitlines()]
    assert events == ["call.planned", "call.calling", "call.called", "call.ended", "proved"]


def test_whoever_was_interrupted_goes_on_with_every_register_and_flag(program: Path, tmp_path: Path) -> None:
    """Where debugCallV2 goes back by itself it loses the flags: about every second of these calls was felt."""
    with Livefix(program, *BUSY) as service:
        for _ in range(CALLS):
            call(service, "hotfixClear", tmp_path)
        assert faults(service) == {}


def is_refused(service: Livefix) -> bool:
    """Of two calls at a time the second is; where the guardian has the first thread nothing else can be looked at."""
    try:
        return not api.plan_call(f"pid:{service.process.pid}", api.CallRequest("hotfixClear")).plan.ready
    except CouldNotLook:
        return True


@only_in_live
def test_after_the_limit_it_is_told_and_the_guardian_waits_alone(program: Path, tmp_path: Path) -> None:
    with Livefix(program, *BUSY) as service:
        parked(service, fill=True)
        outcome = call(service, "hotfixSlow", tmp_path, limit_ms=300.0)
        assert outcome.call is not None and outcome.call.end is CallEnd.RUNNING
        assert outcome.proof is not None and not outcome.proof.passed
        assert tracer_of_a_thread(service.process.pid) == outcome.call.guardian
        assert is_refused(service)
        assert parked(service) == PARKED  # the program works on
        wait_until_nobody_traces(service)
        assert parked(service) == 0
        assert faults(service) == {}


@only_in_live
def test_who_kills_the_guardian_while_the_function_runs_ends_the_program(
    program: Path, tmp_path: Path
) -> None:
    """It is what the plan and the docs warn of: the INT3 at the function's end finds nobody who waits for it."""
    with Livefix(program, *BUSY) as service:
        parked(service, fill=True)
        outcome = call(service, "hotfixSlow", tmp_path, limit_ms=300.0)
        assert outcome.call is not None and outcome.call.end is CallEnd.RUNNING
        assert service.process.poll() is None
        os.kill(outcome.call.guardian, signal.SIGKILL)
        service.process.wait(timeout=_PATIENCE_SECONDS)
    assert "SIGTRAP" in service.said


@only_in_live
def test_killed_at_any_moment_the_program_runs_on_and_a_call_ends(program: Path, tmp_path: Path) -> None:
    moments = random.Random(5)  # noqa: S311 - when we are killed is no secret
    called = 0
    with Livefix(program, *BUSY) as service:
        for _ in range(KILLS):
            parked(service, fill=True)
            function = moments.choice(["hotfixClear", "hotfixSlow", "hotfixPanic"])
            pid = str(service.process.pid)
            command = [TOOL, "hotfix", pid, "--call", function, "--apply"]
            journals = len(list(tmp_path.iterdir()))
            run = subprocess.Popen(
                [*command, "--journal", str(tmp_path), "--keep-memory", "--within", "1s"],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ,
            )  # fmt: skip
            until = time.monotonic() + _PATIENCE_SECONDS
            while len(list(tmp_path.iterdir())) == journals:
                assert run.poll() is None and time.monotonic() < until, "it began no journal"
                time.sleep(0.002)
            time.sleep(moments.uniform(0.0, 0.4))
            run.kill()
            run.wait()
            wait_until_nobody_traces(service)
            left = parked(service)
            called += left == 0
            assert left in (0, PARKED)
            assert service.process.poll() is None
        assert faults(service) == {}
        assert call(service, "hotfixClear", tmp_path).call is not None
        assert parked(service) == 0
    assert called  # else nothing was tried

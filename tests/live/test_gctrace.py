"""A real service's gctrace log beside the truth: the growth it tells is the growth there is."""

from __future__ import annotations

import os
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from mapmedic import api
from mapmedic.diagnose.gc_log import live_course
from mapmedic.formats.memstats import parse_memstats
from mapmedic.model.findings import Verdict
from mapmedic.model.units import MIB

pytestmark = pytest.mark.live
_SECONDS = 9.0


def run_lab(binary: Path, words: list[str], log: Path) -> float:
    """Run a scenario with its GCs logged, many of them; return how many bytes a second its live heap gained."""
    environment = {**os.environ, "GODEBUG": "gctrace=1", "GOGC": "5"}
    with log.open("wb") as stderr:
        lab = subprocess.Popen(
            [binary, *words, "--exit-with-stdin"], env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr,
        )  # fmt: skip
        with lab:
            assert lab.stdin is not None and lab.stdout is not None
            url = lab.stdout.readline().decode().split()[2]
            time.sleep(_SECONDS / 3)
            before, started = live_bytes(url), time.monotonic()
            time.sleep(_SECONDS * 2 / 3)
            gained = (live_bytes(url) - before) / (time.monotonic() - started)
            lab.stdin.close()
    return gained


def live_bytes(url: str) -> int:
    with urllib.request.urlopen(f"{url}/debug/pprof/heap?debug=1&gc=1", timeout=60) as answer:
        body: bytes = answer.read()
    return parse_memstats(body.partition(b"# runtime.MemStats\n")[2]).heap_alloc_bytes


def test_a_leak_grows_in_the_log_as_it_does(lab_binary: Path, tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    truth = run_lab(lab_binary, ["struct-field", "--entries", "20000", "--rate", "8000"], log)
    observation = api.observe([str(log)], api.CapturePlan())
    assert observation.gc_trace is not None
    course = live_course(observation.gc_trace)
    assert course is not None
    assert course.bytes_per_second == pytest.approx(truth, rel=0.5)
    diagnosis = api.diagnose(observation)
    assert diagnosis.verdict is Verdict.UNDETERMINED
    assert diagnosis.reasons[0].startswith("the live heap grows")


def test_a_bounded_cache_does_not_grow_in_the_log(lab_binary: Path, tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    truth = run_lab(lab_binary, ["bounded-lru"], log)
    assert abs(truth) < MIB
    diagnosis = api.diagnose(api.observe([str(log)], api.CapturePlan()))
    assert diagnosis.reasons[0].startswith("the live heap does not grow")

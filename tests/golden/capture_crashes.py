"""Capture what dying Go processes print: ``crash_<END>.txt`` for each end that ``program/crash`` knows."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.golden.toolchain import build, build_test

ENDS: dict[str, dict[str, str]] = {
    "panic": {},
    "nil": {},
    "map": {},
    "memory": {},
    "stack": {"GOTRACEBACK": "single"},
    "deadlock": {},
    "minutes": {"GOTRACEBACK": "all"},
    "spinning": {"GOTRACEBACK": "all", "GOMAXPROCS": "4", "GODEBUG": "asyncpreemptoff=1"},
    "ancestors": {"GODEBUG": "tracebackancestors=5"},
}
_FIRST_BUBBLES = (1, 25)
_MOST_BYTES = 64 << 10


def capture_crashes(version: str, folder: Path) -> None:
    program = build(version, "program/crash")
    running = {end: _start([program, end], ENDS[end]) for end in ENDS}
    if tuple(map(int, version.split(".")[:2])) >= _FIRST_BUBBLES:
        running["bubble"] = _start([build_test(version, "program/bubble")], {})
    for end, process in running.items():
        _, said = process.communicate(timeout=100)
        assert process.returncode == 2, (end, process.returncode)
        (folder / f"crash_{end}.txt").write_bytes(said[:_MOST_BYTES])


def _start(command: list[object], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    words = [str(word) for word in command]
    return subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

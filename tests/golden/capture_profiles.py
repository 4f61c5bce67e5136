"""Capture every other profile of a Go process, what it logs of its GCs, and what client_golang prints."""

from __future__ import annotations

import subprocess
import urllib.request
from pathlib import Path

from tests.golden.toolchain import build

ANSWERS = {
    "allocs.pb.gz": "allocs",
    "goroutine.pb.gz": "goroutine",
    "goroutine1.txt": "goroutine?debug=1",
    "mutex.pb.gz": "mutex",
    "block.pb.gz": "block",
    "cpu.pb.gz": "profile?seconds=1",
}
TRACED = {"GODEBUG": "gctrace=1,scavtrace=1"}


def capture_profiles(version: str, folder: Path) -> None:
    program = build(version, "program/profiles")
    with (folder / "gctrace.txt").open("wb") as log:
        process = subprocess.Popen([program], stdout=subprocess.PIPE, stderr=log, env=TRACED)
        try:
            assert process.stdout is not None
            ready, _pid, url, go = process.stdout.readline().decode().split()
            assert (ready, go) == ("READY", f"go{version}"), (ready, go)
            for name, query in ANSWERS.items():
                with urllib.request.urlopen(f"{url}/debug/pprof/{query}", timeout=20) as answer:
                    (folder / name).write_bytes(answer.read())
        finally:
            process.terminate()
            process.wait(10)


def capture_client_golang(version: str, folder: Path) -> None:
    page = subprocess.run([build(version, "prometheus")], stdout=subprocess.PIPE, check=True).stdout
    assert f'go_info{{version="go{version}"}}'.encode() in page
    (folder / "metrics_client_golang.txt").write_bytes(page)

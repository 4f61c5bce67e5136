"""What an interrupted command leaves behind, and what it says of it; real processes and signals."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from mapmedic.capture.session_file import read_session
from tests.support.command import COMMAND, environment, run
from tests.support.go_process import (
    AGENT,
    GOLDEN,
    GOROUTINE,
    HEAP_PPROF,
    TOKEN,
    go_process,
)
from tests.support.scripted_server import ScriptedServer, hangs

HEAP = GOLDEN / "heap.txt"


def start(*words: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*COMMAND, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )


def wait_for(path: Path, server: ScriptedServer, asked: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if path.exists() and server.asked(asked) and b"metrics" in path.read_bytes():
            return
        time.sleep(0.01)
    raise AssertionError("the capture never began")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL, signal.SIGTERM])
def test_a_capture_that_is_cut_short_leaves_a_readable_partial(how: signal.Signals, tmp_path: Path) -> None:
    """One endpoint never answers: what the others said is on disk already."""
    partial = tmp_path / "s.mapmedic.partial"
    with ScriptedServer({**go_process(), GOROUTINE: hangs}) as server:
        process = start("capture", server.url, "-o", tmp_path / "s.mapmedic", "--for", "1m")
        wait_for(partial, server, HEAP_PPROF)
        process.send_signal(how)
        out, err = process.communicate(timeout=20)
    assert not (tmp_path / "s.mapmedic").exists()
    assert not read_session(partial).complete
    done = run("diagnose", partial, "--json")
    assert done.code == 0
    assert "session" in {blank["what"] for blank in done.json["not_captured"]}
    if how is signal.SIGINT:
        assert process.returncode == 130
        assert out == b""
        assert f"kept in {partial}".encode() in err and f"mapmedic diagnose {partial}".encode() in err
        assert b"Traceback" not in err
    again = run("capture", server.url, "-o", tmp_path / "s.mapmedic", "--json")
    assert (again.code, again.json["error"]) == (2, "OutputExists")
    assert "cut short" in again.json["causes"][0]


def test_interrupted_before_anything_arrived(tmp_path: Path) -> None:
    with ScriptedServer(dict.fromkeys([*go_process(), AGENT], hangs)) as server:
        process = start("capture", server.url, "-o", tmp_path / "s.mapmedic")
        deadline = time.monotonic() + 20
        while len(server.requests) < 5 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, list(tmp_path.iterdir())) == (130, [])
    assert b"no file is left" in err


@pytest.mark.parametrize("words", [["flame", "-o", "x.html"], ["verify", HEAP], ["hotfix", "--map", "m"]])
def test_interrupted_says_that_nothing_is_left(words: list[object], tmp_path: Path) -> None:
    with ScriptedServer(dict.fromkeys([*go_process(), AGENT], hangs)) as server:
        process = subprocess.Popen(
            [*COMMAND, *map(str, words), server.url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path,
            env=environment(MAPMEDIC_TOKEN=TOKEN),
        )  # fmt: skip
        deadline = time.monotonic() + 20
        while not server.requests and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, b"")
    assert b"interrupted: nothing was changed, and no file is left" in err
    assert list(tmp_path.iterdir()) == []


def test_interrupted_while_modules_are_imported_shows_no_traceback() -> None:
    script = "import mapmedic.cli; raise KeyboardInterrupt"
    done = subprocess.run([COMMAND[0], "-c", script], capture_output=True, env=environment(), check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"interrupted\n")

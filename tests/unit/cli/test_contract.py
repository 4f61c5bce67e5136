"""The promises of the command line, kept by real processes: exit codes, JSON alone on stdout, no secrets."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from mapmedic.capture.session_file import read_session
from mapmedic.cli import main as cli
from mapmedic.cli.main import COMMANDS
from mapmedic.model.findings import Diagnosis, Verdict
from tests.support.command import COMMAND, Done, environment, run
from tests.support.go_process import (
    AGENT,
    CMDLINE,
    GOLDEN,
    METRICS,
    SYMBOL,
    TOKEN,
    agent,
    go_process,
)
from tests.support.scripted_server import ScriptedServer, answers

HEAP = GOLDEN / "heap.txt"
EVIL = "\x1b[2J\x1b]0;owned\x07\u202eevil"


@pytest.fixture(scope="module")
def golden_session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("golden") / "golden.mapmedic"
    with ScriptedServer(go_process()) as server:
        assert run("capture", server.url, "-o", path).code == 0
    return path


# --- exit codes ---


def test_a_misspelt_command_is_answered_with_the_nearest() -> None:
    assert "Did you mean 'diagnose'?" in run("diagnos").err
    assert "Did you mean" not in run("nonsense").err


def test_the_help_that_is_advised_is_the_commands_own() -> None:
    done = run("flame", "no-such-file", "--json")
    assert done.json["next"] == "mapmedic flame --help"
    assert "next:  mapmedic flame --help" in done.err


def test_only_a_live_target_is_watched() -> None:
    assert "watching" not in run("diagnose", "no-such-file").err
    assert "watching" in run("diagnose", refused()).err


def refused() -> str:
    server = ScriptedServer()
    server.stop_listening()
    return server.url


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["nonsense"], 2, "UsageError"),
        (["diagnose"], 2, "UsageError"),
        (["diagnose", "--for", "soon", HEAP], 2, "UsageError"),
        (["diagnose", "no-such-file"], 2, "UsageError"),
        (["diagnose", "http://me:pw@svc"], 2, "UsageError"),
        (["diagnose", "http://a:1", "http://b:2"], 2, "UsageError"),
        (["diagnose", "--source", "/no/such", HEAP], 2, "UsageError"),
        (["diagnose", HEAP, "--html", "/no/such/x.html"], 2, "CannotWrite"),
        (["diagnose", HEAP, "--html", HEAP], 2, "OutputExists"),
        (["capture", HEAP], 2, "UsageError"),
        (["capture", "http://svc:1", "-o", HEAP], 2, "OutputExists"),
        (["capture", "http://svc:1", "-o", "/"], 2, "CannotWrite"),
        (["flame", HEAP, "-o", HEAP], 2, "OutputExists"),
        (["flame", HEAP, "-o", "/no/such/x.html"], 2, "CannotWrite"),
        (["flame", HEAP, "--pprof", HEAP], 2, "OutputExists"),
        (["diagnose", HEAP, "--pprof", HEAP], 2, "OutputExists"),
        (["verify", HEAP, HEAP, "--html", HEAP], 2, "OutputExists"),
        (["hotfix", "http://svc:1", "--map", "m", "--html", HEAP], 2, "OutputExists"),
        (["hotfix", "http://svc:1"], 2, "UsageError"),
        (["hotfix", "nonsense", "--map", "m"], 2, "UsageError"),
        (["verify", HEAP], 2, "UsageError"),
        (["verify", GOLDEN / "goroutine.txt", HEAP], 2, "UsageError"),
        (["demo", "-o", HEAP], 2, "OutputExists"),
        (["doctor", "more"], 2, "UsageError"),
        (["capture", HEAP, "-o", "x.mapmedic"], 3, "TargetUnsupported"),
        (["capture", "4711", "http://x:1", "http://y:1", "-o", "x.mapmedic"], 2, "UsageError"),
        (["capture", "4194305", "-o", "x.mapmedic"], 3, "ProcessUnreadable"),
        (["capture", "4194305", "--gc", "-o", "x.mapmedic"], 2, "UsageError"),
        (["diagnose", "pid:4194305"], 3, "ProcessUnreadable"),
        (["diagnose", "pid:4194305", "pid:4194306"], 2, "UsageError"),
        (["diagnose", "pid:4194305", HEAP], 3, "TargetUnsupported"),
        (["diagnose", "core:/x"], 3, "TargetUnsupported"),
        (["diagnose", "/"], 3, "TargetUnsupported"),
        (["diagnose", "/dev/zero"], 3, "TargetUnsupported"),
        (["diagnose", __file__], 3, "FormatError"),
        (["diagnose", GOLDEN / "symbols.txt"], 3, "FormatError"),
        (["flame", GOLDEN / "goroutine.txt", "-o", "x.html"], 3, "CouldNotLook"),
        (["verify", __file__, HEAP], 3, "FormatError"),
        (["hotfix", "http://127.0.0.1:9", "--map", "m"], 4, "NotAuthorized"),
        (["diagnose", HEAP], 0, None),
        (["diagnose", HEAP, GOLDEN / "heap.pb.gz", GOLDEN / "goroutine.txt", GOLDEN / "metrics.txt"], 0, None),
        (["diagnose", HEAP, HEAP], 0, None),
        (["flame", HEAP, "-o", "x.html"], 0, None),
        (["flame", HEAP, "--pprof", "x.pb.gz"], 0, None),
        (["verify", HEAP, HEAP], 5, None),
        (["doctor"], 0, None),
        (["doctor", "4194303"], 3, "ProcessUnreadable"),
    ],
    ids=lambda value: " ".join(map(str, value)).replace(str(GOLDEN), "")[:60] if isinstance(value, list) else None,
)  # fmt: skip
def test_exit_codes_and_json(
    words: list[object], code: int, error: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MAPMEDIC_TOKEN", raising=False)
    done = Done(cli.run([*map(str, words), "--json"]), *capfd.readouterr())
    assert done.code == code, done.err
    said = done.json
    if error is None:
        name = {"verify": "proof", "diagnose": "diagnosis"}.get(str(words[0]), words[0])
        assert said["schema"] == f"mapmedic.{name}/1"
    else:
        assert (said["schema"], said["error"], said["exit_code"]) == ("mapmedic.error/1", error, code)
        assert "Traceback" not in done.err and done.err
    assert not list(tmp_path.glob("*.partial"))


@pytest.mark.parametrize(
    "words", [["capture", "-o", "x"], ["diagnose"], ["flame", "-o", "x"], ["hotfix", "--map", "m"]]
)
def test_nobody_there_is_3_for_every_command(words: list[str], tmp_path: Path) -> None:
    done = run(*words, refused(), "--json", cwd=tmp_path, MAPMEDIC_TOKEN=TOKEN)
    assert (done.code, done.json["error"]) == (3, "TargetUnreachable")
    assert "Connection refused" in done.json["what"] and "curl" in done.json["next"]
    assert list(tmp_path.iterdir()) == []


class Panic(BaseException):
    """What a panic of the native core is to Python: no Exception."""


@pytest.mark.parametrize("bug", [ZeroDivisionError, Panic])
def test_a_bug_is_70_and_says_so(
    bug: type[BaseException], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks() -> None:
        raise bug(EVIL)

    monkeypatch.setattr("mapmedic.api.examine_machine", breaks)
    assert cli.run(["doctor", "--json"]) == 70
    said = capsys.readouterr()
    assert json.loads(said.out)["exit_code"] == 70
    assert f"has a bug ({bug.__name__})" in said.err and "Traceback" in said.err
    assert "\x1b" not in said.err and "\u202e" not in said.err


def test_every_finding_is_1(monkeypatch: pytest.MonkeyPatch) -> None:
    for verdict in Verdict:
        monkeypatch.setattr(
            "mapmedic.api.diagnose",
            lambda *_, verdict=verdict, **__: Diagnosis("t", verdict, 0.5, (), (), ()),
        )
        expected = 0 if verdict in ("healthy", "large_steady_map", "undetermined") else 1
        assert cli.run(["diagnose", str(HEAP), "--json"]) == expected


# --- capture, as a user sees it ---


def test_a_session_is_captured_and_studied(golden_session: Path, tmp_path: Path) -> None:
    done = run("diagnose", golden_session, "--json", "--html", tmp_path / "r.html")
    assert (done.code, done.json["captures"]) == (0, 1)
    assert (tmp_path / "r.html").stat().st_size > 10_000
    flame = run("flame", golden_session, "-o", tmp_path / "f.html", "--json").json
    assert flame["frames_restored"] is True
    again = run("flame", golden_session, "-o", tmp_path / "f.html", "--json")
    assert (again.code, again.json["error"]) == (2, "OutputExists")
    assert run("flame", golden_session, "-o", tmp_path / "f.html", "--force", "--json").code == 0


def test_a_profile_for_go_tool_pprof(golden_session: Path, tmp_path: Path) -> None:
    done = run("diagnose", golden_session, "--pprof", tmp_path / "d.pb.gz")
    assert f"go tool pprof -top -cum {tmp_path / 'd.pb.gz'}" in done.err
    alone = run("flame", golden_session, "--pprof", tmp_path / "f.pb.gz", "--json", cwd=tmp_path).json
    assert (alone["path"], alone["pprof_path"]) == (None, str(tmp_path / "f.pb.gz"))
    assert (tmp_path / "f.pb.gz").read_bytes() == (tmp_path / "d.pb.gz").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.pb.gz", "f.pb.gz"]


def test_two_captures_compared_on_a_page(tmp_path: Path) -> None:
    done = run("verify", HEAP, HEAP, "--html", tmp_path / "v.html", "--json")
    assert (done.code, done.json["passed"]) == (5, False)
    assert "The memory did not come back." in (tmp_path / "v.html").read_text()


def test_what_was_not_captured_is_said(tmp_path: Path) -> None:
    with ScriptedServer({**go_process(), METRICS: answers(b"", 500)}) as server:
        done = run("capture", server.url, "-o", tmp_path / "a b.mapmedic")
    assert done.code == 0
    assert "not captured: metrics: it answered with HTTP 500; no RSS and no memory timeline" in done.err
    assert f"next: mapmedic diagnose '{tmp_path}/a b.mapmedic'" in done.err


def test_the_token_is_nowhere(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN + "\n")
    with ScriptedServer({**go_process(), AGENT: agent()}) as server:
        for words, variable, accepted in (
            (["--token-file", tmp_path / "token"], "", True),
            ([], TOKEN + "\n", True),
            ([], "wrong-" + TOKEN, False),
        ):
            done = run(
                "capture", server.url, "-o", tmp_path / "s", "--force", *words, MAPMEDIC_TOKEN=variable
            )
            assert (done.code, TOKEN in done.out + done.err) == (0, False)
            assert TOKEN.encode() not in (tmp_path / "s").read_bytes()
            kinds = {artifact.kind for artifact in read_session(tmp_path / "s").artifacts}
            assert ("agent_maps" in kinds) == accepted
        done = run("hotfix", server.url, "--map", "sessions", "--json", MAPMEDIC_TOKEN=TOKEN)
        assert (done.code, TOKEN in done.out + done.err) == (3, False)
    for command in COMMANDS:
        text = run(command, "--help").out
        assert not re.search(r"--token(?!-file)", text), "an argument is seen by every user of the machine"


@pytest.mark.parametrize("token", ["", "two\nlines", "x" * 5000, "\x1b[31m", "\udcff"])
def test_what_cannot_be_a_token(token: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(os.fsencode(token))
    done = run("diagnose", HEAP, "--token-file", tmp_path / "token", "--json")
    assert (done.code, done.json["error"]) == (2, "UsageError")
    if token:
        done = run("diagnose", HEAP, "--json", MAPMEDIC_TOKEN=token)
        assert done.code == 2 and "environment variable MAPMEDIC_TOKEN" in done.json["what"]
        assert token not in done.out + done.err


# --- terminals and pipes ---


@pytest.mark.parametrize(
    "words", [["doctor"], ["doctor", "--json"], ["--help"], ["diagnose", HEAP], ["diagnose", HEAP, "--json"]]
)
def test_a_reader_that_has_gone_is_neither_a_finding_nor_a_bug(words: list[object]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*COMMAND, *map(str, words)],
        stdout=writer,
        stderr=subprocess.PIPE,
        env=environment(),
        check=False,
        timeout=60,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_nobody_reads_the_errors_either() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*COMMAND, "diagnose", "nonsense"], stderr=writer, env=environment(), check=False, timeout=60
    )
    os.close(writer)
    assert done.returncode == 141


def test_a_reader_that_has_gone_does_not_cost_the_page(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    words = ["diagnose", str(HEAP), "--html", str(tmp_path / "r.html")]
    done = subprocess.run([*COMMAND, *words], stdout=writer, env=environment(), check=False, timeout=60)
    os.close(writer)
    assert done.returncode == 141
    assert (tmp_path / "r.html").stat().st_size > 10_000


def printed(done: Done) -> str:
    return done.out + done.err


def test_escapes_in_hostile_names_are_inert(tmp_path: Path) -> None:
    hostile = tmp_path / f"{EVIL}.txt"
    hostile.write_bytes(b"heap profile: broken\n")
    text = HEAP.read_bytes().replace(b"main.fill", b"main." + EVIL.encode())
    (tmp_path / "heap.txt").write_bytes(text)
    banner = answers(b"", 200, f"text/{EVIL}")
    with ScriptedServer({**go_process(), CMDLINE: banner, SYMBOL: answers(EVIL.encode(), 500)}) as server:
        captured = run("capture", server.url, "-o", tmp_path / f"{EVIL}.mapmedic")
    for done in (
        run("diagnose", hostile),
        run("diagnose", tmp_path / "heap.txt"),
        run("diagnose", f"/no/{EVIL}"),
        run("flame", HEAP, "-o", tmp_path / f"{EVIL}.html"),
        run("capture", HEAP, "-o", tmp_path / f"{EVIL}.txt"),
        captured,
        run("diagnose", tmp_path / f"{EVIL}.mapmedic"),
    ):
        assert "\x1b" not in printed(done) and "\u202e" not in printed(done) and "\x07" not in printed(done)
        assert done.code != 70, done.err


def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.txt"
    with open(path, "wb") as file:  # noqa: PTH123 - a name of bytes
        file.write(HEAP.read_bytes())
    for words in (["diagnose", os.fsdecode(path)], ["diagnose", os.fsdecode(path), "--json"],
                  ["flame", os.fsdecode(path), "-o", os.fsdecode(path) + ".html"]):  # fmt: skip
        assert run(*words).code == 0


@pytest.mark.parametrize(
    "words",
    [["doctor"], ["--help"], ["diagnose", HEAP], ["diagnose", "nöfile"], ["verify", HEAP, HEAP]],
    ids=str,
)
def test_a_log_that_is_not_utf8_gets_all_of_it(words: list[object]) -> None:
    plain = run(*words, PYTHONIOENCODING="ascii")
    assert plain.code == run(*words).code
    assert "UnicodeEncodeError" not in plain.err
    if words == ["doctor"]:
        assert "\\u" not in plain.out, "there are plain characters for all of our own"


def test_colours_only_on_a_terminal_that_wants_them(golden_session: Path) -> None:
    assert "\x1b" not in printed(run("diagnose", golden_session))
    for wish, coloured in (({"NO_COLOR": "1"}, False), ({"TERM": "xterm"}, True)):
        leader, follower = os.openpty()
        done = subprocess.run(
            [*COMMAND, "doctor"],
            stdout=follower,
            stderr=follower,
            env=environment(TERM="xterm", **{k: v for k, v in wish.items() if k != "TERM"}),
            check=True,
            timeout=60,
        )
        os.close(follower)
        text = b""
        while chunk := _read(leader):
            text += chunk
        os.close(leader)
        assert done.returncode == 0
        assert bool(re.search(rb"\x1b\[[0-9;]*3[0-9]m", text)) == coloured


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other end of a terminal closes with EIO
        return b""

"""How a target is reached, as options of real processes: secrets stay where they are, mistakes are named."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.certificates import new_authority
from tests.support.command import COMMAND, environment, run
from tests.support.go_process import AGENT, GOLDEN, METRICS, agent, go_process
from tests.support.scripted_server import ScriptedServer, hangs, wanting

SECRET = "me:s3cret-of-mine"  # noqa: S105 - it opens nothing
BASIC = "Basic bWU6czNjcmV0LW9mLW1pbmU="


@pytest.fixture
def guarded() -> dict[str, object]:
    return {where: wanting(BASIC, script) for where, script in go_process().items()}


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "auth")


@pytest.mark.parametrize("by", ["file", "variable"])
def test_credentials_reach_the_service_and_nothing_else(
    by: str, guarded: dict[str, object], tmp_path: Path
) -> None:
    (tmp_path / "auth").write_text(SECRET + "\n")
    words = ["--auth-file", "auth"] if by == "file" else []
    variables = {} if by == "file" else {"MAPMEDIC_AUTH": SECRET}
    with ScriptedServer(guarded) as server:  # type: ignore[arg-type]
        done = run("capture", server.url, "-o", "s.mapmedic", *words, "--json", cwd=tmp_path, **variables)
        assert done.code == 0, done.err
        seen = run(
            "diagnose", server.url, "--for", "0", "--html", "r.html", "--json", *words, cwd=tmp_path,
            XDG_STATE_HOME=str(tmp_path), **variables,
        )  # fmt: skip
    assert {artifact["attempts"] for artifact in done.json["artifacts"]} == {1}
    said = (done.out + done.err + seen.out + seen.err).encode() + everything_in(tmp_path)
    for secret in (b"s3cret", BASIC.encode(), BASIC.split()[1].encode()):
        assert secret not in said


def test_without_credentials_the_next_step_is_to_give_them(
    guarded: dict[str, object], tmp_path: Path
) -> None:
    with ScriptedServer(guarded) as server:  # type: ignore[arg-type]
        done = run("diagnose", server.url, "--for", "0", "--json", cwd=tmp_path)
    assert (done.code, done.json["error"]) == (3, "UnexpectedAnswer")
    assert "HTTP 401" in done.json["what"] and "--auth-file" in done.json["next"]


@pytest.mark.parametrize("content", ["", "nocolon", "Bearer ", "a:b\nc:d", "a:\x1b[2J", "x:" + "y" * 5000])
def test_a_file_without_credentials_is_refused_and_not_shown(content: str, tmp_path: Path) -> None:
    (tmp_path / "auth").write_text(content)
    done = run("capture", "http://127.0.0.1:9", "-o", "x", "--auth-file", "auth", "--json", cwd=tmp_path)
    assert (done.code, done.json["error"]) == (2, "UsageError")
    assert "auth" in done.json["what"] and (len(content) < 8 or content not in done.out + done.err)


def test_a_key_alone_is_a_mistake(tmp_path: Path) -> None:
    done = run(
        "capture", "http://127.0.0.1:9", "-o", "x", "--key", GOLDEN / "heap.txt", "--json", cwd=tmp_path
    )
    assert done.code == 2 and "--cert" in done.json["what"]


def test_https_with_an_authority_of_our_own_from_capture_to_verify(tmp_path: Path) -> None:
    authority = new_authority(tmp_path)
    with ScriptedServer(go_process(), tls=authority.issue("server").server()) as server:
        unknown = run("capture", server.url, "-o", "s", "--json", cwd=tmp_path)
        assert (unknown.code, unknown.json["error"]) == (3, "TlsFailed")
        assert unknown.json["next"].startswith("--ca-file")
        assert run("capture", server.url, "-o", "s", "--ca-file", "ca.pem", cwd=tmp_path).code == 0
        done = run("verify", "s", server.url, "--ca-file", "ca.pem", "--json", cwd=tmp_path)
        assert done.code == 5 and done.json["schema"] == "mapmedic.proof/1"


def test_a_unix_socket_and_its_advice(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    with ScriptedServer({**go_process(), AGENT: agent()}, socket_path=path):
        done = run("diagnose", f"unix://{path}", "--for", "0", "--json", cwd=tmp_path)
        assert done.json["target"] == f"unix://{path}"
    gone = run("diagnose", f"unix://{path}", "--for", "0", "--json", cwd=tmp_path)
    assert gone.code == 3 and f"curl -sS -m 5 -o - --unix-socket {path} http://localhost" in gone.json["next"]
    assert run("diagnose", f"unix://{tmp_path}", "--for", "0").code == 2


def test_an_interrupted_diagnosis_keeps_what_was_watched(tmp_path: Path) -> None:
    with ScriptedServer({**go_process(), METRICS: hangs}) as server:
        process = subprocess.Popen(
            [*COMMAND, "diagnose", server.url, "--for", "1h"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=environment(XDG_STATE_HOME=str(tmp_path)),
        )  # fmt: skip
        deadline = time.monotonic() + 30
        while not any(path.stat().st_size > 20_000 for path in tmp_path.rglob("*.partial")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    (kept,) = tmp_path.rglob("*.partial")
    assert process.returncode == 130 and f"what had arrived is kept in {kept}".encode() in err
    assert run("diagnose", kept, "--json").json["schema"] == "mapmedic.diagnosis/1"

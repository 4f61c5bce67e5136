"""What the word TARGET means."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest

from mapmedic.capture.targets import TargetKind, http_base, parse_target
from mapmedic.errors import CouldNotLook, MapmedicError, TargetUnreachable, TargetUnsupported, UsageError

HTTP, PROCESS, CORE = TargetKind.HTTP, TargetKind.PROCESS, TargetKind.CORE


@pytest.mark.parametrize(
    ("word", "base"),
    [
        ("http://svc:6060", "http://svc:6060"),
        ("http://svc:6060/", "http://svc:6060"),
        ("http://svc", "http://svc"),
        ("HTTP://svc:80", "http://svc:80"),
        ("https://svc/", "https://svc"),
        ("http://svc:6060/debug/pprof", "http://svc:6060"),
        ("http://svc:6060/debug/pprof/", "http://svc:6060"),
        ("http://svc:6060/debug/pprof/heap?debug=1", "http://svc:6060"),
        ("http://svc:6060/debug/pprof/heap?token=s3cret#x", "http://svc:6060"),
        ("http://svc/api/v1/pods/x:6060/proxy/debug/pprof/", "http://svc/api/v1/pods/x:6060/proxy"),
        ("http://svc/debug/pprofiles", "http://svc/debug/pprofiles"),
        ("http://[::1]:6060", "http://[::1]:6060"),
        ("[::1]:6060", "http://[::1]:6060"),
        ("localhost:6060", "http://localhost:6060"),
        ("10.0.0.7:6060/debug/pprof", "http://10.0.0.7:6060"),
    ],
)
def test_urls(word: str, base: str) -> None:
    target = parse_target(word)
    assert (target.kind, http_base(target)) == (HTTP, base)


@pytest.mark.parametrize(
    ("word", "kind"), [("1", PROCESS), ("4711", PROCESS), ("pid:4711", PROCESS), ("core:/tmp/core.1", CORE)]
)
def test_processes_and_cores_are_known_and_serve_no_http(word: str, kind: TargetKind) -> None:
    target = parse_target(word)
    assert target.kind is kind
    with pytest.raises(TargetUnsupported, match=r"net/http/pprof URL|mapmedic heap core:"):
        http_base(target)


@pytest.mark.parametrize(
    "word",
    [
        "", " ", "nonsense", "no/such/file.mapmedic", "pid:", "pid:x", "pid:-1", "0", "pid:0", "²", "-1", "core:",
        "http://", "http:///path", "http://svc:0", "http://svc:99999", "http://svc:port", "http://[::1", "svc:99999",
        "http://a b:80", "http://svc:80/\n", "http://svc\x1b[2J:80", "ftp://svc:21", "x" * 5000, "a\0b", "x/" * 3000,
    ],
)  # fmt: skip
def test_garbage_is_a_usage_error(word: str) -> None:
    with pytest.raises(UsageError):
        parse_target(word)


@pytest.mark.parametrize(
    "word",
    [
        "http://me:s3cret@svc:6060",
        "http://s3cret@svc:6060",
        "http://@s3cret",
        "http://me:s3cret@svc:notaport",
        "http://me:s3cret@[::1",
        "http://me:s3cret\u2100@svc",
        "me:s3cret@svc:6060",
        "ftp://me:s3cret@svc",
    ],
)
def test_credentials_are_refused_and_not_repeated(word: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_target(word)
    assert "s3cret" not in str(caught.value)


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "heap:6060"
    path.write_bytes(b"")
    target = parse_target(str(path))
    assert (target.kind, target.path) == (TargetKind.FILE, path)
    with pytest.raises(TargetUnsupported, match="a file cannot be captured from"):
        http_base(target)


def test_what_is_no_regular_file_is_said_to_be_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for word in (str(tmp_path), str(tmp_path / "pipe"), "/dev/zero"):
        with pytest.raises(TargetUnsupported, match="regular file"):
            parse_target(word)


def test_a_file_behind_a_closed_door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", denied)
    with pytest.raises(CouldNotLook, match="Permission denied"):
        parse_target(str(tmp_path / "x"))


def test_no_word_ends_in_another_error() -> None:
    for word in (
        "\ud800",
        "http://\ud800",
        "http://\ud800:80/x",
        "http://" + "a" * 70_000,
        "[]:1",
        "http://%zz:1",
    ):
        with suppress(MapmedicError):
            parse_target(word)


@pytest.mark.parametrize("word", ["gops://127.0.0.1:4321", "gops:127.0.0.1:4321", "GOPS://127.0.0.1:4321/"])
def test_a_gops_agent_by_its_address(word: str) -> None:
    target = parse_target(word)
    assert (target.kind, target.base_url) == (TargetKind.GOPS, "gops://127.0.0.1:4321")
    with pytest.raises(TargetUnsupported, match="changes nothing"):
        http_base(target)


@pytest.mark.parametrize(
    "word", ["gops:", "gops://", "gops://host", "gops:x", "gops:0", "gops://h:1/path", "gops://a@h:1"]
)
def test_no_gops_agent(word: str) -> None:
    with pytest.raises(UsageError):
        parse_target(word)


@pytest.mark.parametrize(
    ("written", "why"), [(None, "No such file"), ("x", "no port number"), ("70000", "no port number")]
)
def test_a_process_without_a_gops_agent(
    written: str | None, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOPS_CONFIG_DIR", str(tmp_path))
    if written is not None:
        (tmp_path / "4711").write_text(written)
    with pytest.raises(TargetUnreachable, match=why):
        parse_target("gops:4711")

"""Reading back: each kind of raw file, what is none, and sessions of which a part does not parse."""

from __future__ import annotations

import gzip
import os
import tracemalloc
from pathlib import Path

import pytest

from mapmedic.capture.merge import merge_observations
from mapmedic.capture.observe import observe_file, observe_session
from mapmedic.errors import FormatError
from mapmedic.formats.goroutine_text import group_goroutines, parse_goroutines
from mapmedic.model.session import Artifact, Session
from mapmedic.model.units import UnixNanoseconds
from tests.golden.corpus import FOLDERS
from tests.support.go_process import COUNTS, GOLDEN
from tests.unit.formats.test_gctrace import cycle

HEAP_TEXT = (GOLDEN / "heap.txt").read_bytes()
METRICS = (GOLDEN / "metrics.txt").read_bytes()


def artifact(kind: str, data: bytes, visit: int = 0, second: int = 0) -> Artifact:
    return Artifact(kind, visit, UnixNanoseconds(second * 10**9), "http://svc", data)


def session(*artifacts: Artifact, complete: bool = True) -> Session:
    return Session("http://svc", "0.1.0", artifacts, (), complete)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
@pytest.mark.parametrize("packed", [False, True])
def test_raw_files_of_each_kind(folder: Path, packed: bool, tmp_path: Path) -> None:
    def seen(name: str) -> object:
        data = (folder / name).read_bytes()
        path = tmp_path / name
        path.write_bytes(gzip.compress(data) if packed and not name.endswith(".gz") else data)
        observation = observe_file(path)
        assert (observation.target, observation.not_captured) == (str(path), ())
        return observation

    for name in ("heap.txt", "heap.pb.gz"):
        (capture,) = seen(name).captures  # type: ignore[attr-defined]
        assert capture.heap is not None and not capture.heap.frames_restored
        assert (capture.memstats is not None) == (name == "heap.txt")
    if not packed:
        (capture,) = seen("goroutine.txt").captures  # type: ignore[attr-defined]
        assert capture.goroutine_count > 0
    metrics = seen("metrics.txt")
    assert metrics.timeline[0].rss_bytes > 0  # type: ignore[attr-defined]
    assert folder.name.startswith(metrics.go_version)  # type: ignore[attr-defined]


def test_a_long_dump_is_grouped_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mapmedic.capture.observe.MAX_FILE_BYTES", 1000)
    (tmp_path / "g").write_bytes((GOLDEN / "goroutine.txt").read_bytes() * 400)
    (capture,) = observe_file(tmp_path / "g").captures
    assert capture.goroutines == group_goroutines([(tmp_path / "g").read_bytes()])
    assert capture.goroutine_count == 400 * parse_goroutines((GOLDEN / "goroutine.txt").read_bytes()).total


def test_a_dump_that_does_not_parse_is_named_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "g").write_bytes(b"goroutine 1 [x]:\nmain.f()\nmain.g()\n")
    with pytest.raises(FormatError, match="without its file:line") as caught:
        observe_file(tmp_path / "g")
    assert caught.value.what == f"{tmp_path / 'g'}: goroutine dump"
    assert caught.value.offset == 26


def test_goroutine_counts_alone(tmp_path: Path) -> None:
    (tmp_path / "g").write_bytes(COUNTS)
    (capture,) = observe_file(tmp_path / "g").captures
    assert capture.goroutine_count == 3


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is empty"),
        (b"<html>", "it is an HTML page"),
        (b"\x7fELF" + bytes(100), "it is a program or a core"),
        (b"go 1.22 trace\0\0\0", "execution traces are not read yet"),
        (b"num_symbols: 1\n0x1 a\n", "symbol answers only"),
        (b'{"a": 1}', "looks like nothing"),
        (os.urandom(4096) + b"\0", "looks like nothing"),
        (b"\x1f\x8b" + b"broken", "it is gzip, damaged"),
    ],
)
def test_what_is_not_read_is_said(data: bytes, why: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(FormatError, match=why) as caught:
        observe_file(tmp_path / "x")
    assert caught.value.what == str(tmp_path / "x")


@pytest.mark.parametrize("name", ["heap.txt", "heap.pb.gz"])
def test_a_raw_file_that_was_cut_is_an_error_with_a_place(name: str, tmp_path: Path) -> None:
    data = (GOLDEN / name).read_bytes()
    for length in range(40, len(data), len(data) // 17):
        (tmp_path / "x").write_bytes(data[:length])
        with pytest.raises(FormatError) as caught:
            observe_file(tmp_path / "x")
        assert str(tmp_path / "x") in caught.value.what


def test_an_endless_file_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mapmedic.capture.observe.MAX_FILE_BYTES", 1000)
    (tmp_path / "x").write_bytes(HEAP_TEXT)
    with pytest.raises(FormatError, match="larger than 1,000 bytes"):
        observe_file(tmp_path / "x")


def test_what_is_known_to_be_too_large_is_not_read_at_all(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as file:
        file.truncate(2 << 30)
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match="larger than"):
            observe_file(tmp_path / "x")
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


def test_a_packed_profile_that_was_cut_short_is_said_to_be_packed(tmp_path: Path) -> None:
    data = (FOLDERS[0] / "heap.pb.gz").read_bytes()
    (tmp_path / "x").write_bytes(data[: len(data) // 2])
    with pytest.raises(FormatError, match="it is gzip, damaged"):
        observe_file(tmp_path / "x")


def test_what_does_not_parse_is_a_blank_and_the_rest_is_used() -> None:
    seen = observe_session(
        session(
            artifact("heap_text", HEAP_TEXT[:5000]),
            artifact("heap_pprof", b"\x1f\x8bbroken"),
            artifact("goroutine_text1", b"goroutine profile: total x"),
            artifact("goroutine_text", b"\xff"),
            artifact("agent_maps", b'{"schema": "mapmedic.agent.maps/1", "maps": [{"entries": Infinity}]}'),
            artifact("symbols", b"<html>"),
            artifact("metrics", METRICS),
            artifact("of a later version", b"?"),
        )
    )
    broken = {blank.what for blank in seen.not_captured if "does not parse" in blank.why}
    assert broken >= {"heap_text", "heap_pprof", "goroutine_text1", "agent_maps", "symbols"}
    assert len(seen.timeline) == 1 and seen.captures[0].heap is None


def test_where_nothing_parses_it_is_an_error() -> None:
    with pytest.raises(FormatError, match="http://svc: heap profile text"):
        observe_session(session(artifact("heap_text", b"heap profile: broken\n")))


def test_an_empty_session_is_an_observation_of_nothing() -> None:
    seen = observe_session(session(complete=False))
    assert (seen.captures, seen.timeline) == ((), ())
    assert [blank.what for blank in seen.not_captured] == ["session"]


def test_without_metrics_the_heap_text_gives_the_timeline() -> None:
    seen = observe_session(
        session(artifact("heap_text", HEAP_TEXT, 0, 1), artifact("heap_text", HEAP_TEXT, 1, 2))
    )
    assert [point.rss_bytes for point in seen.timeline] == [None, None]
    assert all(point.heap_alloc_bytes for point in seen.timeline)
    assert seen.seconds == 1.0


def test_a_gctrace_log_gives_the_timeline_of_what_was_live(tmp_path: Path) -> None:
    path = tmp_path / "service.log"
    path.write_bytes(b"listening\n" + cycle(1, 1, 4) + cycle(2, 3, 6) + cycle(1, 1, 5))
    os.utime(path, ns=(10**18, 10**18))
    seen = observe_file(path)
    assert [(p.at - 10**18, p.heap_alloc_bytes, p.num_gc) for p in seen.timeline] == [
        (-2 * 10**9, 4 << 20, 1),
        (0, 6 << 20, 2),
    ]
    assert (seen.captures, seen.gc_trace.cycles) == ((), 2)  # type: ignore[union-attr]
    assert [blank.why[:26] for blank in seen.not_captured] == ["2 processes wrote this log"]


def test_a_gctrace_log_beside_captures_lends_no_points() -> None:
    heap = observe_session(session(artifact("heap_text", HEAP_TEXT, 0, 9)))
    log = observe_session(session(artifact("gctrace", cycle(1) + cycle(2), 0, 9)))
    merged = merge_observations([log, heap])
    assert merged.gc_trace is log.gc_trace
    assert merged.timeline == heap.timeline
    both = observe_session(
        session(artifact("heap_text", HEAP_TEXT, 0, 9), artifact("gctrace", cycle(1), 0, 9))
    )
    assert (len(both.captures), both.timeline) == (1, heap.timeline)
    assert both.gc_trace is not None


def test_several_files_are_put_in_order_of_time() -> None:
    late = observe_session(
        session(artifact("heap_text", HEAP_TEXT, 0, 9), artifact("metrics", METRICS, 0, 9))
    )
    early = observe_session(session(artifact("heap_text", HEAP_TEXT, 0, 3), complete=False))
    merged = merge_observations([late, early])
    assert [capture.at for capture in merged.captures] == [3 * 10**9, 9 * 10**9]
    assert [point.at for point in merged.timeline] == sorted(point.at for point in merged.timeline)
    assert merged.target == "http://svc + http://svc"
    assert [blank.what for blank in merged.not_captured] == ["session"]
    assert merged.go_version == late.go_version
    assert merge_observations([late]) is late

"""Session files to write, cut and change."""

from __future__ import annotations

from pathlib import Path

from mapmedic.capture.session_file import SessionWriter, read_session
from mapmedic.model.findings import Blank
from mapmedic.model.session import Artifact, Session
from mapmedic.model.units import UnixNanoseconds

SAMPLE = (
    Artifact(
        "heap_text", 0, UnixNanoseconds(1_795_405_512 * 10**9), "http://svc/debug/pprof/heap?debug=1", b"heap"
    ),
    Artifact("metrics", 0, UnixNanoseconds(1_795_405_513 * 10**9), "http://svc/metrics", b"m" * 70),
)


def write(path: Path, artifacts: tuple[Artifact, ...] = SAMPLE, blanks: tuple[Blank, ...] = ()) -> bytes:
    with SessionWriter(path, "http://svc", "0.1.0", force=True) as writer:
        for artifact in artifacts:
            writer.add(artifact)
        for blank in blanks:
            writer.add_blank(blank)
        writer.finish()
    return path.read_bytes()


def read_bytes(path: Path, data: bytes) -> Session:
    path.write_bytes(data)
    return read_session(path)

"""What a real Go process answered (tests/golden), as scripts for a ``ScriptedServer``."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from mapmedic.formats.pprof import encode_profile, parse_profile
from mapmedic.formats.symbols import parse_symbols
from mapmedic.model.profile import ValueType
from tests.golden.corpus import CAPTURED
from tests.support.scripted_server import Line, Request, Script, answers, whole

GOLDEN = CAPTURED / "go1.27.3"
HEAP, HEAP_PPROF = "/debug/pprof/heap?debug=1", "/debug/pprof/heap"
GOROUTINE = "/debug/pprof/goroutine"
SYMBOL, METRICS, CMDLINE = "/debug/pprof/symbol", "/metrics", "/debug/pprof/cmdline"
ALLOCS, MUTEX, BLOCK = "/debug/pprof/allocs", "/debug/pprof/mutex", "/debug/pprof/block"
CPU, TRACE, EXPVAR = "/debug/pprof/profile", "/debug/pprof/trace", "/debug/vars"
AGENT = "/debug/mapmedic/v1/maps"
TOKEN = "a-token-that-must-never-be-seen"  # noqa: S105 - it opens nothing
COUNTS = (
    b"goroutine profile: total 3\n"
    b"2 @ 0x43e98f 0x47a1e1\n#\t0x43e98e\tmain.worker+0x2f\t\tgolden/main.go:12\n\n"
    b"1 @ 0x43e98f\n#\t0x43e98e\tmain.main+0x1\t\tgolden/main.go:99\n\n"
)


def contention(*counts: int) -> bytes:
    """Return a profile as net/http/pprof gives of locks: one sample a count, no stack."""
    heap = parse_profile((GOLDEN / "heap.pb.gz").read_bytes())
    return encode_profile(
        replace(
            heap,
            sample_types=(ValueType("contentions", "count"),),
            values=np.array(counts, dtype=np.int64).reshape(len(counts), 1),
            stack_start=np.zeros(len(counts) + 1, dtype=np.int64),
            stack=np.zeros(0, dtype=np.int32),
            labels=replace(
                heap.labels, sample=heap.labels.sample[:0], key=heap.labels.key[:0], text=heap.labels.text[:0],
                unit=heap.labels.unit[:0], number=heap.labels.number[:0],
            ),
        )
    )  # fmt: skip


CONTENTION, NO_CONTENTION = contention(7), contention()
MAPS = {
    "schema": "mapmedic.agent.maps/1",
    "maps": [
        {"name": "main.store.sessions", "kind": "map", "type": "map[string]*main.Session", "entries": 12}
    ],
}


def go_process(folder: Path = GOLDEN) -> dict[str, Script]:
    """Return the scripts of a healthy process: pprof, metrics, symbols."""
    return {
        "/debug/pprof/heap": by_query(
            "debug=1",
            answers((folder / "heap.txt").read_bytes()),
            answers((folder / "heap.pb.gz").read_bytes()),
        ),
        GOROUTINE: by_query(
            "debug=1",
            answers(COUNTS),
            by_query("debug=2", answers((folder / "goroutine.txt").read_bytes()), answers(CONTENTION)),
        ),
        ALLOCS: answers((folder / "heap.pb.gz").read_bytes()),
        MUTEX: answers(CONTENTION),
        BLOCK: answers(CONTENTION),
        EXPVAR: answers(b'{"cmdline": ["/golden"], "memstats": {}}', 200, "application/json"),
        SYMBOL: symbols(parse_symbols((folder / "symbols.txt").read_bytes())),
        METRICS: answers((folder / "metrics.txt").read_bytes()),
        CMDLINE: answers(b"/golden\0--port=0"),
    }


def by_query(word: str, there: Script, otherwise: Script) -> Script:
    """Answer one way where ``word`` is in the query, the other way where it is not."""

    def script(request: Request, line: Line) -> None:
        (there if word in request.query else otherwise)(request, line)

    return script


def symbols(names: dict[int, str]) -> Script:
    """Answer as net/http/pprof does: the PCs that are asked for, if they have a name."""

    def script(request: Request, line: Line) -> None:
        pcs = [int(pc, 16) for pc in request.query.split("+")]
        named = "".join(f"{pc:#x} {names[pc]}\n" for pc in pcs if pc in names)
        line.send(whole(200, b"num_symbols: 1\n" + named.encode()))

    return script


def agent(token: str = TOKEN) -> Script:
    """Answer the agent's list of maps to whoever has the token."""
    refusal = json.dumps({"error": {"code": "unauthorized", "message": "no"}}).encode()

    def script(request: Request, line: Line) -> None:
        allowed = request.headers.get("authorization") == f"Bearer {token}"
        line.send(whole(200, json.dumps(MAPS).encode()) if allowed else whole(401, refusal))

    return script


def in_turn(*scripts: Script) -> Script:
    """Answer each request with the next script; the last one stays."""
    left = list(scripts)

    def script(request: Request, line: Line) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(request, line)

    return script

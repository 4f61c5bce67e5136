"""Looking into a process with one large map: mapmedic heap beside goref's `grf attach`."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.flow_table import Look, build_flow_table, heap_of, look, stall_seconds, start_flow_table
from benchmarks.measure import Bar, Result, ratios, spread
from benchmarks.peers import Peer, goref
from benchmarks.start_up import MAPMEDIC
from mapmedic.demo.service import LabService
from mapmedic.source.toolchain import GoToolchain, probe_go
from tools.toolchains import ensure

# The newest that goref reads.
GO_MINOR = "1.26"
OWNER = "main.table"
_STALL_SHORTER = 1_000
_FASTER = 10
_LESS_MEMORY = 2
_ALONE_SECONDS = 3.0
_FIGURES: dict[str, Callable[[Look], float]] = {
    "longest stall of the process, ms": lambda each: each.stall_seconds * 1e3,
    "wall, s": lambda each: each.wall_seconds,
    "CPU, s": lambda each: each.cpu_seconds,
    "own peak anonymous memory, MiB": lambda each: each.anonymous_bytes / 2**20,
}


def run(go: GoToolchain, folder: Path, runs: int, *, entries: int) -> Result:
    """Look into one process with both, in turn; ours must name the map and count its entries."""
    builder = probe_go(ensure(GO_MINOR) / "bin" / "go") or go
    peer = goref(go)
    with start_flow_table(build_flow_table(builder, folder), entries) as service:
        held, objects = heap_of(service)
        alone = _left_alone(service)
        commands = [[str(MAPMEDIC), "heap", str(service.pid), "--json"]]
        if isinstance(peer, Peer):
            commands.append([str(peer.path), "attach", str(service.pid), "-o", str(folder / "grf.out")])
        taken = _in_turn(service, commands, runs, folder)
        snapshot = _our_answer(folder / "0.out", entries)
    title = f"An inventory of a live heap of {held / 1e9:.1f} GB"
    words = (
        f"{entries:,} entries of `map[tuple]*flow`, {objects:,} objects, {held / 1e9:.2f} GB ({builder.version}); "
        "every look at one and the same process. The stall is the longest gap of a 1 ms ticker inside it (left "
        f"alone: {alone * 1e3:.1f} ms in {_ALONE_SECONDS:.0f} s). mapmedic names {OWNER} with {entries:,} entries, "
        f"owner paths and retained sizes; `--snapshot {snapshot['mode']}`, {snapshot['pause_ms']:.1f} ms by its own "
        "clock. Own memory: RssAnon + RssShmem, sampled every 4 ms."
    )
    if isinstance(peer, str):
        rows = [("figure", "mapmedic")]
        rows += [(name, spread([figure(each) for each in taken[0]])) for name, figure in _FIGURES.items()]
        return Result(title, f"{words} No peer: {peer}; n = {runs}.", tuple(rows))
    words += f" Beside it: `grf attach` of {peer.built}; n = {runs}, A B A B."
    return Result(title, words, _beside(*taken), _bars(*taken))


def _left_alone(service: LabService) -> float:
    stall_seconds(service)
    time.sleep(_ALONE_SECONDS)
    return stall_seconds(service)


def _in_turn(service: LabService, commands: Sequence[list[str]], runs: int, folder: Path) -> list[list[Look]]:
    taken: list[list[Look]] = [[] for _ in commands]
    for _ in range(runs):
        for number, command in enumerate(commands):
            taken[number].append(look(service, command, folder / f"{number}.out"))
    return taken


def _our_answer(file: Path, entries: int) -> dict[str, float]:
    answer = json.loads(file.read_bytes())
    first = answer["maps"][0]
    if (first["owner"], first["entries"]) != (OWNER, entries):
        raise SystemExit(f"{first['owner']} with {first['entries']} entries is not {OWNER} with {entries}")
    snapshot: dict[str, float] = answer["snapshot"]
    return snapshot


def _beside(ours: list[Look], theirs: list[Look]) -> tuple[tuple[str, ...], ...]:
    rows = [("figure", "mapmedic", "goref", "ratio")]
    for name, figure in _FIGURES.items():
        a, b = [figure(each) for each in ours], [figure(each) for each in theirs]
        rows.append((name, spread(a), spread(b), spread(ratios(b, a))))
    return tuple(rows)


def _bars(ours: list[Look], theirs: list[Look]) -> tuple[Bar, ...]:
    ratio = {
        name: statistics.median(figure(each) for each in theirs)
        / statistics.median(figure(each) for each in ours)
        for name, figure in _FIGURES.items()
    }
    stall, wall, _, memory = ratio.values()
    return (
        Bar("times as short a stall", stall, _STALL_SHORTER, at_least=True),
        Bar("times as fast", wall, _FASTER, at_least=True),
        Bar("of its anonymous memory, one part in", memory, _LESS_MEMORY, at_least=True),
    )
